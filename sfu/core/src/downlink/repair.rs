//! How a subscription sends packets again, and how much of that one subscriber gets. Knows packets
//! as they were sent; which one is missing is told by the subscriber.

use super::sent_packets::{Intervals, SentPacket};
use crate::rtp::{HEADER_LEN_MAX, HeaderFields, SequenceNumber, Ssrc, write_header};
use std::time::{Duration, Instant};

/// Retransmissions to one subscriber: 2 Mbit/s, a third of what a large meeting sends to one. A
/// line that loses more is helped by smaller pictures, not by more packets.
const BYTES_PER_MILLISECOND: u32 = 250;
/// What may be sent again at once: a key frame of the best encoding, twice.
const BURST_BYTES: u32 = 128 * 1024;
/// How long a packet that was sent again is on its way, before that is measured.
const INTERVAL_DEFAULT: Duration = Duration::from_millis(40);
/// The same packet is never sent again sooner, however near the subscriber is.
const INTERVAL_MIN: Duration = Duration::from_millis(20);
/// Nor is it held back for longer, in case the measurement was wrong.
const INTERVAL_MAX: Duration = Duration::from_millis(200);

/// From this share of lost packets on, in 256ths (1 %), each is sent again twice, because the second
/// may be lost as well: a browser asks once more only after 100 ms, and with the way there and back
/// its picture stands still by then. With 10 % lost over 50 ms, Chromium's stood still for 10 % of the
/// time with one, and 5 % or less with two (`make quality`, row 2).
const LOSSY: u8 = 3;
/// The same, as the estimator of the line counts it.
pub(crate) const LOSSY_PERMILLE: u64 = 10;

/// Says that a packet ends in padding (RFC 3550, section 5.1).
const PADDING_BIT: u8 = 0x20;
/// As much padding as one packet can have; its last byte is the length.
pub(crate) const PADDING: [u8; 255] = {
    let mut padding = [0; 255];
    padding[254] = 255;
    padding
};

/// How packets of one subscription are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Not at all: the subscriber did not offer to ask.
    Never,
    /// The very same packet: all it can take is an identical one under the same numbers, which
    /// gives nothing away of the key (it is the same ciphertext) and passes the subscriber's replay
    /// window only if it was lost.
    Same,
    /// On a stream of its own (RFC 4588).
    Rtx(Rtx),
}

/// A stream of retransmissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rtx {
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_type: u8,
    next_sequence: u64,
}

/// What to encrypt, with the payload beside it.
pub(crate) struct Again {
    pub(crate) header: [u8; HEADER_LEN_MAX],
    pub(crate) header_len: usize,
    pub(crate) rollover: u32,
}

impl Repair {
    /// Writes a packet to send again: its payload into `out`, in place of what is there. `fields`
    /// are those it was sent with, `payload` is as the publisher sent it.
    pub(crate) fn write(
        &mut self,
        packet: &SentPacket,
        (fields, extensions): (HeaderFields, &[(u8, &[u8])]),
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Again> {
        out.clear();
        let (fields, rollover) = match self {
            Self::Never => return None,
            Self::Same => (fields, packet.rewritten.rollover),
            Self::Rtx(rtx) => {
                out.extend_from_slice(&packet.rewritten.sequence.0.to_be_bytes());
                rtx.next(fields)
            }
        };
        let payload_at = out.len();
        out.extend_from_slice(payload);
        if let Some(picture) = packet.rewritten.picture {
            picture.write(&mut out[payload_at..])?;
        }
        let mut header = [0; HEADER_LEN_MAX];
        let header_len = write_header(&mut header, &fields, extensions);
        Some(Again {
            header,
            header_len,
            rollover,
        })
    }
}

impl Rtx {
    /// A stream that begins at `first_sequence`; see `Rewriter::new`.
    pub(crate) fn new(ssrc: Ssrc, payload_type: u8, first_sequence: u16) -> Self {
        Self {
            ssrc,
            payload_type,
            next_sequence: u64::from(first_sequence & 0x7fff),
        }
    }

    /// A packet of padding alone, with the timestamp that the stream has: its whole payload is
    /// [`PADDING`].
    pub(crate) fn padding(&mut self, timestamp: u32, extensions: &[(u8, &[u8])]) -> Again {
        let (fields, rollover) = self.next(HeaderFields {
            marker: false,
            payload_type: 0,
            sequence: SequenceNumber(0),
            timestamp,
            ssrc: self.ssrc,
        });
        let mut header = [0; HEADER_LEN_MAX];
        let header_len = write_header(&mut header, &fields, extensions);
        header[0] |= PADDING_BIT;
        Again {
            header,
            header_len,
            rollover,
        }
    }

