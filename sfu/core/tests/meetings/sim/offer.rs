//! A scripted client's session descriptions: offers in the shape browsers send, and the few lines
//! of an answer that a client needs.

use super::layered::Format;
use std::fmt::Write;

/// One media section, as the client keeps it from offer to offer.
#[derive(Debug, Clone)]
pub(crate) struct ClientSection {
    pub(crate) mid: String,
    pub(crate) content: Content,
}

/// What a section is for.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Receive(&'static str),
    SendAudio {
        track: String,
    },
    SendVideo {
        track: String,
        rids: Vec<&'static str>,
    },
    Stopped(&'static str),
    /// As the story writes it, without the lines of the transport.
    Written(String),
}

/// Header extension numbers, those of Chromium.
pub(crate) const MID: u8 = 4;
pub(crate) const RID: u8 = 10;
pub(crate) const AUDIO_LEVEL: u8 = 1;
pub(crate) const TRANSPORT_CC: u8 = 3;
pub(crate) const OPUS: u8 = 111;
/// Opus with copies of earlier frames.
pub(crate) const RED: u8 = 63;
pub(crate) const VP8: u8 = 96;
pub(crate) const REPAIRED_RID: u8 = 11;
pub(crate) const VP9: u8 = 98;
pub(crate) const AV1: u8 = 45;
pub(crate) const DEPENDENCIES: u8 = 12;

/// The payload type of a codec's retransmissions: the next one, in each case.
pub(crate) const fn rtx_of(payload_type: u8) -> u8 {
    payload_type + 1
}

pub(crate) const fn payload_type(format: Format) -> u8 {
    match format {
        Format::Vp8 => VP8,
        Format::Vp9 | Format::Vp9Plain => VP9,
        Format::Av1 => AV1,
    }
}

/// What a client offers for the repair of losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Nothing.
    None,
    /// Requests for lost packets, of sound too, but no stream for retransmissions.
    Nack,
    /// As browsers: video is repaired on streams of its own, sound is not.
    Rtx,
    /// As browsers whose client asks for lost sound too.
    RtxAndSound,
}

/// What a client can do with what it receives and sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ability {
    pub(crate) repair: Repair,
    /// Sends and takes copies of earlier frames with each frame of sound (RFC 2198).
    pub(crate) redundancy: bool,
    /// Makes key frames when asked by FIR (RFC 5104) and not by PLI (RFC 4585).
    pub(crate) fir: bool,
}

pub(crate) fn write(
    sections: &[ClientSection],
    ability: Ability,
    ufrag: &str,
    pwd: &str,
    fingerprint: &str,
) -> String {
    let mids: Vec<&str> = sections
        .iter()
        .map(|section| section.mid.as_str())
        .collect();
    let mut sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
        mids.join(" ")
    );
    for section in sections {
        match &section.content {
            Content::Written(text) => sdp.push_str(text),
            _ => write_section(&mut sdp, section, ability),
        }
        let _ = write!(
            sdp,
            "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:{fingerprint}\r\na=setup:actpass\r\n"
        );
    }
    sdp
}

