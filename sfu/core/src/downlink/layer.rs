//! The steps in which a track can be sent: what it means to get less of it.

use crate::rtp::dependency_descriptor::{DecodeTarget, DependencyDescriptor};
use crate::rtp::payload::Picture;

/// One step of a track: a picture size and a frame rate. Whoever has a layer has all it builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Layer {
    /// The size, smallest first: the index of an encoding, or of a spatial layer if the only
    /// encoding has several.
    pub(crate) spatial: usize,
    /// The frame rate, lowest first, 0 to 7; 0 is all there is of an encoding without temporal
    /// layers.
    pub(crate) temporal: u8,
}

impl Layer {
    /// The smallest picture at the lowest frame rate.
    pub(crate) const LOWEST: Self = Self {
        spatial: 0,
        temporal: 0,
    };
}

/// Where frames stand among the layers of one encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The spatial layer, 0 to 7; more means the highest there is.
    pub(crate) spatial: u8,
    /// The temporal layer, 0 to 7; more means the highest there is.
    pub(crate) temporal: u8,
}

impl Place {
    pub(crate) const LOWEST: Self = Self {
        spatial: 0,
        temporal: 0,
    };
    /// Above all layers there can be.
    pub(crate) const HIGHEST: Self = Self {
        spatial: u8::MAX,
        temporal: u8::MAX,
    };

    /// Where a frame stands by its dependency descriptor.
    pub(crate) const fn of_frame(frame: &DependencyDescriptor) -> Self {
        Self {
            spatial: frame.spatial,
            temporal: frame.temporal,
        }
    }

    /// The highest layers of a decode target.
    pub(crate) const fn of_target(target: DecodeTarget) -> Self {
        Self {
            spatial: target.spatial,
            temporal: target.temporal,
        }
    }

    /// Where a frame stands by its payload descriptor.
    pub(crate) fn of_picture(picture: &Picture) -> Self {
        let (spatial, temporal) = picture.layers();
        Self { spatial, temporal }
    }
}
