//! Every scenario against a server in this process, small and short: what is told must be what
//! happened.

#![expect(
    clippy::unwrap_used,
    reason = "a story that meets something unexpected ends there"
)]

mod crowds;
mod program;
mod trial;
