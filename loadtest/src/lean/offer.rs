//! Writes the offers of a lean participant (RFC 8866, RFC 8829): what a browser would offer, less
//! the codecs and extensions that a throughput test does not use. Decides nothing.

use super::header::{AUDIO_LEVEL_ID, MID_ID, RID_ID, TRANSPORT_CC_ID};
use crate::media_source::{AUDIO_PAYLOAD_TYPE, Codec, VIDEO_PAYLOAD_TYPE, Video};
use crate::peer::publication::{CAMERA, MICROPHONE};
use crate::reception::Kind;
use std::fmt::Write;

/// The payload type that every offer gives to retransmitted pictures (RFC 4588).
pub(super) const REPAIR_PAYLOAD_TYPE: u8 = 97;

/// The names of the header extensions, in the order of their ids.
const AUDIO_EXTENSIONS: [(u8, &str); 3] = [
    (
        AUDIO_LEVEL_ID,
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    ),
    (TRANSPORT_CC_ID, TRANSPORT_CC),
    (MID_ID, MID),
];
const VIDEO_EXTENSIONS: [(u8, &str); 3] = [
    (TRANSPORT_CC_ID, TRANSPORT_CC),
    (MID_ID, MID),
    (RID_ID, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
];
const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const VIDEO_FEEDBACK: [&str; 4] = ["transport-cc", "ccm fir", "nack", "nack pli"];

/// How a participant is known to ICE and DTLS.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// The user name fragment (RFC 8839, section 5.4).
    pub(super) ufrag: String,
    /// The password to it.
    pub(super) pwd: String,
    /// SHA-256 of the certificate, as an offer writes it (RFC 8122).
    pub(super) fingerprint: String,
}

/// One media section; its mid is its place in the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// For a track of somebody else.
    Receiving(Kind),
    /// Sends Opus with this SSRC.
    Microphone(u32),
    /// Sends the encodings of a camera: told apart by their RIDs, or one with this SSRC.
    Camera(Video, u32),
}

impl Section {
    fn kind(self) -> Kind {
        match self {
            Self::Receiving(kind) => kind,
            Self::Microphone(_) => Kind::Audio,
            Self::Camera(..) => Kind::Video,
        }
    }
}

/// The offer with these sections, whose pictures are of this codec; `version` counts the offers of one participant.
pub(super) fn write(
    identity: &Identity,
    version: u32,
    codec: Codec,
    sections: &[Section],
) -> String {
    let mids: Vec<String> = (0..sections.len()).map(|mid| mid.to_string()).collect();
    let mut sdp = format!(
        "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
        mids.join(" ")
    );
    for (mid, section) in sections.iter().enumerate() {
        match section.kind() {
            Kind::Audio => write_audio(&mut sdp),
            Kind::Video => write_video(&mut sdp, codec),
        }
        write_transport(&mut sdp, identity, mid);
        match section {
            Section::Receiving(_) => sdp.push_str("a=recvonly\r\n"),
            Section::Microphone(ssrc) => {
                line(&mut sdp, format_args!("a=msid:loadtest {MICROPHONE}"));
                sdp.push_str("a=sendonly\r\n");
                line(&mut sdp, format_args!("a=ssrc:{ssrc} cname:loadtest"));
            }
            Section::Camera(video, ssrc) => write_camera(&mut sdp, *video, *ssrc),
        }
    }
    sdp
}

fn write_audio(sdp: &mut String) {
    let opus = AUDIO_PAYLOAD_TYPE;
    line(sdp, format_args!("m=audio 9 UDP/TLS/RTP/SAVPF {opus}"));
    line(sdp, format_args!("a=rtpmap:{opus} opus/48000/2"));
    line(
        sdp,
        format_args!("a=fmtp:{opus} minptime=10;useinbandfec=1"),
    );
    line(sdp, format_args!("a=rtcp-fb:{opus} transport-cc"));
    write_extensions(sdp, &AUDIO_EXTENSIONS);
}

fn write_video(sdp: &mut String, codec: Codec) {
    let (name, parameters) = codec.in_sdp();
    let (main, rtx) = (VIDEO_PAYLOAD_TYPE, REPAIR_PAYLOAD_TYPE);
    line(
        sdp,
        format_args!("m=video 9 UDP/TLS/RTP/SAVPF {main} {rtx}"),
    );
    line(sdp, format_args!("a=rtpmap:{main} {name}/90000"));
    if let Some(parameters) = parameters {
        line(sdp, format_args!("a=fmtp:{main} {parameters}"));
    }
    line(sdp, format_args!("a=rtpmap:{rtx} rtx/90000"));
    line(sdp, format_args!("a=fmtp:{rtx} apt={main}"));
    for feedback in VIDEO_FEEDBACK {
        line(sdp, format_args!("a=rtcp-fb:{main} {feedback}"));
    }
    write_extensions(sdp, &VIDEO_EXTENSIONS);
}

