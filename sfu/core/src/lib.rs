//! The media plane of Saal as a state machine.
//!
//! Datagrams, commands and the time go in; datagrams and events come out through an [`Outbox`].
//! There are no sockets, threads, clocks, locks or async here: `sfu` does what this crate decides.
//!
//! # Layout
//! - [`command`], [`event`]: what the signaling side asks for and is told.
//! - [`ids`], [`units`]: names and quantities that cannot be mixed up.
//! - [`outbox`]: where a turn's datagrams and events collect.
//! - [`rtp`]: RTP and RTCP as they lie on the wire.
//! - [`sdp`]: offers and answers.
//! - [`transport`]: one peer's encrypted pipe.

#![forbid(unsafe_code)]

pub mod command;
pub mod event;
pub mod ids;
pub mod outbox;
pub mod rtp;
pub mod sdp;
pub mod transport;
pub mod units;

pub use command::Command;
pub use event::Event;
pub use outbox::Outbox;
