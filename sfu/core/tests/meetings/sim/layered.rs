//! Encodings with layers, as encoders make them: pictures of three sizes and three frame rates, their
//! descriptors, and in each payload what a decoder would need to know of the frame.

use super::dependency::{Structure, Template, Written};

/// What stands at the end of each payload: of which frame it is, and on which others that builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truth {
    /// The encoding, and the frame's number in it.
    pub(crate) frame: (u32, u32),
    /// The picture; all encodings of a track count alike.
    pub(crate) picture: u32,
    pub(crate) spatial: u8,
    pub(crate) temporal: u8,
    pub(crate) starts: bool,
    pub(crate) ends: bool,
    /// Frames of the same encoding.
    pub(crate) builds_on: Vec<u32>,
}

/// How frames are described on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Vp8,
    /// By payload descriptors alone.
    Vp9Plain,
    Vp9,
    Av1,
}

/// One encoding.
#[derive(Debug, Clone)]
pub(crate) struct Layered {
    pub(crate) format: Format,
    encoding: u32,
    pub(crate) spatial_layers: u8,
    /// Sizes build on each other in key pictures only.
    keyed: bool,
    structure: Structure,
    counter: Counter,
    pub(crate) packets_per_frame: usize,
    /// Whether frames of the lowest temporal layer have twice as many, as libvpx gives bits out: 40,
    /// 60 and 100 % of them.
    pub(crate) weighty: bool,
    /// Bytes in each packet besides what describes it.
    pub(crate) filler: usize,
    tl0: u8,
}

/// A packet to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) payload: Vec<u8>,
    /// The dependency descriptor.
    pub(crate) descriptor: Option<Vec<u8>>,
    pub(crate) marker: bool,
}

/// Where an encoder is.
#[derive(Debug, Clone, Default)]
struct Counter {
    picture: u32,
    frame: u32,
    /// Pictures since the key picture.
    since_key: u32,
    /// The last frames of temporal layers 0 and 1 of each size.
    last: [[u32; 2]; 3],
    /// The last frame of each chain.
    chains: [u32; 3],
}

/// What a frame is, before it is written.
#[derive(Debug, Clone)]
struct Frame {
    number: u32,
    key: bool,
    spatial: u8,
    temporal: u8,
    builds_on: Vec<u32>,
    template: Template,
}

impl Layered {
    /// An encoding whose frame numbers soon wrap.
    pub(crate) fn new(format: Format, encoding: u32, spatial_layers: u8, keyed: bool) -> Self {
        let start = Counter {
            picture: 32_700,
            frame: 65_400 + encoding % 50,
            ..Counter::default()
        };
        Self {
            format,
            encoding,
            spatial_layers,
            keyed,
            structure: structure(spatial_layers, keyed),
            counter: start,
            packets_per_frame: 2,
            filler: 0,
            weighty: false,
            tl0: 250,
        }
    }

    /// The packets of the next picture.
    pub(crate) fn picture(&mut self, key: bool) -> Vec<Built> {
        let frames = self.counter.picture(self.spatial_layers, self.keyed, key);
        if frames[0].temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let of_frame = |frame: &Frame| {
            let times = if self.weighty && frame.temporal == 0 {
                2
            } else {
                1
            };
            let last = self.packets_per_frame * times - 1;
            (0..=last)
                .map(|index| self.packet(frame, index == 0, index == last))
                .collect::<Vec<_>>()
        };
        frames.iter().flat_map(of_frame).collect()
    }

    fn packet(&self, frame: &Frame, starts: bool, ends: bool) -> Built {
        let mut payload = match self.format {
            Format::Vp8 => self.vp8(frame, starts),
            Format::Vp9Plain | Format::Vp9 => self.vp9(frame, starts, ends),
            Format::Av1 => vec![if frame.key && starts && frame.spatial == 0 {
                0x18
            } else {
                0x10
            }],
        };
        let truth = Truth {
            frame: (self.encoding, frame.number),
            picture: self.counter.picture,
            spatial: frame.spatial,
            temporal: frame.temporal,
            starts,
            ends,
            builds_on: frame.builds_on.clone(),
        };
        payload.resize(payload.len() + self.filler, 0xbb);
        payload.extend(truth.bytes());
        let described = matches!(self.format, Format::Vp9 | Format::Av1);
        Built {
            payload,
            descriptor: described.then(|| self.descriptor(frame, starts, ends)),
            marker: ends && frame.spatial + 1 == self.spatial_layers,
        }
    }

