//! The state machine of the media plane: one engine per worker, many rooms per engine.
//!
//! The path of a packet is [`Engine::handle_datagram`], read downwards. Negotiation is in
//! `answering`, reports and key frame requests in `feedback`, what waits for narrow lines in `pacing`,
//! what signaling asks in `commanding`, who is here in `membership`.

use crate::demux::Demux;
use crate::event::{Event, LostReason};
use crate::feedback::Rounds;
use crate::gathered::Gathered;
use crate::ids::{PeerId, RoomId, TrackId};
use crate::outbox::{Outbox, Path};
use crate::pacing::Pacing;
use crate::peer::Peer;
use crate::relay::{Incoming, Outgoing};
use crate::room::Room;
use crate::rtp::{Packet, SequenceNumber};
use crate::stats::{Drop, Stats};
use crate::strays::Strays;
use crate::transport::{Received, TransportConfig, TransportError, TransportEvent};
use crate::units::MediaKind;
use crate::uplink::nack_generator::MISSING_MAX;
use crate::uplink::track::{Arrival, Track};
use rand::SeedableRng;
use rand::rngs::StdRng;
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
pub(crate) const TICK: Duration = Duration::from_millis(25);
/// The packets of a probe are sent in steps of this.
const PROBE_STEP: Duration = Duration::from_millis(5);
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
    /// How long nobody must have wanted a layer until its publisher is told to stop sending it.
    pub dynacast_pause_delay: Duration,
    /// Voices forwarded to one listener at a time: all up to so many, then the loudest.
    pub loudest_max: usize,
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
    /// Reused for every payload that is given copies of earlier ones.
    pub(crate) redundant: Vec<u8>,
    /// Reused for every packet that another worker relays.
    pub(crate) relayed: Vec<u8>,
    /// What this turn has for other workers.
    pub(crate) relay: Outgoing,
    /// Reused for every list of peers for whom something is due.
    pub(crate) due_peers: Vec<PeerKey>,
    pub(crate) rounds: Rounds,
    pub(crate) peer_keys: HashMap<PeerId, PeerKey>,
    pub(crate) track_keys: HashMap<TrackId, TrackKey>,
    pub(crate) demux: Demux,
    pub(crate) strays: Strays,
    pub(crate) next_tick_at: Option<Instant>,
    /// When a probe that is under way goes on.
    probe_at: Option<Instant>,
    pub(crate) pacing: Pacing,
    pub(crate) gathered: Gathered,
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
            redundant: Vec::with_capacity(4096),
            relayed: Vec::new(),
            relay: Outgoing::default(),
            due_peers: Vec::new(),
            rounds: Rounds::default(),
            peer_keys: HashMap::new(),
            track_keys: HashMap::new(),
            demux: Demux::default(),
            strays: Strays::default(),
            next_tick_at: None,
            probe_at: None,
            pacing: Pacing::default(),
            gathered: Gathered::default(),
            transport_events: Vec::new(),
        })
    }

    /// Takes one datagram; it is decrypted in place. Whatever it is, it never fails: what cannot
    /// be used is counted by its reason. Pictures wait for [`Engine::handle_timeout`].
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
        out: &mut Outbox,
    ) {
        self.stats.datagrams_received += 1;
        let known = self.demux.peer(path.remote, datagram);
        let Some(key) = known.or_else(|| self.peer_of_stray(datagram)) else {
            return self.stats.drop_because(Drop::UnknownSender);
        };
        let mut events = std::mem::take(&mut self.transport_events);
        let peer = &mut self.peers[key];
        let received = peer
            .transport
            .receive(now, path, datagram, out, &mut events);
        if known.is_none() && received.is_media() {
            peer.learn_address(key, path.remote, &mut self.demux);
        }
        match received {
            Received::Rtp(packet) => self.forward(now, key, packet, out),
            Received::Rtcp(compound) => self.handle_feedback(now, key, compound, out),
            Received::Validated => peer.learn_address(key, path.remote, &mut self.demux),
            Received::Dropped(reason) => self.stats.transport_dropped(reason),
            Received::Nothing => {} // DTLS, answered through `out`.
        }
        if !events.is_empty() {
            // Who has come does not get what was sent before.
            self.forward_gathered(now, out);
            self.handle_transport_events(now, key, &mut events, out);
        }
        self.transport_events = events;
    }

    /// Ends a turn, and does what is due by now.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.forward_gathered(now, out);
        if self.probe_at.is_some_and(|at| at <= now) {
            self.go_on_probing(now, out);
        }
        if self.pacing.next_at().is_some_and(|at| at <= now) {
            self.send_waiting(now, out);
        }
        if self.next_tick_at.is_none_or(|at| now < at) {
            return;
        }
        self.next_tick_at = (!self.peers.is_empty()).then_some(now + TICK);
        self.strays = Strays::default();
        self.tick(now, out);
        self.go_on_probing(now, out);
    }

    /// When to call [`Engine::handle_timeout`] next; `None` while nobody is here.
    pub fn next_timeout(&self) -> Option<Instant> {
        let tick = self.next_tick_at?;
        let sooner = [self.gathered.due_at(), self.probe_at, self.pacing.next_at()];
        sooner.into_iter().flatten().chain([tick]).min()
    }

    /// What was counted so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether an address is one that a peer of this engine sends from.
    pub fn owns_address(&self, remote: SocketAddr) -> bool {
        self.demux.knows(remote)
    }

    /// The peers of this engine.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.peers.values().map(|peer| peer.id)
    }

    /// Takes in one packet of media. Sound is sent to everyone who is subscribed to it, pictures wait
    /// for the end of the turn.
    fn forward(&mut self, now: Instant, from: PeerKey, bytes: &mut [u8], out: &mut Outbox) {
        self.stats.packets_received += 1;
        let Ok(packet) = Packet::parse(bytes) else {
            return self.stats.drop_because(Drop::MalformedRtp);
        };
        let uplink = &mut self.peers[from].uplink;
        let Some(stream) = uplink.receive(now, &packet, &mut self.tracks) else {
            return self.stats.drop_because(Drop::UnknownStream);
        };
        let packet = if stream.repairs {
            let Some(repaired) = self.tracks[stream.track].restore(stream.encoding, &packet) else {
                return; // A probe.
            };
            repaired
        } else {
            packet
        };
        let (encoding, timestamp) = (stream.encoding, packet.timestamp);
        if !self.gathered.takes(stream.track, encoding, timestamp) {
            self.forward_gathered(now, out);
        }
        let track = &mut self.tracks[stream.track];
        let arrival = track.receive(now, stream.encoding, &packet, stream.repairs);
        let asks = track.encodings[stream.encoding].nacks.is_due(now);
        let payload_end = bytes.len() - usize::from(packet.padding_len);
        let payload_at = payload_end - packet.payload.len();
        // A retransmission begins with the number of what it carries (RFC 4588, section 4).
        let header_len = payload_at - if stream.repairs { 2 } else { 0 };
        match arrival {
            Ok(arrival) => {
                self.stats.packets_repaired += u64::from(stream.repairs);
                if let Some(to) = track.spread.to(stream.encoding) {
                    let incoming = Incoming {
                        packet: &packet,
                        header: &bytes[..header_len],
                        rendition: track.rendition(),
                        encoding: stream.encoding,
                        repaired: stream.repairs,
                    };
                    self.stats
                        .relayed(self.relay.push_packet(to, &incoming), to);
                }
                let packet = bytes[..payload_end].split_at_mut(payload_at);
                self.fan_out(now, stream.track, &arrival, packet, out);
            }
            Err(Some(reason)) => self.stats.drop_because(reason),
            Err(None) => {}
        }
        if asks {
            self.request_packets(now, stream.track, stream.encoding, out);
        }
    }

    /// Sends a packet, given as its header and its payload, to everyone who gets it in any form: sound at
    /// once, pictures at the end of the turn.
    pub(crate) fn fan_out(
        &mut self,
        now: Instant,
        key: TrackKey,
        arrival: &Arrival,
        (head, payload): (&mut [u8], &mut [u8]),
        out: &mut Outbox,
    ) {
        let track = &mut self.tracks[key];
        track.remember_opening(now, arrival, payload);
        let descriptor = track.descriptor_in(arrival, head);
        if track.spec.kind == MediaKind::Video {
            let media = (descriptor, &*payload);
            self.gathered.push(now, key, arrival, media);
        } else {
            self.forward_sound(now, key, arrival, payload, out);
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
                    self.open_subscriptions(now, key, out);
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
}
