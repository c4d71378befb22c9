//! The numbers of a picture that VP8 and VP9 write into each of its packets, which a subscriber gets
//! others of: what they are, and where they stand in the payload.

use super::PictureId;
use crate::rtp::big_endian::u16_at;

/// The bit that makes a picture id long.
const LONG: u8 = 0x80;

/// The numbers of one picture, as a payload has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The picture's number.
    pub picture_id: Option<PictureId>,
    /// Counts the pictures of temporal layer 0.
    pub tl0_pic_idx: Option<u8>,
    picture_id_at: usize,
    tl0_pic_idx_at: usize,
}

impl Numbers {
    /// Reads a picture id at a place; returns the place behind it, or `None` if the payload ends.
    pub(super) fn take_picture_id(&mut self, payload: &[u8], at: usize) -> Option<usize> {
        let first = *payload.get(at)?;
        self.picture_id_at = at;
        if first & LONG == 0 {
            self.picture_id = Some(PictureId::Short(first));
            Some(at + 1)
        } else {
            self.picture_id = Some(PictureId::Long(u16_at(payload, at)? & 0x7fff));
            Some(at + 2)
        }
    }

    /// Reads the count of temporal layer 0 at a place; returns as above.
    pub(super) fn take_tl0_pic_idx(&mut self, payload: &[u8], at: usize) -> Option<usize> {
        self.tl0_pic_idx = Some(*payload.get(at)?);
        self.tl0_pic_idx_at = at;
        Some(at + 1)
    }

    /// Replaces the numbers in the payload they were read from, each in the length it has; a number
    /// that is not there stays away.
    pub fn rewrite(&self, payload: &mut [u8], picture_id: u16, tl0_pic_idx: u8) {
        if let Some(id) = self.picture_id {
            id.write(&mut payload[self.picture_id_at..], picture_id);
        }
        if self.tl0_pic_idx.is_some() {
            payload[self.tl0_pic_idx_at] = tl0_pic_idx;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{vp8, vp9};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn a_short_picture_id_stays_short() {
        let mut payload = [0x90, 0x80, 17, 0];
        let descriptor = vp8::Descriptor::parse(&payload).unwrap();
        descriptor.numbers.rewrite(&mut payload, 0x0183, 9);
        assert_eq!(payload, [0x90, 0x80, 3, 0]);
    }

    proptest! {
        #[test]
        fn rewritten_numbers_are_read_back_and_nothing_else_changes(
            mut payload in vec(any::<u8>(), 1..40),
            picture_id in 0..0x8000_u16,
            tl0: u8,
        ) {
            if let Some(before) = vp9::Descriptor::parse(&payload) {
                let mut payload = payload.clone();
                before.numbers.rewrite(&mut payload, picture_id, tl0);
                let after = vp9::Descriptor::parse(&payload).unwrap();
                prop_assert!(are_rewritten(before.numbers, after.numbers, picture_id, tl0));
                let numbers = before.numbers;
                prop_assert_eq!(vp9::Descriptor { numbers, ..after }, before);
            }
            payload[0] |= 0x80; // VP8 has numbers only in an extension.
            if let Some(before) = vp8::Descriptor::parse(&payload) {
                before.numbers.rewrite(&mut payload, picture_id, tl0);
                let after = vp8::Descriptor::parse(&payload).unwrap();
                prop_assert!(are_rewritten(before.numbers, after.numbers, picture_id, tl0));
                let numbers = before.numbers;
                prop_assert_eq!(vp8::Descriptor { numbers, ..after }, before);
            }
        }
    }

    fn are_rewritten(before: Numbers, after: Numbers, picture_id: u16, tl0: u8) -> bool {
        let picture_id = before.picture_id.map(|id| match id {
            PictureId::Short(_) => PictureId::Short(u8::try_from(picture_id & 0x7f).unwrap()),
            PictureId::Long(_) => PictureId::Long(picture_id),
        });
        let tl0_pic_idx = before.tl0_pic_idx.map(|_| tl0);
        let expected = Numbers {
            picture_id,
            tl0_pic_idx,
            ..before
        };
        after == expected
    }
}
