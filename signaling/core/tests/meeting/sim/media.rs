//! The media plane as far as a room can see it.

use sfu_core::command::DataChannel;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::{Codec, MediaKind};
use sfu_core::{Command, Event};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Answers every offer at once, unless it is left to the test.
#[derive(Debug, Default)]
pub(crate) struct Media {
    /// Everything asked of it.
    pub(crate) commands: Vec<Command>,
    /// It does not answer by itself.
    pub(crate) is_manual: bool,
    pending: BTreeMap<PeerId, Vec<(TrackId, MediaKind)>>,
    pub(super) subscriptions: BTreeMap<PeerId, BTreeSet<TrackId>>,
    connected: BTreeSet<PeerId>,
    pub(super) events: VecDeque<Event>,
}

impl Media {
    pub(super) fn obey(&mut self, command: Command) {
        self.commands.push(command.clone());
        match command {
            Command::Subscribe { peer, track, .. } => {
                self.subscriptions.entry(peer).or_default().insert(track);
                if self.connected.contains(&peer) && !self.is_manual {
                    self.events.push_back(Event::SectionsNeeded {
                        peer,
                        audio: 0,
                        video: 0,
                    });
                }
            }
            Command::Unsubscribe { peer, track } => {
                self.subscriptions.entry(peer).or_default().remove(&track);
            }
            Command::Publish { peer, track, spec } => {
                self.pending
                    .entry(peer)
                    .or_default()
                    .push((track, spec.kind));
            }
            Command::Unpublish { track } => self.forget(track),
            Command::RemovePeer { peer } => {
                self.subscriptions.remove(&peer);
                self.pending.remove(&peer);
                self.connected.remove(&peer);
            }
            Command::Offer { peer, id, .. } if !self.is_manual => self.answer(peer, id),
            Command::Offer { .. }
            | Command::PublishBackup { .. }
            | Command::AddPeer { .. }
            | Command::MuteTrack { .. }
            | Command::Dedicate { .. }
            | Command::Spread { .. }
            | Command::Prefer { .. }
            | Command::Seat { .. }
            | Command::SendData { .. } => {}
        }
    }

    fn forget(&mut self, track: TrackId) {
        for subscriptions in self.subscriptions.values_mut() {
            subscriptions.remove(&track);
        }
        for pending in self.pending.values_mut() {
            pending.retain(|&(own, _)| own != track);
        }
    }

    fn answer(&mut self, peer: PeerId, id: u32) {
        for (track, kind) in self.pending.remove(&peer).unwrap_or_default() {
            let codec = match kind {
                MediaKind::Audio => Codec::Opus,
                MediaKind::Video => Codec::Vp8,
            };
            let mid = format!("m{}", track.0 % 1000);
            self.events.push_back(Event::TrackReady {
                peer,
                track,
                codec,
                mid,
            });
        }
        let subscriptions = self.subscriptions.get(&peer).into_iter().flatten();
        let tracks = subscriptions.enumerate();
        self.events.push_back(Event::Answer {
            peer,
            id,
            sdp: format!("answer {id}"),
            tracks: tracks
                .map(|(mid, &track)| (mid.to_string(), track))
                .collect(),
        });
        if self.connected.insert(peer) {
            self.events.push_back(Event::Connected { peer });
            for channel in [DataChannel::Reliable, DataChannel::Lossy] {
                self.events.push_back(Event::DataOpen { peer, channel });
            }
        }
    }

    /// What was sent to a peer on data channels, in order.
    pub(crate) fn data_for(&self, peer: PeerId) -> Vec<(DataChannel, Vec<u8>)> {
        self.commands
            .iter()
            .filter_map(|command| match command {
                Command::SendData {
                    peer: to,
                    channel,
                    payload,
                } if *to == peer => Some((*channel, payload.to_vec())),
                _ => None,
            })
            .collect()
    }
}
