//! Layers are taken and left again and again, packet by packet, with a decoder at the end.

use super::available::Available;
use super::layer::Layer;
use super::layer_selector::Ceiling;
use super::rewriter::{Incoming, Rewriter};
use super::subscription::Subscription;
use crate::command::LayerSpec;
use crate::engine::PeerKey;
use crate::rtp::dependency_descriptor::written as dependency;
use crate::rtp::{HEADER_LEN_MAX, HeaderFields, Packet, SequenceNumber, Ssrc, write_header};
use crate::test_clock::start;
use crate::units::{Bitrate, Codec, Quality, Size};
use crate::uplink::audience::Ear;
use crate::uplink::layers::Layers;
use crate::uplink::redundancy::Form;
use crate::uplink::track::TrackSection;
use crate::uplink::understanding::understand;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::{Duration, Instant};

#[path = "../../tests/meetings/sim/decoder.rs"]
mod decoder;
#[path = "../../tests/meetings/sim/layered.rs"]
mod layered;

use decoder::{Decoder, Received};
use layered::{Built, Format, Layered};

const DEPENDENCIES: u8 = 12;
/// A key frame comes so many pictures after it was asked for.
const ANSWER: u32 = 3;
const FRAME: Duration = Duration::from_millis(33);

#[test]
fn vp8_gets_more_and_fewer_frames_a_second_without_a_mark() {
    let mut line = Line::new(vec![Layered::new(Format::Vp8, 1, 1, false)]);
    let reached = line.run(200);
    assert_eq!(line.decoder.problems, Vec::<String>::new());
    assert!(reached > 190, "{reached} of 200 layers were reached");
    assert_eq!(line.keyframes_asked, 0, "the way up needs no key frame");
}

#[test]
fn vp8_encodings_with_frame_rates_of_their_own_are_switched_without_a_mark() {
    let encodings = [1, 2, 3].map(|index| Layered::new(Format::Vp8, index, 1, false));
    let mut line = Line::new(encodings.to_vec());
    let reached = line.run(200);
    assert_eq!(line.decoder.problems, Vec::<String>::new());
    assert!(reached > 190, "{reached} of 200 layers were reached");
}

#[test]
fn the_layers_of_vp9_and_av1_are_taken_and_left_without_a_mark() {
    for format in [Format::Vp9, Format::Av1, Format::Vp9Plain] {
        for (layers, keyed) in [(3, true), (3, false), (1, false)] {
            let mut line = Line::new(vec![Layered::new(format, 1, layers, keyed)]);
            let reached = line.run(200);
            let what = format!("{format:?}, {layers} sizes, keyed: {keyed}");
            assert_eq!(line.decoder.problems, Vec::<String>::new(), "{what}");
            assert!(reached > 190, "{what}: {reached} of 200 were reached");
        }
    }
}

#[test]
fn encodings_of_vp9_and_av1_are_switched_without_a_mark() {
    for format in [Format::Vp9, Format::Av1, Format::Vp9Plain] {
        let encodings = [1, 2, 3].map(|index| Layered::new(format, index, 1, false));
        let mut line = Line::new(encodings.to_vec());
        let reached = line.run(200);
        assert_eq!(line.decoder.problems, Vec::<String>::new(), "{format:?}");
        assert!(reached > 190, "{format:?}: {reached} of 200 were reached");
    }
}

#[test]
fn no_picture_is_lost_when_the_size_changes() {
    for format in [Format::Vp9, Format::Av1, Format::Vp9Plain] {
        for keyed in [true, false] {
            let mut line = Line::new(vec![Layered::new(format, 1, 3, keyed)]);
            line.frame_rates = 2..=2;
            line.run(100);
            assert!(line.decoder.changes() > 50, "{format:?} {keyed}");
            assert_eq!(line.decoder.problems, Vec::<String>::new());
            assert_eq!(line.decoder.pictures_missing(), 0, "{format:?} {keyed}");
            let shown = |size| {
                line.decoder
                    .shown
                    .iter()
                    .filter(|it| it.spatial == size)
                    .count()
            };
            assert!(
                (0..3).all(|size| shown(size) > 100),
                "every size for a while"
            );
        }
    }
}

