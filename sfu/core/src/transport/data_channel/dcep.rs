//! The two messages that open a data channel (RFC 8832). Parses; decides nothing.

/// `DATA_CHANNEL_ACK` (section 5.2).
pub(super) const ACK: [u8; 1] = [0x02];
/// `DATA_CHANNEL_OPEN` (section 5.1).
const OPEN: u8 = 0x03;
/// Up to the label: type, channel type, priority, reliability and two lengths.
const OPEN_HEADER_LEN: usize = 12;

/// A client opens a channel on the stream that this message came on. Its reliability is not read:
/// the label says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Open<'a> {
    pub(super) label: &'a [u8],
}

impl<'a> Open<'a> {
    /// `None` for another message and one that ends too early.
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let (header, rest) = message.split_at_checked(OPEN_HEADER_LEN)?;
        if header[0] != OPEN {
            return None;
        }
        let label_len = usize::from(u16::from_be_bytes([header[8], header[9]]));
        let protocol_len = usize::from(u16::from_be_bytes([header[10], header[11]]));
        let (label, protocol) = rest.split_at_checked(label_len)?;
        (protocol.len() == protocol_len).then_some(Self { label })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As livekit-client 2.23 opens it in Chrome.
    const RELIABLE: &[u8] = b"\x03\x00\x01\x00\x00\x00\x00\x00\x00\x09\x00\x00_reliable";

    #[test]
    fn the_label_is_read() {
        assert_eq!(
            Open::parse(RELIABLE),
            Some(Open {
                label: b"_reliable"
            })
        );
    }

    #[test]
    fn a_message_cut_anywhere_is_refused() {
        for len in 0..RELIABLE.len() {
            assert_eq!(Open::parse(&RELIABLE[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn an_acknowledgement_opens_nothing() {
        assert_eq!(Open::parse(&ACK), None);
    }

    proptest! {
        #[test]
        fn parsing_any_bytes_never_panics(message: Vec<u8>) {
            let _ = Open::parse(&message);
        }
    }
}
