//! An RTP packet as it lies on the wire (RFC 3550, section 5.1) with its header extensions
//! (RFC 8285). Says where things stand; knows nothing of streams, codecs or encryption.

use super::Ssrc;
use super::big_endian::{u16_at, u32_at};
use super::extension::{self, Extensions};
use super::sequence::SequenceNumber;

const FIXED_HEADER_LEN: usize = 12;
/// Room for the fixed header and every extension Saal writes at once: about 70 bytes, and up to 257
/// of a dependency descriptor. What does not fit is left out.
pub const HEADER_LEN_MAX: usize = 340;

/// One RTP packet, borrowed from its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Ends a video frame, or begins a talk spurt.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The place in its stream.
    pub sequence: SequenceNumber,
    /// When it was sampled, in ticks of the codec's clock.
    pub timestamp: u32,
    /// Its stream.
    pub ssrc: Ssrc,
    /// Its header extensions.
    pub extensions: Extensions<'a>,
    /// What the codec made, without padding.
    pub payload: &'a [u8],
    /// The bytes of padding that followed the payload, with the one that counts them.
    pub padding_len: u8,
}

/// Why bytes are not an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// It ends within its header.
    #[error("truncated at {len} of at least {need} bytes")]
    Truncated {
        /// How long it is.
        len: usize,
        /// How long it would have to be.
        need: usize,
    },
    /// Only version 2 exists.
    #[error("version {0} is not RTP")]
    Version(u8),
    /// The count of padding bytes is zero or goes beyond the payload.
    #[error("{padding} bytes of padding after a payload of {payload} bytes")]
    Padding {
        /// How many are claimed.
        padding: u8,
        /// How many bytes follow the header.
        payload: usize,
    },
}

impl<'a> Packet<'a> {
    /// Reads a packet that is already decrypted. Contributing sources are skipped. Extensions that
    /// are not of RFC 8285 read as none, and a broken one ends the list of extensions.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let header = Header::parse(bytes)?;
        let body = &bytes[header.len..];
        let padding_len = if header.has_padding {
            padding_len(body)?
        } else {
            0
        };
        Ok(Self {
            marker: header.marker,
            payload_type: header.payload_type,
            sequence: header.sequence,
            timestamp: header.timestamp,
            ssrc: header.ssrc,
            extensions: header.extensions,
            payload: &body[..body.len() - usize::from(padding_len)],
            padding_len,
        })
    }
}

/// The part of a packet that is not encrypted (RFC 3711, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// See [`Packet::marker`].
    pub marker: bool,
    /// See [`Packet::payload_type`].
    pub payload_type: u8,
    /// See [`Packet::sequence`].
    pub sequence: SequenceNumber,
    /// See [`Packet::timestamp`].
    pub timestamp: u32,
    /// See [`Packet::ssrc`].
    pub ssrc: Ssrc,
    /// See [`Packet::extensions`].
    pub extensions: Extensions<'a>,
    /// Whether the payload ends in padding.
    pub has_padding: bool,
    /// The bytes before the payload.
    pub len: usize,
}

impl<'a> Header<'a> {
    /// Reads the header of a packet whose payload may be encrypted.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let need = |need| {
            let len = bytes.len();
            move || PacketError::Truncated { len, need }
        };
        let fixed: &[u8; FIXED_HEADER_LEN] =
            bytes.first_chunk().ok_or_else(need(FIXED_HEADER_LEN))?;
        let version = fixed[0] >> 6;
        if version != 2 {
            return Err(PacketError::Version(version));
        }
        let sources_len = 4 * usize::from(fixed[0] & 0x0f);
        let extensions_at = FIXED_HEADER_LEN + sources_len;
        let (extensions, len) = if fixed[0] & 0x10 == 0 {
            (Extensions::NONE, extensions_at)
        } else {
            let data_at = extensions_at + extension::PREFIX_LEN;
            let profile = u16_at(bytes, extensions_at).ok_or_else(need(data_at))?;
            let words = u16_at(bytes, extensions_at + 2).ok_or_else(need(data_at))?;
            let end = data_at + 4 * usize::from(words);
            let data = bytes.get(data_at..end).ok_or_else(need(end))?;
            (Extensions::of_profile(profile, data), end)
        };
        if bytes.len() < len {
            return Err(need(len)());
        }
        Ok(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: SequenceNumber(u16_at(fixed, 2).expect("the fixed header is long enough")),
            timestamp: u32_at(fixed, 4).expect("the fixed header is long enough"),
            ssrc: Ssrc(u32_at(fixed, 8).expect("the fixed header is long enough")),
            extensions,
            has_padding: fixed[0] & 0x20 != 0,
            len,
        })
    }
}

fn padding_len(body: &[u8]) -> Result<u8, PacketError> {
    let padding = body.last().copied().unwrap_or(0);
    if padding == 0 || usize::from(padding) > body.len() {
        return Err(PacketError::Padding {
            padding,
            payload: body.len(),
        });
    }
    Ok(padding)
}

/// The fields of a header that is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderFields {
    /// See [`Packet::marker`].
    pub marker: bool,
    /// See [`Packet::payload_type`]; only the low seven bits are written.
    pub payload_type: u8,
    /// See [`Packet::sequence`].
    pub sequence: SequenceNumber,
    /// See [`Packet::timestamp`].
    pub timestamp: u32,
    /// See [`Packet::ssrc`].
    pub ssrc: Ssrc,
}

