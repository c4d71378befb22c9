//! Makes packets of changing encodings look like one unbroken stream to the subscriber: sequence
//! numbers, timestamps, frame numbers and picture ids go on over switches, pauses and what is left
//! out. Knows nothing of why: see `layer_selector` and `layer_filter`.

use super::closed_numbers::ClosedNumbers;
use super::pictures::{Frames, Pictures, Renumbered};
use crate::rtp::dependency_descriptor::DependencyDescriptor;
use crate::rtp::payload::Picture;
use crate::rtp::{SequenceNumber, Ssrc};
use std::time::{Duration, Instant};

/// A new time base may put the next frame at most this far after the last one, beyond the time that
/// really passed; a larger step means that the publisher's reports are wrong.
const TIMESTAMP_SLACK: Duration = Duration::from_secs(1);

/// Of one publisher's stream: which moment of the publisher's wall clock a timestamp means
/// (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockPoint {
    /// NTP time, 32.32 fixed point.
    pub(crate) ntp: u64,
    /// The stream's timestamp at that moment.
    pub(crate) timestamp: u32,
}

/// What the rewriter must know of a packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming {
    /// Index of its encoding.
    pub(crate) encoding: usize,
    /// Extended sequence number.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// What its payload says of its picture, for VP8 and VP9.
    pub(crate) picture: Option<Picture>,
    /// What its dependency descriptor says of its frame, for VP9 and AV1.
    pub(crate) frame: Option<DependencyDescriptor>,
    /// The last sender report of its encoding.
    pub(crate) clock: Option<ClockPoint>,
}

/// What goes out in place of what came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// The subscriber's sequence number.
    pub(crate) sequence: SequenceNumber,
    /// How often it wrapped: the SRTP rollover counter.
    pub(crate) rollover: u32,
    /// The subscriber's timestamp.
    pub(crate) timestamp: u32,
    /// Picture id and TL0PICIDX, for VP8 and VP9.
    pub(crate) picture: Option<Renumbered>,
    /// The number in the dependency descriptor, if there is one.
    pub(crate) frame_number: Option<u16>,
}

impl Rewritten {
    /// The sequence number with its wraps.
    pub(crate) fn extended(&self) -> u64 {
        u64::from(self.rollover) << 16 | u64::from(self.sequence.0)
    }
}

/// The outgoing stream of one subscription.
#[derive(Debug)]
pub(crate) struct Rewriter {
    pub(crate) ssrc: Ssrc,
    clock_rate: u32,
    next_sequence: u64,
    sequences: ClosedNumbers,
    timestamp_offset: u32,
    last: Option<Last>,
    pictures: Pictures,
    frames: Frames,
    packets: u32,
    octets: u32,
}

/// The newest that went out.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: Instant,
    timestamp: u32,
    clock: Option<ClockPoint>,
}

impl Rewriter {
    /// A stream that begins at `first_sequence`, which should be random and below 32,768 so that
    /// loss of the first packets cannot hide a wrap (RFC 3711, section 3.3.1). `clock_rate` is in
    /// ticks per second.
    pub(crate) fn new(ssrc: Ssrc, first_sequence: u16, clock_rate: u32) -> Self {
        Self {
            ssrc,
            clock_rate,
            next_sequence: u64::from(first_sequence & 0x7fff),
            sequences: ClosedNumbers::default(),
            timestamp_offset: 0,
            last: None,
            pictures: Pictures::default(),
            frames: Frames::default(),
            packets: 0,
            octets: 0,
        }
    }

    /// Continues with another encoding, or after a pause, from this packet on.
    pub(crate) fn switch(&mut self, now: Instant, incoming: &Incoming) {
        self.sequences
            .restart(incoming.sequence, self.next_sequence);
        if let Some(last) = self.last {
            let timestamp = self.timestamp_after(now, &last, incoming);
            self.timestamp_offset = timestamp.wrapping_sub(incoming.timestamp);
        }
        if let Some(picture) = &incoming.picture {
            self.pictures.switch(picture);
        }
        if let Some(frame) = &incoming.frame {
            self.frames.switch(frame.frame_number);
        }
    }

    /// The packet as the subscriber shall see it; `None` if it is from before the switch.
    pub(crate) fn rewrite(&mut self, now: Instant, incoming: &Incoming) -> Option<Rewritten> {
        let sequence = self.sequences.place(incoming.sequence)?;
        let numbered = incoming.picture.as_ref().filter(|it| it.id().is_some());
        let picture = match numbered {
            Some(picture) => Some(self.pictures.rewrite(picture)?),
            None => None,
        };
        let frame = incoming.frame.as_ref();
        Some(Rewritten {
            picture,
            frame_number: frame.map(|frame| self.frames.rewrite(frame.frame_number)),
            ..self.number(now, incoming, sequence)
        })
    }

