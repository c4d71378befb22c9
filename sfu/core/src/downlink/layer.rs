//! The steps in which a track can be sent: what it means to get less of it.

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
