//! The media plane as the signaling side sees it: started once, asked to place rooms on workers,
//! told commands, and telling events. Knows neither what is commanded nor what happens.

use crate::addresses::{self, Reach};
use crate::engine::MediaEngine;
use crate::exchange::Exchange;
use crate::handover::{Handover, Routes};
use crate::inbox::Inbox;
use crate::metrics;
use crate::socket;
use crate::start_error::StartError;
use crate::worker::{EventLoop, INBOX, OnEvent, WorkerParts};
use mio::{Poll, Waker};
use sfu_core::ids::RoomId;
use sfu_core::{Command, Engine, EngineConfig, Event};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tracing::{error, info};

/// A worker's number stands in every ufrag as two hexadecimal digits.
const WORKERS_MAX: usize = 256;
/// A core forwards some hundred thousand packets a second; more workers than this only spread rooms
/// thinner, unless the operator knows better.
const AUTOMATIC_WORKERS_MAX: usize = 4;

/// How the media plane runs. The fields are the settings of the same names in the section `media`.
#[derive(Debug, Clone)]
pub struct MediaSettings {
    /// The addresses to bind. `0.0.0.0` is every IPv4 address of the machine; `::` is every address
    /// of both kinds.
    pub bind: Vec<IpAddr>,
    /// The one UDP port for all media; 0 lets the system choose.
    pub udp_port: u16,
    /// How many workers, at most 256; 0 is one per core, at most 4.
    pub workers: usize,
    /// The addresses clients are told; empty means those of this machine.
    pub advertise: Vec<IpAddr>,
    /// Whether clients are told the machine's loopback addresses too.
    pub include_loopback: bool,
    /// A peer that has not finished ICE and DTLS after this is removed.
    pub connect_timeout: Duration,
    /// A connected peer that sends nothing for longer is removed.
    pub silence_timeout: Duration,
    /// Whether subscribers get only the layers their line carries.
    pub congestion_control: bool,
    /// Time for which nobody must have wanted a layer until its publisher stops sending it.
    pub dynacast_pause_delay: Duration,
    /// Voices forwarded to one listener at a time.
    pub loudest_max: usize,
    /// Peers of one room on one worker, until the room takes another as well.
    pub peers_per_worker: usize,
}

/// The running media plane. Dropping it stops it.
pub struct Media {
    workers: Vec<Worker>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    candidates: Vec<SocketAddr>,
    peers_per_worker: usize,
}

/// What the media plane does, lately and with what new rooms are expected to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaLoad {
    /// Processor time of the least busy worker, in thousandths of a core.
    pub least_permille: u32,
    /// Packets that the worker with the fewest sent in a second.
    pub fewest_packets: u64,
    /// Bytes that all workers sent in a second.
    pub bytes: u64,
}

/// A worker that a room lives on: all commands about a peer go to the worker it was added to.
#[derive(Debug, Clone)]
pub struct Worker {
    number: u8,
    inbox: Arc<Inbox>,
}

impl Worker {
    /// Leaves a command for the worker; never waits.
    ///
    /// Commands that wait are bounded. A [`Command::SendData`] is dropped, and counted, when 16,384
    /// commands wait. Beyond 65,536 the worker hangs: then it drops all its rooms and tells
    /// [`Event::Lost`] of every peer, because whoever misses a command no longer agrees with
    /// signaling about what is.
    pub fn send(&self, command: Command) {
        self.inbox.push(command);
    }

    /// Its number, as [`Command::Spread`] names it.
    pub const fn number(&self) -> u8 {
        self.number
    }

    #[cfg(test)]
    pub(crate) fn load(&self) -> &crate::load::Load {
        self.inbox.load()
    }
}

impl Media {
    /// Opens the sockets and starts the workers. `on_event` is called on their threads, one event
    /// at a time per room, and must not wait.
    pub fn start(
        settings: MediaSettings,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let on_event: OnEvent = Arc::new(on_event);
        Self::start_with::<Engine>(settings, &on_event)
    }

    /// Starts with any kind of engine.
    pub(crate) fn start_with<E: MediaEngine>(
        settings: MediaSettings,
        on_event: &OnEvent,
    ) -> Result<Self, StartError> {
        let count = worker_count(settings.workers);
        let sockets = socket::open_all(&settings.bind, settings.udp_port, count)?;
        let port = sockets[0]
            .first()
            .ok_or(StartError::NothingToBind)?
            .bound()
            .port();
        let reach = Reach {
            bind: &settings.bind,
            advertise: &settings.advertise,
            include_loopback: settings.include_loopback,
        };
        let candidates = addresses::candidates(reach, port)?;
        let polls: Vec<_> = (0..count)
            .map(|_| poll_with_inbox())
            .collect::<Result<_, _>>()?;
        let inboxes: Vec<_> = polls.iter().map(|(_, inbox)| Arc::clone(inbox)).collect();
        let media = Self {
            workers: (0..=u8::MAX)
                .zip(inboxes.iter().cloned())
                .map(|(number, inbox)| Worker { number, inbox })
                .collect(),
            peers_per_worker: settings.peers_per_worker,
            threads: Mutex::default(),
            candidates: candidates.clone(),
        };
        let config = Arc::new((settings, candidates));
        let routes = Arc::new(Routes::new());
        for (number, ((poll, inbox), sockets)) in (0..=u8::MAX).zip(polls.into_iter().zip(sockets))
        {
            let handover = || Handover::new(number, inboxes.clone(), Arc::clone(&routes));
            let config = Arc::clone(&config);
            let parts = WorkerParts {
                poll,
                sockets,
                inbox,
                handover: (count > 1).then(handover),
                exchange: Exchange::new(number, inboxes.clone()),
                on_event: OnEvent::clone(on_event),
                config: Box::new(move || engine_config(number, &config.0, &config.1)),
            };
            media.spawn::<E>(number, parts)?;
        }
        info!(workers = count, port, "media is ready");
        Ok(media)
    }

