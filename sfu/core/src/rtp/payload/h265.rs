//! H265 in RTP (RFC 7798): whether decoding can begin at a packet.

/// Types of NAL units: pictures from which decoding can begin, and what they need before them
/// (ITU-T H.265, table 7-1).
const RANDOM_ACCESS: std::ops::RangeInclusive<u8> = 16..=21;
const VIDEO_PARAMETER_SET: u8 = 32;
const SEQUENCE_PARAMETER_SET: u8 = 33;
/// Types of packets (RFC 7798, sections 4.4.2 and 4.4.3).
const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;
/// The header of a NAL unit (RFC 7798, section 1.1.4).
const HEADER_LEN: usize = 2;

/// Whether a keyframe starts in this packet: it has a video or sequence parameter set or a random
/// access picture, whole (alone or aggregated) or its first fragment. Without the decoding order
/// numbers that `sprop-max-don-diff` would bring, which no browser offers.
pub fn is_keyframe_start(payload: &[u8]) -> bool {
    let Some((header, rest)) = payload.split_first_chunk::<HEADER_LEN>() else {
        return false;
    };
    match kind(header[0]) {
        AGGREGATION => Aggregated(rest).any(starts_keyframe),
        // A start bit, an end bit and the type of the fragmented unit.
        FRAGMENTATION => rest
            .first()
            .is_some_and(|&header| header & 0x80 != 0 && starts_keyframe(header & 0x3f)),
        kind => starts_keyframe(kind),
    }
}

const fn kind(first_byte: u8) -> u8 {
    first_byte >> 1 & 0x3f
}

fn starts_keyframe(kind: u8) -> bool {
    RANDOM_ACCESS.contains(&kind) || matches!(kind, VIDEO_PARAMETER_SET | SEQUENCE_PARAMETER_SET)
}

/// The type of each NAL unit of an aggregation packet.
struct Aggregated<'a>(&'a [u8]);

impl Iterator for Aggregated<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (len, rest) = self.0.split_first_chunk()?;
        let (unit, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        self.0 = rest;
        unit.first().map(|&first| kind(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameter_sets_and_random_access_pictures_start_a_keyframe() {
        assert!(
            is_keyframe_start(&[0x40, 0x01, 0x0c]),
            "video parameter set"
        );
        assert!(
            is_keyframe_start(&[0x42, 0x01, 0x01]),
            "sequence parameter set"
        );
        assert!(is_keyframe_start(&[0x26, 0x01, 0xaf]), "IDR");
        assert!(
            is_keyframe_start(&[0x2a, 0x01, 0xaf]),
            "clean random access"
        );
        let aggregated = [0x60, 1, 0, 3, 0x44, 1, 9, 0, 3, 0x42, 1, 1];
        assert!(is_keyframe_start(&aggregated), "second in an aggregate");
        assert!(is_keyframe_start(&[0x62, 1, 0x93, 7]), "first fragment");
    }

    #[test]
    fn other_units_and_later_fragments_do_not() {
        assert!(!is_keyframe_start(&[]));
        assert!(!is_keyframe_start(&[0x40]), "half a header");
        assert!(
            !is_keyframe_start(&[0x02, 0x01, 0xd0]),
            "a trailing picture"
        );
        assert!(!is_keyframe_start(&[0x44, 0x01]), "picture parameter set");
        assert!(!is_keyframe_start(&[0x62, 1, 19, 7]), "not the first");
        assert!(
            !is_keyframe_start(&[0x62, 1, 0x81, 7]),
            "of another picture"
        );
        assert!(!is_keyframe_start(&[0x60, 1, 0, 3, 0x02, 1, 1]));
        assert!(
            !is_keyframe_start(&[0x60, 1, 0, 9, 0x42, 1, 1]),
            "longer than the packet"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(payload: Vec<u8>) {
            let _ = is_keyframe_start(&payload);
        }
    }
}
