//! Stories of whole meetings, through the engine's public door, on a virtual clock.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a story looks for what it tells of"
)]

mod allocations;
mod crowd;
mod dynacast;
mod encrypted;
mod feedback_lies;
mod hostile;
mod keyframes;
mod layers;
mod lines;
mod long_meetings;
mod losses;
mod moving;
mod narrow;
mod newcomers;
mod pacing;
mod quality;
mod raising;
mod renditions;
mod shared_line;
#[expect(
    clippy::unwrap_used,
    reason = "a scripted client that fails should fail the story"
)]
mod sim;
mod sounds;
mod spread;
mod stories;
#[expect(
    clippy::unwrap_used,
    reason = "scenery that fails should fail the story"
)]
mod voices;
