//! Generates VP8 frames in RTP payloads (RFC 7741) that a decoder accepts: grey pictures, because a
//! frame (RFC 6386) of zero bits is a valid one. Decides their bytes, not their times.

use super::stamp::{self, STAMP_LEN};
use bytes::{BufMut, Bytes, BytesMut};
use rand::Rng;
use std::time::{Duration, Instant};

/// How often each encoding sends a picture.
pub const FRAMES_PER_SECOND: u32 = 30;
/// Ticks of the RTP clock per picture: 90 kHz (RFC 7741, section 4.1).
pub const TICKS_PER_FRAME: u32 = 90_000 / FRAMES_PER_SECOND;
/// Leaves room for the RTP header, its extensions and the SRTP tag in a 1200-byte datagram.
const PAYLOAD_LEN_MAX: usize = 1150;
/// X, S and PID byte, I L T K byte, picture id of 15 bits, TL0PICIDX, TID byte.
const DESCRIPTOR_LEN: usize = 6;
/// A key frame is about this much longer than the average frame, as libwebrtc's are.
const KEY_FRAME_FACTOR: usize = 4;
/// Temporal layers in the order of libwebrtc's three-layer pattern.
pub(super) const TEMPORAL_LAYERS: [u8; 4] = [0, 2, 1, 2];
/// Start code of a key frame (RFC 6386, section 9.1).
const START_CODE: [u8; 3] = [0x9D, 0x01, 0x2A];

/// One simulcast encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// Its name in the session description (RFC 8852).
    pub rid: &'static str,
    /// Pixels across, below 16,384.
    pub width: u16,
    /// Pixels down, below 16,384.
    pub height: u16,
    /// Its rate, in kbit/s.
    pub rate_kbps: u32,
}

/// The size of a camera's largest pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Resolution {
    /// 320 × 180.
    #[value(name = "180p")]
    P180,
    /// 640 × 360.
    #[value(name = "360p")]
    P360,
    /// 1280 × 720.
    #[value(name = "720p")]
    P720,
    /// 1920 × 1080.
    #[value(name = "1080p")]
    P1080,
}

impl Resolution {
    /// What a camera of this size sends, smallest first: as many sizes as libwebrtc does, or the
    /// largest alone.
    pub fn encodings(self, simulcast: bool) -> &'static [Encoding] {
        let all: &[Encoding] = match self {
            Self::P180 => &ENCODINGS[..1],
            Self::P360 => &ENCODINGS[..2],
            Self::P720 => &ENCODINGS,
            Self::P1080 => &LARGER_ENCODINGS,
        };
        if simulcast {
            all
        } else {
            &all[all.len() - 1..]
        }
    }
}

/// The encodings of a camera of 1280 × 720, smallest first.
pub const ENCODINGS: [Encoding; 3] = [
    encoding("q", (320, 180), 150),
    encoding("h", (640, 360), 500),
    encoding("f", (1280, 720), 1_700),
];
const LARGER_ENCODINGS: [Encoding; 3] = [
    encoding("q", (480, 270), 300),
    encoding("h", (960, 540), 1_000),
    encoding("f", (1920, 1080), 3_500),
];

const fn encoding(rid: &'static str, (width, height): (u16, u16), rate_kbps: u32) -> Encoding {
    Encoding {
        rid,
        width,
        height,
        rate_kbps,
    }
}

/// The frames of one encoding, one after the other.
#[derive(Debug)]
pub struct FrameSource {
    encoding: Encoding,
    payload_len_max: usize,
    picture_id: u16,
    base_layer_index: u8,
    frames_since_key: usize,
    /// What key frames took beyond the average, given back by the frames after them.
    overspent: usize,
}

impl FrameSource {
    /// A source that starts with any picture id, as senders should (RFC 7741, section 4.2).
    pub fn new(encoding: Encoding, rng: &mut impl Rng) -> Self {
        Self {
            encoding,
            payload_len_max: PAYLOAD_LEN_MAX,
            picture_id: rng.random_range(0..0x8000),
            base_layer_index: rng.random(),
            frames_since_key: 0,
            overspent: 0,
        }
    }

    /// Cuts frames into payloads of at most so many bytes, which must be more than a descriptor has.
    #[must_use]
    pub fn with_payloads_of(mut self, len_max: usize) -> Self {
        self.payload_len_max = len_max;
        self
    }

