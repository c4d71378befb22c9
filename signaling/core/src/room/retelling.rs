//! Says again, to somebody who came back, what is otherwise only said when it changes: whatever
//! was said while their WebSocket was gone never reached them, and nothing is queued for them.

use super::Room;
use super::participants::Participant;
use crate::effect::Effect;
use crate::wire::notice;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{SpeakerInfo, SpeakersChanged, SyncState};
use sfu_core::ids::{PeerId, TrackId};
use std::collections::{BTreeMap, BTreeSet};

/// What a participant was ever told of single tracks. What holds from the beginning, and never
/// changed, they know without being told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whether a track they receive is paused for want of bandwidth.
    pub(super) paused: BTreeMap<TrackId, bool>,
    /// Tracks that they were once denied; whether they still are is the room's to know.
    pub(super) denied: BTreeSet<TrackId>,
}

impl Told {
    /// A track is gone, or no longer theirs to receive.
    pub(super) fn forget(&mut self, track: TrackId) {
        self.paused.remove(&track);
        self.denied.remove(&track);
    }
}

impl Room {
    /// Says again how well everybody's media gets through, who speaks, and which tracks are paused
    /// or denied.
    pub(super) fn retell(&self, peer: PeerId, effects: &mut Vec<Effect>) {
        let Some(participant) = self.participants.get(&peer) else {
            return;
        };
        self.send_known_qualities(peer, effects);
        let speakers = self.speakers_for(peer, participant);
        if !speakers.is_empty() {
            let message = Message::SpeakersChanged(SpeakersChanged { speakers });
            self.send(peer, message, effects);
        }
        for (&track, &paused) in &participant.told.paused {
            self.send_stream_state(peer, track, paused, effects);
        }
        for &track in &participant.told.denied {
            let Some(publication) = self.tracks.get(&track) else {
                continue;
            };
            let is_allowed = !participant.denied.contains(&track);
            let notice = notice::subscription_permission(publication.publisher, track, is_allowed);
            self.send(peer, notice, effects);
        }
    }

    /// Everybody they hear, speaking or not: somebody who stopped meanwhile still shines on their
    /// screen.
    fn speakers_for(&self, peer: PeerId, participant: &Participant) -> Vec<SpeakerInfo> {
        let heard = |&&other: &&PeerId| other == peer || self.receives_from(participant, other);
        let info = |&other: &PeerId| {
            let level = self.speakers.get(&other).copied();
            SpeakerInfo {
                sid: other.to_string(),
                level: level.unwrap_or(0.0),
                active: level.is_some(),
            }
        };
        self.participants.keys().filter(heard).map(info).collect()
    }

    /// The client waits for the sid of each track it announced, and the answer to an announcement
    /// may have been lost with the WebSocket.
    pub(super) fn retell_pending_tracks(
        &self,
        peer: PeerId,
        state: &SyncState,
        effects: &mut Vec<Effect>,
    ) {
        let Some(participant) = self.participants.get(&peer) else {
            return;
        };
        let is_known = |cid: &str| state.publish_tracks.iter().any(|known| known.cid == cid);
        for track in &participant.tracks {
            if let Some(publication) = self.tracks.get(track)
                && !publication.is_ready()
                && !is_known(&publication.cid)
            {
                self.send(peer, publication.published(), effects);
            }
        }
    }
}
