//! Writes dependency descriptors (AV1 RTP specification, appendix A.8.2), by the book and apart
//! from the code that reads them.

/// What a key frame says of all frames up to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Structure {
    /// The id of the first template.
    pub(crate) id_offset: u8,
    /// The chain that protects each decode target; there are as many targets as entries.
    pub(crate) protected_by: Vec<u8>,
    pub(crate) chains: u8,
    /// Ordered by spatial and temporal layer.
    pub(crate) templates: Vec<Template>,
    /// Of each spatial layer, or of none.
    pub(crate) sizes: Vec<(u16, u16)>,
}

/// One kind of frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) spatial: u8,
    pub(crate) temporal: u8,
    /// A character for each decode target: `-`, `D`, `S` or `R`.
    pub(crate) indications: String,
    /// The frames it builds on, so many before it.
    pub(crate) distances: Vec<u8>,
    /// The frame before it in each chain.
    pub(crate) chains: Vec<u8>,
}

/// One packet's descriptor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) start: bool,
    pub(crate) end: bool,
    /// Index of the template.
    pub(crate) template: u8,
    pub(crate) number: u16,
    pub(crate) attach: bool,
    pub(crate) active: Option<u32>,
    pub(crate) custom_indications: Option<String>,
    pub(crate) custom_distances: Option<Vec<u16>>,
    pub(crate) custom_chains: Option<Vec<u8>>,
}

impl Written {
    pub(crate) fn bytes(&self, structure: &Structure) -> Vec<u8> {
        let mut bits = BitWriter::default();
        bits.put(self.start.into(), 1);
        bits.put(self.end.into(), 1);
        let id = (u32::from(self.template) + u32::from(structure.id_offset)) % 64;
        bits.put(id, 6);
        bits.put(self.number.into(), 16);
        let flags = [
            self.attach,
            self.active.is_some(),
            self.custom_indications.is_some(),
            self.custom_distances.is_some(),
            self.custom_chains.is_some(),
        ];
        if !flags.contains(&true) {
            return bits.bytes;
        }
        for flag in flags {
            bits.put(flag.into(), 1);
        }
        if self.attach {
            structure.write(&mut bits);
        }
        if let Some(active) = self.active {
            bits.put(active, u32::try_from(structure.protected_by.len()).unwrap());
        }
        for indication in self.custom_indications.iter().flat_map(|it| it.chars()) {
            bits.put(code(indication), 2);
        }
        if let Some(distances) = &self.custom_distances {
            for &distance in distances {
                let less = u32::from(distance) - 1;
                let nibbles = (32 - less.leading_zeros()).div_ceil(4).max(1);
                bits.put(nibbles, 2);
                bits.put(less, 4 * nibbles);
            }
            bits.put(0, 2);
        }
        for &distance in self.custom_chains.iter().flatten() {
            bits.put(distance.into(), 8);
        }
        bits.bytes
    }
}

impl Structure {
    fn write(&self, bits: &mut BitWriter) {
        let targets = u32::try_from(self.protected_by.len()).unwrap();
        bits.put(self.id_offset.into(), 6);
        bits.put(targets - 1, 5);
        for pair in self.templates.windows(2) {
            let step = match (pair[1].spatial - pair[0].spatial, pair[1].temporal) {
                (0, temporal) if temporal == pair[0].temporal => 0,
                (0, _) => 1,
                _ => 2,
            };
            bits.put(step, 2);
        }
        bits.put(3, 2);
        for template in &self.templates {
            for indication in template.indications.chars() {
                bits.put(code(indication), 2);
            }
        }
        for template in &self.templates {
            for &distance in &template.distances {
                bits.put(1, 1);
                bits.put(u32::from(distance) - 1, 4);
            }
            bits.put(0, 1);
        }
        bits.put_below(self.chains.into(), targets + 1);
        if self.chains > 0 {
            for &chain in &self.protected_by {
                bits.put_below(chain.into(), self.chains.into());
            }
            for template in &self.templates {
                for &distance in &template.chains {
                    bits.put(distance.into(), 4);
                }
            }
        }
        bits.put(u32::from(!self.sizes.is_empty()), 1);
        for &(width, height) in &self.sizes {
            bits.put(u32::from(width) - 1, 16);
            bits.put(u32::from(height) - 1, 16);
        }
    }
}

fn code(indication: char) -> u32 {
    u32::try_from("-DSR".find(indication).unwrap()).unwrap()
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    used: u32,
}

impl BitWriter {
    fn put(&mut self, value: u32, width: u32) {
        for bit in (0..width).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let set = u8::from(value >> bit & 1 == 1);
            *self.bytes.last_mut().unwrap() |= set << (7 - self.used % 8);
            self.used += 1;
        }
    }

    /// A value below `count` (AV1 bitstream specification, 4.10.7).
    fn put_below(&mut self, value: u32, count: u32) {
        let width = 32 - count.leading_zeros();
        let short = (1 << width) - count;
        if value < short {
            self.put(value, width - 1);
        } else {
            let rest = value + short;
            self.put(rest >> 1, width - 1);
            self.put(rest & 1, 1);
        }
    }
}