fn write_extensions(sdp: &mut String, extensions: &[(u8, &str)]) {
    for (id, uri) in extensions {
        line(sdp, format_args!("a=extmap:{id} {uri}"));
    }
}

fn write_transport(sdp: &mut String, identity: &Identity, mid: usize) {
    let Identity {
        ufrag,
        pwd,
        fingerprint,
    } = identity;
    sdp.push_str("c=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtcp-rsize\r\n");
    line(sdp, format_args!("a=mid:{mid}"));
    line(sdp, format_args!("a=ice-ufrag:{ufrag}"));
    line(sdp, format_args!("a=ice-pwd:{pwd}"));
    line(sdp, format_args!("a=fingerprint:sha-256 {fingerprint}"));
    sdp.push_str("a=ice-options:trickle\r\n");
}

fn write_camera(sdp: &mut String, video: Video, ssrc: u32) {
    line(sdp, format_args!("a=msid:loadtest {CAMERA}"));
    sdp.push_str("a=sendonly\r\n");
    if video.streams() == 1 {
        line(sdp, format_args!("a=ssrc:{ssrc} cname:loadtest"));
        return;
    }
    for encoding in video.encodings {
        line(sdp, format_args!("a=rid:{} send", encoding.rid));
    }
    let rids = video.encodings.iter().map(|encoding| encoding.rid);
    let rids: Vec<&str> = rids.collect();
    let rids = rids.join(";");
    line(sdp, format_args!("a=simulcast:send {rids}"));
}

fn line(sdp: &mut String, text: std::fmt::Arguments<'_>) {
    write!(sdp, "{text}\r\n").expect("a string takes what is written");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_source::vp8::ENCODINGS;

    fn identity() -> Identity {
        Identity {
            ufrag: "uuuu".to_owned(),
            pwd: "p".repeat(24),
            fingerprint: "AA:BB".to_owned(),
        }
    }

    #[test]
    fn every_section_is_bundled_under_its_place() {
        let sections = [
            Section::Receiving(Kind::Audio),
            Section::Microphone(7),
            Section::Camera(Video::USUAL, 8),
        ];
        let sdp = write(&identity(), 2, Codec::Vp8, &sections);
        assert!(sdp.contains("a=group:BUNDLE 0 1 2\r\n"));
        assert!(sdp.contains("o=- 1 2 IN"));
        for mid in 0..3 {
            assert_eq!(sdp.matches(&format!("a=mid:{mid}\r\n")).count(), 1);
        }
        assert_eq!(sdp.matches("a=ice-ufrag:uuuu\r\n").count(), 3);
        assert_eq!(sdp.matches("a=sendonly").count(), 2);
        assert_eq!(sdp.matches("a=recvonly").count(), 1);
    }

    #[test]
    fn the_camera_is_offered_as_three_encodings() {
        let sdp = write(
            &identity(),
            1,
            Codec::Vp8,
            &[Section::Camera(Video::USUAL, 8)],
        );
        assert!(sdp.contains("a=simulcast:send q;h;f\r\n"));
        assert!(sdp.contains("a=rid:h send\r\n"));
        assert!(sdp.contains("a=msid:loadtest camera\r\n"));
    }

    #[test]
    fn a_single_stream_is_offered_by_its_ssrc() {
        let scalable = Video {
            codec: Codec::Vp9,
            ..Video::USUAL
        };
        let alone = Video {
            encodings: &ENCODINGS[2..],
            ..Video::USUAL
        };
        for video in [scalable, alone] {
            let sdp = write(&identity(), 1, video.codec, &[Section::Camera(video, 8)]);
            assert!(sdp.contains("a=ssrc:8 cname:loadtest\r\n"));
            assert!(!sdp.contains("a=rid:") && !sdp.contains("a=simulcast:"));
        }
    }

    #[test]
    fn every_section_for_pictures_names_the_codec() {
        let section = [Section::Receiving(Kind::Video)];
        let sdp = write(&identity(), 1, Codec::H264, &section);
        assert!(sdp.contains("a=rtpmap:96 H264/90000\r\n"));
        assert!(sdp.contains("a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;"));
    }
}
