//! Somebody comes back over a new WebSocket: decides whether their place is still there, and what
//! they must be told before anything else.

use super::participants::Link;
use super::{Room, reply};
use crate::admission::Admission;
use crate::effect::{CloseReason, ConnectionId, Effect};
use crate::settings::RoomSettings;
use crate::wire::notice;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DisconnectReason, ParticipantInfo, ReconnectResponse, RoomUpdate, SyncState,
};
use sfu_core::ids::{PeerId, TrackId};
use std::collections::VecDeque;
use std::time::Instant;

/// Who left lately, for those who were not connected then.
#[derive(Debug, Default)]
pub(super) struct Departures(VecDeque<(Instant, ParticipantInfo)>);

impl Departures {
    /// Kept for as long as anybody can be away and come back, up to the limit; the oldest go
    /// first, and somebody who missed them sees those tiles until they reload.
    pub(super) fn remember(
        &mut self,
        now: Instant,
        departed: ParticipantInfo,
        settings: &RoomSettings,
    ) {
        let kept = |at: Instant| now.saturating_duration_since(at) <= settings.reconnect_grace * 2;
        while self.0.front().is_some_and(|&(at, _)| !kept(at))
            || self.0.len() >= settings.limits.departures.max(1)
        {
            self.0.pop_front();
        }
        self.0.push_back((now, departed));
    }

    fn since(&self, since: Instant) -> impl Iterator<Item = &ParticipantInfo> {
        self.0
            .iter()
            .filter(move |&&(at, _)| at >= since)
            .map(|(_, departed)| departed)
    }
}

impl Room {
    /// Clients discard everything that comes before `reconnect`, and give up without it.
    pub(super) fn resume(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        peer: PeerId,
        admission: Admission,
        effects: &mut Vec<Effect>,
    ) {
        let missed_since = match self.participants.get(&peer) {
            Some(participant) if participant.identity == admission.identity => {
                // What a client does not get it hears nothing after, and closes within the ping
                // timeout. Its closing is noticed within another one.
                let doubt = self.settings.ping_timeout;
                match participant.link {
                    Link::Away { since } => since.checked_sub(doubt * 2).unwrap_or(since),
                    Link::Live { heard_at, .. } => heard_at.checked_sub(doubt).unwrap_or(heard_at),
                }
            }
            _ => {
                begin_anew(connection, effects);
                return;
            }
        };
        self.relink(now, connection, peer, effects);
        let response = ReconnectResponse {
            ice_servers: self.settings.ice_servers.clone(),
            client_configuration: Some(self.describe_client_configuration()),
            server_info: Some(self.describe_server()),
            last_message_seq: self.participants[&peer].data.last_sequence,
        };
        self.send(peer, Message::Reconnect(response), effects);
        self.send_all_news(peer, missed_since, effects);
        self.retell(peer, effects);
        self.send_token(now, peer, effects);
        self.repeat_wanted(peer, effects);
        if let Some(state) = admission.sync_state {
            self.sync_state(now, peer, state, effects);
        }
        // What the client believes may just have ended its place.
        if !self.participants.contains_key(&peer) {
            return;
        }
        for request in admission.add_tracks {
            self.add_track(now, peer, request, effects);
        }
        if let Some((id, sdp)) = admission.offer {
            self.pass_offer(peer, id, sdp, effects);
        }
    }

    fn relink(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        peer: PeerId,
        effects: &mut Vec<Effect>,
    ) {
        let participant = self
            .participants
            .get_mut(&peer)
            .expect("the caller found the participant");
        if let Link::Live { connection, .. } = participant.link {
            self.by_connection.remove(&connection);
            effects.push(Effect::Close {
                connection,
                reason: CloseReason::Replaced,
            });
        }
        participant.link = Link::Live {
            connection,
            heard_at: now,
        };
        self.by_connection.insert(connection, peer);
    }

    fn send_all_news(&mut self, peer: PeerId, since: Instant, effects: &mut Vec<Effect>) {
        let departed = self.departures.since(since);
        // Clients know people by their identity: who is back is no longer gone.
        let mut participants: Vec<_> = departed
            .filter(|departed| !self.by_identity.contains_key(&departed.identity))
            .cloned()
            .collect();
        for (&other, participant) in &self.participants {
            if other == peer || participant.is_visible() {
                participants.push(self.describe(other, participant));
            }
        }
        self.send(peer, notice::update(participants), effects);
        let room = Some(self.describe_room());
        self.send(peer, Message::RoomUpdate(RoomUpdate { room }), effects);
    }

    /// What the client believes after it came back. Where we know better it is told; a track of
    /// its own that we do not know can only be mended by beginning anew.
    pub(super) fn sync_state(
        &mut self,
        now: Instant,
        peer: PeerId,
        state: SyncState,
        effects: &mut Vec<Effect>,
    ) {
        let known = |sid: &str| {
            TrackId::parse(sid)
                .and_then(|track| self.tracks.get(&track))
                .is_some_and(|publication| publication.publisher == peer)
        };
        let unknown = state
            .publish_tracks
            .iter()
            .filter_map(|published| published.track.as_ref())
            .any(|track| !known(&track.sid));
        if unknown {
            let farewell = (DisconnectReason::StateMismatch, Action::Reconnect);
            self.dismiss(now, peer, farewell, CloseReason::Refused, effects);
            return;
        }
        self.retell_pending_tracks(peer, &state, effects);
        if let Some(subscription) = state.subscription {
            self.choose_all_tracks(peer, subscription, effects);
        }
        self.disable_tracks(peer, &state.track_sids_disabled, effects);
    }
}

fn begin_anew(connection: ConnectionId, effects: &mut Vec<Effect>) {
    let message = notice::leave(DisconnectReason::StateMismatch, Action::Reconnect);
    effects.push(reply(connection, message));
    effects.push(Effect::Close {
        connection,
        reason: CloseReason::Refused,
    });
}
