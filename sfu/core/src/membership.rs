//! Who is in the engine and what they publish: peers, rooms and tracks come and go together.

use crate::command::TrackSpec;
use crate::engine::{Engine, PeerKey, TICK, TrackKey};
use crate::event::{Event, LostReason};
use crate::ids::{PeerId, RoomId, TrackId};
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::relay::News;
use crate::transport::{IceCredentials, Transport};
use crate::uplink::track::Track;
use rand::Rng;
use std::sync::Arc;
use std::time::Instant;

/// RFC 8445, section 5.3 wants at least 24 bits; the first eight name the worker.
const UFRAG_RANDOM_LEN: usize = 10;
/// RFC 8445, section 5.3 wants at least 128 bits; 32 letters and digits have 190.
const PWD_LEN: usize = 32;

impl Engine {
    pub(crate) fn add_peer(&mut self, now: Instant, room: RoomId, id: PeerId) {
        if self.peer_keys.contains_key(&id) {
            return;
        }
        let local = self.draw_credentials();
        let transport = Transport::new(Arc::clone(&self.transport_config), local);
        let key = self.peers.insert(Peer::new(now, id, room, transport));
        self.peer_keys.insert(id, key);
        self.peers[key].learn_ufrag(key, &mut self.demux);
        self.rooms.entry(room).or_default().peers.push(key);
        self.next_tick_at.get_or_insert(now + TICK);
        self.count();
    }

    /// Removes a peer with everything it publishes and receives.
    pub(crate) fn remove_peer(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        peer.forget_addresses(key, &mut self.demux);
        let (id, room_id) = (peer.id, peer.room);
        let tracks = self
            .rooms
            .get(&room_id)
            .map(|room| room.tracks.clone())
            .unwrap_or_default();
        for track in tracks {
            // Renditions end with the first of theirs.
            let Some(known) = self.tracks.get_mut(track) else {
                continue;
            };
            if known.publisher == key {
                self.end_track(now, track, None);
            } else {
                known.subscriptions.retain(|sub| sub.peer != key);
            }
        }
        self.peers.remove(key);
        self.peer_keys.remove(&id);
        if let Some(room) = self.rooms.get_mut(&room_id) {
            room.peers.retain(|peer| *peer != key);
            if room.peers.is_empty() {
                self.leave_others(now, room_id);
                self.rooms.remove(&room_id);
            }
        }
        self.count();
    }

    /// Removes a peer that went away on its own.
    pub(crate) fn lose_peer(
        &mut self,
        now: Instant,
        key: PeerKey,
        reason: LostReason,
        out: &mut Outbox,
    ) {
        out.events.push(Event::Lost {
            peer: self.peers[key].id,
            reason,
        });
        self.stats.peers_lost += 1;
        self.remove_peer(now, key);
    }

    pub(crate) fn publish(&mut self, key: PeerKey, id: TrackId, spec: TrackSpec) {
        if self.track_keys.contains_key(&id) {
            return;
        }
        let room = self.peers[key].room;
        let track = self.tracks.insert(Track::new(room, key, id, spec));
        self.track_keys.insert(id, track);
        self.peers[key].negotiation.announced.push(track);
        if let Some(room) = self.rooms.get_mut(&room) {
            room.tracks.push(track);
        }
        self.count();
    }

    /// Ends a track for everyone; tells so if the publisher, not signaling, ended it.
    pub(crate) fn end_track(&mut self, now: Instant, key: TrackKey, tell: Option<&mut Outbox>) {
        self.tell_others(key, |track| News::Ended(track.rendition()));
        let Some(track) = self.tracks.remove(key) else {
            return;
        };
        if track.first.is_none() {
            self.track_keys.remove(&track.id);
        }
        for rendition in track.backups.iter().filter_map(|backup| backup.rendition) {
            self.end_track(now, rendition, None);
        }
        for subscription in &track.subscriptions {
            self.unsubscribe(now, subscription.peer, key);
        }
        if let Some(room) = self.rooms.get_mut(&track.room) {
            room.tracks.retain(|track| *track != key);
        }
        if let Some(publisher) = self.peers.get_mut(track.publisher) {
            publisher.uplink.unbind(key);
            publisher.negotiation.release(now, key);
            if let Some(out) = tell.filter(|_| track.first.is_none()) {
                out.events.push(Event::TrackEnded {
                    peer: publisher.id,
                    track: track.id,
                });
            }
        }
        if let Some(first) = track.first {
            self.return_to_first(now, first, key, track);
        }
        self.count();
    }

    /// Gives a peer new credentials, because its client restarted ICE (RFC 8445, section 9).
    pub(crate) fn restart_ice(&mut self, key: PeerKey) {
        let credentials = self.draw_credentials();
        let peer = &mut self.peers[key];
        peer.transport.restart_ice(credentials);
        peer.learn_ufrag(key, &mut self.demux);
    }

    fn draw_credentials(&mut self) -> IceCredentials {
        let rng = &mut self.rng;
        let mut text = |len| -> String {
            (0..len)
                .map(|_| char::from(rng.sample(rand::distr::Alphanumeric)))
                .collect()
        };
        let ufrag = format!("{:02x}{}", self.config.worker, text(UFRAG_RANDOM_LEN));
        IceCredentials {
            ufrag,
            pwd: text(PWD_LEN),
        }
    }

    pub(crate) fn count(&mut self) {
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        self.stats.peers = count(self.peers.len());
        self.stats.tracks = count(self.tracks.len());
        self.stats.rooms = count(self.rooms.len());
    }
}