    /// The payloads of the next frame, in order; the last one takes the marker bit.
    pub fn frame(&mut self, key: bool, now: Instant, rng: &mut impl Rng) -> Vec<Bytes> {
        let frame = self.frame_bytes(key, now, rng);
        self.frames_since_key = if key { 0 } else { self.frames_since_key + 1 };
        self.picture_id = (self.picture_id + 1) & 0x7FFF;
        let temporal_layer = TEMPORAL_LAYERS[self.frames_since_key % TEMPORAL_LAYERS.len()];
        if temporal_layer == 0 {
            self.base_layer_index = self.base_layer_index.wrapping_add(1);
        }
        let count = frame.len().div_ceil(self.payload_len_max - DESCRIPTOR_LEN);
        // Equal parts, as libwebrtc cuts them.
        let part_len = frame.len().div_ceil(count);
        let parts = frame.chunks(part_len).enumerate();
        parts
            .map(|(index, part)| self.payload(index == 0, temporal_layer, part))
            .collect()
    }

    fn payload(&self, first: bool, temporal_layer: u8, part: &[u8]) -> Bytes {
        // Pictures of the highest layer are not referred to; those of the middle one and the first
        // of the highest refer to the base layer alone.
        let unreferenced = u8::from(temporal_layer == 2);
        let base_only = u8::from(temporal_layer > 0 && self.frames_since_key % 4 < 3);
        let mut payload = BytesMut::with_capacity(DESCRIPTOR_LEN + part.len());
        payload.put_u8(0x80 | unreferenced << 5 | u8::from(first) << 4);
        payload.put_u8(0xE0);
        payload.put_u16(0x8000 | self.picture_id);
        payload.put_u8(self.base_layer_index);
        payload.put_u8(temporal_layer << 6 | base_only << 5);
        payload.put_slice(part);
        payload.freeze()
    }

    /// What it makes pictures of.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How long its payloads may be.
    pub(super) fn payload_len_max(&self) -> usize {
        self.payload_len_max
    }

    /// The next frame in one piece, with the send time at its end.
    pub(super) fn frame_bytes(&mut self, key: bool, now: Instant, rng: &mut impl Rng) -> BytesMut {
        let len = self.next_len(key, rng);
        let header_len = if key { 10 } else { 3 };
        // In the first partition a macroblock takes up to ten times the zero bits of the second.
        let first_partition_len = (len - header_len) * 7 / 8;
        let partition_bits = u32::try_from(first_partition_len).expect("a frame below 512 kB") << 5;
        let shown = 1 << 4;
        let tag = partition_bits | shown | u32::from(!key);
        let mut frame = BytesMut::with_capacity(len);
        frame.put_slice(&tag.to_le_bytes()[..3]);
        if key {
            frame.put_slice(&START_CODE);
            frame.put_u16_le(self.encoding.width);
            frame.put_u16_le(self.encoding.height);
        }
        frame.put_bytes(0, len - frame.len() - STAMP_LEN);
        frame.put_slice(&stamp::stamp(now));
        frame
    }

    fn next_len(&mut self, key: bool, rng: &mut impl Rng) -> usize {
        let bytes_per_second = self.encoding.rate_kbps * 1000 / 8;
        let average = usize::try_from(bytes_per_second / FRAMES_PER_SECOND).expect("a small size");
        if key {
            self.overspent += average * (KEY_FRAME_FACTOR - 1);
            return average * KEY_FRAME_FACTOR;
        }
        let saving = self.overspent.min(average / 10);
        self.overspent -= saving;
        let spread = average / 10;
        average - saving - spread + rng.random_range(0..=spread * 2)
    }
}

/// Whether a payload begins a key frame (RFC 7741, section 4.3).
pub fn starts_key_frame(payload: &[u8]) -> bool {
    let Some((first, rest)) = payload.split_first() else {
        return false;
    };
    let starts_frame = first & 0x17 == 0x10;
    let Some(frame) = (if first & 0x80 == 0 {
        Some(rest)
    } else {
        after_extension(rest)
    }) else {
        return false;
    };
    starts_frame && frame.first().is_some_and(|tag| tag & 1 == 0)
}

/// How long ago a frame of this generator was sent, by the payload that ends it.
pub fn age(payload: &[u8], now: Instant) -> Option<Duration> {
    stamp::age(payload.get(payload.len().checked_sub(STAMP_LEN)?..)?, now)
}

fn after_extension(bytes: &[u8]) -> Option<&[u8]> {
    let (flags, mut rest) = bytes.split_first()?;
    if flags & 0x80 != 0 {
        let long = rest.first()? & 0x80 != 0;
        rest = rest.get(if long { 2 } else { 1 }..)?;
    }
    if flags & 0x40 != 0 {
        rest = rest.get(1..)?;
    }
    if flags & 0x30 != 0 {
        rest = rest.get(1..)?;
    }
    Some(rest)
}

#[cfg(test)]
#[path = "vp8_tests.rs"]
mod tests;
