//! A bad line for tests: passes datagrams on between clients and a server, later, fewer and slower,
//! as its conditions say. Knows nothing of what is in them.
//!
//! Each client address gets a socket of its own towards the server, so that the server tells them
//! apart; a client that changes its address is a new one, as behind a router.

pub mod arguments;
pub mod change;
pub mod conditions;
pub mod flows;
pub mod line;
pub mod pending;
pub mod tally;

use change::{Change, Planned};
use conditions::Conditions;
use flows::{Flows, Taken};
use line::{Fate, Line};
use pending::Pending;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tally::{Report, Tally};
use tokio::sync::mpsc;

/// Larger than any datagram of a network with Ethernet inside; a larger one is cut, as it must not be.
const DATAGRAM_LEN_MAX: usize = 2_048;

/// Towards the server or towards the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From clients to the server.
    Up,
    /// From the server to clients.
    Down,
}

/// What a relay is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where clients send to.
    pub listen: SocketAddr,
    /// The server.
    pub to: SocketAddr,
    /// Of both directions, at first.
    pub conditions: Conditions,
    /// What changes by itself, in any order.
    pub planned: Vec<Planned>,
    /// Decides about chance.
    pub seed: u64,
    /// How often figures are told.
    pub report_every: Option<Duration>,
}

struct Datagram {
    direction: Direction,
    client: SocketAddr,
    bytes: Vec<u8>,
}

/// A relay that runs.
pub struct Relay {
    flows: Flows,
    up: (Line, Tally),
    down: (Line, Tally),
    pending: Pending<Datagram>,
    planned: Vec<Planned>,
    started: Instant,
}

impl Relay {
    /// Opens the sockets. Only within a tokio runtime.
    pub fn open(plan: &Plan) -> anyhow::Result<Self> {
        let mut planned = plan.planned.clone();
        planned.sort_by_key(|planned| std::cmp::Reverse(planned.at));
        let line = |seed| (Line::new(plan.conditions, seed), Tally::default());
        let mut relay = Self {
            flows: Flows::open(plan.listen, plan.to)?,
            up: line(plan.seed),
            // Another luck than upwards.
            down: line(plan.seed.wrapping_add(1)),
            pending: Pending::new(),
            planned,
            started: Instant::now(),
        };
        relay.apply_planned(relay.started);
        Ok(relay)
    }

    /// Where clients send to, with the port that the system chose.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.flows.address()
    }

    /// Relays until `changes` ends. Figures go to `tell`.
    pub async fn run(
        mut self,
        mut changes: mpsc::Receiver<Change>,
        report_every: Option<Duration>,
        mut tell: impl FnMut(Report),
    ) {
        let mut buffer = [0; DATAGRAM_LEN_MAX];
        let mut report_at = report_every.map(|every| self.started + every);
        loop {
            let wake = [self.pending.next_due(), self.next_planned(), report_at];
            let wake = wake.into_iter().flatten().min();
            tokio::select! {
                taken = self.flows.take(&mut buffer) => self.take(taken, &buffer),
                change = changes.recv() => match change {
                    Some(change) => self.apply(&change),
                    None => return,
                },
                () = sleep_until(wake) => {}
            }
            let now = Instant::now();
            self.apply_planned(now);
            self.deliver(now);
            if let (Some(at), Some(every)) = (report_at, report_every)
                && at <= now
            {
                tell(self.report(now));
                report_at = Some(now + every);
            }
        }
    }

    fn take(&mut self, taken: Option<Taken>, buffer: &[u8]) {
        match taken {
            Some(Taken::FromClient { client, len }) => {
                self.send(Direction::Up, client, buffer[..len].to_vec());
            }
            Some(Taken::FromServer { client, bytes }) => self.send(Direction::Down, client, bytes),
            // An error of an earlier send, which was the loss of that datagram.
            None => {}
        }
    }

    fn send(&mut self, direction: Direction, client: SocketAddr, bytes: Vec<u8>) {
        let now = Instant::now();
        let (line, tally) = match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        };
        match line.send(now, bytes.len()) {
            Fate::Arrives(at) => {
                let len = bytes.len();
                let datagram = Datagram {
                    direction,
                    client,
                    bytes,
                };
                if self.pending.insert(at, datagram) {
                    tally.carried(len);
                } else {
                    tally.overflowed += 1;
                }
            }
            Fate::Lost => tally.lost += 1,
            Fate::Overflows => tally.overflowed += 1,
        }
    }

    fn deliver(&mut self, now: Instant) {
        while let Some(datagram) = self.pending.take_due(now) {
            let Datagram {
                direction,
                client,
                bytes,
            } = datagram;
            match direction {
                Direction::Up => self.flows.send_to_server(client, &bytes),
                Direction::Down => self.flows.send_to_client(client, &bytes),
            }
        }
    }

    fn apply(&mut self, change: &Change) {
        let (directions, settings) = match change {
            Change::Rebind => return self.flows.rebind(),
            Change::Conditions {
                directions,
                settings,
            } => (directions, settings),
        };
        for direction in directions {
            let (line, _) = match direction {
                Direction::Up => &mut self.up,
                Direction::Down => &mut self.down,
            };
            for setting in settings {
                setting.apply(line.conditions_mut());
            }
        }
    }

    fn next_planned(&self) -> Option<Instant> {
        self.planned.last().map(|next| self.started + next.at)
    }

    fn apply_planned(&mut self, now: Instant) {
        while self.next_planned().is_some_and(|at| at <= now) {
            let planned = self.planned.pop().expect("there is a next one");
            self.apply(&planned.change);
        }
    }

    fn report(&mut self, now: Instant) -> Report {
        let backlog = |line: &Line| line.backlog(now).as_millis();
        Report {
            ms: (now - self.started).as_millis(),
            up: self.up.1.take(backlog(&self.up.0)),
            down: self.down.1.take(backlog(&self.down.0)),
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
