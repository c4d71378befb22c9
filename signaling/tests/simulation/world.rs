//! One simulated meeting: people, their network and the server, one step after another.

use crate::fault::{Reached, Site};
use crate::ledger::Ledger;
use crate::network::{Network, Way};
use crate::oracle;
use crate::pipe::{Carries, Datagram};
use crate::plan::{Disorder, PersonPlan, Plan};
use crate::server::Server;
use crate::session::Session;
use crate::wires::Wires;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use signaling_core::ConnectionId;
use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How finely time passes.
pub(crate) const STEP: Duration = Duration::from_millis(10);
/// How many addresses a client may have, one after another.
const ADDRESSES_MAX: u16 = 16;

pub(crate) struct World {
    pub(crate) started_at: Instant,
    pub(crate) now: Instant,
    pub(crate) plan: Plan,
    pub(crate) server: Server,
    pub(crate) people: Vec<Person>,
    pub(crate) sessions: BTreeMap<u32, Session>,
    pub(crate) wires: Wires,
    pub(crate) ledger: Ledger,
    pub(crate) reached: Reached,
    pub(crate) heard: Heard,
    network: Network,
    /// Whose each address is, or was.
    addresses: BTreeMap<SocketAddr, u32>,
    next_action: usize,
    next_session: u32,
    next_connection: u64,
}

pub(crate) struct Person {
    pub(crate) plan: PersonPlan,
    pub(crate) name: String,
    pub(crate) session: Option<u32>,
    /// Whether they should be in the meeting when all is over.
    pub(crate) takes_part: bool,
    pub(crate) dead_until: Option<Instant>,
    pub(crate) slow_until: Option<Instant>,
    /// When they do what they put off.
    pub(crate) later: Vec<(Instant, Later)>,
}

/// Something a person does after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Later {
    Join,
    Resume,
    Unmute(u32, usize),
    Show(u32),
    Subscribe(u32),
}

/// When packets arrived that somebody sees or hears, once all is settled: last, and the longest gap.
pub(crate) type Heard = BTreeMap<(u32, u32, u8), (Instant, Duration)>;

/// What came of a plan.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) violations: Vec<String>,
    pub(crate) log: Vec<String>,
    pub(crate) trace: u64,
    pub(crate) reached: Reached,
    pub(crate) packets: usize,
    pub(crate) repaired: u64,
    pub(crate) keyframe_requests: u64,
    /// How often somebody got another encoding of a track.
    pub(crate) switches: usize,
    /// The longest gap in sound and in pictures once all was settled.
    pub(crate) longest_gaps: [Duration; 2],
}

impl World {
    /// Carries a plan out to its end, and judges it.
    pub(crate) fn run(plan: Plan) -> Outcome {
        Self::tell(plan, None)
    }

    /// The same, and tells all in words.
    pub(crate) fn tell(plan: Plan, log: Option<Vec<String>>) -> Outcome {
        let mut world = Self::new(plan);
        world.ledger.log = log;
        while world.now < world.ends_at() {
            world.step();
        }
        let cut_off = world.server.cut_off;
        world.reached.hits(Site::ClientCutOff, cut_off);
        oracle::judge(&mut world);
        let gaps = |is_audio| oracle::longest_gap(&world, is_audio);
        Outcome {
            longest_gaps: [gaps(true), gaps(false)],
            switches: oracle::switches(&world),
            violations: world.ledger.violations,
            log: world.ledger.log.unwrap_or_default(),
            trace: world.ledger.trace.finish(),
            reached: world.reached,
            packets: world.ledger.flows.values().map(Vec::len).sum(),
            repaired: world.ledger.repaired,
            keyframe_requests: world.ledger.keyframe_requests,
        }
    }

