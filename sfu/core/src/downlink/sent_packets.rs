//! What one subscriber was sent lately: under which numbers, and what of the publisher's it was.
//! Decides whether a packet is sent again. Knows no payloads: see `packet_cache`.

use super::packet_cache::KEEP;
use super::pictures::{PictureCodec, Renumbered};
use super::rewriter::{Incoming, Rewritten};
use super::subscription::Forwarded;
use crate::rtp::SequenceNumber;
use crate::uplink::redundancy::Form;
use std::time::{Duration, Instant};

/// Packets remembered at first: a second of a voice or of a thumbnail.
const LEN_MIN: usize = 64;
/// Packets remembered at most, as many as their payloads are kept.
const LEN_MAX: usize = 512;
/// Sound older than this is played already: what was sent before a silence is not repeated.
const REPEAT_AGE_MAX: Duration = Duration::from_millis(100);
/// One packet is sent again so often at most: libwebrtc asks no more often.
const TRIES_MAX: u8 = 10;

/// The last packets of one subscription: a ring by sequence number, that doubles until it holds as
/// long as payloads are kept.
#[derive(Debug, Default)]
pub(crate) struct SentPackets {
    /// Its length is a power of two; empty until the first packet.
    slots: Vec<Slot>,
    /// The highest extended number sent.
    newest: u64,
    /// What was sent before this one is not sent again.
    from: u64,
    started_at: Option<Instant>,
}

/// Small, because there is one for each packet of each subscription.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Low half of the extended number it was sent with.
    sequence: u32,
    /// Low half of the extended number it came with.
    incoming: u32,
    timestamp: u32,
    /// Milliseconds from the first packet to this one.
    sent_ms: u32,
    /// Milliseconds from then until it was sent again.
    resent_ms: u16,
    /// Of sound, which has no pictures, the number on the line.
    picture_id: u16,
    frame_number: u16,
    tl0_pic_idx: u8,
    encoding: u8,
    tries: u8,
    flags: u8,
}

const USED: u8 = 1;
const MARKER: u8 = 2;
const VP8_PICTURE: u8 = 4;
const VP9_PICTURE: u8 = 8;
const FRAME: u8 = 16;
const FILLER: u8 = 32;
const NUMBERED: u8 = 64;
const REDUNDANT: u8 = 128;

/// A packet as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentPacket {
    pub(crate) rewritten: Rewritten,
    pub(crate) marker: bool,
    /// Whether it had no payload, and only filled the place of one that was left out.
    pub(crate) is_filler: bool,
    /// How it carried sound.
    pub(crate) form: Form,
    /// Index of its encoding.
    pub(crate) encoding: usize,
    /// Low half of the extended number it came with.
    pub(crate) incoming: u32,
    /// The number it had on the line, which one that is sent again just as it was has too. Known of
    /// sound only.
    pub(crate) number: Option<u16>,
}

impl SentPacket {
    /// A packet that was sent just now.
    pub(crate) fn of(incoming: &Incoming, forwarded: &Forwarded, marker: bool) -> Self {
        Self {
            rewritten: forwarded.rewritten,
            marker,
            is_filler: forwarded.is_filler,
            form: forwarded.form,
            encoding: incoming.encoding,
            incoming: low_half(incoming.sequence),
            number: forwarded.number,
        }
    }
}

/// How soon a packet may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intervals {
    /// After it was sent.
    pub(crate) first: Duration,
    /// After it was sent again.
    pub(crate) next: Duration,
}

/// Why a packet is not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It was never sent, or too long ago.
    Unknown,
    /// It was sent again a moment ago, or too often already.
    TooSoon,
    /// It is of a picture that was left off, and would only be in the way of what follows.
    LeftOff,
}

impl SentPackets {
    /// Remembers a packet.
    pub(crate) fn remember(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        forwarded: &Forwarded,
        marker: bool,
    ) {
        let rewritten = &forwarded.rewritten;
        let sent_ms = self.milliseconds(now);
        let sequence = rewritten.extended();
        self.newest = self.newest.max(sequence);
        self.make_room(low_half(sequence), sent_ms);
        let picture = rewritten.picture;
        let picture_flag = picture.map_or(0, |picture| match picture.codec {
            PictureCodec::Vp8 => VP8_PICTURE,
            PictureCodec::Vp9 => VP9_PICTURE,
        });
        let flag = |set, flag| if set { flag } else { 0 };
        let frame_flag = flag(rewritten.frame_number.is_some(), FRAME);
        let number = forwarded.number.filter(|_| picture.is_none());
        let at = self.index(low_half(sequence));
        self.slots[at] = Slot {
            sequence: low_half(sequence),
            incoming: low_half(incoming.sequence),
            timestamp: rewritten.timestamp,
            sent_ms,
            resent_ms: 0,
            picture_id: picture.map_or(number.unwrap_or(0), |picture| picture.id),
            frame_number: rewritten.frame_number.unwrap_or(0),
            tl0_pic_idx: picture.map_or(0, |picture| picture.tl0),
            encoding: u8::try_from(incoming.encoding).expect("a track has few encodings"),
            tries: 0,
            flags: USED
                | flag(marker, MARKER)
                | picture_flag
                | frame_flag
                | flag(number.is_some(), NUMBERED)
                | flag(forwarded.form == Form::Redundant, REDUNDANT)
                | flag(forwarded.is_filler, FILLER),
        };
    }

