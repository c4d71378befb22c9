//! The VP9 payload descriptor (RFC 9628): where frames begin and end, which layers they belong to
//! and what their numbers are.

use super::Numbers;
use crate::rtp::big_endian::u16_at;
use crate::units::Size;

/// The descriptor before every VP9 payload (RFC 9628, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// Whether the packet is the first of its frame, which is one spatial layer of a picture.
    pub start_of_frame: bool,
    /// Whether it is the last.
    pub end_of_frame: bool,
    /// Whether the picture builds on no earlier one.
    pub intra: bool,
    /// The numbers of the picture.
    pub numbers: Numbers,
    /// The frame's layers; `None` for a stream without any.
    pub layers: Option<Layers>,
    /// How many spatial layers there are, 1 to 8, which the first packet of a keyframe tells.
    pub spatial_layers: Option<u8>,
    /// The size of the highest of them, if told.
    pub size: Option<Size>,
    /// The length of the descriptor.
    pub len: usize,
}

/// Where a frame stands among the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layers {
    /// The temporal layer, 0 to 7.
    pub temporal: u8,
    /// Whether later pictures of higher temporal layers build on none before this picture.
    pub switch_up: bool,
    /// The spatial layer, 0 to 7.
    pub spatial: u8,
    /// Whether it builds on the next lower spatial layer of its picture.
    pub inter_layer: bool,
}

/// Bits of the descriptor's first byte.
const HAS_PICTURE_ID: u8 = 0x80;
const INTER_PICTURE: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const START: u8 = 0x08;
const END: u8 = 0x04;
const HAS_STRUCTURE: u8 = 0x02;
/// A picture names so many others at most on which it builds (RFC 9628, section 4.2).
const REFERENCES_MAX: usize = 3;
/// Bits of the scalability structure (RFC 9628, section 4.2.1).
const HAS_SIZES: u8 = 0x10;
const HAS_GROUP: u8 = 0x08;

