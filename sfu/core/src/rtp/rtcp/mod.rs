//! RTCP: a compound of reports and feedback, read without copying, and written to a caller's
//! buffer. Says what is in a packet; when one is due, and what it leads to, is decided elsewhere.
//!
//! # Layout
//! - `report`: sender and receiver reports, and the canonical name.
//! - `feedback`: requests for keyframes, lost packets, and a rate.
//! - `transport_feedback`: when each packet of a transport arrived.

mod feedback;
mod report;
mod transport_feedback;

pub use feedback::{
    FirEntries, FirEntry, NackItem, NackItems, RembSsrcs, write_fir, write_nack, write_pli,
    write_remb,
};
pub use report::{
    BLOCKS_MAX, CNAME_LEN_MAX, ReportBlock, ReportBlocks, SenderFields, write_cname,
    write_receiver_report, write_sender_report,
};
pub use transport_feedback::{
    Statuses, Ticks, TransportFeedback, TransportFeedbackFields, write_transport_feedback,
};

use super::Ssrc;
use super::big_endian::{u16_at, u32_at};
use crate::units::Bitrate;

/// Packet types (RFC 3550, section 12.1; RFC 4585, section 6.1).
mod packet_type {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const SOURCE_DESCRIPTION: u8 = 202;
    pub(super) const BYE: u8 = 203;
    pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
}

/// Feedback message types of transport feedback (RFC 4585, section 6.2).
mod transport_format {
    pub(super) const NACK: u8 = 1;
    pub(super) const TRANSPORT_WIDE: u8 = 15;
}

/// Feedback message types of payload feedback (RFC 4585, section 6.3; RFC 5104, section 4.3).
mod payload_format {
    pub(super) const PLI: u8 = 1;
    pub(super) const FIR: u8 = 4;
    pub(super) const APPLICATION: u8 = 15;
}

/// What every RTCP packet begins with.
const HEADER_LEN: usize = 4;

/// One packet of a compound.
#[derive(Debug, Clone, PartialEq)]
pub enum Rtcp<'a> {
    /// How much a sender sent, and which moment its timestamps mean (RFC 3550, section 6.4.1).
    SenderReport {
        /// Whose stream.
        ssrc: Ssrc,
        /// The sender's wall clock: seconds since 1900 in units of 2⁻³² s.
        ntp: u64,
        /// The same moment on the stream's clock.
        rtp_timestamp: u32,
        /// Packets sent so far.
        packets: u32,
        /// Payload bytes sent so far.
        octets: u32,
        /// What the sender receives.
        reports: ReportBlocks<'a>,
    },
    /// How well streams are received (RFC 3550, section 6.4.2).
    ReceiverReport {
        /// Who receives.
        ssrc: Ssrc,
        /// What it receives.
        reports: ReportBlocks<'a>,
    },
    /// A keyframe is asked for (RFC 4585, section 6.3.1).
    Pli {
        /// Who asks.
        sender: Ssrc,
        /// Of which stream.
        media: Ssrc,
    },
    /// Keyframes are asked for (RFC 5104, section 4.3.1).
    Fir {
        /// Who asks.
        sender: Ssrc,
        /// Of which streams.
        entries: FirEntries<'a>,
    },
    /// Packets are missing (RFC 4585, section 6.2.1).
    Nack {
        /// Who misses them.
        sender: Ssrc,
        /// Of which stream.
        media: Ssrc,
        /// Which.
        items: NackItems<'a>,
    },
    /// The most a receiver wants (draft-alvestrand-rmcat-remb-03).
    Remb {
        /// Who receives.
        sender: Ssrc,
        /// All the streams together.
        bitrate: Bitrate,
        /// Which streams.
        ssrcs: RembSsrcs<'a>,
    },
    /// When packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportFeedback(TransportFeedback<'a>),
    /// Streams end (RFC 3550, section 6.6).
    Bye,
    /// Names of streams (RFC 3550, section 6.5).
    SourceDescription,
    /// A well-formed packet of a kind Saal has no use for.
    Other,
}

