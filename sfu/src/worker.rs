//! The event loop of one worker. A turn takes in commands and datagrams, lets the engine do what is
//! due, and then sends everything the engine answered at once. An engine that panics is replaced,
//! and its peers are told so; the other workers notice nothing. Decides nothing about media.

use crate::engine::MediaEngine;
use crate::exchange::Exchange;
use crate::gathering::Gathering;
use crate::handover::{Batch, Handover, Taken, is_stun};
use crate::inbox::Inbox;
use crate::load::{LoadMeter, thread_cpu_time};
use crate::metrics::Counters;
use crate::send::Sender;
use crate::socket::{ReceiveBatch, Socket};
use crate::start_error::StartError;
use mio::{Events, Poll, Token};
use sfu_core::command::Command;
use sfu_core::event::{Event, LostReason};
use sfu_core::ids::PeerId;
use sfu_core::{EngineConfig, Outbox, RelayBatch};
use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tracing::{debug, error};

/// The token of the inbox; sockets are numbered from 0.
pub(crate) const INBOX: Token = Token(usize::MAX);
/// Sockets and the inbox are far fewer; the rest would come with the next poll.
const POLL_EVENTS_MAX: usize = 16;
/// Signaling may wait longer than media: more commands are done in the next turn.
const COMMANDS_PER_TURN: usize = 256;
/// How old the counters may be that metrics show, and how often the load is measured.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
/// How long an address is still handed over whose client has left, which only takes memory, and how
/// long a route is believed, which seldom changes.
const FORGET_INTERVAL: Duration = Duration::from_secs(30);

/// Who is told what happens. Called on the workers' threads, so it must not wait.
pub(crate) type OnEvent = Arc<dyn Fn(Event) + Send + Sync>;

/// What a worker is made of.
pub(crate) struct WorkerParts {
    pub(crate) poll: Poll,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) inbox: Arc<Inbox>,
    /// `None` if there is no other worker.
    pub(crate) handover: Option<Handover>,
    pub(crate) exchange: Exchange,
    pub(crate) on_event: OnEvent,
    /// Makes the settings of an engine, each time with new luck.
    pub(crate) config: Box<dyn Fn() -> EngineConfig + Send>,
}

impl WorkerParts {
    fn note_added(&self, peers: &mut BTreeSet<PeerId>, peer: PeerId) {
        if !peers.insert(peer) {
            self.inbox.forget_peers(1);
        }
    }

    fn note_gone(&self, peers: &mut BTreeSet<PeerId>, peer: PeerId) {
        if peers.remove(&peer) {
            self.inbox.forget_peers(1);
        }
    }
}

/// One worker, on its own thread.
pub(crate) struct EventLoop<E> {
    parts: WorkerParts,
    engine: E,
    sender: Sender,
    batch: ReceiveBatch,
    handed_over: Batch,
    relayed: VecDeque<Arc<RelayBatch>>,
    commands: VecDeque<Command>,
    /// Whether the inbox was filled since it was emptied last.
    is_woken: bool,
    /// Whom to tell if the engine fails.
    peers: BTreeSet<PeerId>,
    out: Outbox,
    /// How many runs were sent in this turn.
    runs: usize,
    gathering: Gathering,
    counters: Counters,
    load: LoadMeter,
    /// When the counters are due to be published; `None` if they did not change.
    publish_at: Option<Instant>,
    forget_at: Instant,
}

/// The inbox overflowed: commands are missing, so the engine no longer agrees with signaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CommandsMissing;

impl<E: MediaEngine> EventLoop<E> {
    /// A worker with a fresh engine, which waits for its sockets.
    pub(crate) fn new(now: Instant, mut parts: WorkerParts) -> Result<Self, StartError> {
        let engine = E::start((parts.config)()).map_err(StartError::Engine)?;
        for (index, socket) in parts.sockets.iter_mut().enumerate() {
            let registered = socket.register(parts.poll.registry(), Token(index));
            registered.map_err(StartError::Thread)?;
        }
        Ok(Self {
            engine,
            sender: Sender::new(&parts.sockets),
            batch: ReceiveBatch::new(),
            handed_over: Batch::default(),
            relayed: VecDeque::new(),
            commands: VecDeque::new(),
            is_woken: false,
            peers: BTreeSet::new(),
            out: Outbox::default(),
            runs: 0,
            gathering: Gathering::default(),
            counters: Counters::default(),
            load: LoadMeter::new(now),
            publish_at: None,
            forget_at: now + FORGET_INTERVAL,
            parts,
        })
    }

