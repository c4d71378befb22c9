//! One meeting as a state machine. This file holds the state and the doors; what each request or
//! event leads to is decided in the file of its topic.

mod arrivals;
mod backup_codecs;
mod data;
mod describe;
mod dynacast;
mod metadata;
mod negotiation;
mod neighbours;
mod news;
mod participants;
mod permissions;
mod publications;
mod quality;
mod rate;
mod requests;
mod resume;
mod retelling;
mod signs;
mod speakers;
mod subscriptions;
mod upkeep;

use crate::admission::Admission;
use crate::effect::{CloseReason, ConnectionId, Effect};
use crate::settings::RoomSettings;
use crate::wire::notice;
use data::Replay;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{DisconnectReason, SignalRequest, SignalResponse};
use news::News;
use participants::{Link, Participant};
use publications::Publication;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use resume::Departures;
use sfu_core::ids::{PeerId, RoomId, TrackId};
use sfu_core::{Command, Event};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A meeting: who is in it, what they publish, and who receives what.
///
/// Each door takes the time and appends to `effects` what must be done, in order.
#[derive(Debug)]
pub struct Room {
    id: RoomId,
    name: String,
    settings: RoomSettings,
    clock: Clock,
    rng: StdRng,
    participants: BTreeMap<PeerId, Participant>,
    by_identity: BTreeMap<String, PeerId>,
    by_connection: BTreeMap<ConnectionId, PeerId>,
    tracks: BTreeMap<TrackId, Publication>,
    news: News,
    replay: Replay,
    departures: Departures,
    speakers: BTreeMap<PeerId, f32>,
    /// Since when nobody is here; meaningless while somebody is.
    empty_since: Instant,
    was_entered: bool,
    finished: bool,
}

/// Turns the instants a room is told into the time of day, which the wire wants.
#[derive(Debug, Clone, Copy)]
struct Clock {
    made_at: Instant,
    made_unix: Duration,
}

impl Clock {
    /// Since 1970.
    fn unix(&self, now: Instant) -> Duration {
        self.made_unix + now.saturating_duration_since(self.made_at)
    }

    /// Milliseconds since 1970.
    fn unix_ms(&self, now: Instant) -> i64 {
        i64::try_from(self.unix(now).as_millis()).unwrap_or(i64::MAX)
    }
}

impl Room {
    /// An empty room. `unix_time` is the time since 1970 at `now`; all that is left to chance is
    /// drawn from `seed`.
    pub fn new(
        now: Instant,
        settings: RoomSettings,
        name: String,
        unix_time: Duration,
        seed: [u8; 32],
    ) -> Self {
        let mut rng = StdRng::from_seed(seed);
        Self {
            id: RoomId(rand::Rng::random(&mut rng)),
            name,
            settings,
            clock: Clock {
                made_at: now,
                made_unix: unix_time,
            },
            rng,
            participants: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            by_connection: BTreeMap::new(),
            tracks: BTreeMap::new(),
            news: News::default(),
            replay: Replay::default(),
            departures: Departures::default(),
            speakers: BTreeMap::new(),
            empty_since: now,
            was_entered: false,
            finished: false,
        }
    }

    /// The room's id, also that of its commands and events.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// The name that tokens give it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many participants are here, those included who may still come back.
    pub fn participant_count(&self) -> usize {
        self.participants.len()
    }

    /// Somebody opened a WebSocket and may come in: they enter anew, or come back to their place.
    /// The first effect for `connection` is a message it may start with: `join`, `reconnect` or
    /// `leave`.
    pub fn join(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        admission: Admission,
        effects: &mut Vec<Effect>,
    ) {
        match admission.reconnect {
            Some(peer) => self.resume(now, connection, peer, admission, effects),
            None => self.enter(now, connection, admission, effects),
        }
        self.publish_news(now, effects);
    }

    /// A client sent a request.
    pub fn handle_request(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        request: SignalRequest,
        effects: &mut Vec<Effect>,
    ) {
        let Some(&peer) = self.by_connection.get(&connection) else {
            return;
        };
        let Some(message) = request.message else {
            return;
        };
        if self.heard(now, peer) {
            self.answer(now, peer, message, effects);
        } else {
            tracing::debug!(%peer, "too many requests");
            let farewell = (DisconnectReason::UnknownReason, Action::Disconnect);
            self.dismiss(now, peer, farewell, CloseReason::Flood, effects);
        }
        self.publish_news(now, effects);
    }

    /// The media plane told something.
    pub fn handle_media(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Answer {
                peer,
                id,
                sdp,
                tracks,
            } => self.send_answer(peer, id, sdp, &tracks, effects),
            Event::OfferRefused { peer, id, reason } => {
                self.refuse_offer(peer, id, reason, effects);
            }
            Event::SectionsNeeded { peer, audio, video } => {
                self.send(peer, notice::sections_needed(audio, video), effects);
            }
            Event::Connected { peer } => self.connected(now, peer, effects),
            Event::Lost { peer, reason } => self.lost(now, peer, reason, effects),
            Event::TrackReady {
                peer,
                track,
                codec,
                mid,
            } => self.track_ready(peer, track, codec, mid, effects),
            Event::BackupReady {
                peer,
                track,
                codec,
                mid,
            } => self.backup_ready(peer, track, codec, mid),
            Event::Undecodable { peer, track } => self.undecodable(peer, track, effects),
            Event::TrackEnded { peer, track } => self.track_ended(peer, track, effects),
            Event::StreamState {
                peer,
                track,
                paused,
            } => self.stream_state_changed(peer, track, paused, effects),
            Event::LayersWanted {
                peer,
                track,
                codecs,
            } => self.layers_wanted(peer, track, codecs, effects),
            Event::DataOpen { peer, channel } => self.data_open(now, peer, channel, effects),
            Event::Data {
                peer,
                channel,
                payload,
            } => self.forward_data(now, peer, channel, &payload, effects),
            Event::Speakers { levels, .. } => self.speakers_changed(&levels, effects),
            Event::Quality { peer, quality } => self.quality_changed(peer, quality, effects),
        }
        self.publish_news(now, effects);
    }

    /// A WebSocket is gone. Its participant keeps their place for the reconnect grace.
    pub fn connection_closed(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(peer) = self.by_connection.remove(&connection)
            && let Some(participant) = self.participants.get_mut(&peer)
        {
            participant.link = Link::Away { since: now };
        }
        self.publish_news(now, effects);
    }

    /// The server shuts down: everybody is sent away to come back when it is up again.
    pub fn close(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let farewell = (DisconnectReason::ServerShutdown, Action::Reconnect);
        let everybody: Vec<PeerId> = self.participants.keys().copied().collect();
        // All are told before anybody is taken away: news of departures would only delay them.
        for &peer in &everybody {
            self.hang_up(peer, farewell, CloseReason::Shutdown, effects);
        }
        for peer in everybody {
            self.remove(now, peer, farewell.0);
            effects.push(Effect::Media(Command::RemovePeer { peer }));
        }
        self.finished = true;
    }

    /// Whether the room has been empty for long enough to be forgotten.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Sends a message to a participant, if they have a WebSocket at the moment.
    fn send(&self, peer: PeerId, message: Message, effects: &mut Vec<Effect>) {
        if let Some(participant) = self.participants.get(&peer)
            && let Link::Live { connection, .. } = participant.link
        {
            effects.push(reply(connection, message));
        }
    }
}

fn reply(connection: ConnectionId, message: Message) -> Effect {
    Effect::Reply {
        connection,
        response: SignalResponse {
            message: Some(message),
        },
    }
}
