//! Requests of a receiver: a keyframe (PLI, FIR), lost packets (NACK), a rate (REMB).

use super::super::Ssrc;
use super::super::big_endian::{u16_at, u24_at, u32_at};
use super::super::sequence::SequenceNumber;
use super::{Rtcp, append, packet_type, payload_format, ssrc_at, transport_format};
use crate::units::Bitrate;

/// What feedback begins with: who sends it and which stream it is about.
const SOURCES_LEN: usize = 8;
const REMB_NAME: &[u8; 4] = b"REMB";
/// The rate is a mantissa of 18 bits, shifted up.
const REMB_MANTISSA_BITS: u32 = 18;

pub(super) fn parse_pli(body: &[u8]) -> Option<Rtcp<'_>> {
    Some(Rtcp::Pli {
        sender: ssrc_at(body, 0)?,
        media: ssrc_at(body, 4)?,
    })
}

pub(super) fn parse_fir(body: &[u8]) -> Option<Rtcp<'_>> {
    Some(Rtcp::Fir {
        sender: ssrc_at(body, 0)?,
        entries: FirEntries(body.get(SOURCES_LEN..)?),
    })
}

pub(super) fn parse_nack(body: &[u8]) -> Option<Rtcp<'_>> {
    Some(Rtcp::Nack {
        sender: ssrc_at(body, 0)?,
        media: ssrc_at(body, 4)?,
        items: NackItems(body.get(SOURCES_LEN..)?),
    })
}

/// Reads REMB; any other application's message is of no use.
pub(super) fn parse_application(body: &[u8]) -> Option<Rtcp<'_>> {
    let sender = ssrc_at(body, 0)?;
    let message = body.get(SOURCES_LEN..)?;
    if message.first_chunk() != Some(REMB_NAME) {
        return Some(Rtcp::Other);
    }
    let count = *message.get(4)?;
    let exponent = u32::from(*message.get(5)? >> 2);
    let mantissa = u64::from(u24_at(message, 5)? & ((1 << REMB_MANTISSA_BITS) - 1));
    // A rate beyond 64 bits is as good as none at all.
    let bps = if mantissa.leading_zeros() >= exponent {
        mantissa << exponent
    } else {
        u64::MAX
    };
    let ssrcs = message.get(8..8 + 4 * usize::from(count))?;
    Some(Rtcp::Remb {
        sender,
        bitrate: Bitrate::from_bps(bps),
        ssrcs: RembSsrcs(ssrcs),
    })
}

/// One request for a keyframe (RFC 5104, section 4.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirEntry {
    /// Of which stream.
    pub media: Ssrc,
    /// The number of the request: the same number is the same request, repeated.
    pub sequence: u8,
}

/// The requests of one FIR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirEntries<'a>(&'a [u8]);

impl Iterator for FirEntries<'_> {
    type Item = FirEntry;

    fn next(&mut self) -> Option<FirEntry> {
        let (entry, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(FirEntry {
            media: ssrc_at(entry, 0)?,
            sequence: entry[4],
        })
    }
}

/// A lost packet and which of the 16 after it are lost too (RFC 4585, section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NackItem {
    /// The first that is lost.
    pub first: SequenceNumber,
    /// Bit 0 stands for the one after it, bit 15 for the sixteenth.
    pub following: u16,
}

impl NackItem {
    /// All that are lost, in order.
    pub fn sequences(self) -> impl Iterator<Item = SequenceNumber> {
        let following = (0..16_u16).filter(move |bit| self.following >> bit & 1 != 0);
        std::iter::once(self.first).chain(following.map(move |bit| self.first.plus(bit + 1)))
    }
}

/// The items of one NACK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NackItems<'a>(&'a [u8]);

impl Iterator for NackItems<'_> {
    type Item = NackItem;

    fn next(&mut self) -> Option<NackItem> {
        let (item, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(NackItem {
            first: SequenceNumber(u16_at(item, 0)?),
            following: u16_at(item, 2)?,
        })
    }
}

/// The streams a REMB is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RembSsrcs<'a>(&'a [u8]);

