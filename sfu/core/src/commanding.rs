//! What the engine does for each command of the signaling side.

use crate::command::Command;
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::outbox::Outbox;
use crate::relay::News;
use std::time::Instant;
use tracing::debug;

impl Engine {
    /// Does what the signaling side asks.
    pub fn handle_command(&mut self, now: Instant, command: Command, out: &mut Outbox) {
        self.forward_gathered(now, out);
        if let Command::AddPeer { room, peer } = command {
            return self.add_peer(now, room, peer);
        }
        if let Command::Spread { room, workers } = command {
            return self.spread(now, room, &workers, out);
        }
        let Some(command) = self.hold(command) else {
            return;
        };
        if let Command::Unpublish { track }
        | Command::MuteTrack { track, .. }
        | Command::Dedicate { track, .. } = command
        {
            let key = self.track_keys.get(&track).copied();
            // Whose home is elsewhere is changed from there, in the order in which its packets come.
            let is_from_here = |key: &TrackKey| self.tracks[*key].spread.origin.is_none();
            if let Some(key) = key.filter(is_from_here) {
                self.change_track(now, key, &command, out);
            }
            return;
        }
        let Some(key) = command
            .peer()
            .and_then(|peer| self.peer_keys.get(&peer))
            .copied()
        else {
            return debug!(?command, "names a peer that is gone");
        };
        self.handle_peer_command(now, key, command, out);
    }

    fn handle_peer_command(
        &mut self,
        now: Instant,
        key: PeerKey,
        command: Command,
        out: &mut Outbox,
    ) {
        match command {
            Command::RemovePeer { .. } => self.remove_peer(now, key),
            Command::Offer { id, sdp, .. } => self.handle_offer(now, key, id, &sdp, out),
            Command::Publish { track, spec, .. } => {
                self.publish(key, track, spec);
                self.listen_anew(now, self.peers[key].room);
                self.claim_late(now, key, out);
            }
            Command::PublishBackup {
                track,
                codec,
                client_ids,
                layers,
                ..
            } => {
                self.publish_backup(now, track, codec, client_ids, layers);
                self.claim_late(now, key, out);
            }
            Command::Subscribe { track, stream, .. } => {
                if let Some(&track) = self.track_keys.get(&track) {
                    self.subscribe(now, key, track, stream);
                }
            }
            Command::Unsubscribe { track, .. } => {
                if let Some(&track) = self.track_keys.get(&track) {
                    let track = self.rendition_for(track, key);
                    self.unsubscribe(now, key, track);
                }
            }
            Command::Prefer {
                track, preference, ..
            } => {
                if let Some(&track_key) = self.track_keys.get(&track) {
                    let rendition = self.rendition_for(track_key, key);
                    let track = &mut self.tracks[rendition];
                    for subscription in &mut track.subscriptions {
                        if subscription.peer == key {
                            subscription.selector.prefer(preference);
                            subscription.selector.retarget(&track.available);
                        }
                    }
                    self.request_keyframes(now, out);
                    if self.tell_demand(now, track_key, out) {
                        // So that it is known, when it comes, who may have it.
                        self.allocate_again(now, key, out);
                    }
                }
            }
            Command::Seat { group, .. } => self.seat(now, key, group),
            Command::SendData {
                channel, payload, ..
            } => {
                let transport = &mut self.peers[key].transport;
                if transport.send_data(now, channel, &payload, out).is_err() {
                    self.stats.data_messages_dropped += 1;
                }
            }
            Command::AddPeer { .. }
            | Command::Spread { .. }
            | Command::Unpublish { .. }
            | Command::MuteTrack { .. }
            | Command::Dedicate { .. } => {}
        }
    }

    pub(crate) fn change_track(
        &mut self,
        now: Instant,
        key: TrackKey,
        command: &Command,
        out: &mut Outbox,
    ) {
        match command {
            Command::MuteTrack { muted, .. } => {
                for rendition in self.renditions(key) {
                    self.tracks[rendition].set_muted(*muted);
                }
                self.listen_anew(now, self.tracks[key].room);
                self.request_keyframes(now, out);
                self.tell_others(key, |track| News::Muted {
                    track: track.id,
                    muted: *muted,
                });
            }
            // The next allocation goes by it.
            Command::Dedicate { purpose, .. } => {
                for rendition in self.renditions(key) {
                    self.tracks[rendition].spec.purpose = *purpose;
                }
                self.tell_others(key, |track| News::Dedicated {
                    track: track.id,
                    purpose: *purpose,
                });
            }
            Command::AddPeer { .. }
            | Command::Spread { .. }
            | Command::RemovePeer { .. }
            | Command::Offer { .. }
            | Command::Publish { .. }
            | Command::PublishBackup { .. }
            | Command::Unpublish { .. }
            | Command::Subscribe { .. }
            | Command::Unsubscribe { .. }
            | Command::Prefer { .. }
            | Command::Seat { .. }
            | Command::SendData { .. } => self.end_track(now, key, None),
        }
    }
}