/// Writes a header and returns its length. Extensions take the one-byte form, or all of them the
/// two-byte form if one of them needs it. Left out is an extension with the id 0, with more than
/// 255 bytes, or beyond [`HEADER_LEN_MAX`].
pub fn write_header(
    buffer: &mut [u8; HEADER_LEN_MAX],
    fields: &HeaderFields,
    extensions: &[(u8, &[u8])],
) -> usize {
    buffer[0] = 0x80;
    buffer[1] = u8::from(fields.marker) << 7 | fields.payload_type & 0x7f;
    buffer[2..4].copy_from_slice(&fields.sequence.0.to_be_bytes());
    buffer[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    buffer[8..12].copy_from_slice(&fields.ssrc.0.to_be_bytes());
    if extensions.is_empty() {
        return FIXED_HEADER_LEN;
    }
    buffer[0] |= 0x10;
    FIXED_HEADER_LEN + extension::write(&mut buffer[FIXED_HEADER_LEN..], extensions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// A packet of every part: a contributing source, one-byte extensions, payload and padding.
    const FULL: &[u8] = &[
        0xb1, 0xe0, 0x12, 0x34, 0, 0, 0, 0xa0, 0xde, 0xad, 0xbe, 0xef, // fixed header
        0, 0, 0, 9, // contributing source
        0xbe, 0xde, 0, 2, 0x10, 0xaa, 0x21, 0xbb, 0xcc, 0, 0, 0, // extensions 1 and 2
        1, 2, 3, 0, 2, // payload and padding
    ];

    #[test]
    fn every_part_of_a_full_packet_is_read() {
        let packet = Packet::parse(FULL).unwrap();
        assert!(packet.marker);
        assert_eq!(packet.payload_type, 0x60);
        assert_eq!(packet.sequence, SequenceNumber(0x1234));
        assert_eq!(packet.timestamp, 160);
        assert_eq!(packet.ssrc, Ssrc(0xdead_beef));
        assert_eq!(packet.extensions.find(1), Some(&[0xaa][..]));
        assert_eq!(packet.extensions.find(2), Some(&[0xbb, 0xcc][..]));
        assert_eq!(packet.extensions.find(3), None);
        assert_eq!(packet.payload, [1, 2, 3]);
        assert_eq!(packet.padding_len, 2);
    }

    #[test]
    fn a_header_cut_anywhere_is_truncated() {
        for len in 0..FULL.len() - 5 {
            let need = match len {
                0..12 => 12,
                12..20 => 20,
                _ => 28,
            };
            let error = PacketError::Truncated { len, need };
            assert_eq!(Packet::parse(&FULL[..len]), Err(error));
        }
    }

    #[test]
    fn padding_of_nothing_or_of_too_much_is_refused() {
        let mut bytes = FULL.to_vec();
        for padding in [0, 6] {
            *bytes.last_mut().unwrap() = padding;
            let error = PacketError::Padding {
                padding,
                payload: 5,
            };
            assert_eq!(Packet::parse(&bytes), Err(error));
        }
        *bytes.last_mut().unwrap() = 5;
        assert_eq!(Packet::parse(&bytes).unwrap().payload, []);
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = FULL.to_vec();
        bytes[0] = 0x71;
        assert_eq!(Packet::parse(&bytes), Err(PacketError::Version(1)));
    }

    fn fields() -> impl Strategy<Value = HeaderFields> {
        let numbers = (any::<u16>(), any::<u32>(), any::<u32>());
        (any::<bool>(), 0..128_u8, numbers).prop_map(|(marker, payload_type, numbers)| {
            let (sequence, timestamp, ssrc) = numbers;
            HeaderFields {
                marker,
                payload_type,
                sequence: SequenceNumber(sequence),
                timestamp,
                ssrc: Ssrc(ssrc),
            }
        })
    }

    proptest! {
        #[test]
        fn a_written_header_reads_as_it_was_meant(
            fields in fields(),
            extensions in vec((1..=255_u8, vec(any::<u8>(), 0..24)), 0..4),
            payload: Vec<u8>,
        ) {
            let extensions: Vec<(u8, &[u8])> =
                extensions.iter().map(|(id, data)| (*id, data.as_slice())).collect();
            let mut buffer = [0xff; HEADER_LEN_MAX];
            let len = write_header(&mut buffer, &fields, &extensions);
            let mut bytes = buffer[..len].to_vec();
            bytes.extend(&payload);
            let packet = Packet::parse(&bytes).unwrap();
            let read = HeaderFields {
                marker: packet.marker,
                payload_type: packet.payload_type,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                ssrc: packet.ssrc,
            };
            prop_assert_eq!(read, fields);
            prop_assert_eq!(packet.extensions.iter().collect::<Vec<_>>(), extensions);
            prop_assert_eq!(packet.payload, payload);
        }

        #[test]
        fn any_bytes_are_a_packet_or_refused(mut bytes in vec(any::<u8>(), 0..80)) {
            // Most random bytes have another version, which would hide the rest.
            if let Some(first) = bytes.first_mut() {
                *first = 0x80 | *first & 0x3f;
            }
            if let Ok(packet) = Packet::parse(&bytes) {
                let extensions: usize = packet.extensions.iter().map(|(_, data)| data.len()).sum();
                let rest = packet.payload.len() + usize::from(packet.padding_len);
                prop_assert!(FIXED_HEADER_LEN + extensions + rest <= bytes.len());
            }
        }
    }
}
