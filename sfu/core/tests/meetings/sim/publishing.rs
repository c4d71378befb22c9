//! What clients of a meeting publish: a microphone, or pictures in whichever encodings.

use super::Sim;
use super::layered::Layered;
use super::media::Source;
use super::offer::Content;
use sfu_core::Command;
use sfu_core::command::{LayerSpec, Purpose, TrackSpec};
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::{Bitrate, Codec, MediaKind, Quality, Size};

impl Sim {
    pub(crate) fn publish_audio(&mut self, id: PeerId) -> TrackId {
        let track = TrackId(self.next_id());
        let name = format!("mic-{}", track.0);
        self.publish(id, track, spec(MediaKind::Audio, &name, vec![]));
        let client = self.clients.get_mut(&id).unwrap();
        let mid = client.add_section(Content::SendAudio { track: name });
        let ssrc = u32::try_from(track.0).unwrap() * 100;
        client
            .sources
            .insert(track, Source::new(self.now, mid, ssrc, &[]));
        self.offer(id);
        track
    }

    pub(crate) fn publish_camera(&mut self, id: PeerId) -> TrackId {
        self.publish_pictures(id, Purpose::Camera, [180, 360, 720])
    }

    /// Publishes pictures 320, 640 and 1280 wide, of these heights.
    pub(crate) fn publish_pictures(
        &mut self,
        id: PeerId,
        purpose: Purpose,
        heights: [u32; 3],
    ) -> TrackId {
        let spec = |name: &str| TrackSpec {
            purpose,
            ..camera(name, heights)
        };
        self.publish_encodings(id, spec, &["q", "h", "f"], |source| {
            for (encoding, height) in source.encodings.iter_mut().zip(heights) {
                encoding.size.height = height;
            }
        })
    }

    /// A camera of which every encoding has layers: three encodings, or one with three sizes.
    pub(crate) fn publish_layered(
        &mut self,
        id: PeerId,
        codec: Codec,
        encodings: Vec<Layered>,
    ) -> TrackId {
        let spec = |name: &str| TrackSpec {
            codec: Some(codec),
            ..camera(name, [180, 360, 720])
        };
        let rids: &[_] = match encodings.len() {
            1 => &[],
            _ => &["q", "h", "f"],
        };
        self.publish_encodings(id, spec, rids, |source| {
            for (encoding, layered) in source.encodings.iter_mut().zip(encodings) {
                encoding.layered = Some(layered);
            }
        })
    }

    /// Announces pictures, sends them in encodings of these names, and offers.
    fn publish_encodings(
        &mut self,
        id: PeerId,
        spec: impl FnOnce(&str) -> TrackSpec,
        rids: &[&'static str],
        shape: impl FnOnce(&mut Source),
    ) -> TrackId {
        let track = TrackId(self.next_id());
        let name = format!("cam-{}", track.0);
        self.publish(id, track, spec(&name));
        let client = self.clients.get_mut(&id).unwrap();
        let mid = client.add_section(Content::SendVideo {
            track: name,
            rids: rids.to_vec(),
        });
        let ssrc = u32::try_from(track.0).unwrap() * 100;
        let mut source = Source::new(self.now, mid, ssrc, rids);
        shape(&mut source);
        client.sources.insert(track, source);
        self.offer(id);
        track
    }

    fn publish(&mut self, peer: PeerId, track: TrackId, spec: TrackSpec) {
        let spec = TrackSpec {
            redundancy: spec.redundancy && self.redundancy,
            ..spec
        };
        self.command(Command::Publish { peer, track, spec });
    }
}

/// What a client says of a camera in three sizes.
pub(crate) fn camera(name: &str, heights: [u32; 3]) -> TrackSpec {
    spec(MediaKind::Video, name, three_layers(heights))
}

fn three_layers(heights: [u32; 3]) -> Vec<LayerSpec> {
    let layer = |quality, width, height| LayerSpec {
        quality,
        size: Size { width, height },
        bitrate: Bitrate::from_bps(0),
    };
    vec![
        layer(Quality::Low, 320, heights[0]),
        layer(Quality::Medium, 640, heights[1]),
        layer(Quality::High, 1280, heights[2]),
    ]
}

fn spec(kind: MediaKind, name: &str, layers: Vec<LayerSpec>) -> TrackSpec {
    TrackSpec {
        kind,
        purpose: match kind {
            MediaKind::Audio => Purpose::Audio,
            MediaKind::Video => Purpose::Camera,
        },
        client_ids: vec![name.to_owned()],
        codec: None,
        layers,
        backups: vec![],
        muted: false,
        stereo: false,
        dtx: true,
        redundancy: kind == MediaKind::Audio,
        voice: kind == MediaKind::Audio,
    }
}
