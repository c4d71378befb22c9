//! Reads requests from WebSocket frames and writes responses into them. The shell bounds a frame's
//! size before it comes here.

use livekit_protocol::{SignalRequest, SignalResponse};
use prost::Message as _;

/// How a client writes its messages, and so how it wants them written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Protobuf in binary frames: every SDK.
    Binary,
    /// Protobuf's JSON in text frames, for people with a terminal. A connection switches to it
    /// with its first text frame.
    Json,
}

/// A frame that came in.
#[derive(Debug, Clone, Copy)]
pub enum Frame<'a> {
    /// Of opcode 2 (RFC 6455, section 11.8).
    Binary(&'a [u8]),
    /// Of opcode 1.
    Text(&'a str),
}

impl Frame<'_> {
    /// How the sender wants to be answered from here on.
    pub const fn framing(self) -> Framing {
        match self {
            Self::Binary(_) => Framing::Binary,
            Self::Text(_) => Framing::Json,
        }
    }
}

/// A frame to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    /// For a binary frame.
    Binary(Vec<u8>),
    /// For a text frame.
    Text(String),
}

/// Reads a request; `None` is one that a newer client knows and we do not.
pub fn decode(frame: Frame<'_>) -> Result<Option<SignalRequest>, FrameError> {
    let request = match frame {
        Frame::Binary(bytes) => {
            SignalRequest::decode(bytes).map_err(|error| FrameError::Protobuf(error.to_string()))?
        }
        Frame::Text(text) => {
            serde_json::from_str(text).map_err(|error| FrameError::Json(error.to_string()))?
        }
    };
    Ok(request.message.is_some().then_some(request))
}

/// Writes a response.
pub fn encode(response: &SignalResponse, framing: Framing) -> Encoded {
    match framing {
        Framing::Binary => Encoded::Binary(response.encode_to_vec()),
        // Only an enum value out of range cannot be written. Rooms drop such values on the way in;
        // should one slip through, the client gets an empty message, which it ignores.
        Framing::Json => Encoded::Text(serde_json::to_string(response).unwrap_or_else(|error| {
            tracing::error!(%error, "a response cannot be written as JSON");
            "{}".to_owned()
        })),
    }
}

/// Why a frame is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A binary frame that is not protobuf.
    #[error("the message is not valid protobuf: {0}")]
    Protobuf(String),
    /// A text frame that is not the message's JSON.
    #[error("the message is not valid JSON of the signal protocol: {0}")]
    Json(String),
}