    /// The header fields of the next retransmission, and its rollover counter. Timestamp and marker
    /// are those of the packet it repeats (RFC 4588, section 4).
    fn next(&mut self, repeated: HeaderFields) -> (HeaderFields, u32) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let fields = HeaderFields {
            payload_type: self.payload_type,
            sequence: SequenceNumber::of_extended(sequence),
            ssrc: self.ssrc,
            ..repeated
        };
        (
            fields,
            u32::try_from(sequence >> 16).expect("no stream is that long"),
        )
    }
}

/// Of one subscriber: what it may still be sent again, how far away it is, and how much it loses.
#[derive(Debug)]
pub(crate) struct RepairLimits {
    bytes_left: u32,
    refilled_at: Option<Instant>,
    round_trip: Option<Duration>,
    /// In 256ths.
    loss: u8,
}

impl RepairLimits {
    pub(crate) fn new() -> Self {
        Self {
            bytes_left: BURST_BYTES,
            refilled_at: None,
            round_trip: None,
            loss: 0,
        }
    }

    /// Whether so many bytes may be sent again now. Counts them as sent.
    pub(crate) fn take(&mut self, now: Instant, len: usize) -> bool {
        let refilled_at = *self.refilled_at.get_or_insert(now);
        let passed = now.duration_since(refilled_at).as_millis();
        if passed > 0 {
            let earned = u32::try_from(passed)
                .unwrap_or(u32::MAX)
                .saturating_mul(BYTES_PER_MILLISECOND);
            self.bytes_left = self.bytes_left.saturating_add(earned).min(BURST_BYTES);
            self.refilled_at = Some(now);
        }
        let left = u32::try_from(len)
            .ok()
            .and_then(|len| self.bytes_left.checked_sub(len));
        self.bytes_left = left.unwrap_or(self.bytes_left);
        left.is_some()
    }

    /// Takes note of a round trip that a receiver report showed.
    pub(crate) fn measured(&mut self, round_trip: Duration) {
        self.round_trip = Some(match self.round_trip {
            Some(smoothed) => (smoothed * 7 + round_trip) / 8,
            None => round_trip,
        });
    }

    /// The smoothed round trip to the subscriber, once a report showed one.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Takes note of the share of packets, in 256ths, that a receiver report says were lost.
    pub(crate) fn reported_loss(&mut self, fraction: u8) {
        let smoothed = (u16::from(self.loss) * 3 + u16::from(fraction)) / 4;
        let smoothed = u8::try_from(smoothed).expect("a mean of bytes");
        // Up at once: what is lost in the meantime is what people see.
        self.loss = smoothed.max(fraction);
    }

    /// Whether so many bytes may be sent though nobody asked for them: only if as much as half of
    /// what may be sent at once is left for those who ask. Counts them as sent.
    pub(crate) fn take_spare(&mut self, now: Instant, len: usize) -> bool {
        self.bytes_left >= BURST_BYTES / 2 && self.take(now, len)
    }

    /// Whether the subscriber loses so many packets that one repetition is not enough.
    pub(crate) fn is_lossy(&self) -> bool {
        self.loss >= LOSSY
    }

