//! The VP8 payload descriptor (RFC 7741): where frames begin, what their numbers are, and how the
//! numbers are replaced. Which numbers a subscriber should see is decided elsewhere.

pub use super::PictureId;
use crate::rtp::big_endian::u16_at;
use crate::units::Size;

/// The descriptor before every VP8 payload (RFC 7741, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// Whether the packet is the first of its frame.
    pub start_of_frame: bool,
    /// Whether the packet is the first of a keyframe.
    pub keyframe: bool,
    /// Whether no other frame needs this one.
    pub discardable: bool,
    /// The frame's number.
    pub picture_id: Option<PictureId>,
    /// Counts the frames of temporal layer 0.
    pub tl0_pic_idx: Option<u8>,
    /// The temporal layer (0 to 3), and whether only layer 0 before it is needed to switch up.
    pub temporal: Option<(u8, bool)>,
    /// Counts keyframes in the eyes of temporal layers, 0 to 31.
    pub key_idx: Option<u8>,
    /// The length of the descriptor.
    pub len: usize,
    /// The picture's size, which the first packet of a keyframe tells (RFC 6386, section 9.1).
    pub size: Option<Size>,
    picture_id_at: usize,
    tl0_pic_idx_at: usize,
}

/// Bits of the descriptor's first byte.
const EXTENDED: u8 = 0x80;
const NON_REFERENCE: u8 = 0x20;
const START_OF_PARTITION: u8 = 0x10;
const PARTITION_MASK: u8 = 0x07;
/// Bits of its second byte.
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0_PIC_IDX: u8 = 0x40;
const HAS_TEMPORAL: u8 = 0x20;
const HAS_KEY_IDX: u8 = 0x10;
/// The bit that makes a picture id long.
const LONG: u8 = 0x80;

impl Descriptor {
    /// Reads the descriptor; `None` if the payload ends within it or right behind it.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self {
            start_of_frame: first & START_OF_PARTITION != 0 && first & PARTITION_MASK == 0,
            keyframe: false,
            discardable: first & NON_REFERENCE != 0,
            picture_id: None,
            tl0_pic_idx: None,
            temporal: None,
            key_idx: None,
            len: 1,
            size: None,
            picture_id_at: 0,
            tl0_pic_idx_at: 0,
        };
        if first & EXTENDED != 0 {
            descriptor.parse_extension(payload)?;
        }
        let frame = payload.get(descriptor.len..)?;
        let frame_tag = frame.first()?;
        // The bit says "not a keyframe" (RFC 6386, section 9.1).
        descriptor.keyframe = descriptor.start_of_frame && frame_tag & 1 == 0;
        if descriptor.keyframe {
            descriptor.size = keyframe_size(frame);
        }
        Some(descriptor)
    }

    fn parse_extension(&mut self, payload: &[u8]) -> Option<()> {
        let flags = *payload.get(1)?;
        self.len = 2;
        if flags & HAS_PICTURE_ID != 0 {
            let first = *payload.get(self.len)?;
            self.picture_id_at = self.len;
            if first & LONG == 0 {
                self.picture_id = Some(PictureId::Short(first));
                self.len += 1;
            } else {
                let value = u16_at(payload, self.len)? & 0x7fff;
                self.picture_id = Some(PictureId::Long(value));
                self.len += 2;
            }
        }
        if flags & HAS_TL0_PIC_IDX != 0 {
            self.tl0_pic_idx = Some(*payload.get(self.len)?);
            self.tl0_pic_idx_at = self.len;
            self.len += 1;
        }
        if flags & (HAS_TEMPORAL | HAS_KEY_IDX) != 0 {
            let byte = *payload.get(self.len)?;
            self.temporal = (flags & HAS_TEMPORAL != 0).then_some((byte >> 6, byte & 0x20 != 0));
            self.key_idx = (flags & HAS_KEY_IDX != 0).then_some(byte & 0x1f);
            self.len += 1;
        }
        Some(())
    }
}

/// The size in a keyframe's first ten bytes: three of the frame tag, a start code, and 14 bits each
/// of width and height below two bits of scaling (RFC 6386, section 9.1).
fn keyframe_size(frame: &[u8]) -> Option<Size> {
    let [_, _, _, 0x9d, 0x01, 0x2a, dimensions @ ..] = frame.first_chunk::<10>()? else {
        return None;
    };
    let [width_low, width_high, height_low, height_high] = *dimensions;
    let pixels = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some(Size {
        width: pixels(width_low, width_high),
        height: pixels(height_low, height_high),
    })
}

