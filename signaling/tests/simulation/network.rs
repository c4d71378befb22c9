//! The network between clients and server: it delays, loses, repeats, reorders and changes what it
//! carries, by the luck of the plan. DTLS is spared: its timers have a luck of their own, and what
//! it does on bad lines is told in `sfu/core/tests/transport`.

use crate::fault::{Reached, Site};
use crate::pipe::{Carries, Datagram};
use crate::plan::Disorder;
use rand::Rng as _;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What overtaken datagrams wait, and repeated ones.
const DETOUR: Duration = Duration::from_millis(30);

pub(crate) struct Network {
    pub(crate) disorder: Disorder,
    in_flight: BTreeMap<(Instant, u64), InFlight>,
    count: u64,
    luck: StdRng,
}

/// From whom or to whom, and over which address of the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up(u32, SocketAddr),
    Down(u32, SocketAddr),
}

#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    pub(crate) way: Way,
    pub(crate) datagram: Datagram,
    /// No bit of it changed on the way.
    pub(crate) is_intact: bool,
}

impl Network {
    pub(crate) fn new(disorder: Disorder, luck: StdRng) -> Self {
        Self {
            disorder,
            in_flight: BTreeMap::new(),
            count: 0,
            luck,
        }
    }

    /// Puts a datagram on its way; whether it will arrive as it was sent.
    pub(crate) fn send(
        &mut self,
        at: Instant,
        way: Way,
        datagram: Datagram,
        is_dead: bool,
        reached: &mut Reached,
    ) -> bool {
        let in_flight = InFlight {
            way,
            datagram,
            is_intact: true,
        };
        if in_flight.datagram.carries == Carries::Handshake {
            self.push(at, in_flight);
            return true;
        }
        if is_dead {
            reached.hit(Site::NetworkDead);
            return false;
        }
        let disorder = self.disorder;
        if disorder.embezzled > 0.0 && self.luck.random_bool(disorder.embezzled) {
            return true;
        }
        let mut happens = |share: f64, site: Site| {
            let happens = share > 0.0 && self.luck.random_bool(share);
            if happens {
                reached.hit(site);
            }
            happens
        };
        if happens(disorder.lost, Site::NetworkLost) {
            return false;
        }
        if happens(disorder.corrupted, Site::NetworkCorrupted) {
            let mut changed = in_flight;
            let bits = changed.datagram.bytes.len() * 8;
            let bit = self.luck.random_range(0..bits);
            changed.datagram.bytes[bit / 8] ^= 1 << (bit % 8);
            changed.is_intact = false;
            self.push(at, changed);
            return false;
        }
        if happens(disorder.duplicated, Site::NetworkDuplicated) {
            self.push(at + DETOUR, in_flight.clone());
        }
        let mut happens = |share: f64| share > 0.0 && self.luck.random_bool(share);
        let at = if happens(disorder.reordered) {
            reached.hit(Site::NetworkReordered);
            at + DETOUR
        } else {
            at
        };
        self.push(at, in_flight);
        true
    }

    /// What arrives next, by now.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<InFlight> {
        let first = self.in_flight.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn push(&mut self, at: Instant, in_flight: InFlight) {
        self.count += 1;
        self.in_flight.insert((at, self.count), in_flight);
    }
}
