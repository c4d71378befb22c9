//! What a packet says of its frame, as far as forwarding needs it: whether decoding can begin there,
//! which layer it is in, and the numbers in it. Knows the formats, not who gets the packet.

use super::layers::Layers;
use super::redundancy::Form;
use super::track::{Arrival, Track, TrackSection};
use crate::rtp::dependency_descriptor::DependencyDescriptor;
use crate::rtp::payload::{Picture, av1, h264, h265, vp8, vp9};
use crate::rtp::{Header, Packet};
use crate::units::Codec;

/// What one packet says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Understood {
    pub(crate) picture: Option<Picture>,
    pub(crate) frame: Option<DependencyDescriptor>,
    /// Whether a decoder can start with it.
    pub(crate) switchable: bool,
}

impl Understood {
    const fn from_switchable(switchable: bool) -> Self {
        Self {
            picture: None,
            frame: None,
            switchable,
        }
    }

    fn from_picture(picture: Picture) -> Self {
        Self {
            picture: Some(picture),
            frame: None,
            switchable: picture.is_keyframe_start(),
        }
    }
}

/// Reads of a packet what forwarding needs; `None` if that cannot be read.
///
/// Nothing but padding, with which a sender probes for bandwidth, goes on without the padding: left
/// out, its number would be a gap that a decoder waits for (Firefox 153 sends 50 in a row).
pub(crate) fn understand(
    section: &TrackSection,
    (packet, form): (&Packet<'_>, Form),
    layers: &mut Layers,
) -> Option<Understood> {
    if form == Form::Plain && packet.payload_type != section.payload_type {
        return None;
    }
    let payload = packet.payload;
    if payload.is_empty() {
        return Some(Understood::default());
    }
    let understood = read(section.codec, payload)?;
    let Some(data) = section.dependency_descriptor(packet) else {
        return Some(understood);
    };
    let frame = layers.learn(data)?;
    Some(Understood {
        frame: Some(frame),
        switchable: frame.start_of_frame && frame.attaches_structure,
        ..understood
    })
}

/// What a payload says by itself; `None` if it cannot be read.
pub(crate) fn read(codec: Codec, payload: &[u8]) -> Option<Understood> {
    if payload.is_empty() {
        return Some(Understood::default());
    }
    Some(match codec {
        Codec::Opus => Understood::from_switchable(true),
        Codec::Vp8 => Understood::from_picture(Picture::Vp8(vp8::Descriptor::parse(payload)?)),
        Codec::Vp9 => Understood::from_picture(Picture::Vp9(vp9::Descriptor::parse(payload)?)),
        Codec::Av1 => Understood::from_switchable(av1::is_keyframe_start(payload)),
        Codec::H264 => Understood::from_switchable(h264::is_keyframe_start(payload)),
        Codec::H265 => Understood::from_switchable(h265::is_keyframe_start(payload)),
    })
}

impl TrackSection {
    /// The packet's dependency descriptor, if its layers are told by one. The payloads of other
    /// codecs tell enough, or have no layers.
    pub(crate) fn dependency_descriptor<'a>(&self, packet: &Packet<'a>) -> Option<&'a [u8]> {
        packet.extensions.find(self.dependencies_under()?)
    }

    fn dependencies_under(&self) -> Option<u8> {
        self.dependency_id.filter(|_| self.codec.is_layered())
    }
}

impl Track {
    /// The dependency descriptor in the header of a packet that was understood; empty if none.
    pub(crate) fn descriptor_in<'a>(&self, arrival: &Arrival, header: &'a [u8]) -> &'a [u8] {
        let section = self.section.as_ref();
        let id = section.and_then(TrackSection::dependencies_under);
        let id = id.filter(|_| arrival.incoming.frame.is_some());
        id.and_then(|id| Header::parse(header).ok()?.extensions.find(id))
            .unwrap_or_default()
    }
}
