//! Answers: what the engine decides of each section, and whether the section can be that.
//! How it is said is in `writer` and `formats`.

use super::formats::Formats;
use super::offer::{Offer, Section, SectionKind, Setup};
use super::writer::Writer;
use crate::units::Codec;
use std::net::SocketAddr;

/// What an answer says about the server's end of the transport.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a> {
    /// The server's half of the STUN user name.
    pub ice_ufrag: &'a str,
    /// The password of STUN messages to the server.
    pub ice_pwd: &'a str,
    /// The hash of the server's certificate, as in [`Offer::fingerprint`].
    pub fingerprint: &'a str,
    /// Who starts DTLS; see [`Setup::answered`]. An answer cannot leave it open: `ActPass` is
    /// written as passive.
    pub setup: Setup,
    /// Where the server can be reached by UDP, best first.
    pub candidates: &'a [SocketAddr],
    /// Names the session, the same in all answers to a client.
    pub session_id: u64,
    /// Counts the answers to a client.
    pub session_version: u64,
}

/// What becomes of an offered section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerSection {
    /// It is closed for ever.
    Rejected,
    /// It is kept, with what could flow in it.
    Inactive,
    /// The client sends.
    Receive(Receiving),
    /// The server sends.
    Send(Sending),
    /// It carries the data channels.
    Application,
}

/// How the server would like to be sent a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiving {
    /// Two channels of sound.
    pub stereo: bool,
    /// The sender may stop in silence.
    pub dtx: bool,
    /// Copies of earlier frames with each one (RFC 2198), if the client offered that.
    pub redundancy: bool,
    /// The codec it is to be sent in, to be named first; `None` keeps the order of the offer.
    pub codec: Option<Codec>,
}

/// What the server sends in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The media stream the client files it under.
    pub stream: String,
    /// What the client calls the track.
    pub track: String,
    /// The SSRC it is sent with.
    pub ssrc: u32,
    /// The SSRC of its retransmissions (RFC 4588), if they have a stream of their own.
    pub rtx_ssrc: Option<u32>,
    /// The canonical name that ties sound to pictures (RFC 3550, section 6.5.1).
    pub cname: String,
    /// The codec it is sent in, to be named first; `None` keeps the order of the offer.
    pub codec: Option<Codec>,
    /// Two channels of sound.
    pub stereo: bool,
    /// Copies of earlier frames with each one (RFC 2198), if the client offered that.
    pub redundancy: bool,
}

/// Writes the answer to an offer. `sections` says what becomes of each offered section, in order;
/// sections it does not reach are rejected, and so are those that cannot be what it says: closed by
/// the client, without a codec in common, or data channels where media was meant.
///
/// A section carries media one way: to an offer of `sendrecv` the answer is the way asked for. A way
/// the client did not offer is answered `inactive`.
pub fn write_answer(offer: &Offer, local: &Local<'_>, sections: &[AnswerSection]) -> String {
    let asked = sections
        .iter()
        .chain(std::iter::repeat(&AnswerSection::Rejected));
    let pairs: Vec<(&Section, &AnswerSection)> = offer
        .sections
        .iter()
        .zip(asked)
        .map(|(section, asked)| (section, possible(section, asked)))
        .collect();
    let mut writer = Writer::new(local, Formats::of(&pairs), pairs.len());
    writer.session(offer, &pairs);
    let mut candidates = local.candidates;
    for (section, answer) in pairs {
        if matches!(answer, AnswerSection::Rejected) {
            writer.rejected(section);
            continue;
        }
        match section.kind {
            SectionKind::Application => writer.data_channels(section),
            SectionKind::Audio | SectionKind::Video => writer.media(section, answer),
        }
        // All sections share the transport of the first, which alone has candidates.
        writer.candidates(std::mem::take(&mut candidates));
    }
    writer.into_text()
}

/// What is asked for, or rejection where the section cannot be that.
fn possible<'a>(section: &Section, asked: &'a AnswerSection) -> &'a AnswerSection {
    let possible = match asked {
        AnswerSection::Rejected => false,
        AnswerSection::Application => section.kind == SectionKind::Application,
        AnswerSection::Inactive | AnswerSection::Receive(_) | AnswerSection::Send(_) => {
            section.kind != SectionKind::Application && !section.codecs.is_empty()
        }
    };
    if possible && !section.rejected {
        asked
    } else {
        &AnswerSection::Rejected
    }
}
