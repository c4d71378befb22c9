//! The thread that carries the media of all lean participants of a process: reads every socket by a
//! timer, sends what is due, counts. Knows no signaling.

use super::answer::Remote;
use super::checks::Credentials;
use super::handshake::Certificate;
use super::peer::{Peer, Phase};
use super::publisher::{Plan, Sent};
use super::sockets::{Buffers, Socket};
use super::streams::Received;
use crate::latency::LatencyHistogram;
use anyhow::Context;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Sockets are read this often: what came meanwhile is read at once, which costs a tenth of reading
/// each packet as it comes. Times of arrival are the kernel's.
pub(super) const READ_INTERVAL: Duration = Duration::from_millis(2);
/// The same packets are lost in every run, as far as the same come.
const LOSS_SEED: u64 = 7;
/// Orders that may wait; those who order wait for room.
const ORDERS_MAX: usize = 1_024;

/// Names a participant among those of one pump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat(usize);

/// What all participants of a pump received and sent since the pump began.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// What they received.
    pub received: Received,
    /// Packets sent that every subscriber of their sender gets.
    pub sent_wanted: u64,
    /// All packets of media sent.
    pub sent: u64,
    /// Travel times since the last counting.
    pub latency: LatencyHistogram,
}

/// The handle of the thread; it ends when the last handle is gone.
#[derive(Clone)]
pub struct Pump {
    orders: mpsc::SyncSender<Order>,
    address: IpAddr,
    certificate: Certificate,
    spread: Duration,
}

/// How media is received and sent.
#[derive(Debug, Clone, Copy)]
pub struct PumpSettings {
    /// The address of this machine that media comes from.
    pub address: IpAddr,
    /// Whether the kernel may hand over runs of datagrams as one (UDP GRO).
    pub joins_datagrams: bool,
    /// Over how long senders spread the packets of one picture.
    pub spread: Duration,
    /// The share of what comes to participants after the handshake that is thrown away, as if the
    /// line had lost it: 0 to 1.
    pub loss: f64,
}

enum Order {
    Open(Box<Opening>),
    LearnRepairs(Seat, Vec<(u32, u32)>),
    Publish(Seat, Plan),
    Close(Seat),
    StopPublishing,
    Count(oneshot::Sender<Counts>),
}

struct Opening {
    local: Credentials,
    remote: Remote,
    address: SocketAddr,
    phase: watch::Sender<Phase>,
    seat: oneshot::Sender<Seat>,
}

impl Pump {
    /// Starts the thread.
    pub fn start(settings: PumpSettings) -> anyhow::Result<Self> {
        let (orders, received) = mpsc::sync_channel(ORDERS_MAX);
        let certificate = Certificate::new()?;
        let thread = Thread {
            settings,
            certificate: certificate.clone(),
            orders: received,
            seats: Vec::new(),
            free: Vec::new(),
            rng: StdRng::seed_from_u64(LOSS_SEED),
            gone: Counts::default(),
            buffers: Buffers::new(),
        };
        thread::Builder::new()
            .name("pump".to_owned())
            .spawn(move || thread.run())
            .context("starting a thread")?;
        Ok(Self {
            orders,
            address: settings.address,
            certificate,
            spread: settings.spread,
        })
    }

    /// What its participants received and sent so far; travel times are handed over once.
    pub async fn counts(&self) -> anyhow::Result<Counts> {
        let (sender, counts) = oneshot::channel();
        self.order(Order::Count(sender))?;
        counts.await.context(STOPPED)
    }

    /// No participant sends media any more.
    pub fn stop_publishing(&self) -> anyhow::Result<()> {
        self.order(Order::StopPublishing)
    }

    /// The address of this machine that media comes from.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// What an offer says about the certificate of all its participants.
    pub(super) fn fingerprint(&self) -> &str {
        &self.certificate.fingerprint
    }

    /// Over how long senders spread the packets of one picture.
    pub(super) fn spread(&self) -> Duration {
        self.spread
    }

    /// Connects a participant to a server; how far it is can be watched.
    pub(super) async fn open(
        &self,
        local: Credentials,
        remote: Remote,
        address: SocketAddr,
    ) -> anyhow::Result<(Seat, watch::Receiver<Phase>)> {
        let (phase, phases) = watch::channel(Phase::Connecting);
        let (sender, seat) = oneshot::channel();
        let opening = Opening {
            local,
            remote,
            address,
            phase,
            seat: sender,
        };
        self.order(Order::Open(Box::new(opening)))?;
        Ok((seat.await.context("a participant has no socket")?, phases))
    }

    /// Tells a participant which streams repair which.
    pub(super) fn learn_repairs(&self, seat: Seat, pairs: Vec<(u32, u32)>) -> anyhow::Result<()> {
        self.order(Order::LearnRepairs(seat, pairs))
    }

    /// Lets a participant send media.
    pub(super) fn publish(&self, seat: Seat, plan: Plan) -> anyhow::Result<()> {
        self.order(Order::Publish(seat, plan))
    }

    /// Ends a participant's media; what it counted stays counted.
    pub(super) fn close(&self, seat: Seat) {
        // A thread that has ended has closed everything.
        self.order(Order::Close(seat)).ok();
    }

