//! Whole meetings on a virtual clock: one engine, scripted clients, a network between them that
//! delays and loses, and a signaling side that subscribes everyone to everything.

mod arrivals;
mod checks;
pub(crate) mod client;
pub(crate) mod decoder;
mod dependency;
pub(crate) mod layered;
pub(crate) mod media;
pub(crate) mod offer;
pub(crate) mod reception;
pub(crate) mod voice;

use client::Client;
use layered::Layered;
use media::Source;
use offer::Content;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sfu_core::command::{LayerSpec, Preference, Purpose, TrackSpec};
use sfu_core::event::Event;
use sfu_core::ids::{PeerId, RoomId, TrackId};
use sfu_core::outbox::Path;
use sfu_core::units::{Bitrate, Codec, MediaKind, Quality, Size};
use sfu_core::{Command, Engine, EngineConfig, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) const ROOM: RoomId = RoomId(1);
/// A longer queue before a line loses what comes.
const QUEUE_MAX: Duration = Duration::from_millis(400);
/// How finely a meeting's time passes, unless it is a long one.
const STRIDE: Duration = Duration::from_millis(5);

/// A client's line, the same in both directions but for the loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) one_way: Duration,
    /// The share of datagrams lost on the way to the server.
    pub(crate) loss_up: f64,
    /// And on the way from it.
    pub(crate) loss_down: f64,
    /// What the way from the server carries, in kbit/s; 0 for any amount.
    pub(crate) kbps_down: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            one_way: Duration::from_millis(10),
            loss_up: 0.0,
            loss_down: 0.0,
            kbps_down: 0,
        }
    }
}

/// A datagram on its way: when it arrives, to or from whom.
struct InFlight {
    at: Instant,
    client: PeerId,
    upwards: bool,
    bytes: Vec<u8>,
}

pub(crate) struct Sim {
    pub(crate) now: Instant,
    pub(crate) engine: Engine,
    pub(crate) clients: BTreeMap<PeerId, Client>,
    pub(crate) events: Vec<Event>,
    pub(crate) tracks: BTreeMap<TrackId, PeerId>,
    /// Every so many datagrams, one is lost; 0 for none.
    pub(crate) lose_one_in: u64,
    /// The lines of clients that are not ordinary.
    pub(crate) links: BTreeMap<PeerId, Link>,
    /// Clients whose packets go through the line of another one.
    pub(crate) behind: BTreeMap<PeerId, PeerId>,
    /// Clients subscribe to every track that becomes ready.
    pub(crate) auto_subscribe: bool,
    /// Whether publishers want redundancy for their sound.
    pub(crate) redundancy: bool,
    /// Reads a counter before and after each RTP datagram is handled; the differences add up.
    pub(crate) probe: Option<fn() -> u64>,
    pub(crate) probed: u64,
    /// Everything that clients sent, while it is wanted.
    pub(crate) recording: Option<Vec<(SocketAddr, Vec<u8>)>>,
    /// Reads how many bytes are allocated, before and after everything that the engine does; what it
    /// holds since this was set adds up in `weight`.
    pub(crate) scale: Option<fn() -> usize>,
    pub(crate) weight: usize,
    /// How far the clock goes at a time.
    pub(crate) stride: Duration,
    /// Bytes of datagrams that the engine sent.
    pub(crate) sent_down_bytes: u64,
    network: VecDeque<InFlight>,
    /// When the queue before each client's line is empty.
    queues: BTreeMap<PeerId, Instant>,
    out: Outbox,
    sent: u64,
    next_id: u64,
    luck: StdRng,
}

