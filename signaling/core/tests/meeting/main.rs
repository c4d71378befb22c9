//! Whole meetings on a virtual clock, told as stories.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a story looks for one message or command among thirty"
)]
#![expect(
    clippy::unwrap_used,
    reason = "what a story's scenery cannot unwrap fails the story"
)]
mod arrivals;
mod backup_codecs;
mod bad_input;
mod crowd;
mod data;
mod departures;
mod dynacast;
mod encrypted;
mod metadata;
mod negotiation;
mod neighbours;
mod permissions;
mod properties;
mod publishing;
mod publishing_refused;
mod resume;
mod resume_retold;
mod signals;
mod sim;
mod sounds;
mod subscribing;
mod tokens;
mod transcript;
mod wire;
