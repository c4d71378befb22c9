//! Somebody enters the room: decides whether there is room for them, and what they are told first.

use super::participants::{DataState, Link, Participant};
use super::permissions::SubscriptionRule;
use super::rate::Allowance;
use super::retelling::Told;
use super::{Room, reply};
use crate::admission::Admission;
use crate::effect::{CloseReason, ConnectionId, Effect};
use crate::wire::notice;
use livekit_protocol::DisconnectReason;
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use rand::Rng as _;
use sfu_core::Command;
use sfu_core::ids::PeerId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

impl Room {
    /// The order of what is sent matters to clients: `join` first, then whatever else; everything
    /// that exists is subscribed before the offer is passed on, so that the first answer already
    /// carries it.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        admission: Admission,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(reason) = self.has_room_for(&admission) {
            tracing::info!(room = %self.id, reason, "participant refused");
            refuse(connection, effects);
            return;
        }
        // The older connection goes first, so that no other client ever sees two of one identity.
        if let Some(&older) = self.by_identity.get(&admission.identity) {
            let farewell = (DisconnectReason::DuplicateIdentity, Action::Disconnect);
            self.dismiss(now, older, farewell, CloseReason::Replaced, effects);
        }
        let (offer, add_tracks) = (admission.offer.clone(), admission.add_tracks.clone());
        let peer = self.seat(now, connection, admission);
        effects.push(Effect::Media(Command::AddPeer {
            room: self.id,
            peer,
        }));
        self.sit_down(peer, effects);
        let join = self.describe_join(peer);
        self.send(peer, Message::Join(join), effects);
        self.send_token(now, peer, effects);
        self.subscribe_to_all(peer, effects);
        for request in add_tracks {
            self.add_track(now, peer, request, effects);
        }
        if let Some((id, sdp)) = offer {
            self.pass_offer(peer, id, sdp, effects);
        }
        tracing::info!(room = %self.id, %peer, "participant joined");
    }

    /// Metadata and attributes may come from the client, so they are measured like its later ones.
    fn has_room_for(&self, admission: &Admission) -> Result<(), &'static str> {
        let limits = &self.settings.limits;
        let leaving = usize::from(self.by_identity.contains_key(&admission.identity));
        if self.participants.len() - leaving >= limits.participants {
            return Err("the room is full");
        }
        self.fits(&admission.name, &admission.metadata, &admission.attributes)
    }

    fn seat(&mut self, now: Instant, connection: ConnectionId, admission: Admission) -> PeerId {
        let peer = PeerId(self.rng.random());
        let limits = &self.settings.limits;
        let participant = Participant {
            identity: admission.identity.clone(),
            name: admission.name,
            metadata: admission.metadata,
            attributes: admission.attributes,
            kind: admission.kind,
            grants: admission.grants,
            issuer: admission.issuer,
            client: admission.client,
            auto_subscribe: admission.auto_subscribe,
            adaptive_stream: admission.adaptive_stream,
            state: State::Joined,
            version: 1,
            joined_at: now,
            link: Link::Live {
                connection,
                heard_at: now,
            },
            connect_by: Some(now + self.settings.connect_timeout),
            refresh_at: now,
            allowance: Allowance::new(now, limits.requests_per_second, limits.requests_burst),
            tracks: Vec::new(),
            rule: SubscriptionRule::everybody(),
            subscriptions: BTreeSet::new(),
            choices: BTreeMap::new(),
            denied: BTreeSet::new(),
            told: Told::default(),
            preferences: BTreeMap::new(),
            data: DataState::default(),
            quality: None,
            neighbours: None,
        };
        self.participants.insert(peer, participant);
        self.by_identity.insert(admission.identity, peer);
        self.by_connection.insert(connection, peer);
        self.was_entered = true;
        self.finished = false;
        self.news
            .changed_soon(now, peer, self.settings.update_interval);
        self.news.room_changed();
        peer
    }

    /// The participant's media is connected for the first time, or again.
    pub(super) fn connected(&mut self, now: Instant, peer: PeerId, effects: &mut Vec<Effect>) {
        let Some(participant) = self.participants.get_mut(&peer) else {
            return;
        };
        participant.connect_by = None;
        if participant.state == State::Active {
            return;
        }
        participant.state = State::Active;
        participant.version += 1;
        self.news
            .changed_soon(now, peer, self.settings.update_interval);
        self.subscribe_to_all(peer, effects);
        self.send_known_qualities(peer, effects);
    }
}

fn refuse(connection: ConnectionId, effects: &mut Vec<Effect>) {
    let message = notice::leave(DisconnectReason::JoinFailure, Action::Disconnect);
    effects.push(reply(connection, message));
    effects.push(Effect::Close {
        connection,
        reason: CloseReason::Refused,
    });
}