    fn descriptor(&self, frame: &Frame, start: bool, end: bool) -> Vec<u8> {
        let alike = |template: &&Template| *template == &frame.template;
        let same_layer = |template: &&Template| {
            (template.spatial, template.temporal) == (frame.spatial, frame.temporal)
        };
        let templates = || self.structure.templates.iter();
        let exact = templates().position(|template| alike(&template));
        let near = templates()
            .position(|template| same_layer(&template))
            .unwrap();
        let custom = exact.is_none();
        let template = &frame.template;
        let distances = || template.distances.iter().map(|&it| it.into()).collect();
        Written {
            start,
            end,
            template: u8::try_from(exact.unwrap_or(near)).unwrap(),
            number: u16::try_from(frame.number & 0xffff).unwrap(),
            attach: start && frame.key && frame.spatial == 0,
            active: None,
            custom_indications: custom.then(|| template.indications.clone()),
            custom_distances: custom.then(distances),
            custom_chains: custom.then(|| template.chains.clone()),
        }
        .bytes(&self.structure)
    }

    /// A descriptor with picture id, TL0PICIDX and temporal layer (RFC 7741), and the frame's tag.
    fn vp8(&self, frame: &Frame, starts: bool) -> Vec<u8> {
        let [high, low] = self.picture_id();
        // The second frame of layer 2 builds on layer 1.
        let sync = frame.temporal > 0 && self.counter.since_key % 4 != 3;
        let layer = frame.temporal << 6 | u8::from(sync) << 5;
        let first = if starts { 0x90 } else { 0x80 };
        let mut payload = vec![first, 0xe0, high | 0x80, low, self.tl0, layer];
        if starts && frame.key {
            payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
        } else {
            payload.extend([0x11, 0, 0]);
        }
        payload
    }

    /// A descriptor of the mode that is not flexible (RFC 9628, section 4.2).
    fn vp9(&self, frame: &Frame, starts: bool, ends: bool) -> Vec<u8> {
        let [high, low] = self.picture_id();
        let flag = |set, bit: u8| if set { bit } else { 0 };
        let structure = frame.key && starts && frame.spatial == 0;
        let first = 0xa0
            | flag(!frame.key, 0x40)
            | flag(starts, 0x08)
            | flag(ends, 0x04)
            | flag(structure, 0x02);
        // From the second frame of layer 2 on, layer 1 is needed.
        let up = self.counter.since_key % 4 != 3;
        let inter_layer = frame.spatial > 0 && (frame.key || !self.keyed);
        let layers =
            frame.temporal << 5 | flag(up, 0x10) | frame.spatial << 1 | u8::from(inter_layer);
        let mut payload = vec![first, high | 0x80, low, layers, self.tl0];
        if structure {
            payload.push((self.spatial_layers - 1) << 5);
        }
        payload
    }

    fn picture_id(&self) -> [u8; 2] {
        u16::try_from(self.counter.picture & 0x7fff)
            .unwrap()
            .to_be_bytes()
    }
}

impl Counter {
    /// The frames of the next picture, smallest first: of four pictures the first is of temporal
    /// layer 0, the third of layer 1, the others of layer 2.
    fn picture(&mut self, spatial_layers: u8, keyed: bool, key: bool) -> Vec<Frame> {
        self.picture += 1;
        self.since_key = if key { 0 } else { self.since_key + 1 };
        (0..spatial_layers)
            .map(|spatial| self.frame(spatial, spatial_layers, keyed, key))
            .collect()
    }

