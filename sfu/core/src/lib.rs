//! The media plane of Saal as a state machine.
//!
//! Datagrams, commands and the time go in; datagrams and events come out through an [`Outbox`].
//! There are no sockets, threads, clocks, locks or async here: `sfu` does what this crate decides.
//!
//! # Layout
//! - [`engine`]: the path of a packet.
//! - [`bandwidth`]: how much a subscriber's line carries, and what goes into it.
//! - [`command`], [`event`]: what the signaling side asks for and is told.
//! - [`ids`], [`units`]: names and quantities that cannot be mixed up.
//! - [`outbox`]: where a turn's datagrams and events collect.
//! - [`relay`]: what the engines of one spread room tell each other.
//! - [`rtp`]: RTP and RTCP as they lie on the wire.
//! - [`sdp`]: offers and answers.
//! - [`transport`]: one peer's encrypted pipe.
//! - [`stats`]: what is counted.

#![forbid(unsafe_code)]

mod allocating;
mod answering;
pub mod bandwidth;
pub mod command;
mod commanding;
mod demanding;
mod demux;
mod downlink;
pub mod engine;
pub mod event;
mod fanout;
mod feedback;
mod floor;
mod gathered;
mod hearing;
pub mod ids;
mod links;
mod loudest;
mod membership;
mod negotiation;
pub mod outbox;
mod pacing;
mod peer;
mod quality;
pub mod relay;
mod relayed;
mod relaying;
mod renditions;
mod repair;
mod repeating;
mod room;
pub mod rtp;
pub mod sdp;
mod sounding;
pub mod stats;
mod strays;
#[cfg(test)]
mod test_clock;
pub mod transport;
pub mod units;
mod uplink;
mod welcoming;
mod wishes;

pub use command::Command;
pub use engine::{Engine, EngineConfig};
pub use event::Event;
pub use outbox::Outbox;
pub use relay::RelayBatch;
