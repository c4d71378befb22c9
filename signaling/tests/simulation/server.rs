//! The server under simulation: the engines and the rooms that really run, and of their shells what
//! `sfu::worker` and the binary's `media` and `room_actor` do between them.

use crate::fault::{Reached, Site};
use crate::plan::Plan;
use livekit_protocol::{SignalRequest, SignalResponse};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng as _};
use saal_config::Settings;
use sfu_core::event::LostReason;
use sfu_core::ids::{PeerId, RoomId};
use sfu_core::outbox::Path;
use sfu_core::{Command, Engine, EngineConfig, Event, Outbox};
use signaling_core::{Admission, ConnectionId, Effect, Room, RoomSettings};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first second of the meeting, since 1970.
const UNIX_TIME: Duration = Duration::from_secs(1_790_000_000);
/// Messages that wait for a client; shorter than in earnest, so that a plan can fill it.
const REPLIES_MAX: usize = 8;

pub(crate) struct Server {
    pub(crate) workers: Vec<Worker>,
    pub(crate) rooms: Vec<Seat>,
    pub(crate) lines: BTreeMap<ConnectionId, Line>,
    /// Clients whose queue ran full.
    pub(crate) cut_off: u64,
    /// Which room each peer's events are for.
    peers: BTreeMap<PeerId, RoomId>,
    effects: Vec<Effect>,
    luck: StdRng,
    config: EngineConfig,
}

/// An engine with its inbox.
pub(crate) struct Worker {
    pub(crate) engine: Engine,
    out: Outbox,
    commands: VecDeque<(Instant, Command)>,
    peers: BTreeSet<PeerId>,
    commands_wait_until: Option<Instant>,
    pub(crate) events_wait_until: Option<Instant>,
}

/// A room with its inbox.
pub(crate) struct Seat {
    pub(crate) room: Room,
    worker: usize,
    events: VecDeque<(Instant, Event)>,
}

/// What waits for a client.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) room: usize,
    pub(crate) replies: VecDeque<SignalResponse>,
    /// The server hung up; what was sent before still arrives.
    pub(crate) is_closed: bool,
}

