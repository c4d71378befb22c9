//! Rooms as a state machine: requests, media events and the time go in, effects come out.
//!
//! There are no sockets, threads, clocks, locks or async here: the server around this crate reads
//! the clients' frames, does the effects, and wakes the room when it asked to be woken.
//!
//! # Layout
//! - [`token`]: access tokens and what they grant.
//! - [`wire`]: LiveKit's messages to our types and back.
//! - [`admission`]: whether a token and a join request get somebody into a room.
//! - [`room`]: the meeting itself, a file per topic.
//! - [`effect`]: what a room asks its shell to do.
//! - [`settings`]: every time and limit a room keeps to, with its reason.

#![forbid(unsafe_code)]

pub mod admission;
pub mod effect;
pub mod room;
pub mod settings;
pub mod token;
pub mod wire;

pub use admission::{Admission, JoinRefusal, check_admission};
pub use effect::{CloseReason, ConnectionId, Effect};
pub use room::Room;
pub use settings::{Limits, RoomSettings, ServerDescription};
pub use token::{Claims, Grants, Keys, TokenError};
pub use wire::frame::{Encoded, Frame, FrameError, Framing, decode, encode};
pub use wire::join::{Join, JoinError, RtcPath, RtcVersion, parse_join};
