//! A client, a transport, and a network between them that loses and reorders, in virtual time.

use crate::client::Client;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sfu_core::Outbox;
use sfu_core::outbox::Path;
use sfu_core::transport::{
    DropReason, IceCredentials, Received, Transport, TransportConfig, TransportEvent,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How bad the network is.
#[derive(Clone, Copy)]
pub(crate) struct Conditions {
    /// The share of datagrams that are lost, each way.
    pub(crate) loss: f64,
    /// The shortest time underway.
    pub(crate) delay: Duration,
    /// What may come on top of it; longer than the gaps between datagrams, it reorders them.
    pub(crate) jitter: Duration,
}

/// A good network.
pub(crate) const LAN: Conditions = Conditions {
    loss: 0.0,
    delay: Duration::from_millis(5),
    jitter: Duration::ZERO,
};

/// Everything of one story.
pub(crate) struct World {
    /// Virtual time.
    pub(crate) now: Instant,
    /// The server's side.
    pub(crate) transport: Transport,
    /// The other.
    pub(crate) client: Client,
    /// What happened to the transport.
    pub(crate) events: Vec<TransportEvent>,
    /// RTP packets that the transport decrypted.
    pub(crate) rtp: Vec<Vec<u8>>,
    /// RTCP packets that the transport decrypted.
    pub(crate) rtcp: Vec<Vec<u8>>,
    /// Datagrams that the transport dropped.
    pub(crate) dropped: Vec<DropReason>,
    /// Datagrams that the transport sent.
    pub(crate) sent: usize,
    /// The network.
    pub(crate) conditions: Conditions,
    rng: StdRng,
    underway: BTreeMap<(Instant, u64), Underway>,
    datagrams: u64,
}

enum Underway {
    ToServer(Path, Vec<u8>),
    ToClient(Vec<u8>),
}

impl World {
    /// A client that knows the server from signaling, and the other way round.
    pub(crate) fn new(conditions: Conditions, seed: u64) -> Self {
        Self::with_client(conditions, seed, |now, server| {
            Client::new(now, server, true)
        })
    }

    /// With a client made by the story.
    pub(crate) fn with_client(
        conditions: Conditions,
        seed: u64,
        client: impl FnOnce(Instant, IceCredentials) -> Client,
    ) -> Self {
        let now = start();
        let config = Arc::new(TransportConfig::new().unwrap());
        let mut transport = Transport::new(config, server_credentials());
        let client = client(now, server_credentials());
        transport.set_remote(now, client.parameters()).unwrap();
        Self {
            now,
            transport,
            client,
            events: Vec::new(),
            rtp: Vec::new(),
            rtcp: Vec::new(),
            dropped: Vec::new(),
            sent: 0,
            conditions,
            rng: StdRng::seed_from_u64(seed),
            underway: BTreeMap::new(),
            datagrams: 0,
        }
    }

    /// A world in which the handshake is through.
    pub(crate) fn connected(conditions: Conditions, seed: u64) -> Self {
        let mut world = Self::new(LAN, seed);
        world.connect();
        assert!(world.transport.is_connected());
        world.conditions = conditions;
        world
    }

    /// Validates the address and does the handshake, as long as it takes.
    pub(crate) fn connect(&mut self) {
        let check = self.client.check(true);
        self.deliver(check);
        self.client.start_dtls(self.now);
        self.run_for(Duration::from_secs(40));
    }

    /// A world in which the client has opened its three channels, on streams 1, 3 and 5.
    pub(crate) fn with_channels(conditions: Conditions, seed: u64) -> Self {
        let mut world = Self::connected(LAN, seed);
        world.client.start_sctp(world.now);
        world.run_for(Duration::from_secs(1));
        for (stream, label) in [(1, "_lossy"), (3, "_reliable"), (5, "_data_track")] {
            world.client.open_channel(world.now, stream, label);
        }
        world.run_for(Duration::from_secs(1));
        world.conditions = conditions;
        world
    }

    /// Gives a datagram to the transport at once, from the client's address.
    pub(crate) fn deliver(&mut self, datagram: Vec<u8>) {
        let path = self.path();
        self.receive(path, datagram);
    }

    /// Gives a datagram to the transport at once, and returns what it made of it.
    pub(crate) fn receive(&mut self, path: Path, mut datagram: Vec<u8>) -> Option<DropReason> {
        let mut out = Outbox::default();
        let received =
            self.transport
                .receive(self.now, path, &mut datagram, &mut out, &mut self.events);
        let dropped = match received {
            Received::Rtp(packet) => {
                self.rtp.push(packet.to_vec());
                None
            }
            Received::Rtcp(packet) => {
                self.rtcp.push(packet.to_vec());
                None
            }
            Received::Dropped(reason) => Some(reason),
            Received::Nothing | Received::Validated => None,
        };
        self.dropped.extend(dropped);
        self.post(&out);
        dropped
    }

    /// Puts what the transport sends on the network.
    pub(crate) fn post(&mut self, out: &Outbox) {
        for run in out.runs() {
            for datagram in run.datagrams() {
                self.sent += 1;
                // Another address is not the client's, or not any more.
                if run.path.remote == self.client.address {
                    self.send(Underway::ToClient(datagram.to_vec()));
                }
            }
        }
    }

    /// The way between the client and the server.
    pub(crate) fn path(&self) -> Path {
        Path {
            local: None,
            remote: self.client.address,
        }
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            for datagram in std::mem::take(&mut self.client.outgoing) {
                let path = self.path();
                self.send(Underway::ToServer(path, datagram));
            }
            let arrival = self.underway.keys().next().map(|(at, _)| *at);
            let timeouts = [self.transport.next_timeout(), self.client.next_timeout()];
            let next = timeouts.into_iter().flatten().chain(arrival).min();
            let Some(next) = next.filter(|&next| next <= end) else {
                self.now = end;
                return;
            };
            self.now = next.max(self.now);
            self.step();
        }
    }

    /// Loses whatever is underway.
    pub(crate) fn lose_everything(&mut self) {
        self.underway.clear();
        self.client.outgoing.clear();
    }

    fn step(&mut self) {
        let due = |timeout: Option<Instant>, now| timeout.is_some_and(|at| at <= now);
        if due(self.transport.next_timeout(), self.now) {
            let mut out = Outbox::default();
            self.transport
                .handle_timeout(self.now, &mut out, &mut self.events);
            self.post(&out);
        }
        if due(self.client.next_timeout(), self.now) {
            self.client.handle_timeout(self.now);
        }
        if let Some(entry) = self.underway.first_entry()
            && entry.key().0 <= self.now
        {
            match entry.remove() {
                Underway::ToServer(path, datagram) => {
                    self.receive(path, datagram);
                }
                Underway::ToClient(datagram) => self.client.receive(self.now, &datagram),
            }
        }
    }

    fn send(&mut self, datagram: Underway) {
        self.datagrams += 1;
        if self.rng.random_bool(self.conditions.loss) {
            return;
        }
        let jitter = self.conditions.jitter.mul_f64(self.rng.random());
        let at = self.now + self.conditions.delay + jitter;
        self.underway.insert((at, self.datagrams), datagram);
    }
}

/// The server's ICE credentials.
pub(crate) fn server_credentials() -> IceCredentials {
    IceCredentials {
        ufrag: "ssss".to_owned(),
        pwd: "the-password-of-the-server".to_owned(),
    }
}

/// Any instant will do: stories only add to it.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can only be made by asking for one"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}
