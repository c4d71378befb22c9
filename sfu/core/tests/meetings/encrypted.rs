//! Media that is encrypted from end to end: what clients leave readable is all that is read, and
//! all that is changed is outside of what they encrypt.
//!
//! LiveKit's clients encrypt a frame and leave its first bytes: ten of a VP8 keyframe and three of
//! any other, and of H264 everything up to the header of the first slice. The payload descriptor
//! is not part of the frame.

use sfu_core::rtp::payload::{PictureId, h264, vp8};

/// Extension, picture id of 15 bits, TL0PICIDX and temporal layer (RFC 7741, section 4.2).
const DESCRIPTOR: [u8; 6] = [0x90, 0xe0, 0x92, 0x34, 0x07, 0x40];
/// A keyframe of 640 x 360 (RFC 6386, section 9.1).
const KEYFRAME: [u8; 10] = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
const INTER_FRAME: [u8; 3] = [0x31, 0x01, 0x00];

#[test]
fn the_same_is_read_of_a_vp8_frame_whatever_its_encrypted_bytes_are() {
    for readable in [&KEYFRAME[..], &INTER_FRAME] {
        let read = |noise: u8| {
            let frame = [&DESCRIPTOR[..], readable, &[noise; 900]].concat();
            vp8::Descriptor::parse(&frame).expect("a descriptor")
        };
        let plain = read(0);
        assert_eq!(plain.keyframe, readable == KEYFRAME);
        for noise in 1..=255 {
            assert_eq!(read(noise), plain);
        }
    }
}

#[test]
fn new_picture_numbers_leave_every_byte_of_the_frame_as_it_was() {
    let frame = [&KEYFRAME[..], &[0xa5; 900]].concat();
    let mut payload = [&DESCRIPTOR[..], &frame].concat();
    let descriptor = vp8::Descriptor::parse(&payload).expect("a descriptor");
    descriptor.numbers.rewrite(&mut payload, 0x4321, 0x99);
    assert_eq!(payload[DESCRIPTOR.len()..], frame);
    let after = vp8::Descriptor::parse(&payload).expect("still a descriptor");
    let number = after.numbers.picture_id.map(PictureId::value);
    assert_eq!(number, Some(0x4321));
}

#[test]
fn an_h264_keyframe_is_known_by_unit_headers_alone() {
    // SPS whole, PPS aggregated with it, IDR in fragments: only headers are readable.
    let sps = [0x67, 0x42, 0xe0, 0x1f];
    for noise in 0..=255 {
        let fragment = [&[0x7c, 0x85, 0xb8][..], &[noise; 900]].concat();
        let later = [&[0x7c, 0x05][..], &[noise; 900]].concat();
        let inter = [&[0x41, 0x9a][..], &[noise; 900]].concat();
        assert!(h264::is_keyframe_start(&sps));
        assert!(h264::is_keyframe_start(&fragment));
        assert!(!h264::is_keyframe_start(&later));
        assert!(!h264::is_keyframe_start(&inter));
    }
}
