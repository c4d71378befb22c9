//! Who speaks: tells each participant what changed for those they hear, and for themselves.

use super::Room;
use crate::effect::Effect;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{SpeakerInfo, SpeakersChanged};
use sfu_core::ids::PeerId;
use std::collections::BTreeMap;

impl Room {
    /// `levels` names everybody who speaks. Clients are told differences only, so whoever stopped
    /// must be named with level 0.
    pub(super) fn speakers_changed(&mut self, levels: &[(PeerId, f32)], effects: &mut Vec<Effect>) {
        let speaking: BTreeMap<PeerId, f32> = levels
            .iter()
            .filter(|(peer, level)| level.is_finite() && self.participants.contains_key(peer))
            .map(|&(peer, level)| (peer, level.clamp(0.0, 1.0)))
            .collect();
        let before = std::mem::replace(&mut self.speakers, speaking);
        let changes = self.changes(&before);
        for (&peer, participant) in &self.participants {
            let heard = |&&(speaker, _): &&(PeerId, SpeakerInfo)| {
                speaker == peer || self.receives_from(participant, speaker)
            };
            let speakers: Vec<SpeakerInfo> = changes
                .iter()
                .filter(heard)
                .map(|(_, change)| change.clone())
                .collect();
            if !speakers.is_empty() {
                let message = Message::SpeakersChanged(SpeakersChanged { speakers });
                self.send(peer, message, effects);
            }
        }
    }

    fn changes(&self, before: &BTreeMap<PeerId, f32>) -> Vec<(PeerId, SpeakerInfo)> {
        let louder_or_softer = self
            .speakers
            .iter()
            .filter(|&(peer, level)| before.get(peer) != Some(level))
            .map(|(&peer, &level)| (peer, level, true));
        let stopped = before
            .keys()
            .filter(|peer| !self.speakers.contains_key(peer))
            .map(|&peer| (peer, 0.0, false));
        louder_or_softer
            .chain(stopped)
            .map(|(peer, level, active)| {
                let sid = peer.to_string();
                (peer, SpeakerInfo { sid, level, active })
            })
            .collect()
    }
}