/// Why a compound could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// A packet is longer than what is left.
    #[error("truncated at {len} of {need} bytes")]
    Truncated {
        /// How many bytes are left.
        len: usize,
        /// How many it says it has.
        need: usize,
    },
    /// Only version 2 exists.
    #[error("version {0} is not RTCP")]
    Version(u8),
    /// The count of padding bytes is zero or goes beyond the packet.
    #[error("{padding} bytes of padding in {len} bytes")]
    Padding {
        /// How many are claimed.
        padding: u8,
        /// How many there are.
        len: usize,
    },
    /// A packet is too short for its kind, or for what it says it carries.
    #[error("a packet of type {packet_type}, format {format} does not hold what it says")]
    Content {
        /// The packet's type.
        packet_type: u8,
        /// Its count or feedback message type.
        format: u8,
    },
}

/// The packets of a decrypted compound, or of a lone packet (RFC 5506). The first malformed one
/// ends the walk, which [`Packets::error`] tells afterwards.
pub const fn packets(bytes: &[u8]) -> Packets<'_> {
    Packets {
        rest: bytes,
        error: None,
    }
}

/// Walks through a compound.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    rest: &'a [u8],
    error: Option<RtcpError>,
}

impl Packets<'_> {
    /// What ended the walk early.
    pub const fn error(&self) -> Option<RtcpError> {
        self.error
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Rtcp<'a>;

    fn next(&mut self) -> Option<Rtcp<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        match parse_first(self.rest) {
            Ok((packet, rest)) => {
                self.rest = rest;
                Some(packet)
            }
            Err(error) => {
                self.rest = &[];
                self.error = Some(error);
                None
            }
        }
    }
}

fn parse_first(bytes: &[u8]) -> Result<(Rtcp<'_>, &[u8]), RtcpError> {
    let truncated = |need| RtcpError::Truncated {
        len: bytes.len(),
        need,
    };
    let &[first, packet_type, ..] = bytes else {
        return Err(truncated(HEADER_LEN));
    };
    let words = u16_at(bytes, 2).ok_or(truncated(HEADER_LEN))?;
    if first >> 6 != 2 {
        return Err(RtcpError::Version(first >> 6));
    }
    let len = HEADER_LEN + 4 * usize::from(words);
    let (packet, rest) = bytes.split_at_checked(len).ok_or(truncated(len))?;
    let mut body = &packet[HEADER_LEN..];
    if first & 0x20 != 0 {
        let padding = body.last().copied().unwrap_or(0);
        let kept = body.len().checked_sub(usize::from(padding));
        let wrong = RtcpError::Padding {
            padding,
            len: body.len(),
        };
        body = &body[..kept.filter(|_| padding != 0).ok_or(wrong)?];
    }
    let format = first & 0x1f;
    let wrong = RtcpError::Content {
        packet_type,
        format,
    };
    let packet = parse_body(packet_type, format, body).ok_or(wrong)?;
    Ok((packet, rest))
}

fn parse_body(packet_type: u8, format: u8, body: &[u8]) -> Option<Rtcp<'_>> {
    match packet_type {
        packet_type::SENDER_REPORT => report::parse_sender_report(format, body),
        packet_type::RECEIVER_REPORT => report::parse_receiver_report(format, body),
        packet_type::SOURCE_DESCRIPTION => Some(Rtcp::SourceDescription),
        packet_type::BYE => Some(Rtcp::Bye),
        packet_type::TRANSPORT_FEEDBACK => match format {
            transport_format::NACK => feedback::parse_nack(body),
            transport_format::TRANSPORT_WIDE => {
                TransportFeedback::parse(body).map(Rtcp::TransportFeedback)
            }
            _ => Some(Rtcp::Other),
        },
        packet_type::PAYLOAD_FEEDBACK => match format {
            payload_format::PLI => feedback::parse_pli(body),
            payload_format::FIR => feedback::parse_fir(body),
            payload_format::APPLICATION => feedback::parse_application(body),
            _ => Some(Rtcp::Other),
        },
        _ => Some(Rtcp::Other),
    }
}

fn ssrc_at(bytes: &[u8], at: usize) -> Option<Ssrc> {
    u32_at(bytes, at).map(Ssrc)
}

