//! A track in more than one codec: for subscribers who cannot decode the one its publisher prefers,
//! the publisher is asked for another and sends that as well.
//!
//! Each rendition is a track of its own inside the engine, under the same id, so that packets,
//! layers and feedback need not know of it. The first one has the subscriptions that wait.

use crate::command::{LayerSpec, TrackSpec};
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::event::Event;
use crate::ids::TrackId;
use crate::outbox::Outbox;
use crate::sdp::{self, Section};
use crate::units::Codec;
use crate::uplink::demand::Demand;
use crate::uplink::track::Track;
use std::time::Instant;
use tracing::debug;

/// A codec in which a publisher could send a track besides the first.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) codec: Codec,
    pub(crate) demand: Demand,
    /// The rendition, once it is announced.
    pub(crate) rendition: Option<TrackKey>,
}

impl Backup {
    pub(crate) fn new(codec: Codec) -> Self {
        Self {
            codec,
            demand: Demand::nothing(),
            rendition: None,
        }
    }
}

impl Engine {
    /// Announces that a publisher sends a track in another codec as well. One that was announced
    /// before is replaced.
    pub(crate) fn publish_backup(
        &mut self,
        now: Instant,
        id: TrackId,
        codec: Codec,
        client_ids: Vec<String>,
        layers: Vec<LayerSpec>,
    ) {
        let Some(&first) = self.track_keys.get(&id) else {
            return;
        };
        let track = &self.tracks[first];
        let Some(index) = track.backups.iter().position(|it| it.codec == codec) else {
            return debug!(track = %id, ?codec, "not one of the codecs the track was announced with");
        };
        let spec = TrackSpec {
            client_ids,
            codec: Some(codec),
            layers,
            backups: Vec::new(),
            muted: track.muted,
            ..track.spec.clone()
        };
        let (room, publisher) = (track.room, track.publisher);
        if let Some(before) = track.backups[index].rendition {
            self.end_track(now, before, None);
        }
        let mut rendition = Track::new(room, publisher, id, spec);
        rendition.first = Some(first);
        let key = self.tracks.insert(rendition);
        self.tracks[first].backups[index].rendition = Some(key);
        self.peers[publisher].negotiation.announced.push(key);
        if let Some(room) = self.rooms.get_mut(&room) {
            room.tracks.push(key);
        }
        self.count();
    }

    /// The rendition of a track that a peer is subscribed to: the first unless it has another.
    pub(crate) fn rendition_for(&self, first: TrackKey, peer: PeerKey) -> TrackKey {
        let has_peer = |key: &TrackKey| {
            let track = self.tracks.get(*key);
            track.is_some_and(|track| track.subscriptions.iter().any(|sub| sub.peer == peer))
        };
        let others = self.tracks[first].backups.iter();
        let mut others = others.filter_map(|backup| backup.rendition);
        others.find(has_peer).unwrap_or(first)
    }

    /// All renditions of a track, the first one first.
    pub(crate) fn renditions(&self, first: TrackKey) -> Vec<TrackKey> {
        let others = self.tracks[first].backups.iter();
        let others = others.filter_map(|backup| backup.rendition);
        std::iter::once(first).chain(others).collect()
    }

    /// The rendition that a subscriber's section can carry; its subscription is moved there.
    /// Without one the subscription waits for the first codec that would do, or ends.
    pub(crate) fn choose_rendition(
        &mut self,
        now: Instant,
        peer: PeerKey,
        first: TrackKey,
        offered: &Section,
        out: &mut Outbox,
    ) -> Option<TrackKey> {
        let fits = |key: &TrackKey| {
            let section = self
                .tracks
                .get(*key)
                .and_then(|track| track.section.as_ref());
            section.is_some_and(|it| sdp::codec_for(offered, it.codec, &it.fmtp).is_some())
        };
        let fitting = self.renditions(first).into_iter().find(fits);
        let track = &mut self.tracks[first];
        let place = track
            .subscriptions
            .iter()
            .position(|sub| sub.peer == peer)?;
        if let Some(rendition) = fitting {
            if rendition != first {
                let subscription = track.subscriptions.remove(place);
                self.tracks[rendition].subscriptions.push(subscription);
            }
            return Some(rendition);
        }
        let possible = track.backups.iter().find(|backup| {
            let mut codecs = offered.codecs.iter();
            codecs.any(|offered| offered.codec == backup.codec)
        });
        if let Some(backup) = possible {
            track.subscriptions[place].lacks = Some(backup.codec);
            self.tell_demand(now, first, out);
        } else {
            track.subscriptions.remove(place);
            out.events.push(Event::Undecodable {
                peer: self.peers[peer].id,
                track: track.id,
            });
        }
        None
    }

    /// A rendition has its section: who waits for its codec may be placed.
    pub(crate) fn serve_waiting(&mut self, now: Instant, first: TrackKey, codec: Codec) {
        let Some(track) = self.tracks.get_mut(first) else {
            return;
        };
        for subscription in &mut track.subscriptions {
            if subscription.lacks != Some(codec) {
                continue;
            }
            subscription.lacks = None;
            let negotiation = &mut self.peers[subscription.peer].negotiation;
            negotiation.waiting.push((first, track.spec.kind));
            negotiation.ask_soon(now);
        }
    }

    /// A rendition ended that was not the first: its subscribers wait for it again.
    pub(crate) fn return_to_first(
        &mut self,
        now: Instant,
        first: TrackKey,
        key: TrackKey,
        ended: Track,
    ) {
        let Some(track) = self.tracks.get_mut(first) else {
            return;
        };
        for backup in &mut track.backups {
            if backup.rendition == Some(key) {
                *backup = Backup::new(backup.codec);
            }
        }
        for subscription in ended.subscriptions {
            let preference = *subscription.selector.preference();
            self.subscribe(now, subscription.peer, first, subscription.stream);
            let subscriptions = &mut self.tracks[first].subscriptions;
            if let Some(subscription) = subscriptions.last_mut() {
                subscription.selector.prefer(preference);
            }
        }
    }
}
