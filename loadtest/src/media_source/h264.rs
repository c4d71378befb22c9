//! Cuts pictures into RTP payloads as H264 does (RFC 6184). What is in the slices is no picture:
//! servers forward it like one, and no decoder shows it.

use bytes::{BufMut, Bytes, BytesMut};

/// Types of NAL units and of packets (RFC 6184, section 5.2).
const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// Everything is referred to (RFC 6184, section 1.3).
const REFERENCED: u8 = 0x60;
/// Parameter sets of the constrained baseline profile, level 3.1.
const SEQUENCE_PARAMETERS: [u8; 9] = [0x67, 0x42, 0xE0, 0x1F, 0x8C, 0x8D, 0x40, 0x50, 0x1E];
const PICTURE_PARAMETERS: [u8; 4] = [0x68, 0xCE, 0x3C, 0x80];
/// Two bytes begin every fragment (RFC 6184, section 5.8).
const FRAGMENT_HEADER_LEN: usize = 2;
const FIRST: u8 = 0x80;
const LAST: u8 = 0x40;

/// The payloads of one picture, in order, of at most so many bytes each.
pub(super) fn payloads(picture: &[u8], key: bool, len_max: usize) -> Vec<Bytes> {
    let kind = if key { IDR_SLICE } else { SLICE };
    let mut payloads: Vec<Bytes> = key.then(parameter_sets).into_iter().collect();
    let count = picture.len().div_ceil(len_max - FRAGMENT_HEADER_LEN);
    if count == 1 {
        payloads.push([&[REFERENCED | kind], picture].concat().into());
        return payloads;
    }
    let parts = picture.chunks(picture.len().div_ceil(count));
    for (number, part) in (1..).zip(parts) {
        let first = if number == 1 { FIRST } else { 0 };
        let last = if number == count { LAST } else { 0 };
        let header = [REFERENCED | FU_A, first | last | kind];
        payloads.push([&header, part].concat().into());
    }
    payloads
}

/// Both sets in one packet (RFC 6184, section 5.7.1), as senders repeat them before each key frame.
fn parameter_sets() -> Bytes {
    let mut packet = BytesMut::new();
    packet.put_u8(REFERENCED | STAP_A);
    for set in [&SEQUENCE_PARAMETERS[..], &PICTURE_PARAMETERS] {
        packet.put_u16(u16::try_from(set.len()).expect("a few bytes"));
        packet.put_slice(set);
    }
    packet.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_begins_with_its_parameter_sets() {
        let payloads = payloads(&[7; 3_000], true, 1_000);
        assert_eq!(payloads[0][..4], [0x78, 0, 9, 0x67]);
        assert_eq!(
            payloads[1][..2],
            [0x7C, 0x85],
            "the first fragment of an IDR slice"
        );
        assert_eq!(payloads.last().unwrap()[..2], [0x7C, 0x45], "the last one");
        assert!(payloads.iter().all(|payload| payload.len() <= 1_000));
    }

    #[test]
    fn a_small_picture_is_one_unit_and_fragments_hold_all_of_a_large_one() {
        assert_eq!(payloads(&[7; 10], false, 1_000).len(), 1);
        let fragments = payloads(&[7; 2_500], false, 1_000);
        let content: usize = fragments.iter().map(|part| part.len() - 2).sum();
        assert_eq!((fragments.len(), content), (3, 2_500));
    }
}
