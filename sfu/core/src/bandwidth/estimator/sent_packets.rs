//! Remembers what was sent under each transport-wide sequence number until a feedback tells what
//! became of it. Knows no rates.

use crate::bandwidth::probe::ClusterId;
use crate::rtp::{Extender, SequenceNumber};
use std::time::{Duration, Instant};

/// Packets that are remembered. With feedback every 100 ms over 600 ms of round trip, this many
/// packets of 1200 bytes are 28 Mbit/s, more than [`ESTIMATE_MAX`](super::ESTIMATE_MAX). The oldest
/// is forgotten, and what is told of it then is not believed.
const PACKETS_MAX: usize = 2048;
/// Packets that are remembered at first: sound, and a small picture. It doubles while packets would be
/// forgotten that were sent less than this ago. Powers of two, so that a number's place does not jump
/// when numbers wrap.
const PACKETS_MIN: usize = 128;
const REMEMBERED: Duration = Duration::from_secs(1);

/// The memory of one subscriber's packets: 1.5 kB at first, 25 kB at most.
#[derive(Debug)]
pub(super) struct SentPackets {
    started_at: Instant,
    numbers: Extender,
    /// Its length is a power of two.
    ring: Vec<Entry>,
    /// The first number that was sent.
    first: Option<u64>,
}

/// What was sent under one number.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Microseconds since `started_at`, modulo 2^32: an hour, and no entry is a minute old.
    sent_at: u32,
    size: u16,
    cluster: Option<ClusterId>,
    fate: Fate,
}

const UNUSED: Entry = Entry {
    sent_at: 0,
    size: 0,
    cluster: None,
    fate: Fate::Unused,
};

/// What is known of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// No packet has this number.
    Unused,
    Unknown,
    Lost,
    Arrived,
    /// As `Unknown` and `Lost`, and it was sent again under the same number.
    UnknownRepeated,
    LostRepeated,
}

/// A packet of which something was told for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) number: u64,
    /// Microseconds since the beginning.
    pub(super) sent_at: i64,
    pub(super) size: u64,
    pub(super) cluster: Option<ClusterId>,
    pub(super) news: News,
    /// Whether it was sent more than once.
    pub(super) is_repeated: bool,
}

/// What is new about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Arrived,
    /// It was told as lost before.
    ArrivedAfterAll,
    Lost,
}