    /// The packet that a subscriber misses, if it may be sent again now. Counts as sent again.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        number: SequenceNumber,
        intervals: Intervals,
    ) -> Result<SentPacket, Refused> {
        let newest = self.newest;
        let behind = SequenceNumber::of_extended(newest).distance_from(number);
        let behind = u64::try_from(behind).map_err(|_| Refused::Unknown)?;
        let sequence = newest.checked_sub(behind).ok_or(Refused::Unknown)?;
        if sequence < self.from {
            return Err(Refused::LeftOff);
        }
        let (slot, age_ms) = self.kept(now, sequence).ok_or(Refused::Unknown)?;
        let since_ms = u64::from(age_ms - slot.resent_ms);
        let interval = if slot.tries == 0 {
            intervals.first
        } else {
            intervals.next
        };
        if Duration::from_millis(since_ms) < interval || slot.tries >= TRIES_MAX {
            return Err(Refused::TooSoon);
        }
        Ok(slot.again(sequence, age_ms))
    }

    /// Sends nothing again of what was sent so far.
    pub(crate) fn leave_off(&mut self) {
        self.from = self.newest + 1;
    }

    /// The packet so many numbers before the newest, to be sent again unasked if it is young and was
    /// sent again less than `back` times. Counts as sent again.
    pub(crate) fn repeat(&mut self, now: Instant, back: u8) -> Option<SentPacket> {
        let sequence = self.newest.checked_sub(back.into())?;
        let (slot, age_ms) = self.kept(now, sequence)?;
        let is_young = Duration::from_millis(age_ms.into()) <= REPEAT_AGE_MAX;
        (is_young && slot.tries < back).then(|| slot.again(sequence, age_ms))
    }

    /// Where a packet stands whose payload is still kept, and how old it is in milliseconds.
    fn kept(&mut self, now: Instant, sequence: u64) -> Option<(&mut Slot, u16)> {
        let now_ms = self.milliseconds(now);
        if self.slots.is_empty() {
            return None;
        }
        let at = self.index(low_half(sequence));
        let slot = &mut self.slots[at];
        let age_ms = u16::try_from(now_ms.wrapping_sub(slot.sent_ms)).ok()?;
        let kept = slot.flags & USED != 0 && slot.sequence == low_half(sequence);
        (kept && Duration::from_millis(age_ms.into()) <= KEEP).then_some((slot, age_ms))
    }

    /// A packet that was remembered when it got its number, and leaves only now; `None` if it has
    /// been forgotten. `sequence` is its extended number.
    pub(crate) fn leave(&mut self, now: Instant, sequence: u64) -> Option<SentPacket> {
        let now_ms = self.milliseconds(now);
        if self.slots.is_empty() {
            return None;
        }
        let at = self.index(low_half(sequence));
        let slot = &mut self.slots[at];
        if slot.flags & USED == 0 || slot.sequence != low_half(sequence) {
            return None;
        }
        slot.sent_ms = now_ms;
        slot.resent_ms = 0;
        Some(slot.packet(sequence))
    }

    /// Forgets the packets of an encoding: the numbers they came with mean others from here on.
    pub(crate) fn forget(&mut self, encoding: usize) {
        for slot in &mut self.slots {
            if usize::from(slot.encoding) == encoding {
                *slot = Slot::default();
            }
        }
    }

    /// Doubles the ring if this packet would overwrite one that may still be asked for.
    fn make_room(&mut self, sequence: u32, sent_ms: u32) {
        if self.slots.is_empty() {
            self.slots.resize(LEN_MIN, Slot::default());
        }
        let keep_ms = KEEP.as_millis();
        let still_wanted = |slot: &Slot| {
            slot.flags & USED != 0 && u128::from(sent_ms.wrapping_sub(slot.sent_ms)) < keep_ms
        };
        if self.slots.len() < LEN_MAX && still_wanted(&self.slots[self.index(sequence)]) {
            let doubled = vec![Slot::default(); self.slots.len() * 2];
            for slot in std::mem::replace(&mut self.slots, doubled) {
                let at = self.index(slot.sequence);
                if slot.flags & USED != 0 {
                    self.slots[at] = slot;
                }
            }
        }
    }

    fn index(&self, sequence: u32) -> usize {
        usize::try_from(sequence).expect("32 bits fit") & (self.slots.len() - 1)
    }

    fn milliseconds(&mut self, now: Instant) -> u32 {
        let passed = now.duration_since(*self.started_at.get_or_insert(now));
        // Wraps after 49 days: only differences count.
        u32::try_from(passed.as_millis() & u128::from(u32::MAX)).expect("masked to 32 bits")
    }
}

