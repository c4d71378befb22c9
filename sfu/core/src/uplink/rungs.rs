//! What each layer of a track takes and gives: the ladder on which subscribers climb. Knows what is
//! being received, not who gets it.

use super::track::{ENCODINGS_MAX, Track};
use crate::downlink::layer::Layer;
use crate::units::{Bitrate, Size};

/// Assumed of every encoding: publishers do not say, and cameras give about as many.
const FRAMES_PER_SECOND: u8 = 30;
/// Sizes of encodings of which the publisher says none, smallest first: as browsers scale.
const USUAL_SIZES: [Size; ENCODINGS_MAX] = [
    Size {
        width: 320,
        height: 180,
    },
    Size {
        width: 640,
        height: 360,
    },
    Size {
        width: 1280,
        height: 720,
    },
];

/// A layer that is being received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    pub(crate) layer: Layer,
    /// What it takes with all it builds on, as measured.
    pub(crate) bitrate: Bitrate,
    /// Its picture.
    pub(crate) size: Size,
    /// Frames a second.
    pub(crate) frames_per_second: u8,
}

impl Track {
    /// The layers that are being received, up to the size `best`, smallest first.
    pub(crate) fn rungs(&self, best: usize) -> impl Iterator<Item = Rung> + '_ {
        (0..=best)
            .filter(|&spatial| self.available.get(spatial).is_some_and(|it| it.active))
            .map(|spatial| self.rung(spatial))
    }

    fn rung(&self, spatial: usize) -> Rung {
        let announced = self.spec.layers.get(spatial);
        let expected = announced.map_or(Bitrate::ZERO, |layer| layer.bitrate);
        Rung {
            layer: Layer {
                spatial,
                temporal: 0,
            },
            bitrate: self.encodings[spatial].rate.rate(expected),
            size: announced.map_or(USUAL_SIZES[spatial], |layer| layer.size),
            frames_per_second: FRAMES_PER_SECOND,
        }
    }
}