impl SentPackets {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            started_at: now,
            numbers: Extender::default(),
            ring: vec![UNUSED; PACKETS_MIN],
            first: None,
        }
    }

    /// Microseconds since the beginning.
    pub(super) fn micros(&self, now: Instant) -> i64 {
        let micros = now.saturating_duration_since(self.started_at).as_micros();
        i64::try_from(micros).expect("a clock does not run for a million years")
    }

    /// Takes note of a packet. Numbers count up by one; if the caller leaves some out, nothing will
    /// be believed of those.
    pub(super) fn sent(
        &mut self,
        now: Instant,
        number: SequenceNumber,
        size: usize,
        cluster: Option<ClusterId>,
    ) {
        let newest = self.numbers.newest();
        let number = self.numbers.extend(number);
        let first = *self.first.get_or_insert(number);
        if number < first {
            return;
        }
        let sent_at = low_32_bits(self.micros(now));
        self.make_room(number, sent_at);
        let skipped_from = newest.map_or(number, |newest| {
            (newest + 1).max(number.saturating_sub(self.len()))
        });
        for skipped in skipped_from..number {
            let place = self.place(skipped);
            self.ring[place].fate = Fate::Unused;
        }
        let place = self.place(number);
        self.ring[place] = Entry {
            sent_at,
            size: u16::try_from(size).unwrap_or(u16::MAX),
            cluster,
            fate: Fate::Unknown,
        };
    }

    /// Doubles the ring if this packet would take the place of one that may still be told of.
    fn make_room(&mut self, number: u64, sent_at: u32) {
        let oldest = &self.ring[self.place(number)];
        let age = Duration::from_micros(sent_at.wrapping_sub(oldest.sent_at).into());
        if oldest.fate == Fate::Unused || age >= REMEMBERED || self.ring.len() == PACKETS_MAX {
            return;
        }
        let kept = number.saturating_sub(self.len())..number;
        let doubled = vec![UNUSED; self.ring.len() * 2];
        let old = std::mem::replace(&mut self.ring, doubled);
        for number in kept {
            let place = self.place(number);
            self.ring[place] = old[place & (old.len() - 1)];
        }
    }

    fn len(&self) -> u64 {
        u64::try_from(self.ring.len()).expect("at most 2048")
    }

    fn place(&self, number: u64) -> usize {
        usize::try_from(number % self.len()).expect("less than 2048")
    }

    /// Takes note that a packet was sent again under the same number.
    pub(super) fn repeated(&mut self, number: SequenceNumber) {
        if let Some(number) = self.known(number) {
            let place = self.place(number);
            let entry = &mut self.ring[place];
            entry.fate = match entry.fate {
                Fate::Unknown => Fate::UnknownRepeated,
                Fate::Lost => Fate::LostRepeated,
                fate @ (Fate::Unused
                | Fate::Arrived
                | Fate::UnknownRepeated
                | Fate::LostRepeated) => fate,
            };
        }
    }

    /// The extended number of one that was sent and is still remembered.
    fn known(&self, number: SequenceNumber) -> Option<u64> {
        let newest = self.numbers.newest()?;
        let behind = SequenceNumber::of_extended(newest).distance_from(number);
        let behind = u64::try_from(behind)
            .ok()
            .filter(|behind| *behind < self.len())?;
        newest
            .checked_sub(behind)
            .filter(|number| Some(*number) >= self.first)
    }

    /// Takes note of what a feedback tells of one number. `None` if it is nothing new, or of a
    /// packet that was never sent or is forgotten.
    pub(super) fn told(
        &mut self,
        now: Instant,
        number: SequenceNumber,
        arrived: bool,
    ) -> Option<Told> {
        let number = self.known(number)?;
        let now = self.micros(now);
        let place = self.place(number);
        let entry = &mut self.ring[place];
        let news = match (entry.fate, arrived) {
            (Fate::Unused | Fate::Arrived, _) | (Fate::Lost | Fate::LostRepeated, false) => {
                return None;
            }
            (Fate::Unknown | Fate::UnknownRepeated, true) => News::Arrived,
            (Fate::Lost | Fate::LostRepeated, true) => News::ArrivedAfterAll,
            (Fate::Unknown | Fate::UnknownRepeated, false) => News::Lost,
        };
        let is_repeated = matches!(entry.fate, Fate::UnknownRepeated | Fate::LostRepeated);
        entry.fate = match (arrived, is_repeated) {
            (true, _) => Fate::Arrived,
            (false, false) => Fate::Lost,
            (false, true) => Fate::LostRepeated,
        };
        let age = low_32_bits(now).wrapping_sub(entry.sent_at);
        Some(Told {
            number,
            sent_at: now - i64::from(age),
            size: u64::from(entry.size),
            cluster: entry.cluster,
            news,
            is_repeated,
        })
    }

    /// The number of the newest packet.
    pub(super) fn newest(&self) -> Option<u64> {
        self.numbers.newest()
    }

    /// A time of [`Told::sent_at`] as time before `now`.
    pub(super) fn age(&self, now: Instant, sent_at: i64) -> Duration {
        Duration::from_micros(u64::try_from(self.micros(now) - sent_at).unwrap_or(0))
    }
}

