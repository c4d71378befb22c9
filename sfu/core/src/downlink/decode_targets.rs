//! Which frames of an encoding a subscriber gets, by its dependency descriptors: those of one decode
//! target. Decides when another target can be followed without a frame missing that it builds on.
//! Knows nothing of numbers on the way out: see `rewriter`.

use super::layer::Place;
use super::layer_filter::Verdict;
use crate::rtp::dependency_descriptor::{
    DecodeTarget, DependencyDescriptor, Indication, Structure,
};

/// Frames whose fate is remembered. The distance to the frame before in a chain has eight bits.
const WINDOW: u16 = 256;
const WORD_BITS: u16 = 64;
const WORDS: usize = 4;

/// The structure that holds, and what of it the publisher sends.
#[derive(Debug)]
pub(crate) struct Dependencies {
    pub(crate) structure: Box<Structure>,
    /// A bit for each decode target.
    pub(crate) active_targets: u32,
    /// Counts the structures that differed from the one before.
    pub(crate) generation: u32,
}

/// What one subscriber follows of an encoding.
#[derive(Debug)]
pub(crate) struct DecodeTargets {
    /// The target whose frames are forwarded, and its layers; `None` until a key frame came.
    current: Option<(usize, Place)>,
    /// A bit for each chain of which a frame was left out.
    broken_chains: u32,
    /// Whether the target that is wanted can only be entered at a key frame.
    awaits_keyframe: bool,
    newest: Option<u16>,
    /// The timestamp of the last picture whose end the subscriber was told.
    ended: Option<u32>,
    /// The structure whose targets and chains are meant.
    generation: u32,
    /// Frames that were forwarded, and frames that were not: rings by number.
    taken: Ring,
    left: Ring,
}

impl DecodeTargets {
    /// Nothing yet: the first frame must be a key frame.
    pub(crate) const fn new() -> Self {
        Self {
            current: None,
            broken_chains: u32::MAX,
            awaits_keyframe: false,
            newest: None,
            ended: None,
            generation: 0,
            taken: Ring([0; WORDS]),
            left: Ring([0; WORDS]),
        }
    }

    /// The layers that are forwarded.
    pub(crate) fn place(&self) -> Option<Place> {
        self.current.map(|(_, place)| place)
    }

    pub(crate) const fn awaits_keyframe(&self) -> bool {
        self.awaits_keyframe
    }

    /// Decides on a packet's frame; all packets of one frame share its fate.
    pub(crate) fn judge(
        &mut self,
        wanted: Place,
        (frame, timestamp): (&DependencyDescriptor, u32),
        dependencies: &Dependencies,
    ) -> Verdict {
        let ahead = self
            .newest
            .map_or(1, |newest| distance(frame.frame_number, newest));
        if ahead > 0 {
            let grows = self.ended != Some(timestamp);
            self.begin(wanted, (frame, grows), dependencies);
        }
        let number = frame.frame_number;
        let known = ahead > -i32::from(WINDOW);
        let taken = if known && self.left.has(number) {
            false
        } else if known && self.taken.has(number) {
            true
        } else {
            let taken = self.includes(frame);
            if known {
                self.ring(taken).set(number);
            }
            taken
        };
        let highest = self
            .place()
            .is_some_and(|place| frame.spatial == place.spatial);
        let ends_picture = taken && highest && frame.end_of_frame;
        if ends_picture {
            self.ended = Some(timestamp);
        }
        Verdict {
            taken,
            ends_picture,
        }
    }

    /// A frame newer than all before it: the place to follow another target, and one of a larger
    /// size only if the subscriber was not told yet that the picture is complete.
    fn begin(
        &mut self,
        wanted: Place,
        (frame, grows): (&DependencyDescriptor, bool),
        dependencies: &Dependencies,
    ) {
        self.advance(frame.frame_number);
        if frame.attaches_structure || self.generation != dependencies.generation {
            // Targets and chains are counted anew.
            self.generation = dependencies.generation;
            self.current = None;
            self.broken_chains = u32::MAX;
        }
        self.note_chains(frame, dependencies.structure.chain_count());
        if let Some((best, target)) = dependencies.best_target(wanted) {
            if self.current.is_none_or(|(current, _)| current != best) {
                self.approach(Place::of_target(target), (frame, grows), dependencies);
            }
            let reached = self.current.is_some_and(|(current, _)| current == best);
            self.awaits_keyframe = !reached && !self.can_enter(target);
        }
        let taken = self.includes(frame);
        self.ring(taken).set(frame.frame_number);
    }

    /// A chain is broken at the first of its frames that was left out, until it begins again. One
    /// that was lost is believed to be repaired.
    fn note_chains(&mut self, frame: &DependencyDescriptor, chains: usize) {
        for chain in 0..chains {
            let distance = u16::from(frame.chain_distance(chain));
            if distance == 0 {
                self.broken_chains &= !(1 << chain);
            } else if self.left.has(frame.frame_number.wrapping_sub(distance)) {
                self.broken_chains |= 1 << chain;
            }
        }
    }

