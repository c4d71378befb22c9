//! The RTP header (RFC 3550, section 5.1) with one-byte header extensions (RFC 8285), which SRTP
//! leaves readable. Knows the ids that lean participants offer.

/// Ids of the header extensions in every offer, as Chrome gives them.
pub(super) const AUDIO_LEVEL_ID: u8 = 1;
/// Transport-wide sequence numbers.
pub(super) const TRANSPORT_CC_ID: u8 = 3;
/// The section of a stream (RFC 9143).
pub(super) const MID_ID: u8 = 4;
/// The encoding of a stream (RFC 8852).
pub(super) const RID_ID: u8 = 10;

const FIXED_LEN: usize = 12;
/// Says that one-byte extensions follow (RFC 8285, section 4.2).
const ONE_BYTE: [u8; 2] = [0xBE, 0xDE];

/// What a receiver reads of a packet without decrypting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
    /// The number that counts all packets of the connection.
    pub(super) transport_cc: Option<u16>,
    /// Where the payload begins.
    pub(super) len: usize,
}

impl Header {
    /// `None` if these bytes are no RTP packet.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let &[first, second, s0, s1, _, _, _, _, r0, r1, r2, r3, ..] = packet else {
            return None;
        };
        if first >> 6 != 2 {
            return None;
        }
        let mut len = FIXED_LEN + 4 * usize::from(first & 0x0F);
        let mut transport_cc = None;
        if first & 0x10 != 0 {
            let &[p0, p1, l0, l1] = packet.get(len..)?.first_chunk()?;
            let words = usize::from(u16::from_be_bytes([l0, l1]));
            let extensions = packet.get(len + 4..len + 4 + 4 * words)?;
            if [p0, p1] == ONE_BYTE {
                transport_cc = transport_cc_in(extensions);
            }
            len += 4 + 4 * words;
        }
        (len <= packet.len()).then_some(Self {
            payload_type: second & 0x7F,
            marker: second & 0x80 != 0,
            sequence: u16::from_be_bytes([s0, s1]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            transport_cc,
            len,
        })
    }
}

fn transport_cc_in(mut extensions: &[u8]) -> Option<u16> {
    while let Some((&first, rest)) = extensions.split_first() {
        if first == 0 {
            extensions = rest; // Padding.
            continue;
        }
        let content = rest.get(..usize::from(first & 0x0F) + 1)?;
        if first >> 4 == TRANSPORT_CC_ID {
            return content.first_chunk().copied().map(u16::from_be_bytes);
        }
        extensions = &rest[content.len()..];
    }
    None
}

/// What a sender writes before a payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    /// Ids from 1 to 14, and contents of 1 to 16 bytes.
    pub(super) extensions: &'a [(u8, &'a [u8])],
}

/// Appends the header to `packet`.
pub(super) fn write(packet: &mut Vec<u8>, fields: &Fields<'_>) {
    packet.push(if fields.extensions.is_empty() {
        0x80
    } else {
        0x90
    });
    packet.push(u8::from(fields.marker) << 7 | fields.payload_type);
    packet.extend(fields.sequence.to_be_bytes());
    packet.extend(fields.timestamp.to_be_bytes());
    packet.extend(fields.ssrc.to_be_bytes());
    if fields.extensions.is_empty() {
        return;
    }
    packet.extend(ONE_BYTE);
    let len_at = packet.len();
    packet.extend([0, 0]);
    for (id, content) in fields.extensions {
        let len = u8::try_from(content.len() - 1).expect("a content of at most 16 bytes");
        packet.push(id << 4 | len);
        packet.extend_from_slice(content);
    }
    let content_at = len_at + 2;
    let words = (packet.len() - content_at).div_ceil(4);
    packet.resize(content_at + 4 * words, 0);
    let words = u16::try_from(words).expect("14 extensions of 17 bytes");
    packet[len_at..content_at].copy_from_slice(&words.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(extensions: &[(u8, &[u8])]) -> Vec<u8> {
        let mut packet = Vec::new();
        let fields = Fields {
            payload_type: 96,
            marker: true,
            sequence: 500,
            timestamp: 9,
            ssrc: 77,
            extensions,
        };
        write(&mut packet, &fields);
        packet
    }

    #[test]
    fn what_is_written_is_read_back() {
        let extensions: [(u8, &[u8]); 3] =
            [(MID_ID, b"12"), (TRANSPORT_CC_ID, &[1, 2]), (RID_ID, b"f")];
        let mut packet = written(&extensions);
        let len = packet.len();
        packet.extend([1; 50]);
        let header = Header::parse(&packet).unwrap();
        assert_eq!((header.payload_type, header.marker), (96, true));
        assert_eq!((header.sequence, header.ssrc), (500, 77));
        assert_eq!(header.transport_cc, Some(0x0102));
        assert_eq!(header.len, len);
        assert_eq!(len % 4, 0);
    }

    #[test]
    fn a_header_without_extensions_has_twelve_bytes() {
        let packet = written(&[]);
        let header = Header::parse(&packet).unwrap();
        assert_eq!((header.len, header.transport_cc), (12, None));
    }

    #[test]
    fn what_is_cut_short_is_no_packet() {
        let packet = written(&[(TRANSPORT_CC_ID, &[1, 2])]);
        for len in 0..packet.len() {
            assert_eq!(Header::parse(&packet[..len]), None, "{len} bytes");
        }
    }
}