/// Replaces a frame's numbers in place, each in the length it has; a number that is not there
/// stays away. `descriptor` is what [`Descriptor::parse`] read from this payload.
pub fn rewrite(payload: &mut [u8], descriptor: &Descriptor, picture_id: u16, tl0_pic_idx: u8) {
    if let Some(id) = descriptor.picture_id {
        id.write(&mut payload[descriptor.picture_id_at..], picture_id);
    }
    if descriptor.tl0_pic_idx.is_some() {
        payload[descriptor.tl0_pic_idx_at] = tl0_pic_idx;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The first packet of a keyframe of 640×360, with every field.
    const KEYFRAME: [u8; 16] = [
        0x90, 0xf0, 0x91, 0x22, 0x33, 0x65, // picture 0x1122, tl0 0x33, tid 1, Y, key 5
        0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x41,
    ];

    #[test]
    fn every_field_of_a_keyframe_is_read() {
        let descriptor = Descriptor::parse(&KEYFRAME).unwrap();
        assert!(descriptor.start_of_frame && descriptor.keyframe && !descriptor.discardable);
        assert_eq!(descriptor.picture_id, Some(PictureId::Long(0x1122)));
        assert_eq!(descriptor.tl0_pic_idx, Some(0x33));
        assert_eq!(descriptor.temporal, Some((1, true)));
        assert_eq!(descriptor.key_idx, Some(5));
        assert_eq!(descriptor.len, 6);
        let size = Size {
            width: 640,
            height: 360,
        };
        assert_eq!(descriptor.size, Some(size));
    }

    #[test]
    fn the_examples_of_rfc_7741_are_read() {
        // Section 4.6.1: the first packet of a keyframe, with a seven-bit picture id.
        let first = Descriptor::parse(&[0x90, 0x80, 17, 0]).unwrap();
        assert!(first.keyframe);
        assert_eq!(first.picture_id, Some(PictureId::Short(17)));
        // Section 4.6.2: the second partition's first packet starts no frame.
        let second = Descriptor::parse(&[0x91, 0x80, 17, 0]).unwrap();
        assert!(!second.start_of_frame && !second.keyframe);
        // Section 4.6.4: an interframe without extension.
        let bare = Descriptor::parse(&[0x10, 1]).unwrap();
        assert!(bare.start_of_frame && !bare.keyframe);
        assert_eq!((bare.picture_id, bare.len), (None, 1));
    }

    #[test]
    fn a_payload_cut_within_its_descriptor_is_refused() {
        for len in 0..=6 {
            assert_eq!(Descriptor::parse(&KEYFRAME[..len]), None, "{len} bytes");
        }
        for len in 7..16 {
            let cut = Descriptor::parse(&KEYFRAME[..len]).unwrap();
            assert!(cut.keyframe);
            assert_eq!(cut.size, None, "{len} bytes");
        }
    }

    #[test]
    fn a_short_picture_id_stays_short() {
        let mut payload = [0x90, 0x80, 17, 0];
        let descriptor = Descriptor::parse(&payload).unwrap();
        rewrite(&mut payload, &descriptor, 0x0183, 9);
        assert_eq!(payload, [0x90, 0x80, 3, 0]);
    }

    proptest! {
        #[test]
        fn rewritten_numbers_are_read_back_and_nothing_else_changes(
            mut payload in vec(any::<u8>(), 1..24),
            picture_id in 0..0x8000_u16,
            tl0: u8,
        ) {
            payload[0] |= EXTENDED;
            let Some(before) = Descriptor::parse(&payload) else { return Ok(()) };
            rewrite(&mut payload, &before, picture_id, tl0);
            let after = Descriptor::parse(&payload).unwrap();
            let expected = before.picture_id.map(|id| match id {
                PictureId::Short(_) => PictureId::Short(u8::try_from(picture_id & 0x7f).unwrap()),
                PictureId::Long(_) => PictureId::Long(picture_id),
            });
            prop_assert_eq!(after.picture_id, expected);
            prop_assert_eq!(after.tl0_pic_idx, before.tl0_pic_idx.map(|_| tl0));
            let renumbered = Descriptor {
                picture_id: before.picture_id,
                tl0_pic_idx: before.tl0_pic_idx,
                ..after
            };
            prop_assert_eq!(renumbered, before);
        }

        #[test]
        fn a_descriptor_is_never_longer_than_its_payload(payload: Vec<u8>) {
            if let Some(descriptor) = Descriptor::parse(&payload) {
                prop_assert!(descriptor.len < payload.len());
            }
        }
    }
}
