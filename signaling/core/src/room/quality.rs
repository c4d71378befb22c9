//! How well media gets through, told to the participant and to those who receive from them.
//!
//! "Lost" is never told: a browser that reads it of itself for ten seconds drops its connection,
//! and whoever really is lost cannot be told.

use super::Room;
use crate::effect::Effect;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    ConnectionQuality as WireQuality, ConnectionQualityInfo, ConnectionQualityUpdate, StreamState,
    StreamStateInfo, StreamStateUpdate,
};
use sfu_core::event::{ConnectionQuality, PauseReason};
use sfu_core::ids::{PeerId, TrackId};

impl Room {
    pub(super) fn quality_changed(
        &mut self,
        peer: PeerId,
        quality: ConnectionQuality,
        effects: &mut Vec<Effect>,
    ) {
        let Some(participant) = self.participants.get_mut(&peer) else {
            return;
        };
        participant.quality = Some(quality);
        for (&other, them) in &self.participants {
            if other == peer || self.receives_from(them, peer) {
                self.send(
                    other,
                    quality_update(vec![describe(peer, quality)]),
                    effects,
                );
            }
        }
    }

    /// A track is paused for a subscriber, or goes on again. The message has no room for a reason,
    /// and needs none: want of bandwidth is the only one that is ever told, because what nobody
    /// shows or sends is known without it.
    pub(super) fn stream_state_changed(
        &mut self,
        peer: PeerId,
        track: TrackId,
        paused: Option<PauseReason>,
        effects: &mut Vec<Effect>,
    ) {
        let paused = match paused {
            Some(PauseReason::Bandwidth) => true,
            Some(PauseReason::NotShown | PauseReason::NotSent) => return,
            None => false,
        };
        if !self.tracks.contains_key(&track) {
            return;
        }
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.told.paused.insert(track, paused);
        }
        self.send_stream_state(peer, track, paused, effects);
    }

    pub(super) fn send_stream_state(
        &self,
        peer: PeerId,
        track: TrackId,
        paused: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Some(publication) = self.tracks.get(&track) else {
            return;
        };
        let state = if paused {
            StreamState::Paused
        } else {
            StreamState::Active
        };
        let update = StreamStateUpdate {
            stream_states: vec![StreamStateInfo {
                participant_sid: publication.publisher.to_string(),
                track_sid: track.to_string(),
                state: state.into(),
            }],
        };
        self.send(peer, Message::StreamStateUpdate(update), effects);
    }

    /// Only changes are told, so somebody who comes is told where everybody stands, themselves
    /// included if they were here before.
    pub(super) fn send_known_qualities(&self, peer: PeerId, effects: &mut Vec<Effect>) {
        let participant = &self.participants[&peer];
        let updates: Vec<_> = self
            .participants
            .iter()
            .filter(|&(&other, _)| other == peer || self.receives_from(participant, other))
            .filter_map(|(&other, them)| Some(describe(other, them.quality?)))
            .collect();
        if !updates.is_empty() {
            self.send(peer, quality_update(updates), effects);
        }
    }
}

fn quality_update(updates: Vec<ConnectionQualityInfo>) -> Message {
    Message::ConnectionQuality(ConnectionQualityUpdate { updates })
}

/// Scores go from 1 to 5; these are the middles of LiveKit's ranges.
fn describe(peer: PeerId, quality: ConnectionQuality) -> ConnectionQualityInfo {
    let (quality, score) = match quality {
        ConnectionQuality::Poor => (WireQuality::Poor, 2.0),
        ConnectionQuality::Good => (WireQuality::Good, 3.5),
        ConnectionQuality::Excellent => (WireQuality::Excellent, 4.5),
    };
    ConnectionQualityInfo {
        participant_sid: peer.to_string(),
        quality: quality.into(),
        score,
    }
}
