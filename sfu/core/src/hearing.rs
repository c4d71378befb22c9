//! Who hears whom, and who speaks: the engine's side of sound levels. Which voices have a place is
//! decided by `loudest`; a packet's way looks only at what comes of it, the audience of its track.
//!
//! Each group of neighbours, and those who sit alone, have their own loudest voices: the voices that
//! somebody hears through the air take no place from those they hear through us.

use crate::command::Neighbours;
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::event::Event;
use crate::ids::RoomId;
use crate::loudest::Voice;
use crate::outbox::Outbox;
use crate::relay::News;
use crate::units::MediaKind;
use crate::uplink::audience::{Audience, Ear};
use crate::uplink::track::Track;
use std::collections::BTreeSet;
use std::time::Instant;

impl Engine {
    /// Chooses anew which voices are forwarded, everywhere.
    pub(crate) fn choose_voices(&mut self, now: Instant) {
        for track in self.tracks.values_mut() {
            track.level_db = track.loudness.step();
        }
        let rooms: Vec<RoomId> = self.rooms.keys().copied().collect();
        for room in rooms {
            self.listen_anew(now, room);
        }
    }

    /// Decides who hears whom in a room, because somebody came, went, moved or speaks.
    pub(crate) fn listen_anew(&mut self, now: Instant, room: RoomId) {
        let Self {
            rooms,
            tracks,
            peers,
            config,
            ..
        } = self;
        let Some(room) = rooms.get_mut(&room) else {
            return;
        };
        let ear_of = |key: PeerKey| peers.get(key).map_or(Ear::default(), |peer| peer.ear);
        let ears: BTreeSet<Ear> = room.peers.iter().copied().map(ear_of).collect();
        let ear_at = |track: &Track| {
            let publisher = track.publisher_among(peers);
            publisher.map_or(Ear::default(), |(_, ear)| ear)
        };
        let voice = |key: &TrackKey| {
            let track = &tracks[*key];
            let level_db = track.level_db;
            let voice = Voice {
                key: *key,
                level_db,
            };
            track.is_ranked().then(|| (ear_at(track), voice))
        };
        let voices: Vec<(Ear, Voice<TrackKey>)> = room.tracks.iter().filter_map(voice).collect();
        room.loudest.retain(|ear, _| ears.contains(ear));
        for ear in ears {
            let heard = voices.iter().filter(|(at, _)| !at.is_beside(ear));
            let heard: Vec<Voice<TrackKey>> = heard.map(|(_, voice)| *voice).collect();
            let loudest = room.loudest.entry(ear).or_default();
            loudest.choose(now, &heard, config.loudest_max);
        }
        for key in &room.tracks {
            let track = &mut tracks[*key];
            if track.spec.kind != MediaKind::Audio {
                continue;
            }
            let at = ear_at(track);
            let mut audience = Audience::EVERYBODY;
            for (ear, loudest) in &room.loudest {
                if at.is_beside(*ear) || (track.is_ranked() && !loudest.includes(*key)) {
                    audience = audience.without(*ear);
                }
            }
            track.set_audience(audience);
        }
    }

    /// Somebody sits down among neighbours, or leaves them.
    pub(crate) fn seat(&mut self, now: Instant, key: PeerKey, group: Option<Neighbours>) {
        let ear = Ear::of(group);
        let peer = &mut self.peers[key];
        peer.ear = ear;
        let (peer, room) = (peer.id, peer.room);
        let news = News::Seated { room, peer, ear };
        self.relay.push_news(self.linked(room), news);
        if let Some(room) = self.rooms.get(&room) {
            for track in &room.tracks {
                self.tracks[*track].move_listener(key, ear);
            }
        }
        self.listen_anew(now, room);
    }

    /// Tells each room who speaks in it, when that is due and has changed.
    pub(crate) fn tell_speakers(&mut self, now: Instant, out: &mut Outbox) {
        for (id, room) in &mut self.rooms {
            if !room.speakers_due(now) {
                continue;
            }
            let mut levels = Vec::new();
            for key in &room.tracks {
                let track = &mut self.tracks[*key];
                let level = track.audio_level.close();
                let publisher = track.publisher_among(&self.peers);
                if let (true, Some((peer, _))) = (!track.muted, publisher) {
                    levels.push((peer, level));
                }
            }
            // All workers of a room find the same, and one tells it.
            let tells = room.links.is_first(self.config.worker);
            if let Some(levels) = room.speakers(levels).filter(|_| tells) {
                out.events.push(Event::Speakers { room: *id, levels });
            }
        }
    }
}

impl Track {
    /// Whether it competes for a place among the loudest: a voice whose level its packets tell.
    /// What tells none is always heard, and so is the sound of a shared screen.
    fn is_ranked(&self) -> bool {
        let section = self.section.as_ref();
        let tells = section.is_some_and(|section| section.audio_level_id.is_some());
        self.spec.voice && tells && !self.muted
    }

    /// Replaces those who hear it. Whoever hears it again later goes on where they stopped.
    fn set_audience(&mut self, audience: Audience) {
        let before = std::mem::replace(&mut self.audience, audience);
        for subscription in &mut self.subscriptions {
            let ear = subscription.ear;
            if before.includes(ear) && !audience.includes(ear) {
                subscription.selector.restart();
            }
        }
    }

    fn move_listener(&mut self, peer: PeerKey, ear: Ear) {
        for subscription in &mut self.subscriptions {
            if subscription.peer == peer && subscription.ear != ear {
                subscription.ear = ear;
                // Video starts over with a key frame, and its audience is everybody anyway.
                if self.spec.kind == MediaKind::Audio {
                    subscription.selector.restart();
                }
            }
        }
    }
}
