//! The lines of an answer. Every line that one client or another insists on has its place here.

use super::answer::{AnswerSection, Local, Sending};
use super::extension::Extension;
use super::formats::Formats;
use super::offer::{Direction, Offer, OfferedCodec, Section, SectionKind, Setup};
use crate::units::MediaKind;
use std::fmt;
use std::net::SocketAddr;

/// Header extensions that are answered for video, in every section: libwebrtc binds them to the
/// BUNDLE group by its first answer, and refuses a later simulcast if the stream ids were missing.
const VIDEO_EXTENSIONS: [Extension; 6] = [
    Extension::Mid,
    Extension::RtpStreamId,
    Extension::RepairedRtpStreamId,
    Extension::TransportCc,
    Extension::AbsSendTime,
    Extension::DependencyDescriptor,
];
/// Header extensions that are answered for sound.
const AUDIO_EXTENSIONS: [Extension; 4] = [
    Extension::Mid,
    Extension::AudioLevel,
    Extension::TransportCc,
    Extension::AbsSendTime,
];

/// The longest data channel message taken, in bytes. Clients send at most 64,000 of what is
/// announced, and some refuse to send anything where less than 65,535 is.
pub const MAX_MESSAGE_SIZE: u32 = 65_535;
/// The SCTP port every WebRTC endpoint uses; it is no UDP port (RFC 8841, section 5.1).
const SCTP_PORT: u16 = 5_000;

