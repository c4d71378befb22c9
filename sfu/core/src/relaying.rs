//! A room on several workers: the engine's side of the relay. A track's home is the engine of its
//! publisher; the others have it too, without a publisher, and are fed from there. Whoever is subscribed
//! notices nothing of it.
//!
//! This is what the home tells, and what all tell each other; what the others do with it is in `relayed`.
//!
//! The home does what is owed to the publisher: it asks for lost packets, reports, and sums up what all
//! workers want. Everything else each engine decides by the packets it gets, so that all decide alike.

use crate::command::Command;
use crate::engine::{Engine, TrackKey};
use crate::ids::{RoomId, TrackId};
use crate::outbox::Outbox;
use crate::relay::{Announced, News, RelayBatch, What, Workers};
use crate::rtp::Ssrc;
use crate::uplink::keyframe_requester::Urgency;
use crate::uplink::track::Track;
use std::time::Instant;
use tracing::debug;

impl Engine {
    /// What this engine wants to tell others since this was asked last; `None` if nothing. To be passed
    /// on before the events of the same turn, because signaling acts on those.
    pub fn take_relayed(&mut self) -> Option<RelayBatch> {
        self.relay.take(self.config.worker)
    }

    /// Takes what another engine tells.
    pub fn handle_relayed(&mut self, now: Instant, batch: &RelayBatch, out: &mut Outbox) {
        let own = self.config.worker;
        for item in batch.items().iter().filter(|item| item.to.contains(own)) {
            match &item.what {
                What::Packet(relayed) => {
                    self.forward_relayed(now, relayed, batch.packet(relayed), out);
                }
                What::News(news) => {
                    self.forward_gathered(now, out);
                    self.learn(now, batch.from(), news, out);
                }
            }
        }
    }

    /// A room is on other workers as well.
    pub(crate) fn spread(&mut self, now: Instant, id: RoomId, workers: &[u8], out: &mut Outbox) {
        let own = self.config.worker;
        for &worker in workers.iter().filter(|worker| **worker != own) {
            let Some(room) = self.rooms.get_mut(&id) else {
                return; // It ended here; who comes next brings the news again.
            };
            if room.links.link(worker) {
                room.links.ask(worker);
                self.relay.push_news(only(worker), News::Hello { room: id });
                self.introduce(now, id, worker, out);
            }
        }
    }

    /// Keeps a command about a track that another worker is about to tell of.
    pub(crate) fn hold(&mut self, command: Command) -> Option<Command> {
        let (Command::Subscribe { peer, track, .. }
        | Command::Unsubscribe { peer, track }
        | Command::Prefer { peer, track, .. }) = &command
        else {
            return Some(command);
        };
        if self.track_keys.contains_key(track) {
            return Some(command);
        }
        let room = self.peer_keys.get(peer).map(|key| self.peers[*key].room);
        let room = room.and_then(|room| self.rooms.get_mut(&room));
        let Some(room) = room.filter(|room| room.links.waits()) else {
            return Some(command);
        };
        if !room.links.hold(command) {
            debug!("too much is asked about tracks of other workers");
        }
        None
    }

    /// Tells the workers of a track's room what is new of it, if it is from here.
    pub(crate) fn tell_others(&mut self, key: TrackKey, news: impl FnOnce(&Track) -> News) {
        let Some(track) = self.tracks.get(key) else {
            return;
        };
        if track.spread.origin.is_none() {
            let linked = self.linked(track.room);
            if !linked.is_empty() {
                self.relay.push_news(linked, news(track));
            }
        }
    }

    /// A rendition can be sent on.
    pub(crate) fn announce(&mut self, key: TrackKey) {
        let linked = self.tracks.get(key).map(|track| self.linked(track.room));
        self.announce_to(key, linked.unwrap_or_default());
        self.aim(key);
    }

    /// The room ends here: what is of other workers ends with it.
    pub(crate) fn leave_others(&mut self, now: Instant, id: RoomId) {
        let linked = self.linked(id);
        self.relay.push_news(linked, News::Left { room: id });
        let tracks = self.rooms.get(&id).map(|room| room.tracks.clone());
        for track in tracks.unwrap_or_default() {
            self.end_track(now, track, None);
        }
    }

    /// The other workers of a room.
    pub(crate) fn linked(&self, room: RoomId) -> Workers {
        let room = self.rooms.get(&room);
        room.map_or(Workers::NONE, |room| room.links.linked())
    }

    /// Asks the home of a track for what its subscribers here want of it, and for no more.
    pub(crate) fn want_of_home(&mut self, first: TrackKey) {
        let track = &self.tracks[first];
        let Some(origin) = track.spread.origin else {
            return;
        };
        let backups = track.backups.iter();
        let of_backups = backups.map(|backup| (Some(backup.codec), backup.demand.told()));
        let wants = std::iter::once((None, track.demand.told())).chain(of_backups);
        let news = News::Wanted {
            track: track.id,
            wants: wants.collect(),
        };
        self.relay.push_news(only(origin.worker), news);
    }

