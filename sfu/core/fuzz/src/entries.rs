//! One function per fuzz target: reads the bytes as an attacker would have them read, and panics if
//! anything that must always hold does not. Knows no fuzzer.

use sfu_core::rtp::dependency_descriptor::{self, DependencyDescriptor, Indication};
use sfu_core::rtp::payload::{Numbers, PictureId, av1, h264, h265, red, vp8, vp9};
use sfu_core::rtp::rtcp::{self, Rtcp};
use sfu_core::rtp::{AudioLevel, HEADER_LEN_MAX, Header, HeaderFields, Packet, extension};
use sfu_core::sdp::{self, AnswerSection, Local, Receiving, Section, SectionKind, Sending};
use sfu_core::transport::stun_local_ufrag;
use std::net::SocketAddr;

/// A fuzz target: what to do with the bytes.
pub type Entry = fn(&[u8]);

/// All of them, under the names of their targets and of the folders of their corpora.
pub const ENTRIES: [(&str, Entry); 11] = [
    ("av1_payload", av1_payload),
    ("dependency_descriptor", dependency_descriptor),
    ("h264_payload", h264_payload),
    ("h265_payload", h265_payload),
    ("red_payload", red_payload),
    ("rtcp_compound", rtcp_compound),
    ("rtp_packet", rtp_packet),
    ("sdp_offer", sdp_offer),
    ("stun", stun),
    ("vp8_descriptor", vp8_descriptor),
    ("vp9_descriptor", vp9_descriptor),
];

/// The payload of an AV1 packet.
pub fn av1_payload(bytes: &[u8]) {
    let keyframe = av1::is_keyframe_start(bytes);
    assert!(!keyframe || !bytes.is_empty());
}

/// A dependency descriptor that brings its structure, and then one that is read by it. Another
/// frame number changes nothing else.
pub fn dependency_descriptor(bytes: &[u8]) {
    let Some(structure) = dependency_descriptor::attached_structure(bytes) else {
        return;
    };
    assert!((1..=4).contains(&structure.spatial_layers()));
    assert!(structure.chain_count() <= structure.targets().len());
    for target in structure.targets() {
        let chain = target.chain.map_or(0, usize::from);
        assert!(chain < structure.chain_count().max(1));
    }
    for first in 0..=u8::MAX {
        let mut data = bytes.to_vec();
        data[0] = first;
        let Some(read) = DependencyDescriptor::parse(&data, Some(&structure)) else {
            continue;
        };
        let present = |target: &usize| read.indication(*target) != Indication::NotPresent;
        assert!((structure.targets().len()..32).all(|target| !present(&target)));
        dependency_descriptor::renumber(&mut data, 0x1234);
        let again = DependencyDescriptor::parse(&data, Some(&structure)).expect("as it was");
        assert_eq!(again.frame_number, 0x1234);
        let mut same = again;
        same.frame_number = read.frame_number;
        assert_eq!(same, read);
    }
}

/// The payload of an H.264 packet.
pub fn h264_payload(bytes: &[u8]) {
    let keyframe = h264::is_keyframe_start(bytes);
    assert!(!keyframe || !bytes.is_empty());
}

/// The payload of an H.265 packet.
pub fn h265_payload(bytes: &[u8]) {
    let keyframe = h265::is_keyframe_start(bytes);
    assert!(!keyframe || bytes.len() >= 2);
}

/// The payload of redundant audio. What was read of it can be written again, and is the same but
/// for bits that mean nothing.
pub fn red_payload(bytes: &[u8]) {
    let Some(redundant) = red::Redundant::parse(bytes) else {
        return;
    };
    let mut written = Vec::new();
    let (payload_type, primary) = (redundant.payload_type, redundant.primary);
    red::write(&mut written, redundant.blocks(), payload_type, primary);
    assert_eq!(written, bytes);
}

/// A decrypted RTCP compound.
pub fn rtcp_compound(bytes: &[u8]) {
    let mut packets = rtcp::packets(bytes);
    for packet in packets.by_ref() {
        match packet {
            Rtcp::SenderReport { reports, .. } | Rtcp::ReceiverReport { reports, .. } => {
                assert!(reports.count() <= rtcp::BLOCKS_MAX);
            }
            Rtcp::Fir { entries, .. } => assert!(entries.count() <= bytes.len()),
            Rtcp::Nack { items, .. } => {
                let lost = items.flat_map(rtcp::NackItem::sequences).count();
                // An item has four bytes and names up to 17 packets.
                assert!(lost <= bytes.len() / 4 * 17);
            }
            Rtcp::Remb { ssrcs, .. } => assert!(ssrcs.count() <= bytes.len()),
            Rtcp::TransportFeedback(feedback) => {
                let statuses = feedback.statuses().count();
                assert_eq!(statuses, usize::from(feedback.status_count));
            }
            Rtcp::Pli { .. } | Rtcp::Bye | Rtcp::SourceDescription | Rtcp::Other => {}
        }
    }
    assert!(packets.next().is_none(), "a walk that ended stays ended");
}

