//! Offers and answers as typed media sections (RFC 8866, RFC 8829).
//!
//! Reads what a client offers and writes what is answered. Which section carries which track is
//! decided by the engine; nothing here knows tracks, peers or sockets.
//!
//! - [`offer`]: what an offer says, once it is parsed.
//! - `parse`, `section`, `attributes`, `codecs`: from text to that.
//! - [`answer`]: the engine's choice for each section.
//! - `writer`, `formats`: from that to text.
//! - [`extension`], `fmtp`: header extensions and format parameters.

pub mod answer;
mod attributes;
mod codecs;
pub mod error;
pub mod extension;
mod fmtp;
mod formats;
pub mod offer;
mod parse;
mod section;
mod writer;

pub use answer::{AnswerSection, Local, Receiving, Sending, write_answer};
pub use error::{Place, SdpError};
pub use extension::Extension;
pub use fmtp::codec_for;
pub use offer::{
    Direction, Msid, Offer, OfferedCodec, OfferedEncoding, Section, SectionKind, Setup,
};
pub use parse::{SDP_LEN_MAX, parse_offer};
pub use writer::MAX_MESSAGE_SIZE;
