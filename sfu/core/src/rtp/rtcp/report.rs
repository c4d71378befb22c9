//! Sender and receiver reports, and the canonical name (RFC 3550, sections 6.4 and 6.5).

use super::super::Ssrc;
use super::super::big_endian::{u24_at, u32_at, u64_at};
use super::{Rtcp, append, packet_type, ssrc_at};

const BLOCK_LEN: usize = 24;
/// The count has five bits. More blocks go into further receiver reports.
pub const BLOCKS_MAX: usize = 31;
/// The length of a canonical name has eight bits; the rest of a longer one is cut off.
pub const CNAME_LEN_MAX: usize = 255;
const CNAME_ITEM: u8 = 1;

/// How well one stream is received (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: Ssrc,
    /// The share lost since the report before, in 256ths.
    pub fraction_lost: u8,
    /// The packets lost so far, −2²³ to 2²³ − 1; negative if more came than were expected.
    pub cumulative_lost: i32,
    /// The highest sequence number received, below the count of its wraps.
    pub highest_sequence: u32,
    /// How unevenly packets arrive, in ticks of the stream's clock.
    pub jitter: u32,
    /// The middle 32 bits of the newest sender report's wall clock; 0 if none came.
    pub last_sender_report: u32,
    /// The time from that report's arrival to this one, in units of 2⁻¹⁶ s.
    pub delay_since_last_sender_report: u32,
}

impl ReportBlock {
    fn parse(bytes: &[u8; BLOCK_LEN]) -> Option<Self> {
        // Shifted up and down again, so that the sign of the 24 bits is kept.
        let cumulative_lost = (u24_at(bytes, 5)? << 8).cast_signed() >> 8;
        Some(Self {
            ssrc: ssrc_at(bytes, 0)?,
            fraction_lost: bytes[4],
            cumulative_lost,
            highest_sequence: u32_at(bytes, 8)?,
            jitter: u32_at(bytes, 12)?,
            last_sender_report: u32_at(bytes, 16)?,
            delay_since_last_sender_report: u32_at(bytes, 20)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff);
        out.extend_from_slice(&self.ssrc.0.to_be_bytes());
        out.push(self.fraction_lost);
        out.extend_from_slice(&lost.to_be_bytes()[1..]);
        out.extend_from_slice(&self.highest_sequence.to_be_bytes());
        out.extend_from_slice(&self.jitter.to_be_bytes());
        out.extend_from_slice(&self.last_sender_report.to_be_bytes());
        out.extend_from_slice(&self.delay_since_last_sender_report.to_be_bytes());
    }
}

/// The blocks of one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportBlocks<'a>(&'a [u8]);

impl<'a> ReportBlocks<'a> {
    fn parse(count: u8, bytes: &'a [u8]) -> Option<Self> {
        bytes.get(..usize::from(count) * BLOCK_LEN).map(Self)
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        ReportBlock::parse(block)
    }
}

pub(super) fn parse_sender_report(count: u8, body: &[u8]) -> Option<Rtcp<'_>> {
    Some(Rtcp::SenderReport {
        ssrc: ssrc_at(body, 0)?,
        ntp: u64_at(body, 4)?,
        rtp_timestamp: u32_at(body, 12)?,
        packets: u32_at(body, 16)?,
        octets: u32_at(body, 20)?,
        reports: ReportBlocks::parse(count, body.get(24..)?)?,
    })
}

pub(super) fn parse_receiver_report(count: u8, body: &[u8]) -> Option<Rtcp<'_>> {
    Some(Rtcp::ReceiverReport {
        ssrc: ssrc_at(body, 0)?,
        reports: ReportBlocks::parse(count, body.get(4..)?)?,
    })
}

/// What a sender report says of its stream, see [`Rtcp::SenderReport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderFields {
    /// Whose stream.
    pub ssrc: Ssrc,
    /// The wall clock: seconds since 1900 in units of 2⁻³² s.
    pub ntp: u64,
    /// The same moment on the stream's clock.
    pub rtp_timestamp: u32,
    /// Packets sent so far, modulo 2³².
    pub packets: u32,
    /// Payload bytes sent so far, modulo 2³².
    pub octets: u32,
}

/// Appends a sender report with its blocks.
pub fn write_sender_report(out: &mut Vec<u8>, fields: &SenderFields, blocks: &[ReportBlock]) {
    let (first, more) = blocks.split_at(blocks.len().min(BLOCKS_MAX));
    append(out, packet_type::SENDER_REPORT, count(first), |out| {
        out.extend_from_slice(&fields.ssrc.0.to_be_bytes());
        out.extend_from_slice(&fields.ntp.to_be_bytes());
        out.extend_from_slice(&fields.rtp_timestamp.to_be_bytes());
        out.extend_from_slice(&fields.packets.to_be_bytes());
        out.extend_from_slice(&fields.octets.to_be_bytes());
        write_blocks(out, first);
    });
    if !more.is_empty() {
        write_receiver_report(out, fields.ssrc, more);
    }
}