    /// Starts one worker, and waits until it runs or says why not. Should it fail, dropping `self`
    /// stops those that run.
    fn spawn<E: MediaEngine>(&self, number: u8, parts: WorkerParts) -> Result<(), StartError> {
        // The engine is made on its thread, because it need not be able to move between threads.
        let (told, result) = sync_channel(1);
        let name = format!("media-{number}");
        let spawned = thread::Builder::new()
            .name(name)
            .spawn(move || run::<E>(parts, &told));
        let thread = spawned.map_err(StartError::Thread)?;
        self.threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thread);
        wait_for(&result)
    }

    /// Chooses the worker for a new room: the one with the least processor time lately, or among
    /// equals the one with the fewest peers. Ask once per room.
    pub fn assign(&self, room: RoomId) -> Worker {
        let worker = self.assign_beside(room, &[]);
        worker.expect("there is at least one worker")
    }

    /// Chooses one more worker for a room that is on these; `None` if there is no other.
    pub fn assign_beside(&self, room: RoomId, taken: &[u8]) -> Option<Worker> {
        // A room's number is random, so rooms that begin at the same time spread.
        let count = self.workers.len();
        let first = usize::try_from(room.0 % 256).expect("it is less than 256");
        let rank = |index: usize| (first + index) % count;
        let ranked = self.workers.iter().enumerate();
        let (_, worker) = ranked
            .filter(|(_, worker)| !taken.contains(&worker.number))
            .min_by_key(|(index, worker)| {
                let inbox = &worker.inbox;
                (inbox.load().steps(), inbox.peers(), rank(*index))
            })?;
        worker.inbox.load().expect_room();
        Some(worker.clone())
    }

    /// Peers of one room on one worker, until the room should take another as well.
    pub const fn peers_per_worker(&self) -> usize {
        self.peers_per_worker
    }

    /// How much there is to do.
    pub fn load(&self) -> MediaLoad {
        let works = self.workers.iter().map(|it| it.inbox.load().expected());
        let works: Vec<_> = works.collect();
        MediaLoad {
            least_permille: works.iter().map(|it| it.permille).min().unwrap_or(0),
            fewest_packets: works.iter().map(|it| it.packets).min().unwrap_or(0),
            bytes: works.iter().map(|it| it.bytes).sum(),
        }
    }

    #[cfg(test)]
    pub(crate) fn worker(&self, number: usize) -> Worker {
        self.workers[number].clone()
    }

    #[cfg(test)]
    pub(crate) fn number_of(&self, worker: &Worker) -> usize {
        let is_same = |other: &Worker| Arc::ptr_eq(&other.inbox, &worker.inbox);
        self.workers.iter().position(is_same).unwrap()
    }

    /// What was counted, as Prometheus text; at most about a second old.
    pub fn metrics(&self) -> String {
        let snapshots: Vec<_> = self
            .workers
            .iter()
            .map(|worker| worker.inbox.snapshot())
            .collect();
        metrics::render(&snapshots)
    }

    /// Where clients are told to send media.
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.candidates
    }

    /// Stops the workers, after the commands that were sent before, and closes the sockets.
    /// Must not be called from `on_event`.
    pub fn shutdown(&self) {
        for worker in &self.workers {
            worker.inbox.stop();
        }
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                error!("a media worker had already ended");
            }
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

fn worker_count(wanted: usize) -> usize {
    if wanted != 0 {
        return wanted.min(WORKERS_MAX);
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    cores.min(AUTOMATIC_WORKERS_MAX)
}

fn poll_with_inbox() -> Result<(Poll, Arc<Inbox>), StartError> {
    let poll = Poll::new().map_err(StartError::Thread)?;
    let waker = Waker::new(poll.registry(), INBOX).map_err(StartError::Thread)?;
    Ok((poll, Arc::new(Inbox::new(waker))))
}

/// What the engine of a worker is told, with luck from the system.
pub fn engine_config(
    worker: u8,
    settings: &MediaSettings,
    candidates: &[SocketAddr],
) -> EngineConfig {
    EngineConfig {
        worker,
        candidates: candidates.to_vec(),
        seed: rand::random(),
        never_connected_timeout: settings.connect_timeout,
        silent_timeout: settings.silence_timeout,
        congestion_control: settings.congestion_control,
        dynacast_pause_delay: settings.dynacast_pause_delay,
        loudest_max: settings.loudest_max,
    }
}

fn run<E: MediaEngine>(parts: WorkerParts, told: &SyncSender<Result<(), StartError>>) {
    let result = EventLoop::<E>::new(Instant::now(), parts);
    let (event_loop, result) = match result {
        Ok(event_loop) => (Some(event_loop), Ok(())),
        Err(error) => (None, Err(error)),
    };
    if told.send(result).is_ok()
        && let Some(event_loop) = event_loop
    {
        event_loop.run();
    }
}

fn wait_for(result: &Receiver<Result<(), StartError>>) -> Result<(), StartError> {
    let ended = || StartError::Engine("it panicked".to_owned());
    result.recv().map_err(|_| ended())?
}
