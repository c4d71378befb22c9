//! The layers of a track that are being received, what each takes and gives: the ladder on which
//! subscribers climb. Knows what comes, not who gets it.

use super::encoding::{ALIVE, FRESH};
use super::layers::SPATIAL_MAX;
use super::track::{ENCODINGS_MAX, Track};
use crate::command::LayerSpec;
use crate::downlink::available::Available;
use crate::downlink::layer::{Layer, Place};
use crate::units::{Bitrate, Quality, Size};
use std::time::Instant;

/// Assumed of every encoding before it is measured: cameras give about as many.
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
    /// The layers that are being received or may soon be, up to the size `best`, smallest and slowest
    /// first.
    pub(crate) fn rungs(&self, best: usize) -> impl Iterator<Item = Rung> + '_ {
        let steps = self.available.iter().enumerate().take(best + 1);
        steps
            .filter(|(_, step)| step.active || step.waking)
            .flat_map(move |(spatial, step)| {
                (0..=step.temporal_max)
                    .map(move |temporal| self.rung(step, Layer { spatial, temporal }))
            })
    }

    fn rung(&self, step: &Available, layer: Layer) -> Rung {
        let announced = self.spec.layers.get(layer.spatial);
        let expected = announced.map_or(Bitrate::ZERO, |layer| layer.bitrate);
        let layers = &self.encodings[step.encoding].layers;
        let highest = layers.spatial_layers().saturating_sub(1);
        let spatial = if step.is_whole {
            u8::try_from(highest).unwrap_or(u8::MAX)
        } else {
            step.spatial
        };
        let place = Place {
            spatial,
            temporal: layer.temporal,
        };
        let (bitrate, frames) = layers.rate(place, expected);
        let told = step.layer.or(announced.copied()).map(|spec| spec.size);
        let usual = USUAL_SIZES[layer.spatial.min(ENCODINGS_MAX - 1)];
        Rung {
            layer,
            bitrate,
            size: told.unwrap_or(usual),
            frames_per_second: frames.unwrap_or(FRAMES_PER_SECOND),
        }
    }

    /// Looks again which sizes there are and which of them come; without `now` all are taken to
    /// come that are not known to have ended. Returns whether anything changed.
    pub(super) fn refresh_ladder(&mut self, now: Option<Instant>) -> bool {
        let is_alone = self.encodings.len() == 1;
        let count = if is_alone {
            self.spatial_steps()
        } else {
            self.encodings.len()
        };
        let mut changed = self.available.len() > count;
        self.available.truncate(count);
        for index in 0..count {
            let step = if is_alone {
                self.spatial_step(now, index, count)
            } else {
                self.encoding_step(now, index)
            };
            if let Some(known) = self.available.get_mut(index) {
                changed |= *known != step;
                *known = step;
            } else {
                changed = true;
                self.available.push(step);
            }
        }
        changed
    }

    /// How many sizes the only encoding has: as many as announced, even while the publisher leaves
    /// some out, or more if more came.
    fn spatial_steps(&self) -> usize {
        let known = self.encodings[0].layers.spatial_layers();
        let layered = self
            .section
            .as_ref()
            .is_some_and(|section| section.codec.is_layered());
        let announced = if layered { self.spec.layers.len() } else { 1 };
        announced.max(known).clamp(1, SPATIAL_MAX)
    }

    fn spatial_step(&self, now: Option<Instant>, spatial: usize, steps: usize) -> Available {
        let encoding = &self.encodings[0];
        let layers = &encoding.layers;
        let heard = |now, within| layers.is_heard(now, spatial, within);
        let others_fresh =
            |now| (0..steps).any(|other| other != spatial && layers.is_heard(now, other, FRESH));
        let known = layers.spatial_layers();
        let exists = known == 0 || spatial < known;
        let active = now.is_none_or(|now| {
            let all_silent = || encoding.ssrc.is_some() && !others_fresh(now);
            exists && (heard(now, ALIVE) || all_silent())
        });
        let id = u8::try_from(spatial).expect("at most SPATIAL_MAX");
        let announced = self.spec.layers.get(spatial).copied();
        Available {
            encoding: 0,
            spatial: id,
            is_whole: steps == 1,
            temporal_max: layers.temporal_max(),
            active,
            waking: !active && now.is_some_and(|now| self.waking.is_coming(now, spatial)),
            layer: (steps > 1)
                .then(|| with_size(announced, spatial, layers.size(id)))
                .flatten(),
        }
    }

    fn encoding_step(&self, now: Option<Instant>, index: usize) -> Available {
        let encoding = &self.encodings[index];
        // One that brings nothing while another one of the track does has been switched off by the
        // publisher.
        let others_fresh = |now| self.encodings.iter().any(|other| other.is_fresh(now));
        let active = now.is_none_or(|now| {
            encoding.is_alive(now) || (!others_fresh(now) && encoding.ssrc.is_some())
        });
        Available {
            encoding: index,
            spatial: 0,
            is_whole: true,
            temporal_max: encoding.layers.temporal_max(),
            active,
            waking: !active && now.is_some_and(|now| self.waking.is_coming(now, index)),
            layer: self.spec.layers.get(index).copied(),
        }
    }
}

/// What is known of a spatial layer: its size as the stream tells it counts more than as announced.
fn with_size(
    announced: Option<LayerSpec>,
    spatial: usize,
    size: Option<Size>,
) -> Option<LayerSpec> {
    let quality = [Quality::Low, Quality::Medium, Quality::High][spatial.min(2)];
    match (announced, size) {
        (Some(spec), Some(size)) => Some(LayerSpec { size, ..spec }),
        (None, Some(size)) => Some(LayerSpec {
            quality,
            size,
            bitrate: Bitrate::ZERO,
        }),
        (announced, None) => announced,
    }
}