    /// Leaves a packet out, and closes up its number and that of its picture if all of that is left
    /// out. If later packets went before it, its number would be missed: then what is returned
    /// shall be sent, without a payload.
    pub(crate) fn leave_out(&mut self, now: Instant, incoming: &Incoming) -> Option<Rewritten> {
        if let Some(picture) = &incoming.picture {
            self.pictures.leave_out(picture);
        }
        let sequence = self.sequences.leave_out(incoming.sequence)?;
        Some(self.number(now, incoming, sequence))
    }

    /// A packet without any picture under a number of the subscriber's.
    fn number(&mut self, now: Instant, incoming: &Incoming, sequence: u64) -> Rewritten {
        let timestamp = self.timestamp(incoming.timestamp);
        if sequence >= self.next_sequence {
            self.next_sequence = sequence + 1;
            self.last = Some(Last {
                at: now,
                timestamp,
                clock: incoming.clock,
            });
        }
        Rewritten {
            sequence: SequenceNumber(low_16_bits(sequence)),
            rollover: rollover(sequence),
            timestamp,
            picture: None,
            frame_number: None,
        }
    }

    /// Accounts what was sent, for sender reports.
    pub(crate) fn sent(&mut self, payload_len: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self
            .octets
            .wrapping_add(u32::try_from(payload_len).unwrap_or(0));
    }

