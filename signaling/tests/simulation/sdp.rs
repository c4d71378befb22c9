//! Session descriptions of simulated clients: the offers they write, and what they read of answers.

use crate::checks::PASSWORD;
use std::fmt::Write as _;

/// Numbers of header extensions and payload types, those of Chromium.
pub(crate) const AUDIO_LEVEL: u8 = 1;
pub(crate) const TRANSPORT_CC: u8 = 3;
pub(crate) const MID: u8 = 4;
pub(crate) const RID: u8 = 10;
pub(crate) const REPAIRED_RID: u8 = 11;
pub(crate) const VP8: u8 = 96;
pub(crate) const RTX: u8 = 97;
pub(crate) const OPUS: u8 = 111;
/// The encodings of a camera, smallest first.
pub(crate) const RIDS: [&str; 2] = ["q", "h"];

/// One media section; its place is its `mid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) is_audio: bool,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Receive,
    /// Sends the track of that name.
    Send(String),
    Stopped,
}

/// Who the client is to ICE and DTLS.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) ufrag: String,
    pub(crate) fingerprint: String,
}

pub(crate) fn offer(sections: &[Section], identity: &Identity) -> String {
    let mids: Vec<String> = (0..sections.len()).map(|mid| mid.to_string()).collect();
    let mut sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
        mids.join(" ")
    );
    for (section, mid) in sections.iter().zip(&mids) {
        if section.is_audio {
            audio(&mut sdp, mid);
        } else {
            video(&mut sdp, mid);
        }
        let Identity { ufrag, fingerprint } = identity;
        let _ = write!(
            sdp,
            "a=rtcp-mux\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{PASSWORD}\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n\
             a=extmap:{MID} urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
             a=extmap:{TRANSPORT_CC} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
        );
        content(&mut sdp, section);
    }
    sdp
}

fn audio(sdp: &mut String, mid: &str) {
    let _ = write!(
        sdp,
        "m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n\
         a=rtpmap:{OPUS} opus/48000/2\r\na=rtcp-fb:{OPUS} transport-cc\r\n\
         a=extmap:{AUDIO_LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    );
}

fn video(sdp: &mut String, mid: &str) {
    let _ = write!(
        sdp,
        "m=video 9 UDP/TLS/RTP/SAVPF {VP8} {RTX}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n\
         a=rtpmap:{VP8} VP8/90000\r\na=rtcp-fb:{VP8} transport-cc\r\n\
         a=rtcp-fb:{VP8} nack\r\na=rtcp-fb:{VP8} nack pli\r\n\
         a=rtpmap:{RTX} rtx/90000\r\na=fmtp:{RTX} apt={VP8}\r\n\
         a=extmap:{RID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
         a=extmap:{REPAIRED_RID} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"
    );
}

fn content(sdp: &mut String, section: &Section) {
    match &section.content {
        Content::Receive => sdp.push_str("a=recvonly\r\n"),
        Content::Stopped => sdp.push_str("a=inactive\r\n"),
        Content::Send(track) => {
            let _ = write!(sdp, "a=sendonly\r\na=msid:- {track}\r\n");
            if !section.is_audio {
                for rid in RIDS {
                    let _ = write!(sdp, "a=rid:{rid} send\r\n");
                }
                let _ = write!(sdp, "a=simulcast:send {}\r\n", RIDS.join(";"));
            }
        }
    }
}

/// The value of the first `a=<name>:` line.
pub(crate) fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    let mut attributes = sdp.lines().filter_map(|line| line.strip_prefix("a="));
    attributes.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// A section in which the server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) mid: String,
    pub(crate) ssrc: u32,
    /// The stream of its retransmissions.
    pub(crate) rtx: Option<u32>,
}

pub(crate) fn sending(answer: &str) -> Vec<Sending> {
    let sections = answer.split("m=").skip(1);
    let sending = sections.filter(|section| section.contains("a=sendonly"));
    sending
        .filter_map(|section| {
            let first_number = |text: &str| text.split(' ').next()?.parse().ok();
            let group = attribute(section, "ssrc-group");
            Some(Sending {
                mid: attribute(section, "mid")?.to_owned(),
                ssrc: attribute(section, "ssrc").and_then(first_number)?,
                rtx: group.and_then(|group| group.rsplit(' ').next()?.parse().ok()),
            })
        })
        .collect()
}
