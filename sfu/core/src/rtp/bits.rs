//! Bits in the order in which they lie in a message, highest first.

/// Reads bits one field after another; `None` once they are used up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte & (0x80 >> (self.at % 8)) != 0;
        self.at += 1;
        Some(bit)
    }

    /// The number in the next `width` bits, at most 32.
    pub(super) fn number(&mut self, width: u32) -> Option<u32> {
        let mut number = 0;
        for _ in 0..width {
            number = number << 1 | u32::from(self.flag()?);
        }
        Some(number)
    }

    /// The number in the next few bits, `width` at most 8.
    pub(super) fn small(&mut self, width: u32) -> Option<u8> {
        self.number(width)
            .map(|number| u8::try_from(number).expect("at most eight bits are asked for"))
    }

    /// A number below `count`, in as few bits as it takes (AV1 bitstream specification, 4.10.7).
    pub(super) fn below(&mut self, count: u32) -> Option<u32> {
        let width = 32 - count.leading_zeros();
        let short = (1_u32 << width) - count;
        let value = self.number(width.checked_sub(1)?)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + u32::from(self.flag()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_across_bytes_and_nothing_beyond_the_end() {
        let mut bits = Bits::new(&[0b1010_0101, 0b1100_0000]);
        assert_eq!(bits.flag(), Some(true));
        assert_eq!(bits.small(4), Some(0b0100));
        assert_eq!(bits.number(7), Some(0b101_1100));
        assert_eq!(bits.number(4), Some(0));
        assert_eq!(bits.flag(), None);
        assert_eq!(Bits::new(&[0xff]).number(9), None);
    }

    #[test]
    fn a_number_below_five_takes_two_bits_or_three() {
        // The table of the AV1 specification for n = 5.
        for (byte, expected) in [
            (0b0000_0000, 0),
            (0b0100_0000, 1),
            (0b1000_0000, 2),
            (0b1100_0000, 3),
            (0b1110_0000, 4),
        ] {
            assert_eq!(Bits::new(&[byte]).below(5), Some(expected), "{byte:08b}");
        }
        assert_eq!(Bits::new(&[]).below(1), Some(0), "one value takes no bits");
    }
}
