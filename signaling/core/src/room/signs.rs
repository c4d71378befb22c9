//! Who signs: a participant says so in an attribute of theirs, and their camera is then treated as
//! speech. What that means for its layers is the media plane's.

use super::Room;
use crate::effect::Effect;
use livekit_protocol::TrackSource;
use sfu_core::Command;
use sfu_core::command::Purpose;
use sfu_core::ids::PeerId;

/// The attribute of a participant whose camera shows sign language, with the value "true". Clients
/// set it as any other attribute, and others may show it.
const ATTRIBUTE: &str = "saal.signs";

impl Room {
    /// What a participant's track is for: a camera of somebody who signs is their speech.
    pub(super) fn purpose(&self, peer: PeerId, source: TrackSource, usual: Purpose) -> Purpose {
        if source == TrackSource::Camera && self.signs(peer) {
            Purpose::SignLanguage
        } else {
            usual
        }
    }

    /// Somebody began or ceased to sign: tells the media plane what their cameras are for now.
    pub(super) fn dedicate_cameras(&mut self, peer: PeerId, effects: &mut Vec<Effect>) {
        let purpose = self.purpose(peer, TrackSource::Camera, Purpose::Camera);
        let own = self.participants.get(&peer).map(|them| &them.tracks);
        for &track in own.into_iter().flatten() {
            let source = self.tracks.get(&track).map(|it| it.description.source);
            if source == Some(TrackSource::Camera.into()) {
                effects.push(Effect::Media(Command::Dedicate { track, purpose }));
            }
        }
    }

    /// Whether a participant says that they sign.
    pub(super) fn signs(&self, peer: PeerId) -> bool {
        let participant = self.participants.get(&peer);
        participant.is_some_and(|them| {
            them.attributes
                .get(ATTRIBUTE)
                .is_some_and(|value| value == "true")
        })
    }
}