/// Appends one packet whose body `write` appends; fills in its length, and pads the body to whole
/// words with zeros. `format` is the count or the feedback message type, at most 31.
fn append(out: &mut Vec<u8>, packet_type: u8, format: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | format & 0x1f, packet_type, 0, 0]);
    write(out);
    let body_len = (out.len() - start - HEADER_LEN).next_multiple_of(4);
    out.resize(start + HEADER_LEN + body_len, 0);
    let words = u16::try_from(body_len / 4).expect("writers stay far below 256 kB");
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn compound() -> Vec<u8> {
        let mut out = Vec::new();
        write_receiver_report(&mut out, Ssrc(1), &[]);
        write_cname(&mut out, Ssrc(1), "saal");
        write_pli(&mut out, Ssrc(1), Ssrc(2));
        out
    }

    fn kinds(bytes: &[u8]) -> (usize, Option<RtcpError>) {
        let mut packets = packets(bytes);
        let count = packets.by_ref().count();
        (count, packets.error())
    }

    #[test]
    fn the_packets_of_a_compound_come_in_their_order() {
        let bytes = compound();
        let mut packets = packets(&bytes);
        let first = packets.next();
        assert!(matches!(
            first,
            Some(Rtcp::ReceiverReport { ssrc: Ssrc(1), .. })
        ));
        assert_eq!(packets.next(), Some(Rtcp::SourceDescription));
        let pli = Rtcp::Pli {
            sender: Ssrc(1),
            media: Ssrc(2),
        };
        assert_eq!(packets.next(), Some(pli));
        assert_eq!(packets.next(), None);
        assert_eq!(packets.error(), None);
    }

    #[test]
    fn a_compound_cut_anywhere_else_than_between_packets_ends_with_an_error() {
        let bytes = compound();
        let whole = [(0, 0), (8, 1), (bytes.len() - 12, 2)];
        for len in 0..bytes.len() {
            let (count, error) = kinds(&bytes[..len]);
            if let Some((_, expected)) = whole.iter().find(|(at, _)| *at == len) {
                assert_eq!((count, error), (*expected, None), "{len} bytes");
            } else {
                assert!(
                    matches!(error, Some(RtcpError::Truncated { .. })),
                    "{len} bytes"
                );
            }
        }
    }

    #[test]
    fn a_wrong_version_ends_the_walk() {
        let mut bytes = compound();
        bytes[8] &= 0x3f;
        assert_eq!(kinds(&bytes), (1, Some(RtcpError::Version(0))));
    }

    #[test]
    fn padding_is_stripped_and_impossible_padding_refused() {
        let mut bytes = compound();
        let pli_at = bytes.len() - 12;
        bytes[pli_at] |= 0x20;
        bytes[pli_at + 3] = 3;
        bytes.extend([0, 0, 0, 4]);
        assert_eq!(kinds(&bytes), (3, None));
        for padding in [0, 13] {
            *bytes.last_mut().unwrap() = padding;
            let error = RtcpError::Padding { padding, len: 12 };
            assert_eq!(kinds(&bytes), (2, Some(error)));
        }
    }

    #[test]
    fn an_unknown_kind_is_stepped_over() {
        let bytes = [0x80, 207, 0, 1, 0, 0, 0, 1, 0x81, 203, 0, 1, 0, 0, 0, 1];
        let read: Vec<_> = packets(&bytes).collect();
        assert_eq!(read, [Rtcp::Other, Rtcp::Bye]);
    }

    /// A header that is likely right, so that the bodies are reached.
    fn likely() -> impl Strategy<Value = Vec<u8>> {
        let format = prop_oneof![Just(1_u8), Just(4), Just(15), 0..32_u8];
        (format, 200..208_u8, vec(any::<u8>(), 0..64)).prop_map(|(format, kind, mut body)| {
            body.truncate(body.len() / 4 * 4);
            let words = u8::try_from(body.len() / 4).unwrap();
            let mut bytes = vec![0x80 | format, kind, 0, words];
            bytes.append(&mut body);
            bytes
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(bytes in vec(any::<u8>(), 0..128)) {
            let _ = kinds(&bytes);
        }

        #[test]
        fn any_body_can_be_looked_through(bytes in likely()) {
            for packet in packets(&bytes) {
                let items = match packet {
                    Rtcp::SenderReport { reports, .. } | Rtcp::ReceiverReport { reports, .. } => {
                        reports.count()
                    }
                    Rtcp::Fir { entries, .. } => entries.count(),
                    Rtcp::Nack { items, .. } => items.flat_map(NackItem::sequences).count() / 17,
                    Rtcp::Remb { ssrcs, .. } => ssrcs.count(),
                    Rtcp::TransportFeedback(feedback) => feedback.statuses().count() / 8191,
                    Rtcp::Pli { .. } | Rtcp::Bye | Rtcp::SourceDescription | Rtcp::Other => 0,
                };
                prop_assert!(items <= bytes.len() / 2);
            }
        }
    }
}
