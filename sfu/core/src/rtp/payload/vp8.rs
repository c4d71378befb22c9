//! The VP8 payload descriptor (RFC 7741): where frames begin, and what their layers and
//! numbers are.

use super::Numbers;
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
    /// The numbers of the picture.
    pub numbers: Numbers,
    /// The temporal layer (0 to 3), and whether only layer 0 before it is needed to switch up.
    pub temporal: Option<(u8, bool)>,
    /// Counts keyframes in the eyes of temporal layers, 0 to 31.
    pub key_idx: Option<u8>,
    /// The length of the descriptor.
    pub len: usize,
    /// The picture's size, which the first packet of a keyframe tells (RFC 6386, section 9.1).
    pub size: Option<Size>,
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

impl Descriptor {
    /// Reads the descriptor; `None` if the payload ends within it or right behind it.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self {
            start_of_frame: first & START_OF_PARTITION != 0 && first & PARTITION_MASK == 0,
            keyframe: false,
            discardable: first & NON_REFERENCE != 0,
            numbers: Numbers::default(),
            temporal: None,
            key_idx: None,
            len: 1,
            size: None,
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
            self.len = self.numbers.take_picture_id(payload, self.len)?;
        }
        if flags & HAS_TL0_PIC_IDX != 0 {
            self.len = self.numbers.take_tl0_pic_idx(payload, self.len)?;
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

#[cfg(test)]
mod tests {
    use super::super::PictureId;
    use super::*;
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
        assert_eq!(descriptor.numbers.picture_id, Some(PictureId::Long(0x1122)));
        assert_eq!(descriptor.numbers.tl0_pic_idx, Some(0x33));
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
        assert_eq!(first.numbers.picture_id, Some(PictureId::Short(17)));
        // Section 4.6.2: the second partition's first packet starts no frame.
        let second = Descriptor::parse(&[0x91, 0x80, 17, 0]).unwrap();
        assert!(!second.start_of_frame && !second.keyframe);
        // Section 4.6.4: an interframe without extension.
        let bare = Descriptor::parse(&[0x10, 1]).unwrap();
        assert!(bare.start_of_frame && !bare.keyframe);
        assert_eq!((bare.numbers.picture_id, bare.len), (None, 1));
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

    proptest! {
        #[test]
        fn a_descriptor_is_never_longer_than_its_payload(payload: Vec<u8>) {
            if let Some(descriptor) = Descriptor::parse(&payload) {
                prop_assert!(descriptor.len < payload.len());
            }
        }
    }
}
