//! LiveKit's messages to our types and back. Knows no room: what a message leads to is decided
//! there.

pub mod client;
pub mod data_packet;
pub mod frame;
pub mod join;
pub(crate) mod notice;
pub(crate) mod track;