    fn order(&self, order: Order) -> anyhow::Result<()> {
        self.orders.send(order).ok().context(STOPPED)
    }
}

const STOPPED: &str = "the thread that carries media has ended";

struct Thread {
    settings: PumpSettings,
    certificate: Certificate,
    orders: mpsc::Receiver<Order>,
    seats: Vec<Option<Seated>>,
    /// Places of those who left.
    free: Vec<usize>,
    rng: StdRng,
    /// Of those who left.
    gone: Counts,
    buffers: Buffers,
}

struct Seated {
    peer: Peer,
    socket: Socket,
    server: SocketAddr,
    phase: watch::Sender<Phase>,
}

impl Thread {
    fn run(mut self) {
        let mut read_at = Instant::now();
        loop {
            loop {
                match self.orders.try_recv() {
                    Ok(order) => self.carry_out(order),
                    Err(mpsc::TryRecvError::Empty) => break,
                    Err(mpsc::TryRecvError::Disconnected) => return,
                }
            }
            let now = Instant::now();
            let mut next_at = self.send_media(now);
            if read_at <= now {
                self.read(now);
                read_at = (read_at + READ_INTERVAL).max(now);
            }
            next_at = next_at.min(read_at);
            thread::sleep(next_at.saturating_duration_since(Instant::now()));
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Open(opening) => self.open(*opening),
            Order::LearnRepairs(seat, pairs) => {
                if let Some(seated) = self.seated(seat) {
                    seated.peer.learn_repairs(&pairs);
                }
            }
            Order::Publish(seat, plan) => {
                if let Some(seated) = self.seated(seat) {
                    seated.peer.publish(Instant::now(), &plan);
                }
            }
            Order::Close(Seat(seat)) => {
                if let Some(mut seated) = self.seats.get_mut(seat).and_then(Option::take) {
                    self.gone.take(&mut seated.peer);
                    // Its session orders nothing after this.
                    self.free.push(seat);
                }
            }
            Order::StopPublishing => {
                for seated in self.seats.iter_mut().flatten() {
                    self.gone.count_sent(seated.peer.sent());
                    seated.peer.stop_publishing();
                }
            }
            Order::Count(sender) => {
                let mut counts = self.gone.clone();
                self.gone.latency = LatencyHistogram::new();
                for seated in self.seats.iter_mut().flatten() {
                    counts.take(&mut seated.peer);
                }
                // Who asked may have given up.
                sender.send(counts).ok();
            }
        }
    }

    fn open(&mut self, opening: Opening) {
        let Opening {
            local,
            remote,
            address,
            phase,
            seat,
        } = opening;
        let PumpSettings {
            address: own,
            joins_datagrams,
            ..
        } = self.settings;
        let certificate = self.certificate.clone();
        let opened = Socket::open(own, joins_datagrams).and_then(|socket| {
            let peer = Peer::new(Instant::now(), certificate, local, remote)?;
            Ok((peer, socket))
        });
        // Without a socket the seat's sender is dropped, which tells.
        if let Ok((peer, socket)) = opened {
            let seated = Seated {
                peer,
                socket,
                server: address,
                phase,
            };
            let place = self.free.pop().unwrap_or(self.seats.len());
            if place == self.seats.len() {
                self.seats.push(Some(seated));
            } else {
                self.seats[place] = Some(seated);
            }
            seat.send(Seat(place)).ok();
        }
    }

    fn seated(&mut self, Seat(seat): Seat) -> Option<&mut Seated> {
        self.seats.get_mut(seat)?.as_mut()
    }

    /// Sends the media that is due, and returns when the next is.
    fn send_media(&mut self, now: Instant) -> Instant {
        let mut next_at = now + READ_INTERVAL;
        for seated in self.seats.iter_mut().flatten() {
            if seated.peer.next_media_at().is_some_and(|at| at <= now) {
                seated.peer.send_media(now);
                seated.flush();
            }
            if let Some(at) = seated.peer.next_media_at() {
                next_at = next_at.min(at);
            }
        }
        next_at
    }

    fn read(&mut self, now: Instant) {
        for seated in self.seats.iter_mut().flatten() {
            let Seated { peer, socket, .. } = seated;
            let (loss, rng) = (self.settings.loss, &mut self.rng);
            socket.receive(&mut self.buffers, |at, datagram| {
                // ICE and DTLS get through: who is not connected tests nothing.
                let is_media = matches!(datagram.first(), Some(128..=191));
                if is_media && loss > 0.0 && rng.random_bool(loss) {
                    return;
                }
                peer.receive(now, at, datagram);
            });
            peer.handle_timeout(now);
            let phase = peer.phase();
            if *seated.phase.borrow() != phase {
                seated.phase.send_replace(phase);
            }
            seated.flush();
        }
    }
}

impl Seated {
    fn flush(&mut self) {
        for datagram in self.peer.out.drain(..) {
            self.socket.send(&datagram, self.server);
        }
    }
}

impl Counts {
    fn take(&mut self, peer: &mut Peer) {
        self.received.add(peer.received());
        self.latency.add(&peer.take_latency());
        self.count_sent(peer.sent());
    }

    fn count_sent(&mut self, sent: Sent) {
        self.sent_wanted += sent.wanted;
        self.sent += sent.all;
    }
}
