//! A meeting on several workers: who is where, and what the engines tell each other.

use super::{ROOM, Sim};
use sfu_core::ids::PeerId;
use sfu_core::{Command, Engine, EngineConfig, Outbox, RelayBatch};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The engine of a worker, as the settings' defaults make it.
pub(super) fn engine(seed: u8, worker: u8) -> Engine {
    let config = EngineConfig {
        worker,
        candidates: vec![SocketAddr::from(([127, 0, 0, 1], 7882))],
        seed: [seed.wrapping_add(worker); 32],
        never_connected_timeout: Duration::from_secs(20),
        silent_timeout: Duration::from_secs(12),
        congestion_control: true,
        dynacast_pause_delay: Duration::from_secs(5),
        loudest_max: 12,
    };
    Engine::new(config).unwrap()
}

impl Sim {
    /// The engine of a worker.
    pub(crate) fn worker(&mut self, number: usize) -> &mut Engine {
        match number.checked_sub(1) {
            None => &mut self.engine,
            Some(other) => &mut self.others[other],
        }
    }

    /// The engine a peer is on, with all that it needs.
    pub(super) fn at_home(&mut self, peer: PeerId) -> (Instant, &mut Engine, &mut Outbox) {
        let home = self.homes.get(&peer).copied().unwrap_or(0);
        let engine = match home.checked_sub(1) {
            None => &mut self.engine,
            Some(other) => &mut self.others[other],
        };
        (self.now, engine, &mut self.out)
    }

    /// Gives a command to the engine it is for, as signaling would; those that name a track alone to
    /// all of them.
    pub(super) fn pass(&mut self, command: Command) {
        let workers = 1 + self.others.len();
        if let Command::AddPeer { peer, .. } = command {
            let next = self.homes.len() % workers;
            self.homes.entry(peer).or_insert(next);
        }
        let adds = matches!(command, Command::AddPeer { .. });
        if let Some(peer) = command.peer() {
            let (now, engine, out) = self.at_home(peer);
            engine.handle_command(now, command, out);
        } else {
            self.pass_to_all(&command);
        }
        if adds && workers > 1 {
            self.relay();
            let workers = (0..u8::try_from(workers).unwrap()).collect();
            self.pass_to_all(&Command::Spread {
                room: ROOM,
                workers,
            });
        }
    }

    fn pass_to_all(&mut self, command: &Command) {
        for engine in std::iter::once(&mut self.engine).chain(&mut self.others) {
            engine.handle_command(self.now, command.clone(), &mut self.out);
        }
    }

    /// Lets the engine of a worker hear what another told.
    pub(crate) fn hear(&mut self, worker: usize, batch: &RelayBatch) {
        let now = self.now;
        let mut out = std::mem::take(&mut self.out);
        self.worker(worker).handle_relayed(now, batch, &mut out);
        self.out = out;
        self.drain();
    }

    pub(super) fn wake(&mut self) {
        for engine in std::iter::once(&mut self.engine).chain(&mut self.others) {
            engine.handle_timeout(self.now, &mut self.out);
        }
    }

    /// Lets the engines tell each other what they have to tell, until nobody has.
    pub(super) fn relay(&mut self) {
        loop {
            let mut is_quiet = true;
            for number in 0..=self.others.len() {
                let Some(batch) = self.worker(number).take_relayed() else {
                    continue;
                };
                is_quiet = false;
                for other in std::iter::once(&mut self.engine).chain(&mut self.others) {
                    other.handle_relayed(self.now, &batch, &mut self.out);
                }
            }
            if is_quiet {
                return;
            }
        }
    }
}