impl Slot {
    fn again(&mut self, sequence: u64, age_ms: u16) -> SentPacket {
        self.tries += 1;
        self.resent_ms = age_ms;
        self.packet(sequence)
    }

    fn packet(&self, sequence: u64) -> SentPacket {
        let codec = match self.flags & (VP8_PICTURE | VP9_PICTURE) {
            0 => None,
            VP8_PICTURE => Some(PictureCodec::Vp8),
            _ => Some(PictureCodec::Vp9),
        };
        let is_frame = self.flags & FRAME != 0;
        SentPacket {
            rewritten: Rewritten {
                sequence: SequenceNumber::of_extended(sequence),
                rollover: low_half(sequence >> 16),
                timestamp: self.timestamp,
                picture: codec.map(|codec| Renumbered {
                    codec,
                    id: self.picture_id,
                    tl0: self.tl0_pic_idx,
                }),
                frame_number: is_frame.then_some(self.frame_number),
            },
            marker: self.flags & MARKER != 0,
            is_filler: self.flags & FILLER != 0,
            form: if self.flags & REDUNDANT == 0 {
                Form::Plain
            } else {
                Form::Redundant
            },
            encoding: usize::from(self.encoding),
            incoming: self.incoming,
            number: (self.flags & NUMBERED != 0).then_some(self.picture_id),
        }
    }
}