impl Iterator for RembSsrcs<'_> {
    type Item = Ssrc;

    fn next(&mut self) -> Option<Ssrc> {
        let ssrc = u32_at(self.0, 0)?;
        self.0 = &self.0[4..];
        Some(Ssrc(ssrc))
    }
}

/// Appends a request for a keyframe.
pub fn write_pli(out: &mut Vec<u8>, sender: Ssrc, media: Ssrc) {
    let kind = packet_type::PAYLOAD_FEEDBACK;
    append(out, kind, payload_format::PLI, |out| {
        write_sources(out, sender, media);
    });
}

/// Appends a request for a keyframe, to be told from those before it by its number (RFC 5104,
/// section 4.3.1.1).
pub fn write_fir(out: &mut Vec<u8>, sender: Ssrc, entry: FirEntry) {
    let kind = packet_type::PAYLOAD_FEEDBACK;
    append(out, kind, payload_format::FIR, |out| {
        // The stream is named in the entry: this place is unused.
        write_sources(out, sender, Ssrc(0));
        out.extend_from_slice(&entry.media.0.to_be_bytes());
        out.extend_from_slice(&[entry.sequence, 0, 0, 0]);
    });
}

/// Appends a request for lost packets, which are sorted from old to new. Without any it appends
/// nothing.
pub fn write_nack(out: &mut Vec<u8>, sender: Ssrc, media: Ssrc, lost: &[SequenceNumber]) {
    let Some((&first, rest)) = lost.split_first() else {
        return;
    };
    let kind = packet_type::TRANSPORT_FEEDBACK;
    append(out, kind, transport_format::NACK, |out| {
        write_sources(out, sender, media);
        let mut item = NackItem {
            first,
            following: 0,
        };
        for &number in rest {
            match number.distance_from(item.first) {
                0 => {}
                ahead @ 1..=16 => item.following |= 1 << (ahead - 1),
                _ => {
                    write_nack_item(out, item);
                    item = NackItem {
                        first: number,
                        following: 0,
                    };
                }
            }
        }
        write_nack_item(out, item);
    });
}

fn write_nack_item(out: &mut Vec<u8>, item: NackItem) {
    out.extend_from_slice(&item.first.0.to_be_bytes());
    out.extend_from_slice(&item.following.to_be_bytes());
}

/// Appends the most that a receiver wants of at most 255 streams together. A rate that needs more
/// than 18 bits loses its lowest ones.
pub fn write_remb(out: &mut Vec<u8>, sender: Ssrc, bitrate: Bitrate, ssrcs: &[Ssrc]) {
    let ssrcs = &ssrcs[..ssrcs.len().min(usize::from(u8::MAX))];
    let bps = bitrate.as_bps();
    let exponent = (u64::BITS - bps.leading_zeros()).saturating_sub(REMB_MANTISSA_BITS);
    let mantissa = u32::try_from(bps >> exponent).expect("18 bits are left");
    let [_, middle_high, middle_low, low] = mantissa.to_be_bytes();
    let exponent = u8::try_from(exponent).expect("at most 46");
    let count = u8::try_from(ssrcs.len()).expect("cut to 255");
    let kind = packet_type::PAYLOAD_FEEDBACK;
    append(out, kind, payload_format::APPLICATION, |out| {
        write_sources(out, sender, Ssrc(0));
        out.extend_from_slice(REMB_NAME);
        out.extend_from_slice(&[count, exponent << 2 | middle_high, middle_low, low]);
        for ssrc in ssrcs {
            out.extend_from_slice(&ssrc.0.to_be_bytes());
        }
    });
}

