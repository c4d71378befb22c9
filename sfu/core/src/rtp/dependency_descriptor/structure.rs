//! The structure of a stream's layers, which a key frame brings: templates of frames, decode
//! targets and chains (AV1 RTP specification, appendix A.8.2). Bounded by what its fields can count.

use super::{Bits, Distances, Indication, Indications, template_index};
use crate::units::Size;

/// A template's id has six bits.
pub(super) const TEMPLATE_IDS: u8 = 64;
const TEMPLATES_MAX: usize = 64;
/// Their count has five bits.
const TARGETS_MAX: usize = 32;
/// No more than decode targets.
pub(super) const CHAINS_MAX: usize = 32;
/// A frame's spatial layer has two bits elsewhere, and no encoder makes more.
const SPATIAL_MAX: u8 = 3;
const SIZES_MAX: usize = 4;
/// A frame's temporal layer has three bits elsewhere.
const TEMPORAL_MAX: u8 = 7;

/// Says what every frame until the next key frame is, by its template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    template_id_offset: u8,
    template_count: u8,
    templates: [Template; TEMPLATES_MAX],
    target_count: u8,
    targets: [DecodeTarget; TARGETS_MAX],
    chain_count: u8,
    sizes: [Option<Size>; SIZES_MAX],
}

/// One way to decode the stream: a size and a frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecodeTarget {
    /// The highest spatial layer it has.
    pub spatial: u8,
    /// The highest temporal layer it has.
    pub temporal: u8,
    /// The chain whose frames it cannot do without, if there are chains.
    pub chain: Option<u8>,
}

/// What frames of one kind are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Template {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    pub(super) indications: Indications,
    pub(super) distances: Distances,
    /// Four bits for each chain.
    chain_distances: u128,
}

impl Template {
    pub(super) fn chain_distances(&self) -> [u8; CHAINS_MAX] {
        let mut distances = [0; CHAINS_MAX];
        let mut rest = self.chain_distances;
        for distance in &mut distances {
            if rest == 0 {
                break;
            }
            *distance = u8::try_from(rest & 15).expect("masked to four bits");
            rest >>= 4;
        }
        distances
    }
}

impl Structure {
    /// Reads a structure; `None` if it is broken, or counts more layers than there can be.
    pub(super) fn parse(bits: &mut Bits<'_>) -> Option<Self> {
        let mut structure = Self {
            template_id_offset: bits.small(6)?,
            template_count: 0,
            templates: [Template::default(); TEMPLATES_MAX],
            target_count: bits.small(5)? + 1,
            targets: [DecodeTarget::default(); TARGETS_MAX],
            chain_count: 0,
            sizes: [None; SIZES_MAX],
        };
        structure.take_layers(bits)?;
        structure.take_indications(bits)?;
        structure.take_distances(bits)?;
        structure.take_chains(bits)?;
        structure.find_target_layers();
        if bits.flag()? {
            let layers = structure.spatial_layers();
            for size in &mut structure.sizes[..layers] {
                *size = Some(Size {
                    width: bits.number(16)? + 1,
                    height: bits.number(16)? + 1,
                });
            }
        }
        Some(structure)
    }

    /// How many decode targets there are, 1 to 32.
    pub const fn target_count(&self) -> u8 {
        self.target_count
    }

    /// A bit for each decode target.
    pub fn all_targets(&self) -> u32 {
        u32::MAX >> (32 - u32::from(self.target_count))
    }

    /// The decode targets in their order.
    pub fn targets(&self) -> &[DecodeTarget] {
        &self.targets[..usize::from(self.target_count)]
    }

    /// How many chains there are, 0 to 32.
    pub fn chain_count(&self) -> usize {
        usize::from(self.chain_count)
    }

    /// How many spatial layers there are, 1 to 4.
    pub fn spatial_layers(&self) -> usize {
        let highest = self.templates().iter().map(|template| template.spatial);
        usize::from(highest.max().unwrap_or(0)) + 1
    }

    /// The size of a spatial layer, if it is told.
    pub fn size(&self, spatial: u8) -> Option<Size> {
        self.sizes.get(usize::from(spatial)).copied().flatten()
    }

    /// The template with the id that a descriptor names.
    pub(super) fn template(&self, id: u8) -> Option<&Template> {
        let index = template_index(id, self.template_id_offset);
        self.templates().get(usize::from(index))
    }

    fn templates(&self) -> &[Template] {
        &self.templates[..usize::from(self.template_count)]
    }

    fn take_layers(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let (mut spatial, mut temporal) = (0, 0);
        loop {
            let template = self.templates.get_mut(usize::from(self.template_count))?;
            template.spatial = spatial;
            template.temporal = temporal;
            self.template_count += 1;
            match bits.number(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => return Some(()),
            }
            if spatial > SPATIAL_MAX || temporal > TEMPORAL_MAX {
                return None;
            }
        }
    }

    fn take_indications(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        for template in &mut self.templates[..usize::from(self.template_count)] {
            for target in 0..usize::from(self.target_count) {
                template.indications.set(target, bits.small(2)?);
            }
        }
        Some(())
    }

    fn take_distances(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        for template in &mut self.templates[..usize::from(self.template_count)] {
            while bits.flag()? {
                let less_one = bits.number(4)?;
                template.distances.push(less_one + 1);
            }
        }
        Some(())
    }

    fn take_chains(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let below = |bits: &mut Bits<'_>, count: u8| {
            let number = bits.below(u32::from(count))?;
            u8::try_from(number).ok()
        };
        self.chain_count = below(bits, self.target_count + 1)?;
        if self.chain_count == 0 {
            return Some(());
        }
        for target in &mut self.targets[..usize::from(self.target_count)] {
            target.chain = Some(below(bits, self.chain_count)?);
        }
        for template in &mut self.templates[..usize::from(self.template_count)] {
            for chain in 0..self.chain_count {
                template.chain_distances |= u128::from(bits.number(4)?) << (4 * chain);
            }
        }
        Some(())
    }

    fn find_target_layers(&mut self) {
        let templates = &self.templates[..usize::from(self.template_count)];
        for (index, target) in self.targets[..usize::from(self.target_count)]
            .iter_mut()
            .enumerate()
        {
            for template in templates {
                if template.indications.of(index) != Indication::NotPresent {
                    target.spatial = target.spatial.max(template.spatial);
                    target.temporal = target.temporal.max(template.temporal);
                }
            }
        }
    }
}