/// The low 32 bits of an extended sequence number.
pub(crate) fn low_half(extended: u64) -> u32 {
    u32::try_from(extended & u64::from(u32::MAX)).expect("masked to 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const INTERVAL: Intervals = Intervals {
        first: Duration::ZERO,
        next: Duration::from_millis(40),
    };
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_packet_is_given_back_as_it_was_sent() {
        let (mut sent, now) = (SentPackets::default(), start());
        let forwarded = forwarded(3 << 16 | 7);
        sent.remember(now, &incoming(1 << 33 | 5), &forwarded, true);
        let packet = SentPacket {
            rewritten: forwarded.rewritten,
            marker: true,
            is_filler: false,
            form: Form::Plain,
            encoding: 2,
            incoming: 5,
            number: None,
        };
        assert_eq!(sent.ask(now, SequenceNumber(7), INTERVAL), Ok(packet));
    }

    #[test]
    fn a_packet_that_waited_leaves_as_it_was_numbered_and_is_kept_from_then_on() {
        let (mut sent, now) = (SentPackets::default(), start());
        assert_eq!(sent.leave(now, 7), None);
        sent.remember(now, &incoming(5), &forwarded(3 << 16 | 7), true);
        let left_at = now + Duration::from_millis(400);
        assert_eq!(sent.leave(left_at, 2 << 16 | 7), None, "another rollover");
        let packet = sent.leave(left_at, 3 << 16 | 7);
        assert_eq!(packet.map(|packet| packet.incoming), Some(5));
        let asked = sent.ask(left_at + KEEP, SequenceNumber(7), INTERVAL);
        assert_eq!(asked.ok(), packet);
    }

    #[test]
    fn numbers_from_before_a_wrap_are_found_with_their_rollover() {
        let (mut sent, now) = (SentPackets::default(), start());
        for sequence in 131_000..131_080 {
            sent.remember(now, &incoming(sequence), &forwarded(sequence), false);
        }
        let rollover = |sent: &mut SentPackets, number| {
            sent.ask(now, SequenceNumber(number), INTERVAL)
                .map(|packet| packet.rewritten.rollover)
        };
        assert_eq!(rollover(&mut sent, 65_535), Ok(1));
        assert_eq!(rollover(&mut sent, 3), Ok(2));
    }

    #[test]
    fn a_packet_is_not_sent_again_too_soon_nor_too_often() {
        let (mut sent, now) = (SentPackets::default(), start());
        sent.remember(now, &incoming(9), &forwarded(9), false);
        let asked = (0..1000_u32)
            .filter(|&ms| sent.ask(now + MS * ms, SequenceNumber(9), INTERVAL).is_ok())
            .count();
        assert_eq!(asked, usize::from(TRIES_MAX));
        sent.remember(now, &incoming(10), &forwarded(10), false);
        assert!(sent.ask(now, SequenceNumber(10), INTERVAL).is_ok());
        let soon = sent.ask(now + 39 * MS, SequenceNumber(10), INTERVAL);
        assert_eq!(soon, Err(Refused::TooSoon));
        assert!(
            sent.ask(now + 40 * MS, SequenceNumber(10), INTERVAL)
                .is_ok()
        );
    }

    #[test]
    fn a_request_that_cannot_know_of_the_packet_yet_is_not_answered() {
        let (mut sent, now) = (SentPackets::default(), start());
        sent.remember(now, &incoming(9), &forwarded(9), false);
        let far = Intervals {
            first: 75 * MS,
            next: 75 * MS,
        };
        let asked = |sent: &mut SentPackets, at| sent.ask(now + at, SequenceNumber(9), far);
        assert_eq!(asked(&mut sent, 74 * MS), Err(Refused::TooSoon));
        assert!(asked(&mut sent, 75 * MS).is_ok());
    }

    #[test]
    fn what_was_never_sent_or_long_ago_is_unknown() {
        let (mut sent, now) = (SentPackets::default(), start());
        let unknown = Err(Refused::Unknown);
        assert_eq!(sent.ask(now, SequenceNumber(1), INTERVAL), unknown);
        sent.remember(now, &incoming(1), &forwarded(65_536 + 1), false);
        sent.remember(now, &incoming(3), &forwarded(65_536 + 3), false);
        for number in [0, 2, 4, 1 + 64, 65_535] {
            assert_eq!(sent.ask(now, SequenceNumber(number), INTERVAL), unknown);
        }
        let late = now + KEEP + MS;
        assert_eq!(sent.ask(late, SequenceNumber(1), INTERVAL), unknown);
        sent.forget(0);
        assert!(sent.ask(now, SequenceNumber(3), INTERVAL).is_ok());
        sent.forget(2);
        assert_eq!(sent.ask(now, SequenceNumber(3), INTERVAL), unknown);
    }

    #[test]
    fn the_ring_grows_to_a_second_of_the_stream_and_loses_nothing_by_it() {
        for (interval_ms, len) in [(20, 64), (4, 256), (1, 512)] {
            let (mut sent, now) = (SentPackets::default(), start());
            for step in 0..3000_u32 {
                let sequence = u64::from(step);
                let at = now + MS * step * interval_ms;
                sent.remember(at, &incoming(sequence), &forwarded(sequence), false);
            }
            assert_eq!(sent.slots.len(), len);
            let end = now + MS * 2999 * interval_ms;
            let known = (2000..3000_u16)
                .filter(|&number| sent.ask(end, SequenceNumber(number), INTERVAL).is_ok())
                .count();
            let second = 1000 / usize::try_from(interval_ms).unwrap();
            assert!(known >= second.min(LEN_MAX), "{known} of {second}");
        }
    }

    #[test]
    fn a_young_packet_is_repeated_unless_it_went_again_on_request() {
        let (mut sent, now) = (SentPackets::default(), start());
        for number in 4..8_u16 {
            let number = number.into();
            sent.remember(now, &incoming(number), &forwarded(number), false);
        }
        assert!(sent.ask(now, SequenceNumber(6), INTERVAL).is_ok());
        let mut repeat = |at, back| sent.repeat(at, back).map(|it| it.rewritten.sequence.0);
        assert_eq!(repeat(now, 1), None, "it was asked for");
        assert_eq!((repeat(now, 2), repeat(now, 2)), (Some(5), Some(5)));
        assert_eq!(repeat(now, 2), None, "twice is enough");
        assert_eq!(repeat(now + REPEAT_AGE_MAX + MS, 3), None, "it is old");
        assert_eq!(repeat(now + REPEAT_AGE_MAX, 3), Some(4));
    }

    fn incoming(sequence: u64) -> Incoming {
        Incoming {
            encoding: 2,
            sequence,
            timestamp: 0,
            picture: None,
            frame: None,
            clock: None,
        }
    }

    fn forwarded(sequence: u64) -> Forwarded {
        Forwarded {
            payload_type: 96,
            rewritten: rewritten(sequence),
            is_filler: false,
            form: Form::Plain,
            number: None,
            ends_picture: false,
        }
    }

    fn rewritten(sequence: u64) -> Rewritten {
        Rewritten {
            sequence: SequenceNumber::of_extended(sequence),
            rollover: low_half(sequence >> 16),
            timestamp: 77,
            picture: Some(Renumbered {
                codec: PictureCodec::Vp9,
                id: 300,
                tl0: 4,
            }),
            frame_number: Some(9),
        }
    }
}
