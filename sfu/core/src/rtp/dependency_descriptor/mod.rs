//! The dependency descriptor, a header extension that says which layers a frame belongs to and what
//! it builds on (AV1 RTP specification, appendix A). Says what stands there; which frames somebody
//! gets is decided in `downlink`.

mod structure;

use super::bits::Bits;
use crate::units::Size;
use structure::{CHAINS_MAX, TEMPLATE_IDS};
pub use structure::{DecodeTarget, Structure};

/// The fields that are always there.
const MANDATORY_LEN: usize = 3;
/// Where the frame's number stands.
const FRAME_NUMBER_AT: usize = 1;
/// The length of a header extension at most (RFC 8285, section 4.3).
pub const LEN_MAX: usize = 255;

/// What one packet says of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// Whether the packet is the first of its frame.
    pub start_of_frame: bool,
    /// Whether it is the last.
    pub end_of_frame: bool,
    /// Counts the frames of the stream, modulo 65,536.
    pub frame_number: u16,
    /// Whether the packet brings the structure that holds from here on, as the first of a key frame
    /// does.
    pub attaches_structure: bool,
    /// The frame's spatial layer, 0 to 3.
    pub spatial: u8,
    /// The frame's temporal layer, 0 to 7.
    pub temporal: u8,
    /// The decode targets that are being sent, a bit for each, if that changes here.
    pub active_targets: Option<u32>,
    /// The frame's size, if the structure tells.
    pub size: Option<Size>,
    indications: Indications,
    distances: Distances,
    chain_distances: [u8; CHAINS_MAX],
}

/// What a frame is to a decode target (appendix A.3, two bits each).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indication {
    /// It is no part of it.
    NotPresent,
    /// No later frame of the target builds on it.
    Discardable,
    /// Whoever decodes it can decode the target from here on.
    Switch,
    /// Later frames of the target build on it.
    Required,
}

/// One [`Indication`] for each of up to 32 decode targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Indications(u64);

impl Indications {
    fn set(&mut self, target: usize, two_bits: u8) {
        self.0 |= u64::from(two_bits) << (2 * target);
    }

    fn of(self, target: usize) -> Indication {
        match self.0 >> (2 * target) & 3 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }
}

/// A frame builds on so many others at most: AV1 has seven references (AV1 bitstream specification,
/// 6.10.2), VP9 three, and each one more between sizes. Of a longer list the rest is not kept.
const DISTANCES_MAX: usize = 8;

/// How far back those frames are on which one builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Distances {
    list: [u16; DISTANCES_MAX],
    len: usize,
}

impl Distances {
    /// `distance` is at most 4,096.
    fn push(&mut self, distance: u32) {
        if let (Some(place), Ok(distance)) = (self.list.get_mut(self.len), distance.try_into()) {
            *place = distance;
            self.len += 1;
        }
    }
}

impl DependencyDescriptor {
    /// Reads a descriptor. `known` is the structure of the last key frame; `None` if it is needed
    /// and not known, or if the data is broken.
    pub fn parse(data: &[u8], known: Option<&Structure>) -> Option<Self> {
        let mut bits = Bits::new(data);
        let (start_of_frame, end_of_frame) = (bits.flag()?, bits.flag()?);
        let template_id = bits.small(6)?;
        let [high, low] = [bits.small(8)?, bits.small(8)?];
        let extended = if data.len() > MANDATORY_LEN {
            Extended::parse(&mut bits)?
        } else {
            Extended::default()
        };
        let attached;
        let structure = if extended.structure {
            attached = Structure::parse(&mut bits)?;
            &attached
        } else {
            known?
        };
        let active_targets = if extended.active_targets {
            Some(bits.number(u32::from(structure.target_count()))?)
        } else {
            extended.structure.then(|| structure.all_targets())
        };
        let template = structure.template(template_id)?;
        let mut descriptor = Self {
            start_of_frame,
            end_of_frame,
            frame_number: u16::from_be_bytes([high, low]),
            attaches_structure: extended.structure,
            spatial: template.spatial,
            temporal: template.temporal,
            active_targets,
            size: structure.size(template.spatial),
            indications: template.indications,
            distances: template.distances,
            chain_distances: template.chain_distances(),
        };
        descriptor.take_custom(&mut bits, &extended, structure)?;
        Some(descriptor)
    }

    /// What the frame is to a decode target of the structure it was read with.
    pub fn indication(&self, target: usize) -> Indication {
        self.indications.of(target)
    }

    /// How many frames before this one those are on which it builds.
    pub fn distances(&self) -> impl Iterator<Item = u16> + '_ {
        self.distances.list[..self.distances.len].iter().copied()
    }

    /// How many frames before this one the chain was that it continues, for a chain of the
    /// structure it was read with; 0 if the chain begins here.
    pub fn chain_distance(&self, chain: usize) -> u8 {
        self.chain_distances.get(chain).copied().unwrap_or(0)
    }

    /// What a frame says itself in place of its template (appendix A.8.2, `frame_dependency_definition`).
    fn take_custom(
        &mut self,
        bits: &mut Bits<'_>,
        extended: &Extended,
        structure: &Structure,
    ) -> Option<()> {
        if extended.custom_indications {
            self.indications = Indications::default();
            for target in 0..usize::from(structure.target_count()) {
                self.indications.set(target, bits.small(2)?);
            }
        }
        if extended.custom_distances {
            self.distances = Distances::default();
            loop {
                let nibbles = bits.number(2)?;
                if nibbles == 0 {
                    break;
                }
                self.distances.push(bits.number(4 * nibbles)? + 1);
            }
        }
        if extended.custom_chains {
            for chain in self
                .chain_distances
                .iter_mut()
                .take(structure.chain_count())
            {
                *chain = bits.small(8)?;
            }
        }
        Some(())
    }
}

/// Whether a descriptor brings a structure with it.
pub fn attached_structure(data: &[u8]) -> Option<Structure> {
    let mut bits = Bits::new(data.get(MANDATORY_LEN..)?);
    let extended = Extended::parse(&mut bits)?;
    extended
        .structure
        .then(|| Structure::parse(&mut bits))
        .flatten()
}

/// Replaces the frame's number in a descriptor that was read.
pub fn renumber(data: &mut [u8], frame_number: u16) {
    if let Some(place) = data.get_mut(FRAME_NUMBER_AT..MANDATORY_LEN) {
        place.copy_from_slice(&frame_number.to_be_bytes());
    }
}

/// The flags behind the fields that are always there.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the flags of the wire"
)]
struct Extended {
    structure: bool,
    active_targets: bool,
    custom_indications: bool,
    custom_distances: bool,
    custom_chains: bool,
}

impl Extended {
    fn parse(bits: &mut Bits<'_>) -> Option<Self> {
        Some(Self {
            structure: bits.flag()?,
            active_targets: bits.flag()?,
            custom_indications: bits.flag()?,
            custom_distances: bits.flag()?,
            custom_chains: bits.flag()?,
        })
    }
}

/// How a frame's template is found by the id in a descriptor.
const fn template_index(id: u8, offset: u8) -> u8 {
    id.wrapping_add(TEMPLATE_IDS).wrapping_sub(offset) % TEMPLATE_IDS
}

#[cfg(test)]
mod tests;
/// Descriptors written apart from what reads them here.
#[cfg(test)]
#[path = "../../../tests/meetings/sim/dependency.rs"]
pub(crate) mod written;