    /// Follows the target nearest to the wanted one of those that can be entered at this frame, if
    /// that is nearer than what is followed.
    fn approach(
        &mut self,
        wanted: Place,
        (frame, grows): (&DependencyDescriptor, bool),
        dependencies: &Dependencies,
    ) {
        if !self.can_decode(frame) {
            return;
        }
        let size = self.place().map_or(u8::MAX, |place| place.spatial);
        let enterable = dependencies.active().filter(|(index, target)| {
            frame.indication(*index) == Indication::Switch
                && self.can_enter(*target)
                && (grows || target.spatial <= size)
        });
        let nearest =
            enterable.min_by_key(|(_, target)| remoteness(Place::of_target(*target), wanted));
        if let Some((index, target)) = nearest {
            let place = Place::of_target(target);
            let nearer = |(_, current)| remoteness(place, wanted) < remoteness(current, wanted);
            if self.current.is_none_or(nearer) {
                self.current = Some((index, place));
            }
        }
    }

    /// Whether nothing that the frame itself builds on was left out.
    fn can_decode(&self, frame: &DependencyDescriptor) -> bool {
        let mut distances = frame.distances();
        distances.all(|distance| {
            distance < WINDOW && !self.left.has(frame.frame_number.wrapping_sub(distance))
        })
    }

    /// Whether everything that a target builds on was forwarded, as far as frames can tell.
    fn can_enter(&self, target: DecodeTarget) -> bool {
        match (target.chain, self.current) {
            (Some(chain), _) => self.broken_chains >> chain & 1 == 0,
            // Without chains only the frames of the same size are known to have been forwarded.
            (None, Some((_, current))) => current.spatial == target.spatial,
            (None, None) => true,
        }
    }

    fn includes(&self, frame: &DependencyDescriptor) -> bool {
        self.current
            .is_some_and(|(target, _)| frame.indication(target) != Indication::NotPresent)
    }

    fn ring(&mut self, taken: bool) -> &mut Ring {
        if taken {
            &mut self.taken
        } else {
            &mut self.left
        }
    }

    fn advance(&mut self, number: u16) {
        let steps = self
            .newest
            .map_or(WINDOW, |newest| number.wrapping_sub(newest));
        if steps >= WINDOW {
            self.taken = Ring::default();
            self.left = Ring::default();
        } else {
            for step in 0..steps {
                self.taken.clear(number.wrapping_sub(step));
                self.left.clear(number.wrapping_sub(step));
            }
        }
        self.newest = Some(number);
    }
}

impl Dependencies {
    /// The target that is sent and comes nearest to what is wanted without exceeding it; the
    /// smallest if all exceed it.
    pub(crate) fn best_target(&self, wanted: Place) -> Option<(usize, DecodeTarget)> {
        let layers = |(_, target): &(usize, DecodeTarget)| (target.spatial, target.temporal);
        self.active()
            .filter(|(_, target)| {
                target.spatial <= wanted.spatial && target.temporal <= wanted.temporal
            })
            .max_by_key(layers)
            .or_else(|| self.active().min_by_key(layers))
    }

    /// The targets that are sent, with their numbers.
    pub(crate) fn active(&self) -> impl Iterator<Item = (usize, DecodeTarget)> {
        let active = |(index, _): &(usize, DecodeTarget)| self.active_targets >> index & 1 == 1;
        let targets = self.structure.targets().iter().copied();
        targets.enumerate().filter(active)
    }
}

/// Orders places by how far they are from the wanted one: size counts before frame rate.
const fn remoteness(place: Place, wanted: Place) -> u16 {
    let sizes = place.spatial.abs_diff(wanted.spatial);
    let rates = place.temporal.abs_diff(wanted.temporal);
    u16::from_be_bytes([sizes, rates])
}

/// How many frames one number is after another; negative if before.
fn distance(number: u16, other: u16) -> i32 {
    i32::from(number.wrapping_sub(other).cast_signed())
}

/// A bit for each of the last [`WINDOW`] frames.
#[derive(Debug, Clone, Copy, Default)]
struct Ring([u64; WORDS]);

impl Ring {
    fn has(&self, number: u16) -> bool {
        let (word, bit) = Self::spot(number);
        self.0[word] & bit != 0
    }

    fn set(&mut self, number: u16) {
        let (word, bit) = Self::spot(number);
        self.0[word] |= bit;
    }

    fn clear(&mut self, number: u16) {
        let (word, bit) = Self::spot(number);
        self.0[word] &= !bit;
    }

    fn spot(number: u16) -> (usize, u64) {
        let index = number % WINDOW;
        (usize::from(index / WORD_BITS), 1 << (index % WORD_BITS))
    }
}
