//! Subscribers behind links that change, shrink and lose, on a virtual clock: what `bandwidth`
//! makes of them, from the bytes of the feedback to the layers that are sent.

mod lies;
#[expect(
    clippy::unwrap_used,
    reason = "a simulation that fails should fail the story"
)]
mod sim;
mod stories;
