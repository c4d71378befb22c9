//! Payloads as far as they must be read: the first bytes of pictures, to choose where to begin
//! forwarding and to renumber, and the blocks of redundant sound. Nothing is decoded.

pub mod av1;
pub mod h264;
pub mod h265;
mod numbers;
mod picture_id;
pub mod red;
pub mod vp8;
pub mod vp9;

pub use numbers::Numbers;
pub use picture_id::PictureId;

/// What a payload says of its picture, for the codecs whose payloads number pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// VP8.
    Vp8(vp8::Descriptor),
    /// VP9.
    Vp9(vp9::Descriptor),
}

impl Picture {
    /// Its numbers.
    pub const fn numbers(&self) -> &Numbers {
        match self {
            Self::Vp8(descriptor) => &descriptor.numbers,
            Self::Vp9(descriptor) => &descriptor.numbers,
        }
    }

    /// The picture's number.
    pub const fn id(&self) -> Option<PictureId> {
        self.numbers().picture_id
    }

    /// The number of the last picture of temporal layer 0.
    pub const fn tl0_pic_idx(&self) -> Option<u8> {
        self.numbers().tl0_pic_idx
    }

    /// Whether the payload says in which layer it is.
    pub const fn has_layers(&self) -> bool {
        match self {
            Self::Vp8(descriptor) => descriptor.temporal.is_some(),
            Self::Vp9(descriptor) => descriptor.layers.is_some(),
        }
    }

    /// The spatial and the temporal layer, each 0 if there are none.
    pub fn layers(&self) -> (u8, u8) {
        match self {
            Self::Vp8(descriptor) => (0, descriptor.temporal.map_or(0, |(layer, _)| layer)),
            Self::Vp9(descriptor) => descriptor
                .layers
                .map_or((0, 0), |layers| (layers.spatial, layers.temporal)),
        }
    }

    /// Whether a decoder can begin with the packet.
    pub fn is_keyframe_start(&self) -> bool {
        match self {
            Self::Vp8(descriptor) => descriptor.keyframe,
            Self::Vp9(descriptor) => descriptor.is_keyframe_start(),
        }
    }

    /// Whether the packet is the last of its frame; where the payload does not tell, by its marker.
    pub const fn ends_frame(&self, marker: bool) -> bool {
        match self {
            Self::Vp8(_) => marker,
            Self::Vp9(descriptor) => descriptor.end_of_frame,
        }
    }
}
