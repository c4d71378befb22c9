//! Writes and reads the RTCP of a lean participant (RFC 3550, RFC 4585, RFC 5104): as little as a
//! real client would send and act on. Knows no times.

use super::streams::Stream;
use std::time::{Duration, Instant};

/// Report blocks in one packet: five bits count them.
const BLOCKS_MAX: usize = 31;
/// From 1900, where NTP begins, to 1970.
const NTP_OFFSET: Duration = Duration::from_hours(613_608);

/// Appends receiver reports on all streams.
pub(super) fn write_receiver_reports<'a>(
    now: Instant,
    sender: u32,
    streams: impl Iterator<Item = &'a mut Stream>,
    out: &mut Vec<u8>,
) {
    let blocks: Vec<[u8; 24]> = streams.map(|stream| stream.report(now)).collect();
    for blocks in blocks.chunks(BLOCKS_MAX) {
        let count = u8::try_from(blocks.len()).expect("at most 31");
        write_head(0x80 | count, 201, 4 + 24 * blocks.len(), out);
        out.extend(sender.to_be_bytes());
        for block in blocks {
            out.extend(block);
        }
    }
}

/// Appends a sender report without blocks on one stream.
pub(super) fn write_sender_report(report: &SenderReport, out: &mut Vec<u8>) {
    write_head(0x80, 200, 24, out);
    out.extend(report.ssrc.to_be_bytes());
    out.extend(ntp(report.wall_clock).to_be_bytes());
    out.extend(report.timestamp.to_be_bytes());
    out.extend(report.packets.to_be_bytes());
    out.extend(report.bytes.to_be_bytes());
}

/// What a sender report tells (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct SenderReport {
    pub(super) ssrc: u32,
    pub(super) wall_clock: Duration,
    /// The same moment on the stream's own clock.
    pub(super) timestamp: u32,
    pub(super) packets: u32,
    pub(super) bytes: u32,
}

/// Appends a request for packets of one stream (RFC 4585, section 6.2.1).
pub(super) fn write_nack(sender: u32, media: u32, sequences: &[u16], out: &mut Vec<u8>) {
    let mut entries: Vec<(u16, u16)> = Vec::new();
    for &sequence in sequences {
        if let Some((first, following)) = entries.last_mut()
            && let distance @ 1..=16 = sequence.wrapping_sub(*first)
        {
            *following |= 1 << (distance - 1);
        } else {
            entries.push((sequence, 0));
        }
    }
    write_head(0x81, 205, 8 + 4 * entries.len(), out);
    out.extend(sender.to_be_bytes());
    out.extend(media.to_be_bytes());
    for (first, following) in entries {
        out.extend(first.to_be_bytes());
        out.extend(following.to_be_bytes());
    }
}

/// What a participant acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// A sender report: its stream and the middle of its NTP time.
    SenderReport { ssrc: u32, ntp: u32 },
    /// Somebody needs a key frame of this stream.
    KeyFrame { ssrc: u32 },
}

/// The items of a compound packet; what is cut short or of other kinds is passed over.
pub(super) fn items(mut compound: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    while let Some(&[first, kind, l0, l1]) = compound.first_chunk() {
        let len = 4 + 4 * usize::from(u16::from_be_bytes([l0, l1]));
        let Some((packet, rest)) = compound.split_at_checked(len) else {
            break;
        };
        compound = rest;
        match (kind, first & 0x1F) {
            (200, _) => items.extend(
                word(packet, 4)
                    .zip(word(packet, 10))
                    .map(|(ssrc, ntp)| Item::SenderReport { ssrc, ntp }),
            ),
            (206, 1) => items.extend(word(packet, 8).map(|ssrc| Item::KeyFrame { ssrc })),
            (206, 4) => {
                let entries = packet.get(12..).unwrap_or_default().chunks_exact(8);
                let ssrcs = entries.filter_map(|entry| word(entry, 0));
                items.extend(ssrcs.map(|ssrc| Item::KeyFrame { ssrc }));
            }
            _ => {}
        }
    }
    items
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*word))
}

/// The common header; `len` is that of what follows it, a multiple of four.
fn write_head(first: u8, kind: u8, len: usize, out: &mut Vec<u8>) {
    out.extend([first, kind]);
    let words = u16::try_from(len / 4).expect("a packet fits a datagram");
    out.extend(words.to_be_bytes());
}

fn ntp(wall_clock: Duration) -> u64 {
    let since_1900 = wall_clock + NTP_OFFSET;
    let fraction = (u64::from(since_1900.subsec_nanos()) << 32) / 1_000_000_000;
    since_1900.as_secs() << 32 | fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::rtcp::sender_report::SenderReport as Read;
    use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
    use rtc::shared::marshal::Unmarshal;

    #[test]
    fn another_implementation_reads_the_same_missing_packets() {
        let mut bytes = Vec::new();
        write_nack(1, 2, &[65_535, 0, 15, 40], &mut bytes);
        let read = TransportLayerNack::unmarshal(&mut &bytes[..]).unwrap();
        assert_eq!((read.sender_ssrc, read.media_ssrc), (1, 2));
        let sequences: Vec<u16> = read.nacks.iter().flat_map(NackPair::packet_list).collect();
        assert_eq!(sequences, [65_535, 0, 15, 40]);
    }

    #[test]
    fn another_implementation_reads_the_same_sender_report() {
        let mut bytes = Vec::new();
        let report = SenderReport {
            ssrc: 7,
            wall_clock: Duration::from_millis(1_500),
            timestamp: 90,
            packets: 3,
            bytes: 4,
        };
        write_sender_report(&report, &mut bytes);
        let read = Read::unmarshal(&mut &bytes[..]).unwrap();
        assert_eq!((read.ssrc, read.rtp_time), (7, 90));
        assert_eq!((read.packet_count, read.octet_count), (3, 4));
        assert_eq!(read.ntp_time, (2_208_988_801 << 32) | 0x8000_0000);
        let ntp = u32::try_from((read.ntp_time >> 16) & 0xFFFF_FFFF).unwrap();
        assert_eq!(items(&bytes), [Item::SenderReport { ssrc: 7, ntp }]);
    }

    #[test]
    fn key_frames_are_asked_for_in_two_ways() {
        let pli = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9];
        let fir = [
            0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 5, 0, 0, 0,
        ];
        let compound = [&pli[..], &fir].concat();
        let expected = [Item::KeyFrame { ssrc: 9 }, Item::KeyFrame { ssrc: 8 }];
        assert_eq!(items(&compound), expected);
        for len in 0..compound.len() {
            assert!(items(&compound[..len]).len() <= 1);
        }
    }
}
