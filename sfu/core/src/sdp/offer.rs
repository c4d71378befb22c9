//! What an offer says, in types. Holds no text that a parser would have to look at again.

use super::extension::Extension;
use crate::units::{Codec, MediaKind};
use std::fmt;

/// A client's offer. All its sections share one transport (BUNDLE, RFC 9143).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The client's half of the STUN user name (RFC 8839, section 5.4), 4 to 256 characters.
    pub ice_ufrag: String,
    /// The password of STUN messages to the client, 22 to 256 characters.
    pub ice_pwd: String,
    /// The hash of the client's certificate (RFC 8122): `sha-256 AA:BB…`, the hash in capitals.
    pub fingerprint: String,
    /// Who the client says may start DTLS.
    pub setup: Setup,
    /// Whether there is a BUNDLE group; without it there is one section.
    pub bundled: bool,
    /// Whether one- and two-byte header extensions may be mixed in all sections (RFC 8285,
    /// section 6).
    pub extmap_allow_mixed: bool,
    /// The media sections, in order.
    pub sections: Vec<Section>,
}

/// Who starts the DTLS handshake (RFC 8842, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Either side; for offers only.
    ActPass,
    /// The one who says so.
    Active,
    /// The other side.
    Passive,
}

impl Setup {
    /// What to answer: passive wherever the offer allows it, because the DTLS server picks the
    /// SRTP profile.
    #[must_use]
    pub const fn answered(self) -> Self {
        match self {
            Self::ActPass | Self::Active => Self::Passive,
            Self::Passive => Self::Active,
        }
    }
}

/// One media section: an `m=` line and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name (RFC 8843), a token of 1 to 16 characters.
    pub mid: String,
    /// What it carries.
    pub kind: SectionKind,
    /// Where media may flow, seen from the client.
    pub direction: Direction,
    /// The client has closed it: port 0 without `a=bundle-only`. It stays in its place for ever.
    pub rejected: bool,
    /// The transport of the `m=` line, as offered.
    pub protocol: String,
    /// The formats of the `m=` line, as offered: payload types, or `webrtc-datachannel`.
    pub formats: Vec<String>,
    /// The codecs offered that are forwarded here, best first.
    pub codecs: Vec<OfferedCodec>,
    /// The header extensions offered that are known here, under their numbers.
    pub extensions: Vec<(u8, Extension)>,
    /// Extensions that flow one way only, seen from the client. Firefox offers stream ids so.
    pub extension_directions: Vec<(u8, Direction)>,
    /// Whether one- and two-byte header extensions may be mixed in this section. Firefox says so
    /// here, Chromium in [`Offer::extmap_allow_mixed`].
    pub extmap_allow_mixed: bool,
    /// What the client calls the track it sends; `None` where it has none.
    pub msid: Option<Msid>,
    /// The encodings it will send by RID (RFC 8853), in order of the `a=simulcast` line; empty
    /// without simulcast.
    pub encodings: Vec<OfferedEncoding>,
    /// The SSRCs declared for media; those that only repair others are left out. Firefox declares
    /// some also where it only receives: it reports with them.
    pub ssrcs: Vec<u32>,
    /// Which of them is repaired by which SSRC (`a=ssrc-group:FID`, RFC 5576, section 4.2).
    pub repairs: Vec<(u32, u32)>,
    /// The canonical name of the sender (RFC 3550, section 6.5.1), if declared.
    pub cname: Option<String>,
    /// Whether RTCP may be sent without a full report in front (RFC 5506).
    pub reduced_size_rtcp: bool,
    /// The port of the client's SCTP association; 0 where there are no data channels.
    pub sctp_port: u16,
    /// The longest data channel message the client takes, in bytes; 0 for no limit (RFC 8841,
    /// section 6).
    pub max_message_size: u64,
}

/// What a section carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Data channels (RFC 8841).
    Application,
}

impl SectionKind {
    /// The first word of the `m=` line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Application => "application",
        }
    }

    /// The kind of track it can carry.
    pub const fn media(self) -> Option<MediaKind> {
        match self {
            Self::Audio => Some(MediaKind::Audio),
            Self::Video => Some(MediaKind::Video),
            Self::Application => None,
        }
    }
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where media may flow (RFC 8866, section 6.7), seen from the one who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// Out.
    SendOnly,
    /// In.
    RecvOnly,
    /// Not at all.
    Inactive,
}

impl Direction {
    /// The attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction of an attribute.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.name() == name)
    }

    /// The same, seen from the other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::SendRecv => Self::SendRecv,
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            Self::Inactive => Self::Inactive,
        }
    }

    /// Whether media may flow out.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether media may flow in.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// A codec of a section, under the number the client gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedCodec {
    /// Its number in RTP headers, below 128. Every answer must use this one (RFC 3264).
    pub payload_type: u8,
    /// What it is. H.264 is here in packetization mode 1 only.
    pub codec: Codec,
    /// The format parameters as offered, without the number; empty if none.
    pub fmtp: String,
    /// The feedback the client can take: `nack pli`, `transport-cc` … (RFC 4585, section 4.2).
    pub feedback: Vec<String>,
    /// The payload type of its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
    /// The payload type under which it is sent with copies of earlier frames (RFC 2198).
    pub red: Option<u8>,
}

impl OfferedCodec {
    /// Whether keyframes can be asked for by FIR (RFC 5104) and not, as usual, by PLI (RFC 4585).
    /// Who says neither is asked by PLI, which has to be understood wherever keyframes are.
    pub fn takes_fir_alone(&self) -> bool {
        let has = |wanted: &str| self.feedback.iter().any(|kind| kind == wanted);
        has("ccm fir") && !has("nack pli")
    }

    /// Whether lost packets can be asked for (RFC 4585, section 6.2.1).
    pub fn takes_nack(&self) -> bool {
        self.feedback.iter().any(|kind| kind == "nack")
    }
}

/// One encoding of a simulcast sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedEncoding {
    /// Its name: 1 to 16 letters, digits, `-` or `_`.
    pub rid: String,
    /// Whether it starts without sending.
    pub paused: bool,
    /// What it is bound to, such as `pt=96`, as offered (RFC 8851, section 5); mostly empty.
    pub restrictions: String,
}

/// What a sender calls a track (RFC 8830).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Msid {
    /// The media stream it belongs to; `-` for none.
    pub stream: String,
    /// The track; empty if the sender names the stream only.
    pub track: String,
}