    /// Runs until the inbox says stop; what was commanded before that is still done.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(POLL_EVENTS_MAX);
        loop {
            let timeout = self.wait(Instant::now());
            if let Err(error) = self.parts.poll.poll(&mut events, timeout) {
                // Any other error is a broken poll, which would spin.
                assert!(
                    error.kind() == io::ErrorKind::Interrupted,
                    "cannot wait: {error}"
                );
            }
            for event in &events {
                match event.token() {
                    INBOX => self.is_woken = true,
                    Token(index) => self.parts.sockets[index].readable = true,
                }
            }
            let is_stopping = self.parts.inbox.is_stopping();
            self.is_woken |= is_stopping;
            self.gather(timeout);
            self.turn(Instant::now());
            if is_stopping && self.commands.is_empty() {
                return self.publish(Instant::now());
            }
        }
    }

    /// How long there is nothing to do; `None` until something comes.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let has_input = !self.commands.is_empty()
            || self.is_woken
            || self.parts.sockets.iter().any(|socket| socket.readable);
        if has_input {
            return Some(Duration::ZERO);
        }
        let due = [self.engine.next_timeout(), self.publish_at];
        let next_at = due.into_iter().flatten().min();
        next_at.map(|at| at.saturating_duration_since(now))
    }

    /// Waits for what comes right behind the first datagrams after a pause. Commands do not wait.
    fn gather(&self, timeout: Option<Duration>) {
        let has_waited = timeout != Some(Duration::ZERO);
        let has_media = self.parts.sockets.iter().any(|socket| socket.readable);
        if has_waited
            && has_media
            && !self.is_woken
            && let Some(time) = self.gathering.time()
        {
            thread::sleep(time);
        }
    }

    fn turn(&mut self, now: Instant) {
        self.counters.turns += 1;
        // Whatever state a panic leaves the engine in, nobody sees it again.
        match catch_unwind(AssertUnwindSafe(|| self.drive(now))) {
            Ok(Ok(())) => {
                // Before anything is told that makes signaling ask other workers about it.
                if let Some(batch) = self.engine.take_relayed() {
                    self.counters.relay_dropped += self.parts.exchange.pass(batch);
                }
                self.send();
            }
            Ok(Err(CommandsMissing)) => {
                error!("a media worker was too busy to take its commands: its rooms are dropped");
                self.add_waiting_peers();
                self.replace_engine();
            }
            Err(panic) => {
                error!(
                    panic = message_of(&*panic),
                    "a media engine failed: its rooms are dropped"
                );
                self.replace_engine();
            }
        }
        self.tell();
        self.gathering.note(std::mem::take(&mut self.runs));
        self.out.clear();
        self.settle(now);
    }

    /// Sends what the engine has written so far.
    fn send(&mut self) {
        let sent = &mut self.counters.sent;
        self.sender.send(&self.parts.sockets, self.out.runs(), sent);
        self.runs += self.out.runs().len();
        self.out.clear_runs();
    }

    /// Everything that a failing engine may interrupt.
    fn drive(&mut self, now: Instant) -> Result<(), CommandsMissing> {
        if self.is_woken {
            self.parts.inbox.take_handed_over(&mut self.handed_over);
            self.take_commands()?;
            // After the commands: whatever another worker told before one of them was given is here.
            self.parts.inbox.take_relayed(&mut self.relayed);
        }
        for batch in self.relayed.drain(..) {
            self.engine.handle_relayed(now, &batch, &mut self.out);
        }
        self.do_commands(now);
        self.receive(now);
        self.receive_handed_over(now);
        while self.engine.forward_slice(now, &mut self.out) {
            self.send();
        }
        self.engine.handle_timeout(now, &mut self.out);
        Ok(())
    }

    fn take_commands(&mut self) -> Result<(), CommandsMissing> {
        if self.commands.is_empty() {
            self.is_woken = false;
            let arrived = self.parts.inbox.take_commands(&mut self.commands);
            self.counters.data_commands_dropped += arrived.data_dropped;
            if arrived.overflowed {
                return Err(CommandsMissing);
            }
        }
        Ok(())
    }

    fn do_commands(&mut self, now: Instant) {
        for _ in 0..COMMANDS_PER_TURN {
            let Some(command) = self.commands.pop_front() else {
                break;
            };
            self.counters.commands += 1;
            if let Command::AddPeer { peer, .. } = command {
                self.parts.note_added(&mut self.peers, peer);
            }
            if let Command::RemovePeer { peer } = command {
                self.parts.note_gone(&mut self.peers, peer);
            }
            self.engine.handle_command(now, command, &mut self.out);
        }
    }

    /// One batch of each socket in which datagrams wait.
    fn receive(&mut self, now: Instant) {
        for socket in self
            .parts
            .sockets
            .iter_mut()
            .filter(|socket| socket.readable)
        {
            if let Err(error) = socket.receive(&mut self.batch) {
                debug!(%error, "cannot read from a media socket");
                self.counters.receive_failures += 1;
            }
            for (path, datagram) in self.batch.datagrams_mut() {
                self.counters.count_received(datagram);
                let engine = &mut self.engine;
                let taken = self.parts.handover.as_mut().map_or(Taken::No, |handover| {
                    handover.takes(path, datagram, || engine.owns_address(path.remote))
                });
                match taken {
                    Taken::No => engine.handle_datagram(now, path, datagram, &mut self.out),
                    Taken::HandedOver => self.counters.handed_over += 1,
                    Taken::Dropped => self.counters.handover_dropped += 1,
                }
            }
        }
    }

    /// What other workers handed over is for this one, whatever it is.
    fn receive_handed_over(&mut self, now: Instant) {
        let Some(handover) = &self.parts.handover else {
            return;
        };
        for (path, datagram) in self.handed_over.datagrams_mut() {
            // The engine may decrypt in place.
            let proves = is_stun(datagram) || !self.engine.owns_address(path.remote);
            self.engine
                .handle_datagram(now, path, datagram, &mut self.out);
            if proves && self.engine.owns_address(path.remote) {
                handover.learn(path.remote);
            }
        }
        self.handed_over.clear();
    }

    /// Whatever the engine missed, the peers that wait to be added would be missed too.
    fn add_waiting_peers(&mut self) {
        for command in self.commands.drain(..) {
            if let Command::AddPeer { peer, .. } = command {
                self.parts.note_added(&mut self.peers, peer);
            }
        }
    }

    /// Starts afresh without rooms. Every peer is lost; what the engine told before still counts,
    /// what it wanted sent may be half written and does not.
    fn replace_engine(&mut self) {
        self.counters.engine_failures += 1;
        self.handed_over.clear();
        self.parts.inbox.take_relayed(&mut self.relayed);
        self.relayed.clear();
        self.parts.exchange.restarted();
        self.engine = E::start((self.parts.config)())
            .expect("an engine with the same settings could be started before");
        self.tell();
        let lost = self.peers.iter().map(|&peer| Event::Lost {
            peer,
            reason: LostReason::EngineFailed,
        });
        self.out.events.extend(lost);
    }

    /// Passes on what happened. A panic there must not cost the rooms of this worker.
    fn tell(&mut self) {
        for event in self.out.events.drain(..) {
            if let Event::Lost { peer, .. } = event {
                self.parts.note_gone(&mut self.peers, peer);
            }
            let on_event = &self.parts.on_event;
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| on_event(event))) {
                error!(
                    panic = message_of(&*panic),
                    "an event of the media plane was not taken"
                );
            }
        }
    }

    /// What is left to do once a turn's answers are out.
    fn settle(&mut self, now: Instant) {
        let publishes = *self.publish_at.get_or_insert(now + PUBLISH_INTERVAL) <= now;
        let handover = self.parts.handover.as_ref();
        let is_crowded = || publishes && handover.is_some_and(Handover::is_crowded);
        let forgets = self.forget_at <= now || is_crowded();
        if forgets {
            self.forget_at = now + FORGET_INTERVAL;
            self.sender.forget_routes();
        }
        if let Some(handover) = &mut self.parts.handover {
            self.counters.handover_dropped += handover.flush();
            if forgets {
                handover.forget_lost(|remote| self.engine.owns_address(remote));
            }
        }
        if publishes {
            self.publish(now);
        }
    }

    fn publish(&mut self, now: Instant) {
        let work = self.load.note(now, thread_cpu_time(), self.counters.sent);
        self.parts.inbox.load().tell(work);
        let cpu_micros = self.load.cpu().as_micros();
        self.counters.cpu_micros = u64::try_from(cpu_micros).unwrap_or(u64::MAX);
        self.counters.load_permille = u64::from(work.permille);
        // A worker that falls idle looks again until its load is seen to be gone.
        self.publish_at = (!work.is_nothing()).then_some(now + PUBLISH_INTERVAL);
        self.parts.inbox.publish(|snapshot| {
            snapshot.engine.clone_from(self.engine.stats());
            snapshot.counters = self.counters;
        });
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