/// Appends a receiver report, or several if there are more than [`BLOCKS_MAX`] blocks. Without
/// blocks it is the empty report that a compound must begin with (RFC 3550, section 6.1).
pub fn write_receiver_report(out: &mut Vec<u8>, sender: Ssrc, blocks: &[ReportBlock]) {
    let mut rest = blocks;
    loop {
        let (blocks, more) = rest.split_at(rest.len().min(BLOCKS_MAX));
        append(out, packet_type::RECEIVER_REPORT, count(blocks), |out| {
            out.extend_from_slice(&sender.0.to_be_bytes());
            write_blocks(out, blocks);
        });
        if more.is_empty() {
            return;
        }
        rest = more;
    }
}

fn count(blocks: &[ReportBlock]) -> u8 {
    u8::try_from(blocks.len()).expect("a report has at most 31 blocks")
}

fn write_blocks(out: &mut Vec<u8>, blocks: &[ReportBlock]) {
    for block in blocks {
        block.write(out);
    }
}

/// Appends a source description with the canonical name of one stream (RFC 3550, section 6.5.1).
pub fn write_cname(out: &mut Vec<u8>, ssrc: Ssrc, cname: &str) {
    let name = &cname.as_bytes()[..cname.floor_char_boundary(CNAME_LEN_MAX)];
    let len = u8::try_from(name.len()).expect("the name was cut to 255 bytes");
    append(out, packet_type::SOURCE_DESCRIPTION, 1, |out| {
        out.extend_from_slice(&ssrc.0.to_be_bytes());
        out.extend_from_slice(&[CNAME_ITEM, len]);
        out.extend_from_slice(name);
        // Ends the list of items; the padding to a whole word does not count as an end.
        out.push(0);
    });
}

#[cfg(test)]
mod tests {
    use super::super::packets;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn block() -> impl Strategy<Value = ReportBlock> {
        let lost = -0x80_0000..0x80_0000_i32;
        let numbers = any::<[u32; 5]>();
        (any::<u8>(), lost, numbers).prop_map(|(fraction_lost, cumulative_lost, numbers)| {
            let [ssrc, highest_sequence, jitter, last_sender_report, delay] = numbers;
            ReportBlock {
                ssrc: Ssrc(ssrc),
                fraction_lost,
                cumulative_lost,
                highest_sequence,
                jitter,
                last_sender_report,
                delay_since_last_sender_report: delay,
            }
        })
    }

    proptest! {
        #[test]
        fn all_blocks_of_a_sender_are_read_back(
            ntp: u64,
            numbers: [u32; 4],
            blocks in vec(block(), 0..70),
        ) {
            let [ssrc, rtp_timestamp, packets_sent, octets] = numbers;
            let fields = SenderFields {
                ssrc: Ssrc(ssrc),
                ntp,
                rtp_timestamp,
                packets: packets_sent,
                octets,
            };
            let mut out = Vec::new();
            write_sender_report(&mut out, &fields, &blocks);
            let mut read = Vec::new();
            for packet in packets(&out) {
                if let Rtcp::ReceiverReport { ssrc, reports } = packet {
                    prop_assert_eq!(ssrc, fields.ssrc);
                    read.extend(reports);
                } else if let Rtcp::SenderReport {
                    ssrc, ntp, rtp_timestamp, packets, octets, reports
                } = packet {
                    let back = SenderFields { ssrc, ntp, rtp_timestamp, packets, octets };
                    prop_assert_eq!(back, fields);
                    read.extend(reports);
                }
            }
            prop_assert_eq!(read, blocks);
        }
    }

    #[test]
    fn a_loss_beyond_24_bits_is_reported_as_the_most_there_is() {
        let mut out = Vec::new();
        let block = ReportBlock {
            ssrc: Ssrc(1),
            fraction_lost: 255,
            cumulative_lost: i32::MAX,
            highest_sequence: 0,
            jitter: 0,
            last_sender_report: 0,
            delay_since_last_sender_report: 0,
        };
        write_receiver_report(&mut out, Ssrc(2), &[block]);
        let Some(Rtcp::ReceiverReport { mut reports, .. }) = packets(&out).next() else {
            panic!("not a receiver report");
        };
        assert_eq!(reports.next().unwrap().cumulative_lost, 0x7f_ffff);
    }

    #[test]
    fn a_report_with_fewer_blocks_than_it_counts_is_refused() {
        let mut out = Vec::new();
        write_receiver_report(&mut out, Ssrc(2), &[]);
        out[0] |= 1;
        let mut packets = packets(&out);
        assert_eq!(packets.next(), None);
        assert!(packets.error().is_some());
    }

    #[test]
    fn a_canonical_name_ends_in_at_least_one_zero() {
        let mut out = Vec::new();
        write_cname(&mut out, Ssrc(0x0102_0304), "ab");
        let expected = [0x81, 202, 0, 3, 1, 2, 3, 4, 1, 2, b'a', b'b', 0, 0, 0, 0];
        assert_eq!(out, expected);
    }

    #[test]
    fn a_long_canonical_name_is_cut_between_characters() {
        let mut out = Vec::new();
        write_cname(&mut out, Ssrc(1), &"ä".repeat(200));
        assert_eq!(out[9], 254);
        assert_eq!(packets(&out).collect::<Vec<_>>(), [Rtcp::SourceDescription]);
    }
}