impl Sim {
    pub(crate) fn new(seed: u8) -> Self {
        let config = EngineConfig {
            worker: 0,
            candidates: vec![SocketAddr::from(([127, 0, 0, 1], 7882))],
            seed: [seed; 32],
            never_connected_timeout: Duration::from_secs(20),
            silent_timeout: Duration::from_secs(12),
            congestion_control: true,
            dynacast_pause_delay: Duration::from_secs(5),
            loudest_max: 12,
        };
        Self {
            #[expect(
                clippy::disallowed_methods,
                reason = "an Instant can only be asked for"
            )]
            now: Instant::now(),
            engine: Engine::new(config).unwrap(),
            clients: BTreeMap::new(),
            events: Vec::new(),
            tracks: BTreeMap::new(),
            lose_one_in: 0,
            links: BTreeMap::new(),
            behind: BTreeMap::new(),
            auto_subscribe: true,
            redundancy: true,
            recording: None,
            scale: None,
            weight: 0,
            stride: STRIDE,
            sent_down_bytes: 0,
            probe: None,
            probed: 0,
            network: VecDeque::new(),
            queues: BTreeMap::new(),
            out: Outbox::default(),
            sent: 0,
            next_id: 1,
            luck: StdRng::seed_from_u64(seed.into()),
        }
    }

    /// Adds a client with so many sections of each kind to receive in, subscribed to everything.
    pub(crate) fn join(&mut self, receive: usize) -> PeerId {
        let id = PeerId(self.next_id());
        let port = 10_000 + u16::try_from(id.0).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        self.clients
            .insert(id, Client::new(self.now, id, address, receive));
        self.command(Command::AddPeer {
            room: ROOM,
            peer: id,
        });
        if self.auto_subscribe {
            for (track, publisher) in self.tracks.clone() {
                self.subscribe(id, track, publisher);
            }
        }
        self.offer(id);
        id
    }

    pub(crate) fn publish_audio(&mut self, id: PeerId) -> TrackId {
        let track = TrackId(self.next_id());
        let name = format!("mic-{}", track.0);
        self.publish(id, track, spec(MediaKind::Audio, &name, vec![]));
        let client = self.clients.get_mut(&id).unwrap();
        let mid = client.add_section(Content::SendAudio { track: name });
        let ssrc = u32::try_from(track.0).unwrap() * 100;
        client
            .sources
            .insert(track, Source::new(self.now, mid, ssrc, &[]));
        self.offer(id);
        track
    }

    pub(crate) fn publish_camera(&mut self, id: PeerId) -> TrackId {
        self.publish_pictures(id, Purpose::Camera, [180, 360, 720])
    }

    /// Publishes pictures 320, 640 and 1280 wide, of these heights.
    pub(crate) fn publish_pictures(
        &mut self,
        id: PeerId,
        purpose: Purpose,
        heights: [u32; 3],
    ) -> TrackId {
        let spec = |name: &str| TrackSpec {
            purpose,
            ..camera(name, heights)
        };
        self.publish_encodings(id, spec, &["q", "h", "f"], |source| {
            for (encoding, height) in source.encodings.iter_mut().zip(heights) {
                encoding.size.height = height;
            }
        })
    }

    /// A camera of which every encoding has layers: three encodings, or one with three sizes.
    pub(crate) fn publish_layered(
        &mut self,
        id: PeerId,
        codec: Codec,
        encodings: Vec<Layered>,
    ) -> TrackId {
        let spec = |name: &str| TrackSpec {
            codec: Some(codec),
            ..camera(name, [180, 360, 720])
        };
        let rids: &[_] = match encodings.len() {
            1 => &[],
            _ => &["q", "h", "f"],
        };
        self.publish_encodings(id, spec, rids, |source| {
            for (encoding, layered) in source.encodings.iter_mut().zip(encodings) {
                encoding.layered = Some(layered);
            }
        })
    }

    /// Announces pictures, sends them in encodings of these names, and offers.
    fn publish_encodings(
        &mut self,
        id: PeerId,
        spec: impl FnOnce(&str) -> TrackSpec,
        rids: &[&'static str],
        shape: impl FnOnce(&mut Source),
    ) -> TrackId {
        let track = TrackId(self.next_id());
        let name = format!("cam-{}", track.0);
        self.publish(id, track, spec(&name));
        let client = self.clients.get_mut(&id).unwrap();
        let mid = client.add_section(Content::SendVideo {
            track: name,
            rids: rids.to_vec(),
        });
        let ssrc = u32::try_from(track.0).unwrap() * 100;
        let mut source = Source::new(self.now, mid, ssrc, rids);
        shape(&mut source);
        client.sources.insert(track, source);
        self.offer(id);
        track
    }

    pub(crate) fn prefer(&mut self, peer: PeerId, track: TrackId, preference: Preference) {
        self.command(Command::Prefer {
            peer,
            track,
            preference,
        });
    }

    pub(crate) fn subscribe(&mut self, peer: PeerId, track: TrackId, publisher: PeerId) {
        if peer != publisher {
            let stream = format!("{publisher}|{track}");
            self.command(Command::Subscribe {
                peer,
                track,
                stream,
            });
        }
    }

    /// Somebody leaves, and their client is closed.
    pub(crate) fn leave(&mut self, id: PeerId) {
        self.command(Command::RemovePeer { peer: id });
        self.clients.remove(&id);
        self.links.remove(&id);
        self.queues.remove(&id);
        self.tracks.retain(|_, publisher| *publisher != id);
    }

    /// How long what is sent to a client now would wait before its line.
    pub(crate) fn queue(&self, id: PeerId) -> Duration {
        let free_at = self.queues.get(&id).copied().unwrap_or(self.now);
        free_at.saturating_duration_since(self.now)
    }

    pub(crate) fn client(&mut self, id: PeerId) -> &mut Client {
        self.clients.get_mut(&id).unwrap()
    }

    pub(crate) fn offer(&mut self, id: PeerId) {
        let (number, sdp) = self.clients.get_mut(&id).unwrap().offer();
        self.command(Command::Offer {
            peer: id,
            id: number,
            sdp,
        });
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.weigh(|sim| {
            // The engine keeps parts of what it is given, and gives up the rest.
            let command = command.clone();
            sim.engine.handle_command(sim.now, command, &mut sim.out);
        });
        drop(command);
        self.drain();
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += self.stride;
            self.step();
        }
    }

    /// Runs until something holds; fails after a generous time.
    pub(crate) fn run_until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> Duration {
        let start = self.now;
        while !holds(self) {
            assert!(
                self.now - start < Duration::from_secs(30),
                "never happened: {what}"
            );
            self.now += self.stride;
            self.step();
        }
        self.now - start
    }

    /// Gives the engine a datagram of anybody's.
    pub(crate) fn inject(&mut self, remote: SocketAddr, bytes: &mut [u8]) {
        let path = Path {
            local: None,
            remote,
        };
        self.engine
            .handle_datagram(self.now, path, bytes, &mut self.out);
    }

    /// What is on its way from a client: what somebody on that way could overhear.
    pub(crate) fn underway_from(&self, id: PeerId) -> Vec<Vec<u8>> {
        let of_client = |datagram: &&InFlight| datagram.client == id && datagram.upwards;
        let underway = self.network.iter().filter(of_client);
        underway.map(|datagram| datagram.bytes.clone()).collect()
    }

    /// What the engine sends now, without delivering it: how many datagrams to which port.
    pub(crate) fn sent_to(&self, port: u16) -> usize {
        let to_port = self
            .out
            .runs()
            .iter()
            .filter(|run| run.path.remote.port() == port);
        to_port.map(|run| run.datagrams().count()).sum()
    }

    fn step(&mut self) {
        let mut sent = Vec::new();
        for client in self.clients.values_mut() {
            let mut datagrams = Vec::new();
            client.tick(self.now, &mut datagrams);
            sent.extend(datagrams.into_iter().map(|bytes| (client.id, bytes)));
        }
        for (client, bytes) in sent {
            self.transmit(client, true, bytes);
        }
        while self.network.front().is_some_and(|next| next.at <= self.now) {
            let datagram = self.network.pop_front().expect("the front was there");
            self.deliver(datagram);
        }
        self.weigh(|sim| sim.engine.handle_timeout(sim.now, &mut sim.out));
        self.drain();
    }

    fn weigh(&mut self, act: impl FnOnce(&mut Self)) {
        let Some(scale) = self.scale else {
            return act(self);
        };
        let before = scale();
        act(self);
        self.weight = self.weight.wrapping_add(scale().wrapping_sub(before));
    }

    fn deliver(&mut self, mut datagram: InFlight) {
        let Some(client) = self.clients.get_mut(&datagram.client) else {
            return;
        };
        if datagram.upwards {
            let remote = client.address;
            if let Some(recording) = &mut self.recording {
                recording.push((remote, datagram.bytes.clone()));
            }
            let path = Path {
                local: None,
                remote,
            };
            let rtp = datagram.bytes[0] >= 128 && !(192..224).contains(&datagram.bytes[1]);
            let probe = self.probe.filter(|_| rtp);
            let before = probe.map_or(0, |probe| probe());
            self.weigh(|sim| {
                sim.engine
                    .handle_datagram(sim.now, path, &mut datagram.bytes, &mut sim.out);
            });
            self.probed += probe.map_or(0, |probe| probe()) - before;
            self.drain();
        } else {
            let mut answers = Vec::new();
            client.receive(self.now, &datagram.bytes, &mut answers);
            for bytes in answers {
                self.transmit(datagram.client, true, bytes);
            }
        }
    }

    fn transmit(&mut self, client: PeerId, upwards: bool, bytes: Vec<u8>) {
        self.sent += 1;
        let link = self.links.get(&client).copied().unwrap_or_default();
        let loss = if upwards {
            link.loss_up
        } else {
            link.loss_down
        };
        let counted_out = self.lose_one_in != 0 && self.sent.is_multiple_of(self.lose_one_in);
        if counted_out || (loss > 0.0 && self.luck.random_bool(loss)) {
            return;
        }
        let mut at = self.now + link.one_way;
        if !upwards && link.kbps_down > 0 {
            let shared = self.behind.get(&client).copied().unwrap_or(client);
            let free_at = self.queues.entry(shared).or_insert(self.now);
            let starts_at = (*free_at).max(self.now);
            if starts_at - self.now > QUEUE_MAX {
                return;
            }
            let bits = u64::try_from(bytes.len() + 28).unwrap() * 8;
            *free_at = starts_at + Duration::from_micros(bits * 1000 / link.kbps_down);
            at = *free_at + link.one_way;
        }
        let behind = self.network.partition_point(|earlier| earlier.at <= at);
        let datagram = InFlight {
            at,
            client,
            upwards,
            bytes,
        };
        self.network.insert(behind, datagram);
    }

    /// Puts what the engine said on the network, and does what signaling would.
    fn drain(&mut self) {
        let mut sent = Vec::new();
        for run in self.out.runs() {
            // An address a client moved to has a port 1,000 higher.
            let to = PeerId(u64::from((run.path.remote.port() - 10_000) % 1000));
            let is_there = |client: &Client| client.address == run.path.remote;
            if self.clients.get(&to).is_some_and(is_there) {
                sent.extend(run.datagrams().map(|bytes| (to, bytes.to_vec())));
            }
        }
        let events = self.out.events.clone();
        self.weigh(|sim| sim.out.clear());
        for (client, bytes) in sent {
            self.sent_down_bytes += u64::try_from(bytes.len()).unwrap();
            self.transmit(client, false, bytes);
        }
        for event in events {
            self.react(&event);
            self.events.push(event);
        }
    }

    fn react(&mut self, event: &Event) {
        match event {
            Event::Answer {
                peer, sdp, tracks, ..
            } => {
                if let Some(client) = self.clients.get_mut(peer) {
                    client.take_answer(sdp, tracks);
                }
            }
            Event::SectionsNeeded { peer, audio, video } => {
                let client = self.clients.get_mut(peer).unwrap();
                client.add_receiving(*audio as usize, *video as usize);
                self.offer(*peer);
            }
            Event::TrackReady { peer, track, .. } => {
                self.tracks.insert(*track, *peer);
                if self.auto_subscribe {
                    for id in self.clients.keys().copied().collect::<Vec<_>>() {
                        self.subscribe(id, *track, *peer);
                    }
                }
            }
            Event::LayersWanted {
                peer,
                track,
                codecs,
            } => {
                let client = self.clients.get_mut(peer).unwrap();
                if client.adapts {
                    client.send_only(*track, codecs[0].best);
                }
            }
            Event::TrackEnded { track, .. } => {
                self.tracks.remove(track);
            }
            Event::Lost { peer, .. } => {
                self.tracks.retain(|_, publisher| publisher != peer);
            }
            _ => {}
        }
    }

    fn publish(&mut self, peer: PeerId, track: TrackId, spec: TrackSpec) {
        let spec = TrackSpec {
            redundancy: spec.redundancy && self.redundancy,
            ..spec
        };
        self.command(Command::Publish { peer, track, spec });
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// What a client says of a camera in three sizes.
pub(crate) fn camera(name: &str, heights: [u32; 3]) -> TrackSpec {
    spec(MediaKind::Video, name, three_layers(heights))
}

fn three_layers(heights: [u32; 3]) -> Vec<LayerSpec> {
    let layer = |quality, width, height| LayerSpec {
        quality,
        size: Size { width, height },
        bitrate: Bitrate::from_bps(0),
    };
    vec![
        layer(Quality::Low, 320, heights[0]),
        layer(Quality::Medium, 640, heights[1]),
        layer(Quality::High, 1280, heights[2]),
    ]
}

fn spec(kind: MediaKind, name: &str, layers: Vec<LayerSpec>) -> TrackSpec {
    TrackSpec {
        kind,
        purpose: match kind {
            MediaKind::Audio => Purpose::Audio,
            MediaKind::Video => Purpose::Camera,
        },
        client_ids: vec![name.to_owned()],
        codec: None,
        layers,
        backups: vec![],
        muted: false,
        stereo: false,
        dtx: true,
        redundancy: kind == MediaKind::Audio,
        voice: kind == MediaKind::Audio,
    }
}
