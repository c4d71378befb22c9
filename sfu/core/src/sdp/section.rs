//! From one parsed `m=` section to its types. Knows nothing of the sections around it.

use super::attributes::{Attributes, Transport};
use super::error::{Place, SdpError};
use super::offer::{Direction, Section, SectionKind};
use rtc_sdp::description::media::MediaDescription;

/// Reads the section at `index`; `default` is the direction the session gives to all.
pub(super) fn read(
    index: usize,
    media: &MediaDescription,
    default: Option<Direction>,
) -> Result<(Section, Transport<'_>), SdpError> {
    let attributes = Attributes::read(index, &media.attributes)?;
    let place = || Place::Section {
        index,
        mid: Some(attributes.mid.to_owned()),
    };
    let kind = kind(&media.media_name.media).ok_or_else(|| SdpError::Invalid {
        place: place(),
        what: "media type: audio, video and application are known",
    })?;
    let direction = attributes
        .direction
        .or(default)
        .unwrap_or(Direction::SendRecv);
    let rejected = media.media_name.port.value == 0 && !attributes.bundle_only;
    let formats = media.media_name.formats.clone();
    let codecs = match kind {
        SectionKind::Audio | SectionKind::Video => attributes.codecs.forwarded(kind, &formats),
        SectionKind::Application => Vec::new(),
    };
    let section = Section {
        mid: attributes.mid.to_owned(),
        kind,
        direction,
        rejected,
        protocol: media.media_name.protos.join("/"),
        formats,
        codecs,
        encodings: attributes.encodings(),
        ssrcs: attributes.primary_ssrcs(),
        repairs: attributes.retransmissions,
        extmap_allow_mixed: attributes.extmap_allow_mixed,
        extensions: attributes.extensions,
        extension_directions: attributes.extension_directions,
        msid: attributes.msid,
        cname: attributes.cname.map(str::to_owned),
        reduced_size_rtcp: attributes.reduced_size_rtcp,
        sctp_port: attributes.sctp_port,
        max_message_size: attributes.max_message_size,
    };
    if !rejected {
        usable(&section, attributes.rtcp_mux, &place)?;
    }
    Ok((section, attributes.transport))
}

fn kind(media: &str) -> Option<SectionKind> {
    [
        SectionKind::Audio,
        SectionKind::Video,
        SectionKind::Application,
    ]
    .into_iter()
    .find(|kind| kind.name() == media)
}

/// Refuses an open section that could not be answered with anything that works.
fn usable(section: &Section, rtcp_mux: bool, place: &dyn Fn() -> Place) -> Result<(), SdpError> {
    let missing = |what| {
        Err(SdpError::Missing {
            place: place(),
            what,
        })
    };
    match section.kind {
        SectionKind::Application if section.formats != ["webrtc-datachannel"] => {
            missing("webrtc-datachannel format")
        }
        SectionKind::Application if section.sctp_port == 0 => missing("sctp-port"),
        SectionKind::Application => Ok(()),
        SectionKind::Audio | SectionKind::Video if !rtcp_mux => missing("rtcp-mux"),
        SectionKind::Audio | SectionKind::Video => {
            if section.codecs.is_empty() && section.direction.sends() {
                return Err(SdpError::NoCommonCodec {
                    place: place(),
                    kind: section.kind,
                    known: match section.kind {
                        SectionKind::Video => {
                            "VP8, VP9, AV1, H265 and H264 with packetization-mode=1"
                        }
                        SectionKind::Audio | SectionKind::Application => "opus",
                    },
                });
            }
            Ok(())
        }
    }
}
