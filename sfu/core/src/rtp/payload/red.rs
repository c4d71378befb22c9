//! Redundant audio (RFC 2198): one payload carries a frame and, before it, copies of earlier ones.
//! Says where the blocks stand and writes such payloads; knows nothing of what is in a block.

/// A block's length has ten bits (RFC 2198, section 3).
pub const BLOCK_LEN_MAX: usize = 0x3ff;
/// A block's distance from the primary, in ticks of the RTP clock, has fourteen bits.
pub const OFFSET_MAX: u32 = 0x3fff;
/// Marks the header of a block that another one follows.
const FOLLOWED: u8 = 0x80;
const REDUNDANT_HEADER_LEN: usize = 4;

/// A payload, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redundant<'a> {
    /// The payload type of the primary.
    pub payload_type: u8,
    /// The frame that the packet was sent for.
    pub primary: &'a [u8],
    headers: &'a [u8],
    blocks: &'a [u8],
}

/// A copy of an earlier frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its payload type.
    pub payload_type: u8,
    /// How much older than the primary it is, in ticks of the RTP clock, at most [`OFFSET_MAX`].
    pub offset: u32,
    /// The frame, of at most [`BLOCK_LEN_MAX`] bytes when written.
    pub frame: &'a [u8],
}

impl<'a> Redundant<'a> {
    /// Reads a payload; `None` if its headers or blocks do not fit into it.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut headers_len = 0;
        let mut blocks_len = 0;
        loop {
            let header = payload.get(headers_len..)?;
            if header.first()? & FOLLOWED == 0 {
                break;
            }
            blocks_len += block_len(*header.first_chunk()?);
            headers_len += REDUNDANT_HEADER_LEN;
        }
        let (headers, rest) = payload.split_at(headers_len);
        let (payload_type, rest) = rest.split_first()?;
        let (blocks, primary) = rest.split_at_checked(blocks_len)?;
        Some(Self {
            payload_type: *payload_type,
            primary,
            headers,
            blocks,
        })
    }

    /// The copies, oldest first as they stand.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = Block<'a>> + Clone + use<'a> {
        let mut rest = self.blocks;
        let (headers, _) = self.headers.as_chunks::<REDUNDANT_HEADER_LEN>();
        headers.iter().map(move |header| {
            let (frame, after) = rest.split_at(block_len(*header));
            rest = after;
            let [_, high, low, _] = *header;
            Block {
                payload_type: header[0] & !FOLLOWED,
                offset: u32::from(high) << 6 | u32::from(low) >> 2,
                frame,
            }
        })
    }
}

/// Appends a payload. Left out are blocks that are longer or older than their headers can say.
pub fn write<'a>(
    out: &mut Vec<u8>,
    blocks: impl Iterator<Item = Block<'a>> + Clone,
    payload_type: u8,
    primary: &[u8],
) {
    let fits = |block: &Block<'_>| block.offset <= OFFSET_MAX && block.frame.len() <= BLOCK_LEN_MAX;
    for block in blocks.clone().filter(fits) {
        let len = u32::try_from(block.frame.len()).expect("ten bits");
        let [_, high, middle, low] = (block.offset << 10 | len).to_be_bytes();
        out.extend_from_slice(&[FOLLOWED | block.payload_type, high, middle, low]);
    }
    out.push(payload_type & !FOLLOWED);
    for block in blocks.filter(fits) {
        out.extend_from_slice(block.frame);
    }
    out.extend_from_slice(primary);
}

fn block_len(header: [u8; REDUNDANT_HEADER_LEN]) -> usize {
    usize::from(u16::from_be_bytes([header[2] & 0x03, header[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The packet of RFC 2198, section 4: 84 bytes of DVI4, payload type 5, with a copy of the frame
    /// before it in 14 bytes of LPC, payload type 7. The RFC leaves the offset open: 20 ms at 8 kHz.
    fn example() -> Vec<u8> {
        let mut bytes = vec![0x87, 0x02, 0x80, 0x0e, 0x05];
        bytes.extend([0xaa; 14]);
        bytes.extend([0xbb; 84]);
        bytes
    }

    #[test]
    fn the_example_of_the_rfc_is_read_and_written() {
        let bytes = example();
        let redundant = Redundant::parse(&bytes).unwrap();
        assert_eq!(
            (redundant.payload_type, redundant.primary),
            (5, &[0xbb; 84][..])
        );
        let block = Block {
            payload_type: 7,
            offset: 160,
            frame: &[0xaa; 14],
        };
        assert_eq!(redundant.blocks().collect::<Vec<_>>(), [block]);
        let mut written = Vec::new();
        write(&mut written, [block].into_iter(), 5, &[0xbb; 84]);
        assert_eq!(written, bytes);
    }

    #[test]
    fn a_frame_without_copies_has_one_byte_before_it() {
        let redundant = Redundant::parse(&[111, 1, 2, 3]).unwrap();
        assert_eq!(
            (redundant.payload_type, redundant.primary),
            (111, &[1, 2, 3][..])
        );
        assert_eq!(redundant.blocks().count(), 0);
    }

    #[test]
    fn a_payload_cut_within_headers_or_blocks_is_none() {
        let bytes = example();
        for len in 0..19 {
            assert_eq!(Redundant::parse(&bytes[..len]), None, "{len} bytes");
        }
        assert!(Redundant::parse(&bytes[..19]).unwrap().primary.is_empty());
    }

    #[test]
    fn what_a_header_cannot_say_is_left_out() {
        let long = [0; BLOCK_LEN_MAX + 1];
        let block = |offset, frame| Block {
            payload_type: 111,
            offset,
            frame,
        };
        let blocks = [
            block(OFFSET_MAX + 1, &long[..5]),
            block(1920, &long[..]),
            block(OFFSET_MAX, &long[..BLOCK_LEN_MAX]),
        ];
        let mut written = Vec::new();
        write(&mut written, blocks.into_iter(), 111, &[9]);
        let redundant = Redundant::parse(&written).unwrap();
        assert_eq!(redundant.blocks().collect::<Vec<_>>(), blocks[2..]);
        assert_eq!(redundant.primary, [9]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            blocks in proptest::collection::vec(
                (0..128_u8, 0..=OFFSET_MAX, proptest::collection::vec(any::<u8>(), 0..40)), 0..4),
            payload_type in 0..128_u8,
            primary: Vec<u8>,
        ) {
            let blocks: Vec<Block<'_>> = blocks
                .iter()
                .map(|(payload_type, offset, frame)| Block {
                    payload_type: *payload_type,
                    offset: *offset,
                    frame,
                })
                .collect();
            let mut written = Vec::new();
            write(&mut written, blocks.iter().copied(), payload_type, &primary);
            let read = Redundant::parse(&written).unwrap();
            prop_assert_eq!(read.blocks().collect::<Vec<_>>(), blocks);
            prop_assert_eq!((read.payload_type, read.primary), (payload_type, primary.as_slice()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(payload: Vec<u8>) {
            if let Some(read) = Redundant::parse(&payload) {
                let blocks: usize = read.blocks().map(|block| block.frame.len() + 4).sum();
                prop_assert_eq!(blocks + 1 + read.primary.len(), payload.len());
            }
        }
    }
}