impl Server {
    pub(crate) fn new(now: Instant, plan: &Plan) -> Self {
        let environment = [("SAAL_MEDIA_WORKERS", "1"), ("SAAL_HTTP_PORT", "0")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::load_dev(None, environment).unwrap();
        let mut config = sfu::media::engine_config(
            0,
            &saal::media_settings(&settings.media),
            &[SocketAddr::from(([127, 0, 0, 1], 7882))],
        );
        config.congestion_control = plan.congestion_control;
        config.never_connected_timeout = Duration::from_secs(4);
        config.silent_timeout = Duration::from_secs(2);
        let rooms = room_settings(&settings);
        let mut luck = StdRng::seed_from_u64(plan.seed ^ 0x5aa1);
        Self {
            workers: (0..plan.workers)
                .map(|_| Worker::new(&config, &mut luck))
                .collect(),
            rooms: (0..plan.rooms)
                .map(|index| {
                    let name = format!("room-{index}");
                    let room = Room::new(now, rooms.clone(), name, UNIX_TIME, luck.random());
                    Seat {
                        room,
                        worker: index % plan.workers,
                        events: VecDeque::new(),
                    }
                })
                .collect(),
            lines: BTreeMap::new(),
            cut_off: 0,
            peers: BTreeMap::new(),
            effects: Vec::new(),
            luck,
            config,
        }
    }

    /// Somebody opened a WebSocket.
    pub(crate) fn join(
        &mut self,
        now: Instant,
        room: usize,
        connection: ConnectionId,
        admission: Admission,
    ) {
        let line = Line {
            room,
            ..Line::default()
        };
        self.lines.insert(connection, line);
        self.act(now, room, |room, effects| {
            room.join(now, connection, admission, effects);
        });
    }

    pub(crate) fn request(&mut self, now: Instant, id: ConnectionId, request: SignalRequest) {
        let Some(line) = self.lines.get(&id).filter(|line| !line.is_closed) else {
            return;
        };
        self.act(now, line.room, |room, effects| {
            room.handle_request(now, id, request, effects);
        });
    }

    /// A WebSocket is gone from the client's side.
    pub(crate) fn closed(&mut self, now: Instant, id: ConnectionId) {
        if let Some(line) = self.lines.remove(&id)
            && !line.is_closed
        {
            self.act(now, line.room, |room, effects| {
                room.connection_closed(now, id, effects);
            });
        }
    }

    /// Gives an engine a datagram; whether it took it for a packet of media.
    pub(crate) fn datagram(
        &mut self,
        now: Instant,
        room: usize,
        remote: SocketAddr,
        bytes: &mut [u8],
    ) -> bool {
        let worker = &mut self.workers[self.rooms[room].worker];
        let path = Path {
            local: None,
            remote,
        };
        let counts = |engine: &Engine| {
            let dropped: u64 = engine.stats().dropped().map(|(_, count)| count).sum();
            (engine.stats().packets_received, dropped)
        };
        let (received, dropped) = counts(&worker.engine);
        worker
            .engine
            .handle_datagram(now, path, bytes, &mut worker.out);
        counts(&worker.engine) == (received + 1, dropped)
    }

    /// Begins a turn: the engines do what was asked of them.
    pub(crate) fn begin_turn(&mut self, now: Instant, reached: &mut Reached) {
        for worker in &mut self.workers {
            worker.do_commands(now, reached);
        }
    }

    /// Ends a turn: what the engines want sent, in their order.
    pub(crate) fn end_turn(
        &mut self,
        now: Instant,
        reached: &mut Reached,
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut sent = Vec::new();
        for index in 0..self.workers.len() {
            let worker = &mut self.workers[index];
            worker.engine.handle_timeout(now, &mut worker.out);
            for run in worker.out.runs() {
                let datagrams = run.datagrams();
                sent.extend(datagrams.map(|bytes| (run.path.remote, bytes.to_vec())));
            }
            let events = std::mem::take(&mut worker.out.events);
            worker.out.clear();
            self.tell(now, index, events, reached);
        }
        sent
    }

    /// What the rooms do with what they were told, and by the clock.
    pub(crate) fn tick_rooms(&mut self, now: Instant) {
        for index in 0..self.rooms.len() {
            while let Some((at, _)) = self.rooms[index].events.front()
                && *at <= now
            {
                let (_, event) = self.rooms[index].events.pop_front().expect("it was there");
                if let Event::Lost { peer, .. } = &event {
                    self.peers.remove(peer);
                }
                self.act(now, index, |room, effects| {
                    room.handle_media(now, event, effects);
                });
            }
            if self.rooms[index]
                .room
                .next_timeout()
                .is_some_and(|at| at <= now)
            {
                self.act(now, index, |room, effects| {
                    room.handle_timeout(now, effects);
                });
            }
        }
    }

    pub(crate) fn delay_commands(&mut self, worker: usize, until: Instant) {
        self.workers[worker].commands_wait_until = Some(until);
    }

    /// An engine fails: see `sfu::worker`.
    pub(crate) fn restart(&mut self, now: Instant, index: usize, reached: &mut Reached) {
        let fresh = Worker::new(&self.config, &mut self.luck);
        let failed = std::mem::replace(&mut self.workers[index], fresh);
        self.workers[index].commands = failed.commands;
        let lost = failed.peers.into_iter().map(|peer| Event::Lost {
            peer,
            reason: LostReason::EngineFailed,
        });
        self.tell(now, index, lost.collect(), reached);
    }

    /// Everybody whom the engines and the rooms hold.
    pub(crate) fn peers(&self) -> BTreeSet<PeerId> {
        self.workers
            .iter()
            .flat_map(|worker| worker.engine.peers())
            .collect()
    }

    fn tell(&mut self, now: Instant, worker: usize, events: Vec<Event>, reached: &mut Reached) {
        let waits_until = self.workers[worker].events_wait_until;
        for event in events {
            if let Event::Lost { peer, .. } = &event {
                self.workers[worker].peers.remove(peer);
            }
            let room = match (&event, event.peer()) {
                (Event::Speakers { room, .. }, _) => Some(*room),
                (_, Some(peer)) => self.peers.get(&peer).copied(),
                (_, None) => None,
            };
            let seat = self
                .rooms
                .iter_mut()
                .find(|seat| Some(seat.room.id()) == room);
            let Some(seat) = seat else { continue };
            let delayed = waits_until.filter(|until| now < *until);
            if delayed.is_some() {
                reached.hit(Site::EngineEventDelayed);
            }
            let last = seat.events.back().map_or(now, |(at, _)| *at);
            seat.events
                .push_back((delayed.unwrap_or(now).max(last), event));
        }
    }

    fn act(&mut self, now: Instant, index: usize, step: impl FnOnce(&mut Room, &mut Vec<Effect>)) {
        let mut effects = std::mem::take(&mut self.effects);
        step(&mut self.rooms[index].room, &mut effects);
        while !effects.is_empty() {
            let mut unread = Vec::new();
            for effect in effects.drain(..) {
                match effect {
                    Effect::Reply {
                        connection,
                        response,
                    } => {
                        if !self.reply(connection, response) {
                            unread.push(connection);
                        }
                    }
                    Effect::Close { connection, .. } => {
                        if let Some(line) = self.lines.get_mut(&connection) {
                            line.is_closed = true;
                        }
                    }
                    Effect::Media(command) => self.command(now, index, command),
                }
            }
            for connection in unread {
                let room = &mut self.rooms[index].room;
                room.connection_closed(now, connection, &mut effects);
            }
        }
        self.effects = effects;
    }

    /// Queues a message; false if the client let its queue run full and was cut off for it.
    fn reply(&mut self, connection: ConnectionId, response: SignalResponse) -> bool {
        let Some(line) = self.lines.get_mut(&connection) else {
            return true;
        };
        if line.is_closed {
            return true;
        }
        if line.replies.len() >= REPLIES_MAX {
            line.is_closed = true;
            self.cut_off += 1;
            return false;
        }
        line.replies.push_back(response);
        true
    }

    fn command(&mut self, now: Instant, room: usize, command: Command) {
        let seat = &self.rooms[room];
        if let Command::AddPeer { peer, .. } = &command {
            self.peers.insert(*peer, seat.room.id());
        }
        if let Command::RemovePeer { peer } = &command {
            self.peers.remove(peer);
        }
        self.workers[seat.worker].commands.push_back((now, command));
    }
}

impl Worker {
    fn new(config: &EngineConfig, luck: &mut StdRng) -> Self {
        let mut config = config.clone();
        config.seed = luck.random();
        Self {
            engine: Engine::new(config).unwrap(),
            out: Outbox::default(),
            commands: VecDeque::new(),
            peers: BTreeSet::new(),
            commands_wait_until: None,
            events_wait_until: None,
        }
    }

    fn do_commands(&mut self, now: Instant, reached: &mut Reached) {
        if self.commands_wait_until.is_some_and(|until| now < until) {
            if !self.commands.is_empty() {
                reached.hit(Site::EngineCommandDelayed);
            }
            return;
        }
        for (_, command) in std::mem::take(&mut self.commands) {
            if let Command::AddPeer { peer, .. } = &command {
                self.peers.insert(*peer);
            }
            if let Command::RemovePeer { peer } = &command {
                self.peers.remove(peer);
            }
            self.engine.handle_command(now, command, &mut self.out);
        }
    }
}

/// As operators get them, but for the times that are waited for: a plan is over in seconds.
fn room_settings(settings: &Settings) -> RoomSettings {
    let keys = Arc::new(saal::keys(settings));
    RoomSettings {
        ping_timeout: Duration::from_secs(2),
        reconnect_grace: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(4),
        update_interval: Duration::from_millis(200),
        ..saal::room_settings(settings, &keys)
    }
}
