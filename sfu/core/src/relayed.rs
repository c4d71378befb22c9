//! Tracks of a spread room whose home is another worker: how they come here, change and end, and what
//! is done with their packets. Who is told what is in `relaying`.

use crate::command::Command;
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::ids::TrackId;
use crate::outbox::Outbox;
use crate::relay::{Announced, News, Relayed, Rendition};
use crate::rtp::Packet;
use crate::uplink::spread::Origin;
use crate::uplink::track::Track;
use slotmap::Key;
use std::time::Instant;

impl Engine {
    pub(crate) fn forward_relayed(
        &mut self,
        now: Instant,
        relayed: &Relayed,
        bytes: &[u8],
        out: &mut Outbox,
    ) {
        let Some(key) = self.rendition_key(relayed.rendition) else {
            return; // It has just ended.
        };
        // The numbers of each subscriber are written into it, and other workers read the batch too.
        let mut own = std::mem::take(&mut self.relayed);
        own.clear();
        own.extend_from_slice(bytes);
        self.send_relayed(now, (key, relayed), &mut own, out);
        self.relayed = own;
    }

    fn send_relayed(
        &mut self,
        now: Instant,
        (key, relayed): (TrackKey, &Relayed),
        bytes: &mut [u8],
        out: &mut Outbox,
    ) {
        let Ok(packet) = Packet::parse(bytes) else {
            return; // It was parsed before, by whoever relayed it.
        };
        if !self.gathered.takes(key, relayed.encoding, packet.timestamp) {
            self.forward_gathered(now, out);
        }
        let track = &mut self.tracks[key];
        let stream = track.encodings.get(relayed.encoding);
        if stream.is_some_and(|stream| stream.ssrc != Some(packet.ssrc)) {
            track.begin_stream(relayed.encoding, packet.ssrc);
        }
        let payload_at = bytes.len() - packet.payload.len();
        let arrival = track.receive(now, relayed.encoding, &packet, relayed.repaired);
        self.stats.packets_relayed_in += 1;
        match arrival {
            Ok(arrival) => {
                let packet = bytes.split_at_mut(payload_at);
                self.fan_out(now, key, &arrival, packet, out);
            }
            Err(Some(reason)) => self.stats.drop_because(reason),
            Err(None) => {}
        }
    }

    /// What a track's home tells of it.
    pub(crate) fn learn_of_track(&mut self, now: Instant, from: u8, news: &News, out: &mut Outbox) {
        match news {
            News::Track(announced) => self.place_relayed(now, from, announced),
            News::Ended(rendition) => {
                let key = self.rendition_key(*rendition);
                if let Some(key) = key.filter(|key| !self.is_from_here(*key)) {
                    let room = self.tracks[key].room;
                    self.end_track(now, key, None);
                    self.listen_anew(now, room);
                }
            }
            News::Muted { track, muted } => {
                let muted = Command::MuteTrack {
                    track: *track,
                    muted: *muted,
                };
                self.change_relayed(now, &muted, *track, out);
            }
            News::Dedicated { track, purpose } => {
                let purpose = Command::Dedicate {
                    track: *track,
                    purpose: *purpose,
                };
                self.change_relayed(now, &purpose, *track, out);
            }
            News::Seated { room, peer, ear } => {
                for track in self.tracks.values_mut().filter(|it| it.room == *room) {
                    let origin = track.spread.origin.as_mut();
                    if let Some(origin) = origin.filter(|origin| origin.peer == *peer) {
                        origin.ear = *ear;
                    }
                }
                self.listen_anew(now, *room);
            }
            News::Clock { track, ssrc, clock } => {
                if let Some((key, encoding)) = self.stream_of(*track, *ssrc) {
                    self.pass_clock(now, key, (encoding, *clock), out);
                }
            }
            News::Hello { .. }
            | News::Known { .. }
            | News::Left { .. }
            | News::Restarted
            | News::Wanted { .. }
            | News::Keyframe { .. } => {}
        }
    }

    fn change_relayed(
        &mut self,
        now: Instant,
        command: &Command,
        track: TrackId,
        out: &mut Outbox,
    ) {
        let key = self.track_keys.get(&track).copied();
        if let Some(key) = key.filter(|key| !self.is_from_here(*key)) {
            self.change_track(now, key, command, out);
        }
    }

    /// A track of another worker, or one more rendition of it.
    fn place_relayed(&mut self, now: Instant, from: u8, announced: &Announced) {
        let Announced {
            room,
            rendition,
            publisher,
            ..
        } = announced;
        if !self.rooms.contains_key(room) {
            return;
        }
        if let Some(known) = self.rendition_key(*rendition) {
            // Told twice: each of two who begin to share a room tells the other all it has.
            if self.tracks[known].section.as_ref() == Some(&announced.section) {
                return;
            }
            self.end_track(now, known, None);
        }
        let first = self.track_keys.get(&rendition.track).copied();
        let nobody = PeerKey::null();
        let mut track = Track::new(*room, nobody, rendition.track, announced.spec.clone());
        track.spread.origin = Some(Origin {
            worker: from,
            peer: *publisher,
            ear: announced.ear,
        });
        track.first = first.filter(|_| rendition.backup.is_some());
        track.bind(announced.section.clone(), &announced.rids);
        let key = self.tracks.insert(track);
        if let Some((first, codec)) = first.zip(rendition.backup) {
            let backups = &mut self.tracks[first].backups;
            if let Some(backup) = backups.iter_mut().find(|backup| backup.codec == codec) {
                backup.rendition = Some(key);
            }
            self.serve_waiting(now, first, codec);
        } else {
            self.track_keys.insert(rendition.track, key);
        }
        if let Some(room) = self.rooms.get_mut(room) {
            room.tracks.push(key);
        }
        self.count();
        self.listen_anew(now, *room);
    }

    fn rendition_key(&self, rendition: Rendition) -> Option<TrackKey> {
        let first = *self.track_keys.get(&rendition.track)?;
        let Some(codec) = rendition.backup else {
            return Some(first);
        };
        let mut backups = self.tracks[first].backups.iter();
        backups.find(|backup| backup.codec == codec)?.rendition
    }
}
