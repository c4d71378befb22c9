//! Tells everybody what changed, in as few messages as possible.
//!
//! News that media or messages may follow at once go out with the call that made them; the rest
//! waits a moment, so that fifty people who join in a second do not make 2500 messages.

use super::Room;
use super::participants::Participant;
use crate::effect::Effect;
use crate::wire::notice;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{ParticipantInfo, RoomUpdate};
use sfu_core::ids::PeerId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A change is told at most so often for each participant: fast enough for a mute button, and slow
/// enough that one client with a large description cannot flood a room of hundreds.
const HURRY_MIN: Duration = Duration::from_millis(200);

/// What has not been told yet.
#[derive(Debug, Default)]
pub(super) struct News {
    changed: BTreeSet<PeerId>,
    departed: Vec<ParticipantInfo>,
    room_changed: bool,
    /// Those whose change should not wait.
    hurried: BTreeSet<PeerId>,
    /// When each is or was told in a hurry, so that nobody keeps all others busy.
    turns: BTreeMap<PeerId, Instant>,
    due: Option<Instant>,
    /// When news that could wait were last told.
    patient_told_at: Option<Instant>,
}

impl News {
    /// A participant changed; everybody is told at the end of this call, unless they were told of
    /// another change just before.
    pub(super) fn changed(&mut self, peer: PeerId) {
        self.changed.insert(peer);
        self.hurried.insert(peer);
    }

    /// A participant changed; everybody is told at the end of this call, or as soon as `interval`
    /// has passed since such news were told before.
    pub(super) fn changed_soon(&mut self, now: Instant, peer: PeerId, interval: Duration) {
        self.changed.insert(peer);
        let earliest = self
            .patient_told_at
            .map_or(now, |told_at| told_at + interval);
        self.due_by(earliest);
    }

    fn due_by(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Whether something cannot wait. Those who hurry too often wait for their turn.
    fn is_urgent(&mut self, now: Instant) -> bool {
        let mut is_urgent = !self.departed.is_empty();
        for peer in std::mem::take(&mut self.hurried) {
            let turn = match self.turns.get(&peer) {
                Some(&turn) if turn > now => turn,
                Some(&turn) => now.max(turn + HURRY_MIN),
                None => now,
            };
            self.turns.insert(peer, turn);
            if turn > now {
                self.due_by(turn);
            } else {
                is_urgent = true;
            }
        }
        is_urgent
    }

    /// A participant left, and the others are told if there was anything to see of them.
    pub(super) fn departed(&mut self, peer: PeerId, farewell: Option<ParticipantInfo>) {
        self.changed.remove(&peer);
        self.hurried.remove(&peer);
        self.turns.remove(&peer);
        self.departed.extend(farewell);
    }

    /// The room's numbers changed; told with the next news of participants.
    pub(super) fn room_changed(&mut self) {
        self.room_changed = true;
    }

    /// Whether everybody knows of a participant's latest change.
    pub(super) fn is_told(&self, peer: PeerId) -> bool {
        !self.changed.contains(&peer)
    }

    /// When they must be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }
}

impl Room {
    /// Sends the news if they cannot wait any longer.
    pub(super) fn publish_news(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let is_due = self.news.due.is_some_and(|due| due <= now);
        if is_due {
            self.news.patient_told_at = Some(now);
        }
        if self.news.is_urgent(now) || is_due {
            self.publish_all_news(effects);
        }
    }

    /// Departures go first: whoever comes back as the same identity must not be taken for gone.
    pub(super) fn publish_all_news(&mut self, effects: &mut Vec<Effect>) {
        let news = std::mem::take(&mut self.news);
        self.news.patient_told_at = news.patient_told_at;
        self.news.turns = news.turns;
        let mut shared = news.departed;
        for (&peer, participant) in self.named(&news.changed) {
            if participant.is_visible() {
                shared.push(self.describe(peer, participant));
            }
        }
        let room = news.room_changed.then(|| self.describe_room());
        for (&peer, participant) in &self.participants {
            let mut participants = shared.clone();
            if !participant.is_visible() && news.changed.contains(&peer) {
                participants.push(self.describe(peer, participant));
            }
            if !participants.is_empty() {
                self.send(peer, notice::update(participants), effects);
            }
            if let Some(room) = &room {
                let room = Some(room.clone());
                self.send(peer, Message::RoomUpdate(RoomUpdate { room }), effects);
            }
        }
    }

    fn named<'a>(
        &'a self,
        peers: &'a BTreeSet<PeerId>,
    ) -> impl Iterator<Item = (&'a PeerId, &'a Participant)> {
        peers
            .iter()
            .filter_map(|peer| self.participants.get_key_value(peer))
    }
}
