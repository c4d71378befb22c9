//! The layers of one encoding: which there are, what each takes, and the structure that tells frames
//! of one from those of another. Knows what comes, not who gets it.

use super::encoding_rate::EncodingRate;
use crate::downlink::decode_targets::Dependencies;
use crate::downlink::layer::Place;
use crate::rtp::dependency_descriptor::{self, DependencyDescriptor, Indication};
use crate::rtp::payload::Picture;
use crate::units::{Bitrate, Size};
use std::time::{Duration, Instant};

/// Spatial layers told apart; browsers make three. Those above count as the highest.
pub(crate) const SPATIAL_MAX: usize = 4;
/// Temporal layers told apart; browsers make three. Those above count as the highest.
const TEMPORAL_MAX: usize = 4;

/// What is known of the layers of one encoding.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    dependencies: Option<Dependencies>,
    /// The frame that brought the structure.
    attached_at: u16,
    rates: [[EncodingRate; TEMPORAL_MAX]; SPATIAL_MAX],
    /// When a packet of each spatial layer last came.
    heard_at: [Option<Instant>; SPATIAL_MAX],
    spatial_count: usize,
    temporal_max: u8,
}

impl Layers {
    /// The structure that holds.
    pub(crate) fn dependencies(&self) -> Option<&Dependencies> {
        self.dependencies.as_ref()
    }

    /// How many spatial layers the stream is known to have; 0 before anything is known.
    pub(crate) const fn spatial_layers(&self) -> usize {
        self.spatial_count
    }

    /// The highest temporal layer that came.
    pub(crate) const fn temporal_max(&self) -> u8 {
        self.temporal_max
    }

    /// The size of a spatial layer, if the stream tells.
    pub(crate) fn size(&self, spatial: u8) -> Option<Size> {
        self.dependencies.as_ref()?.structure.size(spatial)
    }

    /// Whether a spatial layer came within the time, and is not announced to have ended.
    pub(crate) fn is_heard(&self, now: Instant, spatial: usize, within: Duration) -> bool {
        let announced = self.dependencies.as_ref().is_none_or(|dependencies| {
            let mut targets = dependencies.active();
            targets.any(|(_, target)| usize::from(target.spatial) == spatial)
        });
        let heard_at = self.heard_at.get(spatial).copied().flatten();
        announced && heard_at.is_some_and(|at| now.duration_since(at) <= within)
    }

    /// What a layer takes with all it builds on; what was `announced`, while that is not known.
    pub(crate) fn rate(&self, place: Place, announced: Bitrate) -> (Bitrate, Option<u8>) {
        let (spatial, temporal) = slot(place);
        let rate = &self.rates[spatial][temporal];
        (rate.rate(announced), rate.frames_per_second())
    }

    /// The publisher stops sending a spatial layer, or all: what it takes is remembered.
    pub(crate) fn remember_rates(&mut self, spatial: Option<u8>) {
        self.rates_of(spatial).for_each(EncodingRate::remember);
    }

    /// The publisher sends a spatial layer again, or all.
    pub(crate) fn measure_anew(&mut self, spatial: Option<u8>) {
        self.rates_of(spatial).for_each(EncodingRate::begin_anew);
    }

    fn rates_of(&mut self, spatial: Option<u8>) -> impl Iterator<Item = &mut EncodingRate> {
        let rates = self.rates.iter_mut().enumerate();
        let of_it = move |index| spatial.is_none_or(|spatial| usize::from(spatial) == index);
        rates
            .filter(move |(index, _)| of_it(*index))
            .flat_map(|(_, rates)| rates)
    }

    /// Ends a step of measuring, if it lasted long enough.
    pub(crate) fn close_rates(&mut self, now: Instant) {
        for rate in self.rates.iter_mut().flatten() {
            rate.close(now);
        }
    }

    /// Reads a dependency descriptor and learns from it; `None` if it cannot be read, as when the
    /// key frame that explains it never came.
    pub(crate) fn learn(&mut self, data: &[u8]) -> Option<DependencyDescriptor> {
        let known = self.dependencies.as_ref();
        let frame = DependencyDescriptor::parse(data, known.map(|known| &*known.structure))?;
        let newer = frame
            .frame_number
            .wrapping_sub(self.attached_at)
            .cast_signed()
            > 0;
        if frame.attaches_structure && (newer || known.is_none()) {
            self.attach(data, frame.frame_number);
        }
        if let (Some(active), Some(known)) = (frame.active_targets, &mut self.dependencies)
            && (newer || frame.attaches_structure)
        {
            known.active_targets = active;
        }
        Some(frame)
    }

    fn attach(&mut self, data: &[u8], frame_number: u16) {
        let Some(structure) = dependency_descriptor::attached_structure(data) else {
            return;
        };
        self.attached_at = frame_number;
        self.spatial_count = structure.spatial_layers().min(SPATIAL_MAX);
        let temporal = structure.targets().iter().map(|target| target.temporal);
        self.temporal_max = temporal.max().unwrap_or(0);
        match &mut self.dependencies {
            Some(known) if *known.structure == structure => {}
            Some(known) => {
                *known.structure = structure;
                known.generation = known.generation.wrapping_add(1);
            }
            None => {
                self.dependencies = Some(Dependencies {
                    active_targets: structure.all_targets(),
                    structure: Box::new(structure),
                    generation: 0,
                });
            }
        }
    }

    /// Counts a packet of so many bytes for all layers that need it. `ends_frame` is true once per
    /// frame.
    pub(crate) fn count(
        &mut self,
        now: Instant,
        bytes: usize,
        (frame, picture): (Option<&DependencyDescriptor>, Option<&Picture>),
        ends_frame: bool,
    ) {
        if let (Some(frame), Some(dependencies)) = (frame, &self.dependencies) {
            let (spatial, _) = slot(Place::of_frame(frame));
            self.heard_at[spatial] = Some(now);
            for (index, target) in dependencies.structure.targets().iter().enumerate() {
                if frame.indication(index) != Indication::NotPresent {
                    let (spatial, temporal) = slot(Place::of_target(*target));
                    let rate = &mut self.rates[spatial][temporal];
                    rate.count(bytes);
                    if frame.end_of_frame && frame.spatial == target.spatial {
                        rate.count_frame();
                    }
                }
            }
            return;
        }
        let place = picture.map_or(Place::LOWEST, Place::of_picture);
        let (spatial, temporal) = slot(place);
        self.heard_at[spatial] = Some(now);
        self.spatial_count = self.spatial_count.max(spatial + 1);
        self.temporal_max = self.temporal_max.max(place.temporal);
        let ends_frame = picture.map_or(ends_frame, |picture| picture.ends_frame(ends_frame));
        let temporal_max = usize::from(self.temporal_max).min(TEMPORAL_MAX - 1);
        for (index, rates) in (0..self.spatial_count).zip(&mut self.rates).skip(spatial) {
            for rate in &mut rates[temporal..=temporal_max] {
                rate.count(bytes);
                if ends_frame && index == spatial {
                    rate.count_frame();
                }
            }
        }
    }
}

fn slot(place: Place) -> (usize, usize) {
    (
        usize::from(place.spatial).min(SPATIAL_MAX - 1),
        usize::from(place.temporal).min(TEMPORAL_MAX - 1),
    )
}
