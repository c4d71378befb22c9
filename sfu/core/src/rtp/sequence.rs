//! Numbers that wrap: which of two is newer, and how they go on after a wrap.
//! Knows only numbers, not what was lost or when it came.

use std::fmt;

/// Counts the packets of one stream, modulo 65,536 (RFC 3550, section 5.1). It has no `<`, because
/// which of two comes first depends on the shorter way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceNumber(pub u16);

impl SequenceNumber {
    /// Whether this one was sent after `other`. Of two that are 32,768 apart neither is newer.
    pub const fn is_newer_than(self, other: Self) -> bool {
        let ahead = self.0.wrapping_sub(other.0);
        ahead != 0 && ahead < 0x8000
    }

    /// The number so many packets later.
    #[must_use]
    pub const fn plus(self, packets: u16) -> Self {
        Self(self.0.wrapping_add(packets))
    }

    /// The number that an extended one was on the wire.
    pub const fn of_extended(extended: u64) -> Self {
        let [.., high, low] = extended.to_be_bytes();
        Self(u16::from_be_bytes([high, low]))
    }

    /// How many packets after `other` this one was sent; negative if before.
    pub const fn distance_from(self, other: Self) -> i16 {
        self.0.wrapping_sub(other.0).cast_signed()
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Extends the sequence numbers of one stream to 64 bits. The first one is extended to itself plus
/// 65,536, so that packets from before it have their own numbers too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extender {
    newest: Option<u64>,
}

impl Extender {
    /// The extended number: the one closest to the newest so far.
    pub fn extend(&mut self, number: SequenceNumber) -> u64 {
        let Some(newest) = self.newest else {
            let first = (1 << 16) + u64::from(number.0);
            self.newest = Some(first);
            return first;
        };
        let [.., high, low] = newest.to_be_bytes();
        let distance = number.distance_from(SequenceNumber(u16::from_be_bytes([high, low])));
        // The newest never falls below 65,536, and no distance is longer than half of that.
        let extended = newest.wrapping_add_signed(i64::from(distance));
        self.newest = Some(newest.max(extended));
        extended
    }

    /// The newest number so far.
    pub const fn newest(&self) -> Option<u64> {
        self.newest
    }
}

/// Extends the timestamps of one stream to 64 bits, as [`Extender`] does sequence numbers; the
/// first one is extended to itself plus 2³².
#[derive(Debug, Clone, Copy, Default)]
pub struct TimestampExtender {
    newest: Option<u64>,
}

impl TimestampExtender {
    /// The extended timestamp: the one closest to the newest so far.
    pub fn extend(&mut self, timestamp: u32) -> u64 {
        let Some(newest) = self.newest else {
            let first = (1 << 32) + u64::from(timestamp);
            self.newest = Some(first);
            return first;
        };
        let [.., a, b, c, d] = newest.to_be_bytes();
        let distance = timestamp
            .wrapping_sub(u32::from_be_bytes([a, b, c, d]))
            .cast_signed();
        let extended = newest.wrapping_add_signed(i64::from(distance));
        self.newest = Some(newest.max(extended));
        extended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zero_is_newer_than_the_last_before_the_wrap() {
        assert!(SequenceNumber(0).is_newer_than(SequenceNumber(65_535)));
        assert!(!SequenceNumber(65_535).is_newer_than(SequenceNumber(0)));
        assert!(!SequenceNumber(9).is_newer_than(SequenceNumber(9)));
        assert!(SequenceNumber(32_767).is_newer_than(SequenceNumber(0)));
        assert!(!SequenceNumber(32_768).is_newer_than(SequenceNumber(0)));
    }

    #[test]
    fn extended_numbers_go_on_over_two_wraps_and_back_for_late_packets() {
        let mut extender = Extender::default();
        let numbers = [65_534, 65_535, 0, 65_533, 1, 30_000, 60_000, 20_000, 59_999];
        let read = numbers.map(|number| extender.extend(SequenceNumber(number)));
        let first = 65_536 + 65_534;
        assert_eq!(
            read[..5],
            [first, first + 1, first + 2, first - 1, first + 3]
        );
        assert_eq!(read[7], 3 * 65_536 + 20_000);
        assert_eq!(read[8], 2 * 65_536 + 59_999);
        assert_eq!(extender.newest(), Some(read[7]));
    }

    #[test]
    fn a_packet_from_before_the_first_has_a_smaller_number() {
        let mut extender = Extender::default();
        assert_eq!(extender.extend(SequenceNumber(0)), 65_536);
        assert_eq!(extender.extend(SequenceNumber(65_535)), 65_535);
    }

    #[test]
    fn extended_timestamps_go_on_over_the_wrap() {
        let mut extender = TimestampExtender::default();
        let first = extender.extend(u32::MAX - 959);
        assert_eq!(extender.extend(0), first + 960);
        assert_eq!(extender.extend(u32::MAX), first + 959);
    }

    proptest! {
        #[test]
        fn an_extended_number_ends_in_the_number_it_extends(numbers: Vec<u16>) {
            let mut extender = Extender::default();
            for number in numbers {
                let extended = extender.extend(SequenceNumber(number));
                prop_assert_eq!(extended % 65_536, u64::from(number));
                prop_assert!(extended < extender.newest().unwrap() + 1);
            }
        }

        #[test]
        fn of_two_numbers_at_most_one_is_newer(a: u16, b: u16) {
            let (a, b) = (SequenceNumber(a), SequenceNumber(b));
            prop_assert!(!(a.is_newer_than(b) && b.is_newer_than(a)));
            prop_assert_eq!(a.is_newer_than(b), a.distance_from(b) > 0);
        }
    }
}