    fn frame(&mut self, spatial: u8, spatial_layers: u8, keyed: bool, key: bool) -> Frame {
        self.frame += 1;
        let number = self.frame;
        let temporal = [0, 2, 1, 2][usize::try_from(self.since_key % 4).unwrap()];
        let size = usize::from(spatial);
        let mut builds_on = Vec::new();
        if !key {
            builds_on.push(self.last[size][usize::from(self.since_key % 4 == 3)]);
        }
        if spatial > 0 && (key || !keyed) {
            builds_on.push(number - 1);
        }
        let chains = 0..usize::from(spatial_layers);
        let distance = |chain: usize| {
            if key && spatial == 0 {
                0
            } else {
                number - self.chains[chain]
            }
        };
        let template = Template {
            spatial,
            temporal,
            indications: indications(spatial, temporal, spatial_layers, keyed && !key, key),
            distances: builds_on
                .iter()
                .map(|it| u8::try_from(number - it).unwrap())
                .collect(),
            chains: chains
                .clone()
                .map(|it| u8::try_from(distance(it)).unwrap())
                .collect(),
        };
        if temporal < 2 {
            self.last[size][usize::from(temporal)] = number;
        }
        for chain in chains.filter(|_| temporal == 0) {
            if chain == size || (chain > size && (key || !keyed)) {
                self.chains[chain] = number;
            }
        }
        Frame {
            number,
            key,
            spatial,
            temporal,
            builds_on,
            template,
        }
    }
}

/// What a frame is to each target, ordered by size and frame rate. `alone` says that sizes do not
/// build on each other here.
fn indications(spatial: u8, temporal: u8, spatial_layers: u8, alone: bool, key: bool) -> String {
    let targets = (0..spatial_layers).flat_map(|size| (0..3_u8).map(move |rate| (size, rate)));
    let indication = |(size, rate): (u8, u8)| match () {
        () if spatial > size || temporal > rate || (alone && spatial != size) => '-',
        () if key => 'S',
        () if spatial < size => 'R',
        () if temporal == rate && temporal > 0 => 'D',
        () => 'S',
    };
    targets.map(indication).collect()
}

/// The structure that a key frame tells: every kind of frame that regularly comes.
fn structure(spatial_layers: u8, keyed: bool) -> Structure {
    let mut counter = Counter {
        frame: 1000,
        ..Counter::default()
    };
    let mut templates: Vec<Template> = Vec::new();
    for picture in 0..9 {
        for frame in counter.picture(spatial_layers, keyed, picture == 0) {
            if !templates.contains(&frame.template) {
                templates.push(frame.template);
            }
        }
    }
    templates.sort_by_key(|template| (template.spatial, template.temporal));
    Structure {
        id_offset: 60,
        protected_by: (0..spatial_layers).flat_map(|size| [size; 3]).collect(),
        chains: spatial_layers,
        templates,
        sizes: (0..spatial_layers)
            .map(|size| (320 << size, 180 << size))
            .collect(),
    }
}

impl Truth {
    const MARK: [u8; 4] = *b"true";

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![
            self.spatial,
            self.temporal,
            u8::from(self.starts),
            u8::from(self.ends),
            u8::try_from(self.builds_on.len()).unwrap(),
        ];
        let numbers = [self.frame.0, self.frame.1, self.picture];
        for number in numbers.iter().chain(&self.builds_on) {
            bytes.extend(number.to_be_bytes());
        }
        let len = u8::try_from(bytes.len()).unwrap();
        bytes.push(len);
        bytes.extend(Self::MARK);
        bytes
    }

    /// Reads what stands at the end of a payload, if anything does.
    pub(crate) fn of(payload: &[u8]) -> Option<Self> {
        let (&len, bytes) = payload.strip_suffix(&Self::MARK)?.split_last()?;
        let bytes = &bytes[bytes.len() - usize::from(len)..];
        let number = |index: usize| {
            let bytes = bytes[5 + 4 * index..][..4].try_into().unwrap();
            u32::from_be_bytes(bytes)
        };
        Some(Self {
            frame: (number(0), number(1)),
            picture: number(2),
            spatial: bytes[0],
            temporal: bytes[1],
            starts: bytes[2] == 1,
            ends: bytes[3] == 1,
            builds_on: (0..usize::from(bytes[4]))
                .map(|index| number(3 + index))
                .collect(),
        })
    }
}