fn low_32_bits(micros: i64) -> u32 {
    u32::try_from(micros & i64::from(u32::MAX)).expect("masked to 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    #[test]
    fn a_packet_is_news_once_and_once_more_if_it_was_thought_lost() {
        let now = start();
        let mut packets = SentPackets::new(now);
        packets.sent(now, SequenceNumber(65_535), 100, None);
        packets.sent(now, SequenceNumber(0), 200, None);
        let later = now + Duration::from_millis(30);
        let mut news = |number, arrived| {
            let told = packets.told(later, SequenceNumber(number), arrived);
            told.map(|told| (told.news, told.size))
        };
        assert_eq!(news(65_535, false), Some((News::Lost, 100)));
        assert_eq!(news(65_535, false), None);
        assert_eq!(news(65_535, true), Some((News::ArrivedAfterAll, 100)));
        assert_eq!(news(0, true), Some((News::Arrived, 200)));
        assert_eq!(news(0, true), None);
        assert_eq!(news(0, false), None, "what arrived has arrived");
    }

    #[test]
    fn of_a_packet_that_was_sent_twice_it_is_known_that_the_time_of_arrival_says_nothing() {
        let now = start();
        let mut packets = SentPackets::new(now);
        for number in 0..4 {
            packets.sent(now, SequenceNumber(number), 100, None);
        }
        packets.told(now, SequenceNumber(1), false);
        packets.told(now, SequenceNumber(2), true);
        for number in 0..3 {
            packets.repeated(SequenceNumber(number));
        }
        let mut told = |number| {
            let told = packets.told(now, SequenceNumber(number), true);
            told.map(|told| (told.news, told.is_repeated))
        };
        assert_eq!(told(0), Some((News::Arrived, true)));
        assert_eq!(told(1), Some((News::ArrivedAfterAll, true)));
        assert_eq!(told(2), None, "it had arrived before");
        assert_eq!(told(3), Some((News::Arrived, false)));
    }

    #[test]
    fn nothing_is_believed_of_packets_that_were_never_sent_or_are_forgotten() {
        let now = start();
        let mut packets = SentPackets::new(now);
        assert_eq!(packets.told(now, SequenceNumber(0), true), None);
        for number in 100..100 + 3000 {
            packets.sent(now, SequenceNumber(number), 100, None);
        }
        packets.sent(now, SequenceNumber(3200), 100, None);
        for number in [99, 100, 1100, 3150, 3201, 40_000] {
            assert_eq!(
                packets.told(now, SequenceNumber(number), true),
                None,
                "{number}"
            );
        }
        assert!(packets.told(now, SequenceNumber(1200), true).is_some());
    }

    #[test]
    fn memory_follows_the_number_of_packets_in_a_second() {
        let sends = |rate: u16| {
            let mut packets = SentPackets::new(start());
            for number in 0..10 * rate {
                let at = start() + Duration::from_secs(1) * u32::from(number) / u32::from(rate);
                packets.sent(at, SequenceNumber(number), 100, None);
            }
            packets.ring.len()
        };
        assert_eq!(sends(100), PACKETS_MIN);
        assert_eq!(sends(300), 4 * PACKETS_MIN);
        assert_eq!(sends(5000), PACKETS_MAX);
    }

    #[test]
    fn what_was_sent_before_there_was_room_for_more_is_still_known() {
        let now = start();
        let mut packets = SentPackets::new(now);
        for number in 0..=128 {
            packets.sent(now, SequenceNumber(number), number.into(), None);
        }
        for number in 0..=128 {
            let told = packets.told(now, SequenceNumber(number), true);
            assert_eq!(told.map(|told| told.size), Some(number.into()));
        }
    }

    #[test]
    fn the_time_of_sending_survives_the_wrap_of_its_low_bits() {
        let now = start();
        let mut packets = SentPackets::new(now);
        let sent_at = now + Duration::from_micros((1 << 32) - 500);
        packets.sent(sent_at, SequenceNumber(7), 100, None);
        let told = packets
            .told(sent_at + Duration::from_millis(1), SequenceNumber(7), true)
            .unwrap();
        assert_eq!(told.sent_at, (1 << 32) - 500);
    }
}
