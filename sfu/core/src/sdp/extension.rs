//! The RTP header extensions that mean something here, and their names on the wire (RFC 8285).

/// An RTP header extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// The section a packet belongs to (RFC 9143, section 15).
    Mid,
    /// The encoding a packet belongs to (RFC 8852, section 3.1).
    RtpStreamId,
    /// The encoding a retransmission repairs (RFC 8852, section 3.2).
    RepairedRtpStreamId,
    /// How loud the sound in a packet is (RFC 6464).
    AudioLevel,
    /// A sequence number over all streams of a transport, for congestion control
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportCc,
    /// When a packet left, in 1/2^18 s, for congestion control by the receiver.
    AbsSendTime,
    /// Which layers a frame belongs to and depends on (AV1 RTP specification, appendix A).
    DependencyDescriptor,
}

impl Extension {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Mid,
        Self::RtpStreamId,
        Self::RepairedRtpStreamId,
        Self::AudioLevel,
        Self::TransportCc,
        Self::AbsSendTime,
        Self::DependencyDescriptor,
    ];

    /// The name in `a=extmap`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::RtpStreamId => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRtpStreamId => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::TransportCc => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
        }
    }

    /// The extension of a name; `None` for one that means nothing here.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|extension| extension.uri() == uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_extension_is_found_by_its_own_name_only() {
        for extension in Extension::ALL {
            assert_eq!(Extension::from_uri(extension.uri()), Some(extension));
        }
        assert_eq!(Extension::from_uri("urn:3gpp:video-orientation"), None);
    }
}
