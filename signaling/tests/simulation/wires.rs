//! The connections between clients and server: messages arrive late and in order, or not at all once
//! the connection is cut.

use crate::fault::Site;
use crate::session::Verdict;
use crate::world::{Later, World};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{ClientInfo, SignalRequest, SignalResponse, client_info::Sdk};
use sfu_core::ids::PeerId;
use signaling_core::{Admission, Claims, ConnectionId, Join, RtcVersion, check_admission};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a message waits while signaling is slow.
const SLOW: Duration = Duration::from_millis(300);
/// How long a client takes to come back, or to begin anew.
const RETURN: Duration = Duration::from_millis(100);

/// What is on its way.
#[derive(Default)]
pub(crate) struct Wires {
    signals: BTreeMap<(Instant, u64), (usize, ConnectionId, Signal)>,
    /// When the last message of each direction of a connection arrives.
    last_at: BTreeMap<(ConnectionId, bool), Instant>,
    count: u64,
}

enum Signal {
    Open(Box<Admission>),
    Request(Box<SignalRequest>),
    /// The client's end is gone.
    Closed,
    Response(Box<SignalResponse>),
    /// The server's end is gone.
    HungUp,
}

impl Signal {
    const fn is_upwards(&self) -> bool {
        match self {
            Self::Open(_) | Self::Request(_) | Self::Closed => true,
            Self::Response(_) | Self::HungUp => false,
        }
    }
}

impl World {
    /// Opens a WebSocket, to enter or to come back to a place.
    pub(crate) fn open(
        &mut self,
        person: usize,
        connection: ConnectionId,
        reconnect: Option<PeerId>,
        offer: Option<(u32, String)>,
    ) {
        let them = &self.people[person];
        let mut claims = Claims::joining(&them.name, format!("room-{}", them.plan.room));
        claims.issuer = "devkey".into();
        let join = Join {
            version: RtcVersion::V1,
            client: ClientInfo {
                sdk: Sdk::Js.into(),
                protocol: 16,
                browser: "chrome".to_owned(),
                client_protocol: 1,
                ..ClientInfo::default()
            },
            auto_subscribe: true,
            adaptive_stream: false,
            reconnect,
            offer,
            add_tracks: Vec::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            sync_state: None,
        };
        let admission = check_admission(&claims, &join).unwrap();
        self.signal(person, connection, Signal::Open(Box::new(admission)));
    }

    /// The client's end of a WebSocket closes.
    pub(crate) fn close(&mut self, person: usize, connection: ConnectionId) {
        self.signal(person, connection, Signal::Closed);
    }

    /// Brings messages to both ends, and puts new ones on their way.
    pub(crate) fn carry_signals(&mut self) {
        while let Some(first) = self.wires.signals.first_entry()
            && first.key().0 <= self.now
        {
            let (person, connection, signal) = first.remove();
            self.arrive(person, connection, signal);
        }
        self.send_requests();
        self.collect_replies();
    }

    fn arrive(&mut self, person: usize, connection: ConnectionId, signal: Signal) {
        let now = self.now;
        match signal {
            Signal::Open(admission) => {
                let room = self.people[person].plan.room;
                self.server.join(now, room, connection, *admission);
            }
            Signal::Request(request) => self.server.request(now, connection, *request),
            Signal::Closed => self.server.closed(now, connection),
            Signal::Response(response) => {
                if let Some(message) = response.message {
                    self.hear(person, connection, message);
                }
            }
            Signal::HungUp => self.hung_up(person, connection),
        }
    }

    fn hear(&mut self, person: usize, connection: ConnectionId, message: Message) {
        let now = self.now;
        let Some(session) = self.session_of(person) else {
            return;
        };
        if session.connection != Some(connection) {
            return; // A WebSocket that the client has given up.
        }
        let id = session.id;
        let is_return = matches!(message, Message::Reconnect(_));
        session.hear(now, message);
        let complaints = std::mem::take(&mut session.complaints);
        if is_return {
            self.reached.hit(Site::ClientResumes);
            // What it wanted meanwhile it could not say until now.
            self.ledger.excuse(Some(id), None, (now, now));
            self.ledger.excuse(None, Some(id), (now, now));
        }
        for complaint in complaints {
            self.ledger
                .violate(now, format!("session {id}: {complaint}"));
        }
    }

    /// The server closed a WebSocket: the client does what it was told before, or comes back.
    fn hung_up(&mut self, person: usize, connection: ConnectionId) {
        let at = self.now + RETURN;
        let Some(session) = self.session_of(person) else {
            return;
        };
        if session.connection != Some(connection) {
            return;
        }
        session.connection = None;
        let id = session.id;
        match session.verdict {
            Some(Verdict::BeginAnew) => {
                self.reached.hit(Site::ClientBeginsAnew);
                self.people[person].later.push((at, Later::Join));
            }
            Some(Verdict::Gone) => {
                let text = format!("session {id} was told to go");
                self.ledger.violate(self.now, text);
            }
            None => self.people[person].later.push((at, Later::Resume)),
        }
    }

    /// Over a new WebSocket, to the place there was; anew, if there never was one.
    pub(crate) fn resume(&mut self, person: usize) {
        let connection = self.connection();
        let Some(session) = self.session_of(person) else {
            return;
        };
        if session.connection.is_some() {
            return; // It is back already.
        }
        let Some(peer) = session.peer else {
            self.reached.hit(Site::ClientBeginsAnew);
            return self.join(person);
        };
        session.connection = Some(connection);
        // What was asked for meanwhile is asked for again.
        session.requests.clear();
        session.reads_from = None;
        self.open(person, connection, Some(peer), None);
    }

    /// Puts what clients ask for on its way.
    pub(crate) fn send_requests(&mut self) {
        let mut requests = Vec::new();
        for session in self.sessions.values_mut() {
            if let (Some(connection), true) = (session.connection, session.may_ask()) {
                let asked = session.requests.drain(..);
                requests.extend(asked.map(|message| (session.person, connection, message)));
            }
        }
        for (person, connection, message) in requests {
            let message = Some(message);
            let request = Box::new(SignalRequest { message });
            self.signal(person, connection, Signal::Request(request));
        }
    }

    fn collect_replies(&mut self) {
        let now = self.now;
        let mut collected = Vec::new();
        for session in self.sessions.values() {
            let Some(connection) = session.connection else {
                continue;
            };
            if session.reads_from.is_some_and(|from| now < from) {
                continue;
            }
            let Some(line) = self.server.lines.get_mut(&connection) else {
                continue;
            };
            for response in line.replies.drain(..) {
                let response = Signal::Response(Box::new(response));
                collected.push((session.person, connection, response));
            }
            if line.is_closed {
                collected.push((session.person, connection, Signal::HungUp));
                self.server.lines.remove(&connection);
            }
        }
        for (person, connection, signal) in collected {
            self.signal(person, connection, signal);
        }
    }

    fn signal(&mut self, person: usize, connection: ConnectionId, signal: Signal) {
        let them = &self.people[person];
        let mut at = self.now + them.plan.one_way;
        if them.slow_until.is_some_and(|until| self.now < until) {
            self.reached.hit(Site::SignalDelayed);
            at += SLOW;
        }
        let last_at = self
            .wires
            .last_at
            .entry((connection, signal.is_upwards()))
            .or_insert(at);
        *last_at = at.max(*last_at);
        self.wires.count += 1;
        let key = (*last_at, self.wires.count);
        self.wires.signals.insert(key, (person, connection, signal));
    }
}