impl Descriptor {
    /// Reads the descriptor; `None` if the payload ends within it.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self {
            start_of_frame: first & START != 0,
            end_of_frame: first & END != 0,
            intra: first & INTER_PICTURE == 0,
            numbers: Numbers::default(),
            layers: None,
            spatial_layers: None,
            size: None,
            len: 1,
        };
        if first & HAS_PICTURE_ID != 0 {
            let at = descriptor.len;
            descriptor.len = descriptor.numbers.take_picture_id(payload, at)?;
        }
        if first & HAS_LAYERS != 0 {
            descriptor.take_layers(payload, first & FLEXIBLE != 0)?;
        }
        if first & FLEXIBLE != 0 && first & INTER_PICTURE != 0 {
            descriptor.skip_references(payload)?;
        }
        if first & HAS_STRUCTURE != 0 {
            descriptor.take_structure(payload)?;
        }
        Some(descriptor)
    }

    /// Whether a decoder can begin here: the first packet of a picture that builds on no other.
    pub fn is_keyframe_start(&self) -> bool {
        let lowest = self.layers.is_none_or(|layers| layers.spatial == 0);
        self.intra && self.start_of_frame && lowest
    }

    fn take_layers(&mut self, payload: &[u8], flexible: bool) -> Option<()> {
        let byte = *payload.get(self.len)?;
        self.layers = Some(Layers {
            temporal: byte >> 5,
            switch_up: byte & 0x10 != 0,
            spatial: byte >> 1 & 7,
            inter_layer: byte & 1 != 0,
        });
        self.len += 1;
        if !flexible {
            self.len = self.numbers.take_tl0_pic_idx(payload, self.len)?;
        }
        Some(())
    }

    fn skip_references(&mut self, payload: &[u8]) -> Option<()> {
        for _ in 0..REFERENCES_MAX {
            let reference = *payload.get(self.len)?;
            self.len += 1;
            if reference & 1 == 0 {
                return Some(());
            }
        }
        None
    }

    fn take_structure(&mut self, payload: &[u8]) -> Option<()> {
        let header = *payload.get(self.len)?;
        self.len += 1;
        let count = (header >> 5) + 1;
        self.spatial_layers = Some(count);
        if header & HAS_SIZES != 0 {
            let last = self.len + 4 * usize::from(count - 1);
            self.size = Some(Size {
                width: u16_at(payload, last)?.into(),
                height: u16_at(payload, last + 2)?.into(),
            });
            self.len = last + 4;
        }
        if header & HAS_GROUP != 0 {
            let pictures = *payload.get(self.len)?;
            self.len += 1;
            for _ in 0..pictures {
                let picture = *payload.get(self.len)?;
                self.len += 1 + usize::from(picture >> 2 & 3);
            }
        }
        (self.len <= payload.len()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::PictureId;
    use super::*;
    use proptest::prelude::*;

    /// The first packet of a keyframe with three spatial layers, their sizes and a group of two
    /// pictures.
    const KEYFRAME: [u8; 26] = [
        0xaa, 0x91, 0x22, // picture 0x1122, layers, start, structure
        0x10, 0x33, // layer 0 of both, switching up, TL0PICIDX
        0x58, // three layers, sizes, a group
        0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, 0x05, 0x00, 0x02, 0xd0,
        0x02, // two pictures
        0x14, 0x02, 0x34, 0x01, // each builds on one
        0x82, 0x49, 0x83, // of the frame itself
    ];

    #[test]
    fn every_field_of_a_keyframe_is_read() {
        let descriptor = Descriptor::parse(&KEYFRAME).unwrap();
        assert!(descriptor.start_of_frame && !descriptor.end_of_frame && descriptor.intra);
        assert!(descriptor.is_keyframe_start());
        assert_eq!(descriptor.numbers.picture_id, Some(PictureId::Long(0x1122)));
        assert_eq!(descriptor.numbers.tl0_pic_idx, Some(0x33));
        let layers = Layers {
            temporal: 0,
            switch_up: true,
            spatial: 0,
            inter_layer: false,
        };
        assert_eq!(descriptor.layers, Some(layers));
        assert_eq!(descriptor.spatial_layers, Some(3));
        let size = Size {
            width: 1280,
            height: 720,
        };
        assert_eq!(descriptor.size, Some(size));
        assert_eq!(descriptor.len, 23);
    }

    #[test]
    fn a_layer_of_a_later_picture_is_read() {
        // Not flexible: temporal layer 2, spatial layer 1, built on the layer below.
        let descriptor = Descriptor::parse(&[0xec, 0x11, 0x43, 0x07, 0xaa]).unwrap();
        assert!(descriptor.start_of_frame && descriptor.end_of_frame && !descriptor.intra);
        assert!(!descriptor.is_keyframe_start());
        assert_eq!(descriptor.numbers.picture_id, Some(PictureId::Short(0x11)));
        let layers = descriptor.layers.unwrap();
        assert_eq!((layers.temporal, layers.spatial), (2, 1));
        assert!(layers.inter_layer && !layers.switch_up);
        // Flexible: no TL0PICIDX, two references.
        let flexible = Descriptor::parse(&[0xf8, 0x11, 0x20, 0x03, 0x04, 0xaa]).unwrap();
        assert_eq!((flexible.numbers.tl0_pic_idx, flexible.len), (None, 5));
    }

    #[test]
    fn an_upper_layer_of_a_keyframe_is_no_place_to_begin() {
        let upper = Descriptor::parse(&[0xa8, 0x11, 0x03, 0x07]).unwrap();
        assert!(upper.intra && upper.start_of_frame);
        assert!(!upper.is_keyframe_start());
        let without_layers = Descriptor::parse(&[0x88, 0x11, 0x82]).unwrap();
        assert!(without_layers.is_keyframe_start());
    }

    #[test]
    fn a_payload_cut_within_its_descriptor_is_refused() {
        for len in 0..23 {
            assert_eq!(Descriptor::parse(&KEYFRAME[..len]), None, "{len} bytes");
        }
        assert_eq!(
            Descriptor::parse(&[0xd8, 0x11, 0x03, 0x03, 0x03, 0x02]),
            None,
            "a fourth reference"
        );
    }

    proptest! {
        #[test]
        fn a_descriptor_is_never_longer_than_its_payload(payload: Vec<u8>) {
            if let Some(descriptor) = Descriptor::parse(&payload) {
                prop_assert!(descriptor.len <= payload.len());
            }
        }
    }
}