#[test]
fn sizes_that_build_on_each_other_shrink_without_a_key_frame() {
    let mut line = Line::new(vec![Layered::new(Format::Av1, 1, 3, false)]);
    line.aim(layer(2, 2));
    line.pictures(20);
    let asked = line.keyframes_asked;
    line.aim(layer(0, 2));
    line.pictures(5);
    assert_eq!(line.layer(), Some(layer(0, 2)));
    assert_eq!(line.keyframes_asked, asked);
    line.aim(layer(1, 2));
    line.pictures(5);
    assert!(line.keyframes_asked > asked, "to grow they need one");
    assert_eq!(line.decoder.problems, Vec::<String>::new());
}

#[test]
fn a_size_that_stands_alone_is_not_sent_with_those_it_does_not_need() {
    let mut line = Line::new(vec![Layered::new(Format::Vp9, 1, 3, true)]);
    line.aim(layer(2, 2));
    line.pictures(1);
    let key = line.sent;
    line.pictures(12);
    assert_eq!((key, line.sent - key), (6, 12 * 2), "two packets a frame");
    assert_eq!(line.decoder.problems, Vec::<String>::new());
}

fn layer(spatial: usize, temporal: u8) -> Layer {
    Layer { spatial, temporal }
}

/// A publisher, one subscriber, and nothing between them.
struct Line {
    encodings: Vec<(Layered, Layers, u64)>,
    subscription: Subscription,
    available: Vec<Available>,
    section: TrackSection,
    decoder: Decoder,
    started_at: Instant,
    now: Instant,
    luck: StdRng,
    frame_rates: std::ops::RangeInclusive<u8>,
    /// Pictures until a key frame comes, for each encoding.
    answers: Vec<Option<u32>>,
    keyframes_asked: u32,
    sent: usize,
    aim: Layer,
}

impl Line {
    fn new(encodings: Vec<Layered>) -> Self {
        let codec = match encodings[0].format {
            Format::Vp8 => Codec::Vp8,
            Format::Vp9 | Format::Vp9Plain => Codec::Vp9,
            Format::Av1 => Codec::Av1,
        };
        let alone = encodings.len() == 1;
        let sizes = if alone {
            encodings[0].spatial_layers
        } else {
            3
        };
        let step = |index: u8| Available {
            encoding: if alone { 0 } else { index.into() },
            spatial: if alone { index } else { 0 },
            is_whole: !alone || sizes == 1,
            temporal_max: 2,
            active: true,
            waking: false,
            layer: Some(spec(index)),
        };
        let mut subscription = Subscription::new(
            PeerKey::default(),
            Ear::of(None),
            String::new(),
            Rewriter::new(Ssrc(1), 65_000, 90_000),
        );
        subscription.payload_type = Some(96);
        subscription.is_open = true;
        let answers = encodings.iter().map(|_| Some(0)).collect();
        let now = start();
        let mut line = Self {
            encodings: encodings
                .into_iter()
                .map(|encoding| (encoding, Layers::default(), 70_000))
                .collect(),
            subscription,
            available: (0..sizes).map(step).collect(),
            section: section(codec),
            decoder: Decoder::default(),
            started_at: now,
            now,
            luck: StdRng::seed_from_u64(7),
            frame_rates: 0..=2,
            answers,
            keyframes_asked: 0,
            sent: 0,
            aim: Layer::LOWEST,
        };
        line.aim(Layer::LOWEST);
        line
    }

    /// Changes what is aimed at so many times, and says how often it was reached.
    fn run(&mut self, changes: u32) -> u32 {
        let mut reached = 0;
        for _ in 0..changes {
            let spatial = self.luck.random_range(0..self.available.len());
            let temporal = self.luck.random_range(self.frame_rates.clone());
            self.aim(layer(spatial, temporal));
            let pictures = self.luck.random_range(10..30);
            self.pictures(pictures);
            reached += u32::from(self.layer() == Some(self.aim));
        }
        reached
    }

