//! What a room asks its shell to do, in the order in which it must be done.

use livekit_protocol::SignalResponse;
use sfu_core::Command;
use std::fmt;

/// One WebSocket of one client; the shell numbers them and never uses a number again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One thing to do.
#[expect(
    clippy::large_enum_variant,
    reason = "most effects are replies, so boxing them would save nothing"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a message to a client.
    Reply {
        /// Over which WebSocket.
        connection: ConnectionId,
        /// The message.
        response: SignalResponse,
    },
    /// Close a WebSocket after what was sent on it before. The room has forgotten it already.
    Close {
        /// Which WebSocket.
        connection: ConnectionId,
        /// Why, for the log and the close frame.
        reason: CloseReason,
    },
    /// Ask something of the media plane.
    Media(Command),
}

/// Why a room closes a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client said that it leaves.
    Left,
    /// The same person joined or resumed over another WebSocket.
    Replaced,
    /// The participant could not be let in, or what they wanted to resume is gone.
    Refused,
    /// Nothing was heard on the WebSocket for longer than the ping timeout.
    Silent,
    /// The client sent requests faster than it may.
    Flood,
    /// The media transport is gone, or never came up.
    MediaLost,
    /// The server shuts down.
    Shutdown,
}

impl CloseReason {
    /// A few words for a log line or a close frame.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Replaced => "replaced by a newer connection",
            Self::Refused => "refused",
            Self::Silent => "silent for too long",
            Self::Flood => "too many requests",
            Self::MediaLost => "media connection lost",
            Self::Shutdown => "server is shutting down",
        }
    }
}
