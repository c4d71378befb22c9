//! What happens because time passes: who is given up, who gets a new token, when the room is over.

use super::Room;
use super::participants::{Link, Participant};
use super::publications::Phase;
use crate::effect::{CloseReason, Effect};
use livekit_protocol::DisconnectReason;
use livekit_protocol::leave_request::Action;
use sfu_core::Command;
use sfu_core::ids::{PeerId, TrackId};
use std::time::Instant;

/// What is due for a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Nothing was heard on their WebSocket for too long.
    Silence,
    /// They did not come back.
    Grace,
    /// Their media never connected.
    Connect,
    /// Their token should be renewed.
    Token,
}

impl Room {
    /// Does what is due at `now`. Waking it too early does nothing.
    pub fn handle_timeout(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let due: Vec<(PeerId, Due)> = self
            .participants
            .iter()
            .flat_map(|(&peer, them)| self.deadlines(them).map(move |(at, due)| (at, peer, due)))
            .filter(|&(at, _, _)| at <= now)
            .map(|(_, peer, due)| (peer, due))
            .collect();
        for (peer, due) in due {
            self.act(now, peer, due, effects);
        }
        for track in self.overdue_tracks(now) {
            self.give_up_track(track, effects);
        }
        self.trim_replay(now);
        self.publish_news(now, effects);
        if self.participants.is_empty() && now >= self.ends_at() {
            self.finished = true;
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called next.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.finished {
            return None;
        }
        let of_participants = self
            .participants
            .values()
            .flat_map(|them| self.deadlines(them))
            .map(|(at, _)| at);
        let of_tracks = self
            .tracks
            .values()
            .filter_map(|track| pending_until(track.phase));
        let of_room = self.participants.is_empty().then(|| self.ends_at());
        of_participants
            .chain(of_tracks)
            .chain(of_room)
            .chain(self.news.due())
            .chain(self.replay_ends_at())
            .min()
    }

    fn deadlines(&self, them: &Participant) -> impl Iterator<Item = (Instant, Due)> + use<> {
        let link = match them.link {
            Link::Live { heard_at, .. } => (heard_at + self.settings.ping_timeout, Due::Silence),
            Link::Away { since } => (since + self.settings.reconnect_grace, Due::Grace),
        };
        let is_live = matches!(them.link, Link::Live { .. });
        let token = is_live.then_some((them.refresh_at, Due::Token));
        let connect = them.connect_by.map(|by| (by, Due::Connect));
        // What ends a participant comes before what serves them.
        connect.into_iter().chain([link]).chain(token)
    }

    fn act(&mut self, now: Instant, peer: PeerId, due: Due, effects: &mut Vec<Effect>) {
        // Something else that was due may just have ended them.
        if !self.participants.contains_key(&peer) {
            return;
        }
        match due {
            Due::Silence => self.drop_silent(now, peer, effects),
            Due::Grace => {
                self.remove(now, peer, DisconnectReason::SignalClose);
                effects.push(Effect::Media(Command::RemovePeer { peer }));
            }
            Due::Connect => {
                let farewell = (DisconnectReason::ConnectionTimeout, Action::Disconnect);
                self.dismiss(now, peer, farewell, CloseReason::MediaLost, effects);
            }
            Due::Token => self.send_token(now, peer, effects),
        }
    }

    /// The WebSocket may be dead while the person is not: they keep their place for the grace.
    fn drop_silent(&mut self, now: Instant, peer: PeerId, effects: &mut Vec<Effect>) {
        let Some(participant) = self.participants.get_mut(&peer) else {
            return;
        };
        if let Link::Live { connection, .. } = participant.link {
            participant.link = Link::Away { since: now };
            self.by_connection.remove(&connection);
            effects.push(Effect::Close {
                connection,
                reason: CloseReason::Silent,
            });
        }
    }

    fn overdue_tracks(&self, now: Instant) -> Vec<TrackId> {
        self.tracks
            .iter()
            .filter(|(_, track)| pending_until(track.phase).is_some_and(|until| until <= now))
            .map(|(&track, _)| track)
            .collect()
    }

    /// When an empty room is forgotten.
    fn ends_at(&self) -> Instant {
        let wait = if self.was_entered {
            self.settings.departure_timeout
        } else {
            self.settings.empty_timeout
        };
        self.empty_since + wait
    }
}

fn pending_until(phase: Phase) -> Option<Instant> {
    match phase {
        Phase::Pending { until } => Some(until),
        Phase::Ready => None,
    }
}
