//! The state machine of the media plane: one engine per worker, many rooms per engine.
//!
//! The path of a packet is [`Engine::handle_datagram`], read downwards. Negotiation is in
//! `answering`, reports and key frame requests in `feedback`.

use crate::command::Command;
use crate::demux::Demux;
use crate::downlink::line::Numbered;
use crate::downlink::sent_packets::low_half;
use crate::event::{Event, LostReason};
use crate::feedback::Rounds;
use crate::ids::{PeerId, RoomId, TrackId};
use crate::outbox::{Outbox, Path};
use crate::peer::Peer;
use crate::room::Room;
use crate::rtp::payload::vp8;
use crate::rtp::{HEADER_LEN_MAX, HeaderFields, Packet, SequenceNumber, write_header};
use crate::stats::{Drop, Stats};
use crate::transport::{
    IceCredentials, Received, Transport, TransportConfig, TransportError, TransportEvent,
};
use crate::uplink::nack_generator::MISSING_MAX;
use crate::uplink::track::{Arrival, Track};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use slotmap::SlotMap;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::debug;

slotmap::new_key_type! {
    /// A peer's place in this engine; never given twice.
    pub(crate) struct PeerKey;
    /// A track's place in this engine; never given twice.
    pub(crate) struct TrackKey;
}

pub(crate) type Tracks = SlotMap<TrackKey, Track>;

/// How often everything that is not driven by packets is looked at. Finer than the shortest
/// interval among them, the 50 ms of transport-wide feedback.
const TICK: Duration = Duration::from_millis(25);
/// The packets of a probe are sent in steps of this.
const PROBE_STEP: Duration = Duration::from_millis(5);
/// RFC 8445, section 5.3 wants at least 24 bits; the first eight name the worker.
const UFRAG_RANDOM_LEN: usize = 10;
/// RFC 8445, section 5.3 wants at least 128 bits; 32 letters and digits have 190.
const PWD_LEN: usize = 32;

/// What an engine is told at its start.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Which worker this is: the first two hexadecimal digits of every ufrag it gives out.
    pub worker: u8,
    /// Where clients reach this engine.
    pub candidates: Vec<SocketAddr>,
    /// The luck of this engine; from the system's random source.
    pub seed: [u8; 32],
    /// A peer that has not finished ICE and DTLS after this is removed.
    pub never_connected_timeout: Duration,
    /// A peer that is silent for longer is removed.
    pub silent_timeout: Duration,
    /// Whether subscribers get only the layers their line carries; without it nothing is numbered
    /// for them and no line is measured.
    pub congestion_control: bool,
}

/// The media plane of one worker.
pub struct Engine {
    pub(crate) config: EngineConfig,
    pub(crate) transport_config: Arc<TransportConfig>,
    pub(crate) rng: StdRng,
    pub(crate) peers: SlotMap<PeerKey, Peer>,
    pub(crate) tracks: Tracks,
    pub(crate) rooms: BTreeMap<RoomId, Room>,
    pub(crate) stats: Stats,
    /// Reused for every compound packet that is written.
    pub(crate) rtcp: Vec<u8>,
    /// Reused for every list of packets to ask for.
    pub(crate) missing: Vec<SequenceNumber>,
    /// Reused for every payload that is sent again.
    pub(crate) again: Vec<u8>,
    pub(crate) rounds: Rounds,
    peer_keys: HashMap<PeerId, PeerKey>,
    track_keys: HashMap<TrackId, TrackKey>,
    demux: Demux,
    next_tick_at: Option<Instant>,
    /// When a probe that is under way goes on.
    probe_at: Option<Instant>,
    transport_events: Vec<TransportEvent>,
}

impl Engine {
    /// An engine without rooms. Fails if no certificate can be made.
    pub fn new(config: EngineConfig) -> Result<Self, TransportError> {
        Ok(Self {
            transport_config: Arc::new(TransportConfig::new()?),
            rng: StdRng::from_seed(config.seed),
            config,
            peers: SlotMap::with_key(),
            tracks: SlotMap::with_key(),
            rooms: BTreeMap::new(),
            stats: Stats::default(),
            rtcp: Vec::with_capacity(1500),
            missing: Vec::with_capacity(MISSING_MAX),
            again: Vec::with_capacity(1500),
            rounds: Rounds::default(),
            peer_keys: HashMap::new(),
            track_keys: HashMap::new(),
            demux: Demux::default(),
            next_tick_at: None,
            probe_at: None,
            transport_events: Vec::new(),
        })
    }