    fn aim(&mut self, aim: Layer) {
        self.aim = aim;
        self.subscription.selector.limit(Ceiling::Layer(aim));
        self.subscription.selector.retarget(&self.available);
    }

    fn layer(&self) -> Option<Layer> {
        self.subscription.layer(&self.available)
    }

    fn pictures(&mut self, count: u32) {
        for _ in 0..count {
            self.now += FRAME;
            for index in 0..self.encodings.len() {
                let key = self.answers[index] == Some(0);
                self.answers[index] = self.answers[index].and_then(|left| left.checked_sub(1));
                for packet in self.encodings[index].0.picture(key) {
                    self.packet(index, &packet);
                }
            }
            if let Some(index) = self.subscription.awaited()
                && self.answers[index].is_none()
            {
                self.answers[index] = Some(ANSWER);
                self.keyframes_asked += 1;
            }
        }
    }

    fn packet(&mut self, encoding: usize, built: &Built) {
        let (_, layers, sequence) = &mut self.encodings[encoding];
        *sequence += 1;
        let passed = self.now.duration_since(self.started_at).as_millis();
        let fields = HeaderFields {
            marker: built.marker,
            payload_type: 96,
            sequence: SequenceNumber::of_extended(*sequence),
            timestamp: u32::try_from(passed * 90).unwrap(),
            ssrc: Ssrc(u32::try_from(encoding).unwrap()),
        };
        let extension = built
            .descriptor
            .as_ref()
            .map(|data| (DEPENDENCIES, data.as_slice()));
        let mut buffer = [0; HEADER_LEN_MAX];
        let len = write_header(&mut buffer, &fields, extension.as_slice());
        let bytes = [&buffer[..len], &built.payload].concat();
        let packet = Packet::parse(&bytes).unwrap();
        let understood = understand(&self.section, (&packet, Form::Plain), layers).unwrap();
        let incoming = Incoming {
            encoding,
            sequence: *sequence,
            timestamp: packet.timestamp,
            picture: understood.picture,
            frame: understood.frame,
            clock: None,
        };
        let (switchable, dependencies) = (understood.switchable, layers.dependencies());
        let forwarded = self
            .subscription
            .forward(self.now, &incoming, switchable, dependencies);
        let Some(forwarded) = forwarded else { return };
        let rewritten = forwarded.rewritten;
        let mut payload = built.payload.clone();
        if let Some(picture) = rewritten.picture {
            picture.write(&mut payload).unwrap();
        }
        let mut descriptor = built.descriptor.clone();
        if let (Some(data), Some(number)) = (&mut descriptor, rewritten.frame_number) {
            crate::rtp::dependency_descriptor::renumber(data, number);
        }
        self.sent += 1;
        self.decoder.take(&Received {
            sequence: u64::from(rewritten.rollover) << 16 | u64::from(rewritten.sequence.0),
            timestamp: rewritten.timestamp,
            marker: built.marker || forwarded.ends_picture,
            payload: &payload,
            descriptor: descriptor.as_deref(),
            numbers: rewritten.picture.map(|picture| (picture.id, picture.tl0)),
        });
    }
}

fn spec(index: u8) -> LayerSpec {
    LayerSpec {
        quality: [Quality::Low, Quality::Medium, Quality::High][usize::from(index)],
        size: Size {
            width: 320 << index,
            height: 180 << index,
        },
        bitrate: Bitrate::ZERO,
    }
}

fn section(codec: Codec) -> TrackSection {
    TrackSection {
        mid: "0".to_owned(),
        codec,
        payload_type: 96,
        fmtp: String::new(),
        fir: false,
        nack: false,
        rtx: None,
        red: None,
        audio_level_id: None,
        dependency_id: Some(DEPENDENCIES),
    }
}