    /// Packets and octets sent so far, modulo 2^32.
    pub(crate) fn totals(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// Grows with each number that was given to nothing that was sent, because its packet was lost
    /// before, and shrinks if that comes late. Only differences mean something; it wraps.
    pub(crate) fn unsent(&self) -> u32 {
        let given = u32::try_from(self.next_sequence & u64::from(u32::MAX));
        given.expect("masked to 32 bits").wrapping_sub(self.packets)
    }

    /// The newest timestamp that went out; zero before there is one.
    pub(crate) fn newest_timestamp(&self) -> u32 {
        self.last.map_or(0, |last| last.timestamp)
    }

    /// What a timestamp of the encoding that is being forwarded is to the subscriber.
    pub(crate) fn timestamp(&self, incoming: u32) -> u32 {
        incoming.wrapping_add(self.timestamp_offset)
    }

    /// Where the first packet of a new time base belongs: by the sender reports of both encodings,
    /// which keeps it exact; without them, or if they contradict the time that passed, by that time.
    fn timestamp_after(&self, now: Instant, last: &Last, incoming: &Incoming) -> u32 {
        let passed = now.duration_since(last.at);
        let by_arrival = last.timestamp.wrapping_add(self.ticks(passed).max(1));
        let by_reports = last.clock.zip(incoming.clock).map(|(old, new)| {
            let moved = ntp_ticks(new.ntp, old.ntp, self.clock_rate);
            let in_old_base = incoming
                .timestamp
                .wrapping_sub(new.timestamp)
                .wrapping_add(old.timestamp)
                .wrapping_add(moved);
            in_old_base.wrapping_add(self.timestamp_offset)
        });
        let latest = self.ticks(passed + TIMESTAMP_SLACK);
        match by_reports {
            Some(timestamp) if (1..=latest).contains(&timestamp.wrapping_sub(last.timestamp)) => {
                timestamp
            }
            _ => by_arrival,
        }
    }

    fn ticks(&self, time: Duration) -> u32 {
        let ticks = time.as_micros() * u128::from(self.clock_rate) / 1_000_000;
        u32::try_from(ticks & u128::from(u32::MAX)).expect("masked to 32 bits")
    }
}

/// The ticks from the moment `old` to the moment `new`, which may be negative, modulo 2^32.
fn ntp_ticks(new: u64, old: u64, clock_rate: u32) -> u32 {
    let difference = i128::from(new.wrapping_sub(old).cast_signed());
    let ticks = (difference * i128::from(clock_rate)) >> 32;
    u32::try_from(ticks & i128::from(u32::MAX)).expect("masked to 32 bits")
}

fn low_16_bits(sequence: u64) -> u16 {
    u16::try_from(sequence & 0xffff).expect("masked to 16 bits")
}

fn rollover(sequence: u64) -> u32 {
    u32::try_from((sequence >> 16) & u64::from(u32::MAX)).expect("masked to 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const VIDEO: u32 = 90_000;
    const FRAME: Duration = Duration::from_millis(33);

    #[test]
    fn a_switch_leaves_no_gap_in_the_sequence_numbers() {
        let mut rewriter = Rewriter::new(Ssrc(1), 100, VIDEO);
        let now = start();
        let sent: Vec<u16> = [(0, 70_000), (0, 70_001), (1, 5_000_000), (1, 5_000_001)]
            .into_iter()
            .scan(None, |encoding, (next, sequence)| {
                let incoming = packet(next, sequence, 0);
                if *encoding != Some(next) {
                    rewriter.switch(now, &incoming);
                    *encoding = Some(next);
                }
                rewriter.rewrite(now, &incoming).map(|out| out.sequence.0)
            })
            .collect();
        assert_eq!(sent, [100, 101, 102, 103]);
    }

    #[test]
    fn a_loss_stays_visible_and_a_late_packet_takes_its_own_place() {
        let mut rewriter = Rewriter::new(Ssrc(1), 0, VIDEO);
        let now = start();
        rewriter.switch(now, &packet(0, 1000, 0));
        let order = [1000, 1002, 1001, 1003];
        let sent = order.map(|sequence| {
            rewriter
                .rewrite(now, &packet(0, sequence, 0))
                .unwrap()
                .sequence
                .0
        });
        assert_eq!(sent, [0, 2, 1, 3]);
    }

    #[test]
    fn a_packet_from_before_the_switch_is_left_out() {
        let mut rewriter = Rewriter::new(Ssrc(1), 0, VIDEO);
        rewriter.switch(start(), &packet(0, 1000, 0));
        assert_eq!(rewriter.rewrite(start(), &packet(0, 999, 0)), None);
    }

    #[test]
    fn a_layer_left_out_leaves_no_gap_unless_its_packet_was_missed() {
        let mut rewriter = Rewriter::new(Ssrc(1), 0, VIDEO);
        let now = start();
        rewriter.switch(now, &packet(0, 1000, 0));
        let mut sent = |sequence, taken| {
            let incoming = packet(0, sequence, 0);
            let out = if taken {
                rewriter.rewrite(now, &incoming)
            } else {
                rewriter.leave_out(now, &incoming)
            };
            out.map(|out| out.sequence.0)
        };
        assert_eq!(sent(1000, true), Some(0));
        assert_eq!(sent(1001, false), None);
        assert_eq!(sent(1002, true), Some(1));
        assert_eq!(sent(1004, true), Some(3));
        assert_eq!(sent(1003, false), Some(2), "it was missed, so it is filled");
        assert_eq!(sent(1005, true), Some(4));
    }

    #[test]
    fn the_rollover_counts_the_wraps_of_the_subscribers_numbers() {
        let now = start();
        let after = |packets: u64| {
            let mut rewriter = Rewriter::new(Ssrc(1), 32_767, VIDEO);
            rewriter.switch(now, &packet(0, 65_536, 0));
            rewriter
                .rewrite(now, &packet(0, 65_536 + packets, 0))
                .unwrap()
        };
        assert_eq!(
            (after(32_768).rollover, after(32_768).sequence.0),
            (0, 65_535)
        );
        assert_eq!((after(32_769).rollover, after(32_769).sequence.0), (1, 0));
    }

    #[test]
    fn reports_put_the_new_encoding_at_the_exact_time() {
        let mut rewriter = Rewriter::new(Ssrc(1), 0, VIDEO);
        let now = start();
        // Both encodings show the same picture at NTP second 10, under different timestamps.
        let old = ClockPoint {
            ntp: 10 << 32,
            timestamp: 500_000,
        };
        let new = ClockPoint {
            ntp: 10 << 32,
            timestamp: 7_000,
        };
        let mut last = packet(0, 1000, 500_000);
        last.clock = Some(old);
        rewriter.switch(now, &last);
        rewriter.rewrite(now, &last).unwrap();
        let mut first = packet(1, 9000, 7_000 + 2_970);
        first.clock = Some(new);
        rewriter.switch(now + FRAME * 3, &first);
        let out = rewriter.rewrite(now + FRAME * 3, &first).unwrap();
        assert_eq!(
            out.timestamp, 502_970,
            "one frame later, although three frame times passed"
        );
    }

    #[test]
    fn without_reports_the_time_that_passed_counts() {
        let mut rewriter = Rewriter::new(Ssrc(1), 0, VIDEO);
        let now = start();
        rewriter.switch(now, &packet(0, 1000, 500_000));
        rewriter.rewrite(now, &packet(0, 1000, 500_000)).unwrap();
        let first = packet(1, 9000, 123);
        rewriter.switch(now + FRAME, &first);
        let out = rewriter.rewrite(now + FRAME, &first).unwrap();
        assert_eq!(out.timestamp, 500_000 + 2_970);
    }

    #[test]
    fn reports_that_contradict_the_time_are_not_believed() {
        let mut rewriter = Rewriter::new(Ssrc(1), 0, VIDEO);
        let now = start();
        let mut last = packet(0, 1000, 500_000);
        last.clock = Some(ClockPoint {
            ntp: 10 << 32,
            timestamp: 500_000,
        });
        rewriter.switch(now, &last);
        rewriter.rewrite(now, &last).unwrap();
        let mut first = packet(1, 9000, 123);
        first.clock = Some(ClockPoint {
            ntp: 999 << 32,
            timestamp: 123,
        });
        rewriter.switch(now + FRAME, &first);
        let out = rewriter.rewrite(now + FRAME, &first).unwrap();
        assert_eq!(out.timestamp, 500_000 + 2_970);
    }

    fn packet(encoding: usize, sequence: u64, timestamp: u32) -> Incoming {
        Incoming {
            encoding,
            sequence,
            timestamp,
            picture: None,
            frame: None,
            clock: None,
        }
    }
}
