//! Pictures in the packets of a codec. Decides nothing that a codec's own module knows.

use super::vp8::{ENCODINGS, Encoding, FrameSource};
use super::{h264, vp9};
use bytes::Bytes;
use rand::Rng;
use std::time::Instant;

/// A codec that the load test can make packets of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Codec {
    /// VP8: grey pictures that decoders accept.
    Vp8,
    /// H264: packets like those of pictures, which no decoder shows.
    H264,
    /// VP9 with all sizes in one stream (`L3T3_KEY`): packets like those of pictures, which no decoder
    /// shows.
    Vp9,
}

impl Codec {
    /// As the signal protocol writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "vp8",
            Self::H264 => "h264",
            Self::Vp9 => "vp9",
        }
    }

    /// As session descriptions write it, and its parameters there, if it has some.
    pub(crate) fn in_sdp(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Vp8 => ("VP8", None),
            Self::H264 => (
                "H264",
                Some("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
            ),
            Self::Vp9 => ("VP9", Some("profile-id=0")),
        }
    }

    /// Whether one stream has all sizes.
    pub(crate) fn is_scalable(self) -> bool {
        self == Self::Vp9
    }
}

/// What cameras send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Video {
    /// In which packets.
    pub codec: Codec,
    /// In which sizes, smallest first, at least one.
    pub encodings: &'static [Encoding],
}

impl Video {
    /// VP8 in three sizes.
    pub const USUAL: Self = Self {
        codec: Codec::Vp8,
        encodings: &ENCODINGS,
    };

    /// How many streams it is sent in.
    pub(crate) fn streams(&self) -> usize {
        if self.codec.is_scalable() {
            1
        } else {
            self.encodings.len()
        }
    }
}

/// The pictures of one stream.
pub(crate) enum PictureSource {
    Vp8(FrameSource),
    H264(FrameSource),
    Vp9(Vec<FrameSource>, vp9::Numbering),
}

impl PictureSource {
    /// Of one encoding, or of all that a scalable stream has, in payloads of at most so many bytes.
    pub(crate) fn new(
        codec: Codec,
        encodings: &[Encoding],
        len_max: usize,
        rng: &mut impl Rng,
    ) -> Self {
        let mut source =
            |encoding: &Encoding| FrameSource::new(*encoding, rng).with_payloads_of(len_max);
        let largest = encodings.last().expect("a stream has an encoding");
        match codec {
            Codec::Vp8 => Self::Vp8(source(largest)),
            Codec::H264 => Self::H264(source(largest)),
            Codec::Vp9 => {
                let sources = encodings.iter().map(source).collect();
                Self::Vp9(sources, vp9::Numbering::new(rng))
            }
        }
    }

    /// The payloads of the next picture, in order; the last one takes the marker bit.
    pub(crate) fn picture(&mut self, key: bool, now: Instant, rng: &mut impl Rng) -> Vec<Bytes> {
        match self {
            Self::Vp8(source) => source.frame(key, now, rng),
            Self::H264(source) => {
                let frame = source.frame_bytes(key, now, rng);
                h264::payloads(&frame, key, source.payload_len_max())
            }
            Self::Vp9(sources, numbering) => {
                let len_max = sources.first().map_or(0, FrameSource::payload_len_max);
                let frames: Vec<(Encoding, Bytes)> = sources
                    .iter_mut()
                    .map(|source| {
                        let frame = source.frame_bytes(key, now, rng).freeze();
                        (source.encoding(), frame)
                    })
                    .collect();
                numbering.payloads(&frames, key, len_max)
            }
        }
    }
}