    fn learn(&mut self, now: Instant, from: u8, news: &News, out: &mut Outbox) {
        match news {
            News::Hello { room } => {
                if let Some(known) = self.rooms.get_mut(room) {
                    known.links.link(from);
                    self.introduce(now, *room, from, out);
                }
                let known = News::Known { room: *room };
                self.relay.push_news(only(from), known);
            }
            News::Known { room } => {
                if let Some(room) = self.rooms.get_mut(room) {
                    room.links.answered(from);
                }
                self.release(now, *room, out);
            }
            News::Left { room } => self.unlink(now, *room, from, out),
            News::Restarted => {
                let rooms: Vec<RoomId> = self.rooms.keys().copied().collect();
                for room in rooms {
                    self.unlink(now, room, from, out);
                }
            }
            News::Wanted { track, wants } => {
                let key = self.track_keys.get(track).copied();
                if let Some(key) = key.filter(|key| self.is_from_here(*key)) {
                    self.tracks[key].spread.want(from, wants);
                    self.want_anew(now, key, out);
                }
            }
            News::Keyframe { track, ssrc } => {
                if let Some((key, encoding)) = self.stream_of(*track, *ssrc) {
                    let stream = &mut self.tracks[key].encodings[encoding];
                    stream.keyframes.want(Urgency::Stuck);
                    self.request_keyframes(now, out);
                }
            }
            News::Track(_)
            | News::Ended(_)
            | News::Muted { .. }
            | News::Dedicated { .. }
            | News::Seated { .. }
            | News::Clock { .. } => self.learn_of_track(now, from, news, out),
        }
    }

    /// Tells a worker that begins to share a room all that is from here.
    fn introduce(&mut self, now: Instant, id: RoomId, worker: u8, out: &mut Outbox) {
        let tracks = self.rooms.get(&id).map(|room| room.tracks.clone());
        for key in tracks.unwrap_or_default() {
            if self.is_from_here(key) {
                self.tracks[key].spread.forget(worker);
                self.announce_to(key, only(worker));
                self.want_anew(now, key, out);
            }
        }
    }

    fn announce_to(&mut self, key: TrackKey, to: Workers) {
        let Some(track) = self.tracks.get(key) else {
            return;
        };
        let publisher = track.publisher_among(&self.peers);
        let Some(((publisher, ear), section)) = publisher.zip(track.section.clone()) else {
            return;
        };
        if to.is_empty() || track.spread.origin.is_some() {
            return;
        }
        let mut spec = track.spec.clone();
        spec.muted = track.muted;
        let rids = track.encodings.iter();
        let announced = Announced {
            room: track.room,
            rendition: track.rendition(),
            publisher,
            ear,
            spec,
            section,
            rids: rids.filter_map(|encoding| encoding.rid.clone()).collect(),
        };
        self.relay.push_news(to, News::Track(Box::new(announced)));
    }

    /// The other workers want something else of a track than before.
    fn want_anew(&mut self, now: Instant, key: TrackKey, out: &mut Outbox) {
        let first = self.tracks[key].first.unwrap_or(key);
        for rendition in self.renditions(first) {
            self.aim(rendition);
        }
        self.tell_demand(now, first, out);
        self.request_keyframes(now, out);
    }

    /// Decides again who sends a rendition on.
    fn aim(&mut self, key: TrackKey) {
        let Some(track) = self.tracks.get(key) else {
            return;
        };
        let linked = self.linked(track.room);
        let of = (track.spec.kind, track.rendition().backup);
        let count = track.encodings.len();
        let first = &self.tracks[track.first.unwrap_or(key)];
        let to = first.spread.targets(&linked, of, count);
        self.tracks[key].spread.aim(to);
    }

    fn unlink(&mut self, now: Instant, id: RoomId, worker: u8, out: &mut Outbox) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        room.links.unlink(worker);
        for key in room.tracks.clone() {
            let Some(track) = self.tracks.get_mut(key) else {
                continue; // A rendition ends with the first of theirs.
            };
            match track.spread.origin {
                Some(origin) if origin.worker == worker => self.end_track(now, key, None),
                Some(_) => {}
                None => {
                    track.spread.forget(worker);
                    self.want_anew(now, key, out);
                }
            }
        }
        self.listen_anew(now, id);
        self.release(now, id, out);
    }

    /// Does what waited for the tracks of other workers, if nothing is left to wait for.
    fn release(&mut self, now: Instant, room: RoomId, out: &mut Outbox) {
        let room = self.rooms.get_mut(&room);
        for command in room.map_or_else(Vec::new, |room| room.links.release()) {
            self.handle_command(now, command, out);
        }
    }

    /// Whether a track's publisher is on this worker.
    pub(crate) fn is_from_here(&self, key: TrackKey) -> bool {
        self.tracks
            .get(key)
            .is_some_and(|track| track.spread.origin.is_none())
    }

    /// The rendition and the encoding of a stream.
    pub(crate) fn stream_of(&self, track: TrackId, ssrc: Ssrc) -> Option<(TrackKey, usize)> {
        let renditions = self.renditions(*self.track_keys.get(&track)?);
        renditions.into_iter().find_map(|key| {
            let mut encodings = self.tracks.get(key)?.encodings.iter();
            let index = encodings.position(|encoding| encoding.ssrc == Some(ssrc))?;
            Some((key, index))
        })
    }
}

fn only(worker: u8) -> Workers {
    std::iter::once(worker).collect()
}
