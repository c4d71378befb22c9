//! H264 in RTP (RFC 6184): whether decoding can begin at a packet.

/// Types of NAL units and of packets (RFC 6184, section 5.2).
const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETER_SET: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// The low bits of a NAL unit's first byte (RFC 6184, section 1.3).
const TYPE_MASK: u8 = 0x1f;

/// Whether a keyframe starts in this packet: it has a sequence parameter set or an IDR slice, whole
/// (alone or aggregated in a STAP-A) or its first fragment (FU-A).
pub fn is_keyframe_start(payload: &[u8]) -> bool {
    let Some((&first, rest)) = payload.split_first() else {
        return false;
    };
    match first & TYPE_MASK {
        STAP_A => Aggregated(rest).any(starts_keyframe),
        // A start bit and the type of the fragmented unit (RFC 6184, section 5.8).
        FU_A => rest
            .first()
            .is_some_and(|&header| header & 0x80 != 0 && starts_keyframe(header)),
        _ => starts_keyframe(first),
    }
}

const fn starts_keyframe(nal_header: u8) -> bool {
    matches!(nal_header & TYPE_MASK, IDR_SLICE | SEQUENCE_PARAMETER_SET)
}

/// The first byte of each NAL unit of a STAP-A (RFC 6184, section 5.7.1).
struct Aggregated<'a>(&'a [u8]);

impl Iterator for Aggregated<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (len, rest) = self.0.split_first_chunk()?;
        let (unit, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        self.0 = rest;
        unit.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameter_sets_and_idr_slices_start_a_keyframe() {
        assert!(is_keyframe_start(&[0x67, 0x42, 0xe0, 0x1f]));
        assert!(is_keyframe_start(&[0x65, 0x88]));
        assert!(is_keyframe_start(&[0x78, 0, 2, 0x68, 1, 0, 2, 0x67, 1]));
        assert!(is_keyframe_start(&[0x7c, 0x85, 0x88]));
    }

    #[test]
    fn other_units_and_later_fragments_do_not() {
        assert!(!is_keyframe_start(&[]));
        assert!(!is_keyframe_start(&[0x61, 0x88]));
        assert!(!is_keyframe_start(&[0x68, 0x42]), "a picture parameter set");
        assert!(!is_keyframe_start(&[0x78, 0, 2, 0x61, 1]));
        assert!(
            !is_keyframe_start(&[0x7c, 0x05, 0x88]),
            "not the first fragment"
        );
        assert!(
            !is_keyframe_start(&[0x7c, 0x81, 0x88]),
            "a fragment of another slice"
        );
    }

    #[test]
    fn a_unit_longer_than_its_aggregate_is_not_read() {
        assert!(!is_keyframe_start(&[0x78, 0, 9, 0x67, 1]));
        assert!(
            !is_keyframe_start(&[0x78, 0, 0, 0, 1, 0x67]),
            "nothing follows an empty unit"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(payload: Vec<u8>) {
            let _ = is_keyframe_start(&payload);
        }
    }
}