    /// Takes one datagram; it is decrypted in place. Whatever it is, it never fails: what cannot
    /// be used is counted by its reason.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
        out: &mut Outbox,
    ) {
        self.stats.datagrams_received += 1;
        let Some(key) = self.demux.peer(path.remote, datagram) else {
            return self.stats.drop_because(Drop::UnknownSender);
        };
        let mut events = std::mem::take(&mut self.transport_events);
        let peer = &mut self.peers[key];
        match peer
            .transport
            .receive(now, path, datagram, out, &mut events)
        {
            Received::Rtp(packet) => self.forward(now, key, packet, out),
            Received::Rtcp(compound) => self.handle_feedback(now, key, compound, out),
            Received::Validated => peer.learn_address(key, path.remote, &mut self.demux),
            Received::Dropped(reason) => self.stats.transport_dropped(reason),
            Received::Nothing => {} // DTLS, answered through `out`.
        }
        self.handle_transport_events(now, key, &mut events, out);
        self.transport_events = events;
    }

    /// Does what the signaling side asks.
    pub fn handle_command(&mut self, now: Instant, command: Command, out: &mut Outbox) {
        if let Command::AddPeer { room, peer } = command {
            return self.add_peer(now, room, peer);
        }
        if let Command::Unpublish { track } | Command::MuteTrack { track, .. } = command {
            if let Some(&key) = self.track_keys.get(&track) {
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

    /// Does what is due by now.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.probe_at.is_some_and(|at| at <= now) {
            self.go_on_probing(now, out);
        }
        if self.next_tick_at.is_none_or(|at| now < at) {
            return;
        }
        self.next_tick_at = (!self.peers.is_empty()).then_some(now + TICK);
        self.tick(now, out);
        self.go_on_probing(now, out);
    }

    /// When to call [`Engine::handle_timeout`] next; `None` while nobody is here.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.next_tick_at
            .map(|tick| self.probe_at.map_or(tick, |probe| tick.min(probe)))
    }

    /// What was counted so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether an address was validated by a peer of this engine.
    pub fn owns_address(&self, remote: SocketAddr) -> bool {
        self.demux.knows(remote)
    }

    /// The peers of this engine.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.peers.values().map(|peer| peer.id)
    }

    /// Sends one packet to everyone who is subscribed to its encoding.
    fn forward(&mut self, now: Instant, from: PeerKey, bytes: &mut [u8], out: &mut Outbox) {
        self.stats.packets_received += 1;
        let Ok(packet) = Packet::parse(bytes) else {
            return self.stats.drop_because(Drop::MalformedRtp);
        };
        let uplink = &mut self.peers[from].uplink;
        let Some(stream) = uplink.receive(now, &packet, &mut self.tracks) else {
            return self.stats.drop_because(Drop::UnknownStream);
        };
        let track = &mut self.tracks[stream.track];
        let packet = if stream.repairs {
            let Some(repaired) = track.restore(stream.encoding, &packet) else {
                return; // A probe.
            };
            repaired
        } else {
            packet
        };
        let arrival = track.receive(now, stream.encoding, &packet, stream.repairs);
        let asks = track.encodings[stream.encoding].nacks.is_due(now);
        let payload_end = bytes.len() - usize::from(packet.padding_len);
        let payload_at = payload_end - packet.payload.len();
        match arrival {
            Ok(arrival) => {
                self.stats.packets_repaired += u64::from(stream.repairs);
                let payload = &mut bytes[payload_at..payload_end];
                self.send_to_subscribers(now, stream.track, &arrival, payload, out);
            }
            Err(Some(reason)) => self.stats.drop_because(reason),
            Err(None) => {}
        }
        if asks {
            self.request_packets(now, stream.track, stream.encoding, out);
        }
    }

    fn send_to_subscribers(
        &mut self,
        now: Instant,
        key: TrackKey,
        arrival: &Arrival,
        payload: &mut [u8],
        out: &mut Outbox,
    ) {
        let incoming = &arrival.incoming;
        let Track {
            subscriptions,
            encodings,
            ..
        } = &mut self.tracks[key];
        let cache = &mut encodings[incoming.encoding].cache;
        let mut kept = false;
        let mut header = [0; HEADER_LEN_MAX];
        for subscription in subscriptions {
            let Some((payload_type, rewritten)) =
                subscription.forward(now, incoming, arrival.switchable)
            else {
                continue;
            };
            // Once for all, and before the first of them has its numbers written into it.
            if !kept && subscription.is_repairable() {
                cache.keep(now, low_half(incoming.sequence), payload);
                kept = true;
            }
            if let Some((descriptor, (id, tl0))) = incoming.picture.zip(rewritten.picture) {
                vp8::rewrite(payload, &descriptor, id, tl0);
            }
            let fields = HeaderFields {
                marker: arrival.marker,
                payload_type,
                sequence: rewritten.sequence,
                timestamp: rewritten.timestamp,
                ssrc: subscription.rewriter.ssrc,
            };
            let peer = &mut self.peers[subscription.peer];
            let line = peer.line.as_mut().zip(subscription.transport_cc);
            let number = line.as_ref().map(|(line, id)| line.number(*id));
            let extension = number.as_ref().map(Numbered::extension);
            let header_len = write_header(&mut header, &fields, extension.as_slice());
            if peer
                .transport
                .send_rtp(&header[..header_len], payload, rewritten.rollover, out)
            {
                if let Some((line, _)) = line {
                    line.sent(now, header_len, payload.len());
                }
                subscription.sent(now, incoming, &rewritten, arrival.marker, payload.len());
                self.stats.packets_forwarded += 1;
            }
        }
    }

    fn go_on_probing(&mut self, now: Instant, out: &mut Outbox) {
        self.probe_at = self.tick_lines(now, out).then_some(now + PROBE_STEP);
    }

    pub(crate) fn handle_transport_events(
        &mut self,
        now: Instant,
        key: PeerKey,
        events: &mut Vec<TransportEvent>,
        out: &mut Outbox,
    ) {
        for event in events.drain(..) {
            let Some(peer) = self.peers.get_mut(key) else {
                continue;
            };
            let id = peer.id;
            match event {
                TransportEvent::Connected => {
                    peer.connected = true;
                    self.stats.peers_connected += 1;
                    out.events.push(Event::Connected { peer: id });
                    self.request_keyframes(now, out);
                }
                TransportEvent::Failed(error) => {
                    debug!(peer = %id, %error, "transport failed");
                    self.lose_peer(now, key, LostReason::Dtls, out);
                }
                TransportEvent::ChannelOpen(channel) => {
                    out.events.push(Event::DataOpen { peer: id, channel });
                }
                TransportEvent::Data(channel, payload) => {
                    self.stats.data_messages_received += 1;
                    out.events.push(Event::Data {
                        peer: id,
                        channel,
                        payload,
                    });
                }
            }
        }
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
                self.claim_late(now, key, out);
            }
            Command::Subscribe { track, stream, .. } => {
                if let Some(&track) = self.track_keys.get(&track) {
                    self.subscribe(now, key, track, stream);
                }
            }
            Command::Unsubscribe { track, .. } => {
                if let Some(&track) = self.track_keys.get(&track) {
                    self.unsubscribe(now, key, track);
                }
            }
            Command::Prefer {
                track, preference, ..
            } => {
                if let Some(track) = self.track_keys.get(&track) {
                    let track = &mut self.tracks[*track];
                    for subscription in &mut track.subscriptions {
                        if subscription.peer == key {
                            subscription.selector.prefer(preference);
                            subscription.selector.retarget(&track.available);
                        }
                    }
                    self.request_keyframes(now, out);
                }
            }
            Command::SendData {
                channel, payload, ..
            } => {
                let transport = &mut self.peers[key].transport;
                if transport.send_data(now, channel, &payload, out).is_err() {
                    self.stats.data_messages_dropped += 1;
                }
            }
            Command::AddPeer { .. } | Command::Unpublish { .. } | Command::MuteTrack { .. } => {}
        }
    }

    fn change_track(&mut self, now: Instant, key: TrackKey, command: &Command, out: &mut Outbox) {
        if let Command::MuteTrack { muted, .. } = command {
            self.tracks[key].set_muted(*muted);
            self.request_keyframes(now, out);
        } else {
            self.end_track(now, key, None);
        }
    }

    fn add_peer(&mut self, now: Instant, room: RoomId, id: PeerId) {
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
            if self.tracks[track].publisher == key {
                self.end_track(now, track, None);
            } else {
                self.tracks[track]
                    .subscriptions
                    .retain(|sub| sub.peer != key);
            }
        }
        self.peers.remove(key);
        self.peer_keys.remove(&id);
        if let Some(room) = self.rooms.get_mut(&room_id) {
            room.peers.retain(|peer| *peer != key);
            if room.peers.is_empty() {
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

    fn publish(&mut self, key: PeerKey, id: TrackId, spec: crate::command::TrackSpec) {
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
        let Some(track) = self.tracks.remove(key) else {
            return;
        };
        self.track_keys.remove(&track.id);
        for subscription in &track.subscriptions {
            self.unsubscribe(now, subscription.peer, key);
        }
        if let Some(room) = self.rooms.get_mut(&track.room) {
            room.tracks.retain(|track| *track != key);
        }
        if let Some(publisher) = self.peers.get_mut(track.publisher) {
            publisher.uplink.unbind(key);
            publisher.negotiation.release(now, key);
            if let Some(out) = tell {
                out.events.push(Event::TrackEnded {
                    peer: publisher.id,
                    track: track.id,
                });
            }
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

    fn count(&mut self) {
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        self.stats.peers = count(self.peers.len());
        self.stats.tracks = count(self.tracks.len());
        self.stats.rooms = count(self.rooms.len());
    }
}
