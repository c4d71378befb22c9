//! RTP and RTCP as they lie on the wire: stateless, borrowed from the datagram, without allocation
//! where packets are read. Knows nothing of rooms, peers or time.
//!
//! # Layout
//! - [`packet`]: an RTP packet; writing a header.
//! - [`sequence`]: numbers that wrap.
//! - [`extension`]: header extensions, and what stands inside those Saal uses.
//! - [`dependency_descriptor`]: the extension that tells of layers.
//! - `replay_window`: which packets of a stream were seen.
//! - [`rtcp`]: reports and feedback.
//! - [`payload`]: the first bytes of VP8, VP9, AV1, H264 and H265; redundant sound.

mod big_endian;
mod bits;
pub mod dependency_descriptor;
pub mod extension;
pub mod packet;
pub mod payload;
mod replay_window;
pub mod rtcp;
pub mod sequence;

pub use extension::{AudioLevel, Extensions};
pub use packet::{HEADER_LEN_MAX, Header, HeaderFields, Packet, PacketError, write_header};
pub(crate) use replay_window::ReplayWindow;
pub use sequence::{Extender, SequenceNumber, TimestampExtender};

use std::fmt;

/// Names one RTP stream within a session (RFC 3550, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssrc(pub u32);

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