    /// How soon a packet may be sent again: after seven eighths of a round trip, because a receiver
    /// that asks after a whole one has really lost it, and one that asks sooner could not know.
    pub(crate) fn intervals(&self) -> Intervals {
        let early = self.round_trip.map(|round_trip| round_trip * 7 / 8);
        let next = early.unwrap_or(INTERVAL_DEFAULT);
        Intervals {
            first: early.unwrap_or_default().min(INTERVAL_MAX),
            next: next.clamp(INTERVAL_MIN, INTERVAL_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downlink::pictures::{PictureCodec, Renumbered};
    use crate::downlink::rewriter::Rewritten;
    use crate::rtp::Packet;
    use crate::test_clock::start;

    /// A VP8 packet with a long picture id and TL0PICIDX.
    const PAYLOAD: [u8; 9] = [0x90, 0xe0, 0x80, 0x01, 7, 0, 0x11, 0xaa, 0xbb];
    /// The same with the subscriber's numbers: picture 300, TL0PICIDX 4.
    const REWRITTEN: [u8; 9] = [0x90, 0xe0, 0x81, 0x2c, 4, 0, 0x11, 0xaa, 0xbb];

    #[test]
    fn a_retransmission_carries_the_number_and_the_subscribers_descriptor() {
        let mut repair = Repair::Rtx(Rtx::new(Ssrc(9), 97, 0xffff));
        for sequence in [0x7fff, 0x8000] {
            let (bytes, rollover) = written(&mut repair);
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!((packet.ssrc, packet.payload_type), (Ssrc(9), 97));
            assert_eq!((packet.sequence.0, rollover), (sequence, 0));
            assert_eq!((packet.timestamp, packet.marker), (77, true));
            assert_eq!(packet.payload[..2], 500_u16.to_be_bytes());
            assert_eq!(packet.payload[2..], REWRITTEN);
        }
    }

    #[test]
    fn without_a_stream_for_it_the_identical_packet_is_sent_again() {
        let (bytes, rollover) = written(&mut Repair::Same);
        assert_eq!(rollover, 3);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.ssrc, packet.payload_type), (Ssrc(8), 96));
        assert_eq!(packet.sequence.0, 500);
        assert_eq!(packet.payload, REWRITTEN);
        assert_eq!(
            (bytes, 3),
            written(&mut Repair::Same),
            "to the byte, each time"
        );
    }

    #[test]
    fn a_retransmission_stream_counts_its_own_rollovers() {
        let mut repair = Repair::Rtx(Rtx::new(Ssrc(9), 97, 0));
        let last = (0..=65_536).map(|_| written(&mut repair).1).last();
        assert_eq!(last, Some(1));
    }

    #[test]
    fn a_subscriber_gets_two_megabits_a_second_again_at_most() {
        let mut limits = RepairLimits::new();
        let begin = start();
        let sent: usize = (0..10_000_u64)
            .flat_map(|ms| [ms; 4])
            .filter(|&ms| limits.take(begin + Duration::from_millis(ms), 1000))
            .count();
        assert!((2500..=2500 + 132).contains(&sent), "{sent} kB in 10 s");
    }

    #[test]
    fn the_same_packet_waits_for_most_of_a_round_trip_within_limits() {
        for (round_trip_ms, first, next) in [(8, 7, 20), (80, 70, 70), (900, 200, 200)] {
            let mut limits = RepairLimits::new();
            limits.measured(Duration::from_millis(round_trip_ms));
            let [first, next] = [first, next].map(Duration::from_millis);
            assert_eq!(limits.intervals(), Intervals { first, next });
        }
    }

    #[test]
    fn a_line_is_lossy_as_soon_as_it_loses_and_until_it_has_not_for_a_while() {
        let mut limits = RepairLimits::new();
        assert!(!limits.is_lossy());
        limits.reported_loss(13); // 5 %
        assert!(limits.is_lossy());
        limits.reported_loss(0);
        assert!(limits.is_lossy());
        for _ in 0..16 {
            limits.reported_loss(0);
        }
        assert!(!limits.is_lossy());
    }

    #[test]
    fn what_nobody_asked_for_leaves_half_of_the_burst_to_those_who_ask() {
        let mut limits = RepairLimits::new();
        let unasked = (0..1000).filter(|_| limits.take_spare(start(), 1024));
        assert_eq!(unasked.count(), 65);
        let asked = (0..1000).filter(|_| limits.take(start(), 1024)).count();
        assert_eq!(asked, 63);
    }

    fn written(repair: &mut Repair) -> (Vec<u8>, u32) {
        let rewritten = Rewritten {
            sequence: SequenceNumber(500),
            rollover: 3,
            timestamp: 77,
            picture: Some(Renumbered {
                codec: PictureCodec::Vp8,
                id: 300,
                tl0: 4,
            }),
            frame_number: None,
        };
        let packet = SentPacket {
            rewritten,
            marker: true,
            is_filler: false,
            form: crate::uplink::redundancy::Form::Plain,
            encoding: 0,
            incoming: 1,
            number: None,
        };
        let fields = HeaderFields {
            marker: true,
            payload_type: 96,
            sequence: rewritten.sequence,
            timestamp: rewritten.timestamp,
            ssrc: Ssrc(8),
        };
        let mut payload = vec![1, 2, 3];
        let again = repair
            .write(&packet, (fields, &[]), &PAYLOAD, &mut payload)
            .unwrap();
        let header = &again.header[..again.header_len];
        ([header, &payload].concat(), again.rollover)
    }
}