fn write_section(sdp: &mut String, section: &ClientSection, ability: Ability) {
    let repair = ability.repair;
    let (kind, direction) = match &section.content {
        Content::Receive(kind) => (*kind, "recvonly"),
        Content::SendAudio { .. } => ("audio", "sendonly"),
        Content::SendVideo { .. } => ("video", "sendonly"),
        Content::Stopped(kind) => (*kind, "inactive"),
        Content::Written(_) => unreachable!("written above"),
    };
    let codecs: &[(u8, &str)] = if kind == "audio" {
        &[(OPUS, "opus/48000/2")]
    } else {
        &[(VP8, "VP8/90000"), (VP9, "VP9/90000"), (AV1, "AV1/90000")]
    };
    let has_rtx = kind == "video" && matches!(repair, Repair::Rtx | Repair::RtxAndSound);
    let has_red = kind == "audio" && ability.redundancy;
    let _ = write!(sdp, "m={kind} 9 UDP/TLS/RTP/SAVPF");
    for (pt, _) in codecs {
        let _ = write!(sdp, " {pt}");
        if has_rtx {
            let _ = write!(sdp, " {}", rtx_of(*pt));
        }
    }
    if has_red {
        let _ = write!(sdp, " {RED}");
    }
    let _ = write!(
        sdp,
        "\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\na={direction}\r\na=rtcp-mux\r\n\
         a=extmap:{MID} urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a=extmap:{TRANSPORT_CC} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n",
        section.mid
    );
    if kind == "audio" {
        let _ = write!(
            sdp,
            "a=extmap:{AUDIO_LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
        );
    } else {
        let _ = write!(
            sdp,
            "a=extmap:{RID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
        );
        let _ = write!(
            sdp,
            "a=extmap:{REPAIRED_RID} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"
        );
        let _ = write!(
            sdp,
            "a=extmap:{DEPENDENCIES} https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n"
        );
    }
    if has_red {
        let _ = write!(
            sdp,
            "a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} {OPUS}/{OPUS}\r\n"
        );
    }
    for codec in codecs {
        write_codec(sdp, kind, *codec, (ability, has_rtx));
    }
    write_sent(sdp, &section.content);
}

fn write_codec(
    sdp: &mut String,
    kind: &str,
    (pt, name): (u8, &str),
    (ability, has_rtx): (Ability, bool),
) {
    let _ = write!(
        sdp,
        "a=rtpmap:{pt} {name}\r\na=rtcp-fb:{pt} transport-cc\r\n"
    );
    if kind == "video" {
        let keyframe = if ability.fir { "ccm fir" } else { "nack pli" };
        let _ = write!(sdp, "a=rtcp-fb:{pt} {keyframe}\r\n");
    }
    if matches!(ability.repair, Repair::Nack | Repair::RtxAndSound) || has_rtx {
        let _ = write!(sdp, "a=rtcp-fb:{pt} nack\r\n");
    }
    if has_rtx {
        let rtx = rtx_of(pt);
        let _ = write!(sdp, "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n");
    }
}

/// What a client sends in a section, if anything.
fn write_sent(sdp: &mut String, content: &Content) {
    match content {
        Content::SendAudio { track } => {
            let _ = write!(sdp, "a=msid:- {track}\r\n");
        }
        Content::SendVideo { track, rids } => {
            let _ = write!(sdp, "a=msid:- {track}\r\n");
            for rid in rids {
                let _ = write!(sdp, "a=rid:{rid} send\r\n");
            }
            if !rids.is_empty() {
                let _ = write!(sdp, "a=simulcast:send {}\r\n", rids.join(";"));
            }
        }
        Content::Receive(_) | Content::Stopped(_) | Content::Written(_) => {}
    }
}

/// The value of the first `a=<name>:` line.
pub(crate) fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| {
        line.strip_prefix("a=")?
            .strip_prefix(name)?
            .strip_prefix(':')
    })
}

/// The SSRC of each section in which the server sends, and that of its retransmissions, as
/// (mid, ssrc, rtx).
pub(crate) fn sending(sdp: &str) -> Vec<(String, u32, Option<u32>)> {
    sdp.split("m=")
        .skip(1)
        .filter(|section| section.contains("a=sendonly"))
        .filter_map(|section| {
            let mid = attribute(section, "mid")?.to_owned();
            let ssrc = attribute(section, "ssrc")?
                .split(' ')
                .next()?
                .parse()
                .ok()?;
            let group = attribute(section, "ssrc-group").map(|group| group.split(' '));
            let rtx = group.and_then(|mut group| group.next_back()?.parse().ok());
            Some((mid, ssrc, rtx))
        })
        .collect()
}

/// Whether an answer prefers redundant sound in the section of that name.
pub(crate) fn asks_for_redundancy(sdp: &str, mid: &str) -> bool {
    let mut sections = sdp.split("m=").skip(1);
    let section = sections.find(|section| attribute(section, "mid") == Some(mid));
    section.is_some_and(|section| section.starts_with("audio 9 UDP/TLS/RTP/SAVPF 63 "))
}