    fn new(plan: Plan) -> Self {
        let now = Instant::now();
        let people = plan.people.iter().enumerate().map(|(index, plan)| Person {
            plan: plan.clone(),
            name: format!("person-{index}"),
            session: None,
            takes_part: true,
            dead_until: None,
            slow_until: None,
            later: vec![(now + plan.joins_at, Later::Join)],
        });
        Self {
            started_at: now,
            now,
            server: Server::new(now, &plan),
            people: people.collect(),
            sessions: BTreeMap::new(),
            wires: Wires::default(),
            ledger: Ledger::new(now),
            reached: Reached::default(),
            heard: Heard::default(),
            network: Network::new(plan.network, StdRng::seed_from_u64(plan.seed ^ 0x2e70)),
            addresses: BTreeMap::new(),
            next_action: 0,
            next_session: 1,
            next_connection: 1,
            plan,
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        self.ledger.next_turn();
        if self.now >= self.started_at + self.plan.calm_at {
            self.network.disorder = Disorder::NONE;
        }
        self.act_by_plan();
        self.do_what_was_put_off();
        self.server.begin_turn(self.now, &mut self.reached);
        self.tick_sessions();
        while let Some(arrived) = self.network.arrived(self.now) {
            match arrived.way {
                Way::Up(session, from) => self.arrive_at_server(session, from, arrived),
                Way::Down(session, to) => self.arrive_at_client(session, to, &arrived),
            }
        }
        let sent = self.server.end_turn(self.now, &mut self.reached);
        for (to, bytes) in sent {
            self.send_down(to, bytes);
        }
        self.carry_signals();
        self.server.tick_rooms(self.now);
    }

    fn act_by_plan(&mut self) {
        while let Some((at, action)) = self.plan.actions.get(self.next_action)
            && self.started_at + *at <= self.now
        {
            self.next_action += 1;
            let action = *action;
            self.ledger.tell(self.now, || format!("{action:?}"));
            self.act(action);
        }
    }

    fn tick_sessions(&mut self) {
        let mut sent = Vec::new();
        for session in self.sessions.values_mut() {
            let mut datagrams = Vec::new();
            session.tick(self.now, &mut datagrams);
            self.ledger.catch_up(session.id, &mut session.pipe);
            let id = session.id;
            sent.extend(datagrams.into_iter().map(|datagram| (id, datagram)));
        }
        for (session, datagram) in sent {
            self.send_up(session, datagram);
        }
    }

    fn send_up(&mut self, session: u32, datagram: Datagram) {
        let Some(from) = self.sessions.get(&session) else {
            return;
        };
        let way = Way::Up(session, from.pipe.address);
        self.transmit(session, from.person, way, datagram);
    }

    fn send_down(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        let Some(&session) = self.addresses.get(&to) else {
            return self
                .ledger
                .violations
                .push(format!("the server sends to {to}, which is nobody's"));
        };
        let Some(them) = self.sessions.get_mut(&session) else {
            return; // They are gone, and the server does not know yet.
        };
        let carries = self
            .ledger
            .observe(self.now, session, &mut them.pipe, &bytes);
        let person = them.person;
        let datagram = Datagram { bytes, carries };
        self.transmit(session, person, Way::Down(session, to), datagram);
    }

    fn transmit(&mut self, session: u32, person: usize, way: Way, datagram: Datagram) {
        self.ledger
            .tell(self.now, || format!("{way:?}: {:?}", datagram.carries));
        let person = &self.people[person];
        let is_dead = person.dead_until.is_some_and(|until| self.now < until);
        let at = self.now + person.plan.one_way;
        let carries = datagram.carries.clone();
        if !self
            .network
            .send(at, way, datagram, is_dead, &mut self.reached)
        {
            self.ledger.lost(session, &carries);
            self.ledger
                .tell(self.now, || format!("lost on {way:?}: {carries:?}"));
        }
    }

    fn arrive_at_server(
        &mut self,
        session: u32,
        from: SocketAddr,
        mut arrived: crate::network::InFlight,
    ) {
        // Who is gone may still have something under way.
        let Some(room) = self.room_of(session) else {
            return;
        };
        let taken = self
            .server
            .datagram(self.now, room, from, &mut arrived.datagram.bytes);
        if let Carries::Media(tag, ..) = arrived.datagram.carries
            && arrived.is_intact
        {
            if taken {
                let key = (tag.stream, tag.number);
                let turn = self.ledger.turn();
                self.ledger.accepted.entry(key).or_insert(turn);
            } else {
                self.ledger.lost(session, &arrived.datagram.carries);
            }
        }
    }

    fn arrive_at_client(&mut self, id: u32, to: SocketAddr, arrived: &crate::network::InFlight) {
        let settled_at = self.settled_at();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if session.pipe.address != to {
            // The address is no longer the client's.
            return self.ledger.lost(id, &arrived.datagram.carries);
        }
        let mut answers = Vec::new();
        let packets = session.receive(self.now, &arrived.datagram.bytes, &mut answers);
        for (ssrc, number, tag) in packets {
            self.ledger.tell(self.now, || {
                format!("to {id} came {ssrc} {number:?} {tag:?}")
            });
            self.ledger.delivered.insert((id, ssrc, number.0));
            if self.now >= settled_at {
                let key = (id, tag.stream.session, tag.stream.track);
                let settled = (settled_at, Duration::ZERO);
                let (last, longest) = self.heard.entry(key).or_insert(settled);
                *longest = (*longest).max(self.now - *last);
                *last = self.now;
            }
        }
        for datagram in answers {
            self.send_up(id, datagram);
        }
    }

    pub(crate) fn settled_at(&self) -> Instant {
        self.started_at + self.plan.settled_at()
    }

    pub(crate) fn ends_at(&self) -> Instant {
        self.started_at + self.plan.end()
    }

    /// Somebody comes in, or comes in anew.
    pub(crate) fn join(&mut self, person: usize) {
        self.drop_session(person);
        let id = self.next_session;
        self.next_session += 1;
        let address = self.address(id, 0);
        let mut session = Session::new(self.now, id, person, address);
        let plan = &self.people[person].plan;
        let offer = session.first_offer();
        if plan.mic {
            session.publish(true);
        }
        if plan.camera {
            session.publish(false);
        }
        let connection = self.connection();
        session.connection = Some(connection);
        self.sessions.insert(id, session);
        self.people[person].session = Some(id);
        self.open(person, connection, None, Some(offer));
    }

    /// Forgets a person's client, which says nothing any more.
    pub(crate) fn drop_session(&mut self, person: usize) {
        let Some(id) = self.people[person].session.take() else {
            return;
        };
        self.sessions.remove(&id);
        // What is on its way to them or from them is lost for good.
        let (now, end) = (self.now, self.ends_at());
        self.ledger.excuse(Some(id), None, (now, end));
        self.ledger.excuse(None, Some(id), (now, end));
    }

    /// The address a session has after so many moves.
    pub(crate) fn address(&mut self, session: u32, moves: u16) -> SocketAddr {
        let number = u16::try_from(session).expect("a plan has few sessions");
        let port = 10_000 + number * ADDRESSES_MAX + moves.min(ADDRESSES_MAX - 1);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        self.addresses.insert(address, session);
        address
    }

    pub(crate) fn connection(&mut self) -> ConnectionId {
        self.next_connection += 1;
        ConnectionId(self.next_connection)
    }

    pub(crate) fn session_of(&mut self, person: usize) -> Option<&mut Session> {
        self.sessions.get_mut(&self.people[person].session?)
    }

    fn room_of(&self, session: u32) -> Option<usize> {
        let session = self.sessions.get(&session)?;
        Some(self.people[session.person].plan.room)
    }
}
