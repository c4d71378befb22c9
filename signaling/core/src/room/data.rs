//! Data packets: who may send them, who gets them, and who gets them a little later because their
//! channel is not open yet.

use super::Room;
use crate::effect::Effect;
use crate::wire::data_packet::{DataEnvelope, Sender};
use bytes::Bytes;
use sfu_core::Command;
use sfu_core::command::DataChannel;
use sfu_core::ids::PeerId;
use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

/// Reliable packets for those whose channel is not open yet.
#[derive(Debug, Default)]
pub(super) struct Replay {
    packets: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    at: Instant,
    waiting: BTreeSet<PeerId>,
    packet: Bytes,
}

impl Replay {
    fn keep(&mut self, kept: Kept) {
        self.bytes += kept.packet.len();
        self.packets.push_back(kept);
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.packets.pop_front() {
            self.bytes -= oldest.packet.len();
        }
    }

    fn oldest_at(&self) -> Option<Instant> {
        self.packets.front().map(|kept| kept.at)
    }
}

impl Room {
    /// Passes a data packet on. What is wrong with one is nobody's business but its sender's
    /// client's, so it is dropped without a word.
    pub(super) fn forward_data(
        &mut self,
        now: Instant,
        peer: PeerId,
        channel: DataChannel,
        payload: &Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let Some(envelope) = self.accept(peer, channel, payload) else {
            return;
        };
        // Whoever gets the packet should know its sender by then.
        if !self.news.is_told(peer) {
            self.publish_all_news(effects);
        }
        let sender = &self.participants[&peer];
        let (sid, identity) = if sender.is_visible() {
            (peer.to_string(), sender.identity.as_str())
        } else {
            (String::new(), "")
        };
        let sender = Sender {
            sid: &sid,
            identity,
        };
        let packet = envelope.write(channel, sender);
        let receivers = self.receivers(peer, &envelope);
        self.deliver(now, channel, packet, receivers, effects);
    }

    fn accept(
        &mut self,
        peer: PeerId,
        channel: DataChannel,
        payload: &Bytes,
    ) -> Option<DataEnvelope> {
        let participant = self.participants.get_mut(&peer)?;
        if !participant.grants.can_publish_data
            || payload.len() > self.settings.limits.data_packet_bytes
        {
            return None;
        }
        let envelope = DataEnvelope::parse(payload)
            .inspect_err(|error| tracing::debug!(%peer, %error, "data packet dropped"))
            .ok()?;
        if channel == DataChannel::Reliable && envelope.sequence != 0 {
            // After a reconnect a client repeats what it cannot know to have arrived.
            if envelope.sequence <= participant.data.last_sequence {
                return None;
            }
            participant.data.last_sequence = envelope.sequence;
        }
        Some(envelope)
    }

    /// All others, or those the packet names; never its sender.
    fn receivers(&self, sender: PeerId, envelope: &DataEnvelope) -> BTreeSet<PeerId> {
        let mut receivers: BTreeSet<PeerId> = if envelope.is_addressed() {
            let by_identity = envelope
                .destination_identities
                .iter()
                .filter_map(|identity| self.by_identity.get(identity).copied());
            let by_sid = envelope
                .destination_sids
                .iter()
                .filter_map(|sid| PeerId::parse(sid))
                .filter(|peer| self.participants.contains_key(peer));
            by_identity.chain(by_sid).collect()
        } else {
            self.participants.keys().copied().collect()
        };
        receivers.remove(&sender);
        receivers
    }

    fn deliver(
        &mut self,
        now: Instant,
        channel: DataChannel,
        packet: Bytes,
        receivers: BTreeSet<PeerId>,
        effects: &mut Vec<Effect>,
    ) {
        let mut waiting = BTreeSet::new();
        for peer in receivers {
            let data = &self.participants[&peer].data;
            let is_open = match channel {
                DataChannel::Reliable => data.reliable_open,
                DataChannel::Lossy => data.lossy_open,
            };
            if is_open {
                effects.push(send_data(peer, channel, packet.clone()));
            } else {
                waiting.insert(peer);
            }
        }
        if channel == DataChannel::Reliable && !waiting.is_empty() {
            self.replay.keep(Kept {
                at: now,
                waiting,
                packet,
            });
        }
        self.trim_replay(now);
    }

    /// A data channel opened: what came for it meanwhile is sent, in order.
    pub(super) fn data_open(
        &mut self,
        now: Instant,
        peer: PeerId,
        channel: DataChannel,
        effects: &mut Vec<Effect>,
    ) {
        self.trim_replay(now);
        let Some(participant) = self.participants.get_mut(&peer) else {
            return;
        };
        match channel {
            DataChannel::Lossy => participant.data.lossy_open = true,
            DataChannel::Reliable => {
                participant.data.reliable_open = true;
                for kept in &mut self.replay.packets {
                    if kept.waiting.remove(&peer) {
                        effects.push(send_data(peer, channel, kept.packet.clone()));
                    }
                }
            }
        }
    }

    /// Forgets packets that are too old, and the oldest of too many.
    pub(super) fn trim_replay(&mut self, now: Instant) {
        let limits = &self.settings.limits;
        while self.replay_ends_at().is_some_and(|end| end <= now)
            || self.replay.packets.len() > limits.replayed_packets
            || self.replay.bytes > limits.replayed_bytes
        {
            self.replay.forget_oldest();
        }
    }

    /// When the oldest packet must be forgotten.
    pub(super) fn replay_ends_at(&self) -> Option<Instant> {
        self.replay
            .oldest_at()
            .map(|at| at + self.settings.data_replay)
    }
}

fn send_data(peer: PeerId, channel: DataChannel, payload: Bytes) -> Effect {
    Effect::Media(Command::SendData {
        peer,
        channel,
        payload,
    })
}