/// An answer in the making.
pub(super) struct Writer<'a> {
    text: String,
    local: &'a Local<'a>,
    formats: Formats<'a>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(local: &'a Local<'a>, formats: Formats<'a>, sections: usize) -> Self {
        /// A section for video with five codecs; measured.
        const SECTION_LEN: usize = 1_600;
        Self {
            text: String::with_capacity(512 + SECTION_LEN * sections),
            local,
            formats,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn session(&mut self, offer: &Offer, pairs: &[(&Section, &AnswerSection)]) {
        let Local {
            session_id,
            session_version,
            ..
        } = self.local;
        self.line(format_args!("v=0"));
        self.line(format_args!(
            "o=- {session_id} {session_version} IN IP4 127.0.0.1"
        ));
        self.line(format_args!("s=-"));
        self.line(format_args!("t=0 0"));
        if offer.bundled {
            self.text.push_str("a=group:BUNDLE");
            for (section, answer) in pairs {
                if !matches!(answer, AnswerSection::Rejected) {
                    self.text.push(' ');
                    self.text.push_str(&section.mid);
                }
            }
            self.text.push_str("\r\n");
        }
        self.line(format_args!("a=ice-lite"));
        // The client may go on to trickle: its candidates are not needed, but they are taken.
        self.line(format_args!("a=ice-options:trickle"));
        if offer.extmap_allow_mixed {
            self.line(format_args!("a=extmap-allow-mixed"));
        }
        self.line(format_args!("a=msid-semantic:WMS *"));
    }

    pub(super) fn rejected(&mut self, section: &Section) {
        let format = section.formats.first().map_or("0", String::as_str);
        let (kind, protocol) = (section.kind, &section.protocol);
        self.line(format_args!("m={kind} 0 {protocol} {format}"));
        self.line(format_args!("c=IN IP4 0.0.0.0"));
        self.line(format_args!("a=mid:{}", section.mid));
        self.line(format_args!("a=inactive"));
    }

    pub(super) fn data_channels(&mut self, section: &Section) {
        let protocol = &section.protocol;
        self.line(format_args!(
            "m=application 9 {protocol} webrtc-datachannel"
        ));
        self.transport(section);
        self.line(format_args!("a=sctp-port:{SCTP_PORT}"));
        self.line(format_args!("a=max-message-size:{MAX_MESSAGE_SIZE}"));
    }

    pub(super) fn media(&mut self, section: &Section, answer: &AnswerSection) {
        let codecs = preferred_first(section, answer);
        let red_of = |codec: &OfferedCodec| codec.red.filter(|_| has_redundancy(answer));
        self.text.push_str("m=");
        self.text.push_str(section.kind.name());
        self.text.push_str(" 9 ");
        self.text.push_str(&section.protocol);
        for codec in &codecs {
            // In front: browsers send redundancy only if it is preferred to the codec itself.
            if let Some(red) = red_of(codec) {
                self.text.push(' ');
                self.text.push_str(&red.to_string());
            }
            self.text.push(' ');
            self.text.push_str(&codec.payload_type.to_string());
            if let Some(rtx) = codec.rtx {
                self.text.push(' ');
                self.text.push_str(&rtx.to_string());
            }
        }
        self.text.push_str("\r\n");
        self.transport(section);
        self.line(format_args!("a=rtcp-mux"));
        if section.reduced_size_rtcp {
            self.line(format_args!("a=rtcp-rsize"));
        }
        let direction = direction(section, answer);
        self.line(format_args!("a={}", direction.name()));
        for codec in codecs {
            if let Some(red) = red_of(codec) {
                let payload_type = codec.payload_type;
                self.line(format_args!("a=rtpmap:{red} red/48000/2"));
                self.line(format_args!("a=fmtp:{red} {payload_type}/{payload_type}"));
            }
            self.codec(codec);
        }
        self.extensions(section);
        match answer {
            AnswerSection::Send(sending) if direction.sends() => self.source(sending),
            // A client takes simulcast for refused, and gives it up for good, where the answer
            // does not repeat the encodings; so an inactive section keeps them too.
            AnswerSection::Receive(_) | AnswerSection::Inactive => self.encodings(section),
            AnswerSection::Send(_) | AnswerSection::Rejected | AnswerSection::Application => {}
        }
    }

    /// The transport is said again in every section: some clients look for it only there.
    fn transport(&mut self, section: &Section) {
        let Local {
            ice_ufrag,
            ice_pwd,
            fingerprint,
            ..
        } = self.local;
        self.line(format_args!("c=IN IP4 0.0.0.0"));
        self.line(format_args!("a=mid:{}", section.mid));
        self.line(format_args!("a=ice-ufrag:{ice_ufrag}"));
        self.line(format_args!("a=ice-pwd:{ice_pwd}"));
        self.line(format_args!("a=fingerprint:{fingerprint}"));
        let setup = match self.local.setup {
            Setup::Active => "active",
            Setup::Passive | Setup::ActPass => "passive",
        };
        self.line(format_args!("a=setup:{setup}"));
    }

    /// Host candidates (RFC 8839, section 5.1), and that there are no more.
    pub(super) fn candidates(&mut self, addresses: &[SocketAddr]) {
        /// Type preference of a host candidate (RFC 8445, section 5.1.2.2).
        const HOST: u32 = 126;
        for (foundation, (preference, address)) in
            (1_u32..).zip((0..=u32::from(u16::MAX)).rev().zip(addresses))
        {
            let priority = (HOST << 24) + (preference << 8) + 255;
            let (ip, port) = (address.ip(), address.port());
            self.line(format_args!(
                "a=candidate:{foundation} 1 udp {priority} {ip} {port} typ host"
            ));
        }
        if !addresses.is_empty() {
            self.line(format_args!("a=end-of-candidates"));
        }
    }

    fn codec(&mut self, offered: &OfferedCodec) {
        let payload_type = offered.payload_type;
        let (name, clock_rate) = (offered.codec.encoding_name(), offered.codec.clock_rate());
        // Opus always says two channels, whatever it carries (RFC 7587, section 7).
        let channels = match offered.codec.kind() {
            MediaKind::Audio => "/2",
            MediaKind::Video => "",
        };
        let (fmtp, feedback) = self.formats.of_codec(offered);
        let text = &mut self.text;
        line(
            text,
            format_args!("a=rtpmap:{payload_type} {name}/{clock_rate}{channels}"),
        );
        if !fmtp.is_empty() {
            line(text, format_args!("a=fmtp:{payload_type} {fmtp}"));
        }
        for kind in feedback {
            line(text, format_args!("a=rtcp-fb:{payload_type} {kind}"));
        }
        if let Some(rtx) = offered.rtx {
            line(text, format_args!("a=rtpmap:{rtx} rtx/{clock_rate}"));
            line(text, format_args!("a=fmtp:{rtx} apt={payload_type}"));
        }
    }

    fn extensions(&mut self, section: &Section) {
        let answered: &[Extension] = match section.kind {
            SectionKind::Audio => &AUDIO_EXTENSIONS,
            SectionKind::Video => &VIDEO_EXTENSIONS,
            SectionKind::Application => &[],
        };
        if section.extmap_allow_mixed {
            self.line(format_args!("a=extmap-allow-mixed"));
        }
        for &(id, extension) in &section.extensions {
            let one_way = section
                .extension_directions
                .iter()
                .find(|(of, _)| *of == id);
            let uri = extension.uri();
            match one_way {
                _ if !answered.contains(&extension) => {}
                Some((_, direction)) => {
                    let direction = direction.reversed().name();
                    self.line(format_args!("a=extmap:{id}/{direction} {uri}"));
                }
                None => self.line(format_args!("a=extmap:{id} {uri}")),
            }
        }
    }

    fn source(&mut self, sending: &Sending) {
        let Sending {
            stream,
            track,
            ssrc,
            rtx_ssrc,
            cname,
            ..
        } = sending;
        self.line(format_args!("a=msid:{stream} {track}"));
        if let Some(rtx) = rtx_ssrc {
            self.line(format_args!("a=ssrc-group:FID {ssrc} {rtx}"));
        }
        for ssrc in [Some(ssrc), rtx_ssrc.as_ref()].into_iter().flatten() {
            self.line(format_args!("a=ssrc:{ssrc} cname:{cname}"));
            self.line(format_args!("a=ssrc:{ssrc} msid:{stream} {track}"));
        }
    }

    /// The offered encodings, in the order of the offer: that order is what Chromium goes by.
    fn encodings(&mut self, section: &Section) {
        if section.encodings.is_empty() {
            return;
        }
        for encoding in &section.encodings {
            let space = if encoding.restrictions.is_empty() {
                ""
            } else {
                " "
            };
            let (rid, restrictions) = (&encoding.rid, &encoding.restrictions);
            self.line(format_args!("a=rid:{rid} recv{space}{restrictions}"));
        }
        let rids: Vec<&str> = section.encodings.iter().map(|e| e.rid.as_str()).collect();
        self.line(format_args!("a=simulcast:recv {}", rids.join(";")));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        self::line(&mut self.text, line);
    }
}

fn line(text: &mut String, line: fmt::Arguments<'_>) {
    fmt::Write::write_fmt(text, line).expect("a String takes any text");
    text.push_str("\r\n");
}

/// The codecs of a section, with the one that will be sent in front: clients send the first of the
/// answer.
fn preferred_first<'a>(section: &'a Section, answer: &AnswerSection) -> Vec<&'a OfferedCodec> {
    let mut codecs: Vec<&OfferedCodec> = section.codecs.iter().collect();
    let sent = match answer {
        AnswerSection::Send(sending) => sending.codec,
        AnswerSection::Receive(receiving) => receiving.codec,
        AnswerSection::Inactive | AnswerSection::Application | AnswerSection::Rejected => None,
    };
    if let Some(sent) = sent {
        codecs.sort_by_key(|offered| offered.codec != sent);
    }
    codecs
}

/// Whether frames of sound are to carry copies of earlier ones in a section.
fn has_redundancy(answer: &AnswerSection) -> bool {
    match answer {
        AnswerSection::Receive(receiving) => receiving.redundancy,
        AnswerSection::Send(sending) => sending.redundancy,
        AnswerSection::Inactive | AnswerSection::Application | AnswerSection::Rejected => false,
    }
}

/// Where media flows, seen from the server: the way asked for if the client offered it.
fn direction(section: &Section, answer: &AnswerSection) -> Direction {
    match answer {
        AnswerSection::Receive(_) if section.direction.sends() => Direction::RecvOnly,
        AnswerSection::Send(_) if section.direction.receives() => Direction::SendOnly,
        AnswerSection::Receive(_)
        | AnswerSection::Send(_)
        | AnswerSection::Inactive
        | AnswerSection::Application
        | AnswerSection::Rejected => Direction::Inactive,
    }
}
