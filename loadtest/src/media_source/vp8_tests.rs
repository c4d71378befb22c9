//! What a receiver of the generated VP8 relies on.

use super::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Bits that a picture of zeros takes per macroblock, by the default probabilities of RFC 6386 and
/// rounded up: key frames read 3.2 of modes and 5.5 of tokens, others 9.9 and 0.8.
const BITS_PER_MACROBLOCK: [(usize, usize); 2] = [(4, 6), (10, 1)];

#[test]
fn the_picture_id_of_15_bits_grows_by_one_per_frame_and_wraps() {
    let mut rng = rng();
    let mut source = FrameSource::new(ENCODINGS[0], &mut rng);
    source.picture_id = 0x7FFE;
    let ids: Vec<u16> = (0..3)
        .map(|_| {
            let payload = source.frame(false, Instant::now(), &mut rng).swap_remove(0);
            let id = u16::from_be_bytes([payload[2], payload[3]]);
            assert_eq!(id & 0x8000, 0x8000, "the long form");
            id & 0x7FFF
        })
        .collect();
    assert_eq!(ids, [0x7FFF, 0, 1]);
}

#[test]
fn only_the_first_payload_of_a_frame_starts_a_partition() {
    let mut rng = rng();
    let mut source = FrameSource::new(ENCODINGS[2], &mut rng);
    let payloads = source.frame(true, Instant::now(), &mut rng);
    assert!(payloads.len() > 10);
    let starts: Vec<bool> = payloads
        .iter()
        .map(|payload| payload[0] & 0x10 != 0)
        .collect();
    assert!(starts[0] && starts[1..].iter().all(|start| !start));
    assert!(
        payloads
            .iter()
            .all(|payload| payload.len() <= PAYLOAD_LEN_MAX)
    );
}

#[test]
fn a_key_frame_tells_its_size_and_holds_its_first_partition() {
    let mut rng = rng();
    for encoding in ENCODINGS {
        let frame =
            whole(&FrameSource::new(encoding, &mut rng).frame(true, Instant::now(), &mut rng));
        let tag = u32::from_le_bytes([frame[0], frame[1], frame[2], 0]);
        assert_eq!(tag & 1, 0, "a key frame");
        assert_eq!(frame[3..6], START_CODE);
        assert_eq!(u16::from_le_bytes([frame[6], frame[7]]), encoding.width);
        assert_eq!(u16::from_le_bytes([frame[8], frame[9]]), encoding.height);
        let first_partition = usize::try_from(tag >> 5).unwrap();
        assert!(10 + first_partition < frame.len());
    }
}

#[test]
fn every_partition_is_long_enough_for_its_zero_bits() {
    let mut rng = rng();
    for encoding in ENCODINGS {
        let macroblocks =
            usize::from(encoding.width).div_ceil(16) * usize::from(encoding.height).div_ceil(16);
        let mut source = FrameSource::new(encoding, &mut rng);
        for number in 0..200 {
            let key = number % 50 == 0;
            let frame = whole(&source.frame(key, Instant::now(), &mut rng));
            let tag = u32::from_le_bytes([frame[0], frame[1], frame[2], 0]);
            let first_len = usize::try_from(tag >> 5).unwrap();
            let second_len = frame.len() - STAMP_LEN - first_len - if key { 10 } else { 3 };
            let (modes, tokens) = BITS_PER_MACROBLOCK[usize::from(!key)];
            assert!(
                first_len * 8 >= macroblocks * modes,
                "{encoding:?} {number} {first_len}"
            );
            assert!(
                second_len * 8 >= macroblocks * tokens,
                "{encoding:?} {number} {second_len}"
            );
        }
    }
}

#[test]
fn the_rate_is_kept_over_a_second() {
    let mut rng = rng();
    for encoding in ENCODINGS {
        let mut source = FrameSource::new(encoding, &mut rng);
        let sent: usize = (0..60)
            .map(|number| whole(&source.frame(number == 0, Instant::now(), &mut rng)).len())
            .sum();
        let expected = usize::try_from(encoding.rate_kbps).unwrap() * 1000 / 8 * 2;
        assert!(
            sent.abs_diff(expected) < expected / 20,
            "{encoding:?}: {sent} of {expected}"
        );
    }
}

#[test]
fn the_base_layer_index_counts_pictures_of_the_base_layer() {
    let mut rng = rng();
    let mut source = FrameSource::new(ENCODINGS[0], &mut rng);
    let seen: Vec<(u8, u8)> = (0..8)
        .map(|number| {
            let payload = source
                .frame(number == 0, Instant::now(), &mut rng)
                .swap_remove(0);
            (payload[5] >> 6, payload[4])
        })
        .collect();
    let layers: Vec<u8> = seen.iter().map(|(layer, _)| *layer).collect();
    assert_eq!(layers, [0, 2, 1, 2, 0, 2, 1, 2]);
    assert_eq!(seen[3].1, seen[0].1);
    assert_eq!(seen[4].1, seen[0].1.wrapping_add(1));
}

#[test]
fn key_frames_are_told_from_others_by_their_first_payload() {
    let mut rng = rng();
    let mut source = FrameSource::new(ENCODINGS[2], &mut rng);
    let key = source.frame(true, Instant::now(), &mut rng);
    assert!(starts_key_frame(&key[0]));
    assert!(!starts_key_frame(&key[1]));
    assert!(!starts_key_frame(
        &source.frame(false, Instant::now(), &mut rng)[0]
    ));
    assert!(
        starts_key_frame(&[0x10, 0x00]),
        "a descriptor without extension"
    );
    assert!(!starts_key_frame(&[]));
    assert!(
        !starts_key_frame(&[0x90, 0x80, 0x80]),
        "cut within the picture id"
    );
}

#[test]
fn the_send_time_ends_the_frame() {
    let mut rng = rng();
    let sent_at = Instant::now() + Duration::from_secs(1);
    let payloads = FrameSource::new(ENCODINGS[2], &mut rng).frame(true, sent_at, &mut rng);
    let later = sent_at + Duration::from_millis(4);
    assert!(age(payloads.last().unwrap(), later).unwrap() >= Duration::from_micros(3_998));
    assert_eq!(age(&payloads[0], later), None);
}

fn whole(payloads: &[Bytes]) -> Vec<u8> {
    payloads
        .iter()
        .flat_map(|payload| payload[DESCRIPTOR_LEN..].iter().copied())
        .collect()
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

#[test]
fn a_camera_without_simulcast_sends_its_largest_size_alone() {
    for (resolution, sizes, height) in [
        (Resolution::P180, 1, 180),
        (Resolution::P360, 2, 360),
        (Resolution::P720, 3, 720),
        (Resolution::P1080, 3, 1080),
    ] {
        assert_eq!(resolution.encodings(true).len(), sizes);
        let alone = resolution.encodings(false);
        assert_eq!((alone.len(), alone[0].height), (1, height));
    }
}
