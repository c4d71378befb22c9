//! Cuts pictures of three spatial and three temporal layers into RTP payloads as VP9 does (RFC 9628):
//! all in one stream, of which servers forward what each receiver can use. What is in the frames is
//! no picture, and no decoder shows it.

use super::vp8::{Encoding, TEMPORAL_LAYERS};
use bytes::{BufMut, Bytes, BytesMut};
use rand::Rng;

/// First byte, picture id of 15 bits, layers, TL0PICIDX (RFC 9628, section 4.2).
const DESCRIPTOR_LEN: usize = 5;
/// Bits of the first byte.
const PICTURE_ID: u8 = 0x80;
const INTER_PICTURE: u8 = 0x40;
const LAYERS: u8 = 0x20;
const START: u8 = 0x08;
const END: u8 = 0x04;
const STRUCTURE: u8 = 0x02;
/// Bits of the byte with the layers.
const SWITCH_UP: u8 = 0x10;
const INTER_LAYER: u8 = 0x01;
/// The structure names the sizes of the layers (RFC 9628, section 4.2.1).
const SIZES: u8 = 0x10;
/// The structure of three layers: a byte, and two numbers for each.
const STRUCTURE_LEN: usize = 13;

/// Numbers the pictures of one camera. Layers build on each other at key frames alone (`L3T3_KEY`).
#[derive(Debug)]
pub(crate) struct Numbering {
    picture_id: u16,
    base_layer_index: u8,
    since_key: usize,
}

impl Numbering {
    /// Begins with any number, as senders should.
    pub(super) fn new(rng: &mut impl Rng) -> Self {
        Self {
            picture_id: rng.random_range(0..0x8000),
            base_layer_index: rng.random(),
            since_key: 0,
        }
    }

    /// The payloads of one picture, in order, of at most so many bytes each: `frames` are those of
    /// its spatial layers, smallest first, with their sizes.
    pub(super) fn payloads(
        &mut self,
        frames: &[(Encoding, Bytes)],
        key: bool,
        len_max: usize,
    ) -> Vec<Bytes> {
        self.since_key = if key { 0 } else { self.since_key + 1 };
        self.picture_id = (self.picture_id + 1) & 0x7FFF;
        let temporal = TEMPORAL_LAYERS[self.since_key % TEMPORAL_LAYERS.len()];
        if temporal == 0 {
            self.base_layer_index = self.base_layer_index.wrapping_add(1);
        }
        let mut payloads = Vec::new();
        for (spatial, (_, frame)) in (0_u8..).zip(frames) {
            let count = frame
                .len()
                .div_ceil(len_max - DESCRIPTOR_LEN - STRUCTURE_LEN);
            let parts = frame.chunks(frame.len().div_ceil(count));
            for (number, part) in (1..).zip(parts) {
                let mut first = PICTURE_ID | LAYERS;
                first |= if key { 0 } else { INTER_PICTURE };
                first |= if number == 1 { START } else { 0 };
                first |= if number == count { END } else { 0 };
                let tells_structure = key && spatial == 0 && number == 1;
                first |= if tells_structure { STRUCTURE } else { 0 };
                let mut payload = BytesMut::with_capacity(len_max);
                payload.put_u8(first);
                payload.put_u16(0x8000 | self.picture_id);
                let builds_below = if key && spatial > 0 { INTER_LAYER } else { 0 };
                payload.put_u8(temporal << 5 | SWITCH_UP | spatial << 1 | builds_below);
                payload.put_u8(self.base_layer_index);
                if tells_structure {
                    put_structure(&mut payload, frames);
                }
                payload.put_slice(part);
                payloads.push(payload.freeze());
            }
        }
        payloads
    }
}

fn put_structure(payload: &mut BytesMut, frames: &[(Encoding, Bytes)]) {
    let above = u8::try_from(frames.len() - 1).expect("at most three layers");
    payload.put_u8(above << 5 | SIZES);
    for (encoding, _) in frames {
        payload.put_u16(encoding.width);
        payload.put_u16(encoding.height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_source::vp8::ENCODINGS;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn pictures(keys: &[bool]) -> Vec<Vec<Bytes>> {
        let mut numbering = Numbering::new(&mut StdRng::seed_from_u64(1));
        let lens = [300, 900, 2_500];
        let frames: Vec<_> = ENCODINGS
            .iter()
            .zip(lens)
            .map(|(encoding, len)| (*encoding, Bytes::from(vec![7; len])))
            .collect();
        let one = |key: &bool| numbering.payloads(&frames, *key, 1_000);
        keys.iter().map(one).collect()
    }

    #[test]
    fn a_key_frame_tells_its_layers_and_sizes_once() {
        let picture = &pictures(&[true])[0];
        assert_eq!(picture[0][0], PICTURE_ID | LAYERS | START | END | STRUCTURE);
        assert_eq!(
            picture[0][5..10],
            [0x50, 1, 0x40, 0, 0xB4],
            "three, from 320 × 180"
        );
        assert!(
            picture[1..]
                .iter()
                .all(|payload| payload[0] & STRUCTURE == 0)
        );
        assert!(picture.iter().all(|payload| payload.len() <= 1_000));
    }

    #[test]
    fn every_layer_has_a_start_and_an_end_and_builds_below_at_key_frames_alone() {
        let both = pictures(&[true, false]);
        for (picture, below) in both.iter().zip([1, 0]) {
            let count = |bit| {
                picture
                    .iter()
                    .filter(|payload| payload[0] & bit != 0)
                    .count()
            };
            assert_eq!((count(START), count(END)), (3, 3));
            let top = picture.last().unwrap()[3];
            assert_eq!((top >> 1 & 7, top & 1), (2, below));
        }
    }

    #[test]
    fn pictures_are_numbered_one_after_the_other() {
        let numbers: Vec<u16> = pictures(&[true, false, false])
            .iter()
            .map(|picture| u16::from_be_bytes([picture[0][1], picture[0][2]]) & 0x7FFF)
            .collect();
        assert_eq!(numbers[1], (numbers[0] + 1) & 0x7FFF);
        assert_eq!(numbers[2], (numbers[1] + 1) & 0x7FFF);
    }
}