fn write_sources(out: &mut Vec<u8>, sender: Ssrc, media: Ssrc) {
    out.extend_from_slice(&sender.0.to_be_bytes());
    out.extend_from_slice(&media.0.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::{RtcpError, packets};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn a_pli_is_twelve_bytes() {
        let mut out = Vec::new();
        write_pli(&mut out, Ssrc(1), Ssrc(0x0a0b_0c0d));
        assert_eq!(out, [0x81, 206, 0, 2, 0, 0, 0, 1, 0x0a, 0x0b, 0x0c, 0x0d]);
    }

    #[test]
    fn a_fir_is_twenty_bytes() {
        let mut out = Vec::new();
        let entry = FirEntry {
            media: Ssrc(0x0a0b_0c0d),
            sequence: 255,
        };
        write_fir(&mut out, Ssrc(1), entry);
        assert_eq!(
            out,
            [
                0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, // header, sender, unused
                0x0a, 0x0b, 0x0c, 0x0d, 255, 0, 0, 0
            ]
        );
        let Some(Rtcp::Fir { mut entries, .. }) = packets(&out).next() else {
            panic!("not a FIR");
        };
        assert_eq!((entries.next(), entries.next()), (Some(entry), None));
    }

    #[test]
    fn every_request_of_a_fir_is_read() {
        let bytes = [
            0x84, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, // header, sender, unused
            0, 0, 0, 7, 9, 0, 0, 0, 0, 0, 0, 8, 10, 0, 0, 0,
        ];
        let Some(Rtcp::Fir { sender, entries }) = packets(&bytes).next() else {
            panic!("not a FIR");
        };
        assert_eq!(sender, Ssrc(1));
        let entries: Vec<_> = entries
            .map(|entry| (entry.media.0, entry.sequence))
            .collect();
        assert_eq!(entries, [(7, 9), (8, 10)]);
    }

    #[test]
    fn feedback_without_its_sources_is_refused() {
        for (kind, format) in [(205, 1), (206, 1), (206, 4), (206, 15)] {
            let bytes = [0x80 | format, kind, 0, 1, 0, 0, 0, 1];
            let mut packets = packets(&bytes);
            assert_eq!(packets.next(), None);
            let error = RtcpError::Content {
                packet_type: kind,
                format,
            };
            assert_eq!(packets.error(), Some(error));
        }
    }

    #[test]
    fn a_rate_beyond_64_bits_reads_as_the_highest() {
        let mut out = Vec::new();
        write_remb(&mut out, Ssrc(1), Bitrate::from_bps(u64::MAX), &[]);
        out[17] = 0xff;
        let Some(Rtcp::Remb { bitrate, .. }) = packets(&out).next() else {
            panic!("not a REMB");
        };
        assert_eq!(bitrate, Bitrate::from_bps(u64::MAX));
    }

    #[test]
    fn another_applications_message_is_stepped_over() {
        let bytes = [
            0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, b'X', b'Y', b'Z', b' ',
        ];
        assert_eq!(packets(&bytes).collect::<Vec<_>>(), [Rtcp::Other]);
    }

    proptest! {
        #[test]
        fn lost_packets_are_read_back_over_the_wrap(
            first: u16,
            gaps in vec(1..40_u16, 0..60),
        ) {
            let mut lost = vec![SequenceNumber(first)];
            for gap in gaps {
                lost.push(lost.last().unwrap().plus(gap));
            }
            let mut out = Vec::new();
            write_nack(&mut out, Ssrc(1), Ssrc(2), &lost);
            let Some(Rtcp::Nack { sender, media, items }) = packets(&out).next() else {
                panic!("not a NACK");
            };
            prop_assert_eq!((sender, media), (Ssrc(1), Ssrc(2)));
            prop_assert_eq!(items.flat_map(NackItem::sequences).collect::<Vec<_>>(), lost);
        }

        #[test]
        fn a_rate_is_read_back_to_18_bits(bps: u64, ssrcs in vec(any::<u32>(), 0..5)) {
            let ssrcs: Vec<Ssrc> = ssrcs.into_iter().map(Ssrc).collect();
            let mut out = Vec::new();
            write_remb(&mut out, Ssrc(9), Bitrate::from_bps(bps), &ssrcs);
            let Some(Rtcp::Remb { sender, bitrate, ssrcs: read }) = packets(&out).next() else {
                panic!("not a REMB");
            };
            prop_assert_eq!(sender, Ssrc(9));
            prop_assert!(bitrate.as_bps() <= bps);
            prop_assert!(bps - bitrate.as_bps() <= bps >> 17);
            prop_assert_eq!(read.collect::<Vec<_>>(), ssrcs);
        }
    }
}