/// A decrypted RTP packet. What was read of its header can be written and read again.
pub fn rtp_packet(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes) else {
        return;
    };
    let header = Header::parse(bytes).expect("the packet has one");
    let padding = usize::from(packet.padding_len);
    assert_eq!(header.len + packet.payload.len() + padding, bytes.len());
    for (_, data) in &packet.extensions {
        let _ = (extension::mid(data), extension::rid(data));
        let _ = (extension::transport_sequence(data), AudioLevel::parse(data));
    }
    let fields = HeaderFields {
        marker: packet.marker,
        payload_type: packet.payload_type,
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        ssrc: packet.ssrc,
    };
    let extensions: Vec<(u8, &[u8])> = packet.extensions.iter().collect();
    let mut buffer = [0; HEADER_LEN_MAX];
    let len = sfu_core::rtp::write_header(&mut buffer, &fields, &extensions);
    let again = Packet::parse(&buffer[..len]).expect("what is written is read");
    assert_eq!((again.ssrc, again.sequence), (packet.ssrc, packet.sequence));
}

/// The text of an offer. If it can be read, it can be answered, section by section.
pub fn sdp_offer(bytes: &[u8]) {
    let Some(offer) = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| sdp::parse_offer(text).ok())
    else {
        return;
    };
    let local = Local {
        ice_ufrag: "ufrag",
        ice_pwd: "a password of the server",
        fingerprint: "sha-256 00",
        setup: offer.setup.answered(),
        candidates: &[SocketAddr::from(([203, 0, 113, 1], 7882))],
        session_id: 1,
        session_version: 1,
    };
    let sections: Vec<AnswerSection> = offer.sections.iter().map(used).collect();
    let answer = sdp::write_answer(&offer, &local, &sections);
    let mut media = answer.split("\r\nm=").skip(1);
    for section in &offer.sections {
        let lines = media.next().expect("every section is answered");
        assert!(lines.contains(&format!("\r\na=mid:{}\r\n", section.mid)));
        let first = lines.lines().next().unwrap_or_default();
        for format in first.split(' ').skip(3) {
            assert!(section.formats.iter().any(|offered| offered == format) || format == "0");
        }
    }
    assert!(
        media.next().is_none(),
        "nothing is answered that was not offered"
    );
}

/// All an offered section can be used for.
fn used(section: &Section) -> AnswerSection {
    match section.kind {
        SectionKind::Application => AnswerSection::Application,
        SectionKind::Audio | SectionKind::Video if section.direction.sends() => {
            AnswerSection::Receive(Receiving {
                stereo: true,
                dtx: true,
                redundancy: true,
                codec: None,
            })
        }
        SectionKind::Audio | SectionKind::Video => AnswerSection::Send(Sending {
            stream: "stream".to_owned(),
            track: "track".to_owned(),
            ssrc: 1,
            rtx_ssrc: Some(2),
            cname: "cname".to_owned(),
            codec: section.codecs.last().map(|offered| offered.codec),
            stereo: true,
            redundancy: true,
        }),
    }
}

/// A datagram from an address nobody knows.
pub fn stun(bytes: &[u8]) {
    if let Some(ufrag) = stun_local_ufrag(bytes) {
        assert!(ufrag.len() < bytes.len());
    }
}

/// The payload of a VP8 packet. The numbers that are written into it are the ones read from it.
pub fn vp8_descriptor(bytes: &[u8]) {
    let Some(descriptor) = vp8::Descriptor::parse(bytes) else {
        return;
    };
    assert!(descriptor.len < bytes.len());
    let mut payload = bytes.to_vec();
    descriptor.numbers.rewrite(&mut payload, 0x1234, 0x56);
    let again = vp8::Descriptor::parse(&payload).expect("it is as long as before");
    assert_eq!(again.len, descriptor.len);
    assert_written(&descriptor.numbers, &again.numbers);
}

/// The payload of a VP9 packet. The numbers that are written into it are the ones read from it.
pub fn vp9_descriptor(bytes: &[u8]) {
    let Some(descriptor) = vp9::Descriptor::parse(bytes) else {
        return;
    };
    assert!(descriptor.len <= bytes.len());
    let mut payload = bytes.to_vec();
    descriptor.numbers.rewrite(&mut payload, 0x1234, 0x56);
    let again = vp9::Descriptor::parse(&payload).expect("it is as long as before");
    assert_eq!(again.len, descriptor.len);
    assert_eq!(again.layers, descriptor.layers);
    assert_written(&descriptor.numbers, &again.numbers);
}

/// Picture 0x1234 and layer count 0x56 are there, as far as there was room for them.
fn assert_written(before: &Numbers, after: &Numbers) {
    assert_eq!(after.tl0_pic_idx, before.tl0_pic_idx.map(|_| 0x56));
    let written = after.picture_id.map(PictureId::value);
    assert_eq!(written, before.picture_id.map(|id| 0x1234 & id.mask()));
}
