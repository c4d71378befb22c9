//! Who is in the room: what is known of each, and how they leave.

use super::permissions::SubscriptionRule;
use super::rate::Allowance;
use super::retelling::Told;
use super::{Room, reply};
use crate::effect::{CloseReason, ConnectionId, Effect};
use crate::token::Grants;
use crate::wire::notice;
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::{Kind, State};
use livekit_protocol::{ClientInfo, DisconnectReason};
use sfu_core::Command;
use sfu_core::command::{Neighbours, Preference};
use sfu_core::event::{ConnectionQuality, LostReason};
use sfu_core::ids::{PeerId, TrackId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Somebody in the room.
#[derive(Debug)]
pub(super) struct Participant {
    pub(super) identity: String,
    pub(super) name: String,
    pub(super) metadata: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) kind: Kind,
    pub(super) grants: Grants,
    pub(super) issuer: String,
    pub(super) client: ClientInfo,
    pub(super) auto_subscribe: bool,
    pub(super) adaptive_stream: bool,
    pub(super) state: State,
    /// Grows with every change the others are told; clients drop news with a lower one.
    pub(super) version: u32,
    pub(super) joined_at: Instant,
    pub(super) link: Link,
    /// When they are given up, unless their media is connected before.
    pub(super) connect_by: Option<Instant>,
    /// When they get their next token.
    pub(super) refresh_at: Instant,
    pub(super) allowance: Allowance,
    /// Their tracks, pending or ready, in the order they were added.
    pub(super) tracks: Vec<TrackId>,
    /// Who may receive those.
    pub(super) rule: SubscriptionRule,
    /// Tracks of others that are forwarded to them.
    pub(super) subscriptions: BTreeSet<TrackId>,
    /// Tracks they asked for or asked to be spared, over what `auto_subscribe` says.
    pub(super) choices: BTreeMap<TrackId, bool>,
    /// Tracks they want and may not have.
    pub(super) denied: BTreeSet<TrackId>,
    /// What has to be told again if they come back over a new WebSocket.
    pub(super) told: Told,
    /// How much they want of a track; outlives an unsubscribe, because clients do not repeat it.
    pub(super) preferences: BTreeMap<TrackId, Preference>,
    pub(super) data: DataState,
    pub(super) quality: Option<ConnectionQuality>,
    /// The group they sit among, as the media plane knows it.
    pub(super) neighbours: Option<Neighbours>,
}

/// Whether a participant can be told anything at the moment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Link {
    Live {
        connection: ConnectionId,
        heard_at: Instant,
    },
    Away {
        since: Instant,
    },
}

/// Where a participant's data channels stand.
#[derive(Debug, Default)]
pub(super) struct DataState {
    pub(super) reliable_open: bool,
    pub(super) lossy_open: bool,
    /// The highest number of a reliable packet that came from them.
    pub(super) last_sequence: u32,
}

impl Participant {
    /// Others are told about them.
    pub(super) fn is_visible(&self) -> bool {
        !self.grants.hidden
    }

    /// They count as people in the meeting; recorders and agents only serve those.
    pub(super) fn is_counted(&self) -> bool {
        self.is_visible() && !matches!(self.kind, Kind::Egress | Kind::Agent)
    }
}

impl Room {
    /// Tells a participant to go and takes them out of the room.
    pub(super) fn dismiss(
        &mut self,
        now: Instant,
        peer: PeerId,
        farewell: (DisconnectReason, Action),
        close: CloseReason,
        effects: &mut Vec<Effect>,
    ) {
        self.hang_up(peer, farewell, close, effects);
        self.remove(now, peer, farewell.0);
        effects.push(Effect::Media(Command::RemovePeer { peer }));
    }

    /// They said that they leave, so they are not told to.
    pub(super) fn left(&mut self, now: Instant, peer: PeerId, effects: &mut Vec<Effect>) {
        if let Some(connection) = self.unlink(peer) {
            effects.push(Effect::Close {
                connection,
                reason: CloseReason::Left,
            });
        }
        self.remove(now, peer, DisconnectReason::ClientInitiated);
        effects.push(Effect::Media(Command::RemovePeer { peer }));
    }

    /// Their transport is gone; a client that still listens can only begin anew.
    pub(super) fn lost(
        &mut self,
        now: Instant,
        peer: PeerId,
        reason: LostReason,
        effects: &mut Vec<Effect>,
    ) {
        if !self.participants.contains_key(&peer) {
            return;
        }
        tracing::debug!(%peer, ?reason, "media lost");
        let farewell = match reason {
            LostReason::NeverConnected => (DisconnectReason::ConnectionTimeout, Action::Disconnect),
            LostReason::Silent | LostReason::Dtls | LostReason::EngineFailed => {
                (DisconnectReason::MediaFailure, Action::Reconnect)
            }
        };
        self.hang_up(peer, farewell, CloseReason::MediaLost, effects);
        self.remove(now, peer, farewell.0);
    }

    /// Sends `leave` and closes the WebSocket, if there is one.
    pub(super) fn hang_up(
        &mut self,
        peer: PeerId,
        (reason, action): (DisconnectReason, Action),
        close: CloseReason,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(connection) = self.unlink(peer) {
            effects.push(reply(connection, notice::leave(reason, action)));
            effects.push(Effect::Close {
                connection,
                reason: close,
            });
        }
    }

    /// Forgets a participant's WebSocket and returns it.
    fn unlink(&mut self, peer: PeerId) -> Option<ConnectionId> {
        let participant = self.participants.get(&peer)?;
        let Link::Live { connection, .. } = participant.link else {
            return None;
        };
        self.by_connection.remove(&connection);
        Some(connection)
    }

    /// Takes a participant out of the room and lets the others know. The media plane is the
    /// caller's, because it may have forgotten the peer itself.
    pub(super) fn remove(&mut self, now: Instant, peer: PeerId, reason: DisconnectReason) {
        self.unlink(peer);
        let Some(mut participant) = self.participants.remove(&peer) else {
            return;
        };
        self.by_identity.remove(&participant.identity);
        self.speakers.remove(&peer);
        for track in std::mem::take(&mut participant.tracks) {
            self.forget_track(track);
        }
        participant.state = State::Disconnected;
        participant.version += 1;
        let mut farewell = self.describe(peer, &participant);
        farewell.disconnect_reason = reason.into();
        let farewell = participant.is_visible().then_some(farewell);
        if let Some(farewell) = &farewell {
            self.departures
                .remember(now, farewell.clone(), &self.settings);
        }
        self.news.departed(peer, farewell);
        self.news.room_changed();
        if self.participants.is_empty() {
            self.empty_since = now;
        }
        tracing::info!(room = %self.id, %peer, ?reason, "participant left");
    }
}
