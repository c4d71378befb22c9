//! The number of a picture, which VP8 and VP9 write alike.

/// A picture's number in one of its two lengths, as VP8 and VP9 write it (RFC 7741 and RFC 9628,
/// section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureId {
    /// Seven bits.
    Short(u8),
    /// Fifteen bits.
    Long(u16),
}

/// The bit that makes a picture id long.
const LONG: u8 = 0x80;

impl PictureId {
    /// The number.
    pub fn value(self) -> u16 {
        match self {
            Self::Short(value) => u16::from(value),
            Self::Long(value) => value,
        }
    }

    /// The bits that count.
    pub const fn mask(self) -> u16 {
        match self {
            Self::Short(_) => 0x7f,
            Self::Long(_) => 0x7fff,
        }
    }

    /// How many pictures after `other` this one is, the shorter way round; negative if before.
    pub fn distance_from(self, other: Self) -> i32 {
        let mask = self.mask();
        let ahead = self.value().wrapping_sub(other.value()) & mask;
        if ahead > mask / 2 {
            i32::from(ahead) - i32::from(mask) - 1
        } else {
            i32::from(ahead)
        }
    }

    /// Writes another number where this one begins, in the same length.
    pub(super) fn write(self, place: &mut [u8], number: u16) {
        let [high, low] = number.to_be_bytes();
        match self {
            Self::Short(_) => place[0] = low & 0x7f,
            Self::Long(_) => place[..2].copy_from_slice(&[high | LONG, low]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_go_the_shorter_way_round_in_both_lengths() {
        let long = |value| PictureId::Long(value);
        assert_eq!(long(2).distance_from(long(0x7fff)), 3);
        assert_eq!(long(0x7fff).distance_from(long(2)), -3);
        let short = |value| PictureId::Short(value);
        assert_eq!(short(2).distance_from(short(127)), 3);
        assert_eq!(short(100).distance_from(short(120)), -20);
    }
}
