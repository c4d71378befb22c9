//! AV1 in RTP (AV1 RTP specification, section 4.4): whether decoding can begin at a packet, as far as
//! the payload itself tells. Layers are told by the dependency descriptor alone.

/// Bits of the aggregation header.
const CONTINUES_AN_OBU: u8 = 0x80;
const NEW_SEQUENCE: u8 = 0x08;

/// Whether the packet is the first of a coded video sequence, which begins with a keyframe.
pub fn is_keyframe_start(payload: &[u8]) -> bool {
    payload
        .first()
        .is_some_and(|header| header & (NEW_SEQUENCE | CONTINUES_AN_OBU) == NEW_SEQUENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aggregation_header_alone_decides() {
        assert!(is_keyframe_start(&[0b0001_1000, 0x0a]));
        assert!(is_keyframe_start(&[0b0110_1000]));
        assert!(!is_keyframe_start(&[0b0001_0000, 0x0a]));
        assert!(
            !is_keyframe_start(&[0b1000_1000]),
            "the specification forbids both bits at once"
        );
        assert!(!is_keyframe_start(&[]));
    }
}
