//! Whole meetings on a virtual clock: one engine or several, scripted clients, a network between them that
//! delays and loses, and a signaling side that subscribes everyone to everything.

mod arrivals;
mod checks;
pub(crate) mod client;
pub(crate) mod decoder;
mod dependency;
mod feedback;
pub(crate) mod layered;
pub(crate) mod media;
mod network;
pub(crate) mod offer;
mod publishing;
pub(crate) mod reception;
pub(crate) mod voice;
mod workers;

pub(crate) use network::Link;
pub(crate) use publishing::camera;

use client::Client;
use network::InFlight;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sfu_core::command::Preference;
use sfu_core::event::Event;
use sfu_core::ids::{PeerId, RoomId, TrackId};
use sfu_core::outbox::Path;
use sfu_core::{Command, Engine, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) const ROOM: RoomId = RoomId(1);
/// How finely a meeting's time passes, unless it is a long one.
const STRIDE: Duration = Duration::from_millis(5);

pub(crate) struct Sim {
    pub(crate) now: Instant,
    /// The first worker's.
    pub(crate) engine: Engine,
    /// Those of the other workers.
    others: Vec<Engine>,
    /// Who is on which worker.
    pub(crate) homes: BTreeMap<PeerId, usize>,
    pub(crate) clients: BTreeMap<PeerId, Client>,
    pub(crate) events: Vec<Event>,
    pub(crate) tracks: BTreeMap<TrackId, PeerId>,
    /// Every so many datagrams, one is lost; 0 for none.
    pub(crate) lose_one_in: u64,
    /// So many datagrams of each client's handshake are lost, the first ones on each way.
    pub(crate) handshake_losses: u32,
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
    /// What was sent of those, by client and whether upwards.
    handshake_sent: BTreeMap<(PeerId, bool), u32>,
    /// When the queue before each client's line is empty.
    queues: BTreeMap<PeerId, Instant>,
    out: Outbox,
    sent: u64,
    next_id: u64,
    luck: StdRng,
}

impl Sim {
    pub(crate) fn new(seed: u8) -> Self {
        Self::on_workers(seed, 1)
    }

    /// A meeting whose people come to so many workers in turn.
    pub(crate) fn on_workers(seed: u8, workers: u8) -> Self {
        let mut engines = (0..workers).map(|worker| workers::engine(seed, worker));
        Self {
            #[expect(
                clippy::disallowed_methods,
                reason = "an Instant can only be asked for"
            )]
            now: Instant::now(),
            engine: engines.next().unwrap(),
            others: engines.collect(),
            homes: BTreeMap::new(),
            clients: BTreeMap::new(),
            events: Vec::new(),
            tracks: BTreeMap::new(),
            lose_one_in: 0,
            handshake_losses: 0,
            handshake_sent: BTreeMap::new(),
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
            sim.pass(command.clone());
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
        for worker in 0..=self.others.len() {
            let mut is_sliced = true;
            while is_sliced {
                self.probed_by(self.probe, |sim| {
                    let (now, mut out) = (sim.now, std::mem::take(&mut sim.out));
                    is_sliced = sim.worker(worker).forward_slice(now, &mut out);
                    sim.out = out;
                });
                self.drain();
            }
        }
        self.weigh(Self::wake);
        self.drain();
    }

    /// Does something, and adds to `probed` by how much it changed what the probe says.
    fn probed_by(&mut self, probe: Option<fn() -> u64>, act: impl FnOnce(&mut Self)) {
        let before = probe.map_or(0, |probe| probe());
        self.weigh(act);
        self.probed += probe.map_or(0, |probe| probe()) - before;
    }

    /// Does something with the engine, and adds to `weight` what that allocated. Never becomes part of
    /// another function, because instructions are counted by its name.
    #[inline(never)]
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
            self.probed_by(probe, |sim| {
                let (now, engine, out) = sim.at_home(datagram.client);
                engine.handle_datagram(now, path, &mut datagram.bytes, out);
            });
            self.drain();
        } else {
            let mut answers = Vec::new();
            client.receive(self.now, &datagram.bytes, &mut answers);
            for bytes in answers {
                self.transmit(datagram.client, true, bytes);
            }
        }
    }

    /// Puts what the engine said on the network, and does what signaling would.
    fn drain(&mut self) {
        self.weigh(Self::relay);
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

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
