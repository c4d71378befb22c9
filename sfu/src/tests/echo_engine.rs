//! An engine for the tests of the event loop: it answers datagrams with its worker's number,
//! counts what other workers tell it, and fails when it is told to. Knows no media.

use crate::engine::MediaEngine;
use crate::handover::is_stun;
use sfu_core::engine::EngineConfig;
use sfu_core::ids::PeerId;
use sfu_core::outbox::Path;
use sfu_core::stats::Stats;
use sfu_core::{Command, Event, Outbox, RelayBatch};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Removing this peer makes the engine panic.
pub(crate) const POISON: PeerId = PeerId(u64::MAX);
/// This datagram makes it panic too.
pub(crate) const POISON_DATAGRAM: &[u8] = b"\x80 panic";
/// This datagram is answered after [`DELAY`] only.
pub(crate) const SLOW_DATAGRAM: &[u8] = b"\x80 slow";
pub(crate) const DELAY: Duration = Duration::from_millis(30);

/// Validates whoever sends STUN, and echoes what validated addresses send.
pub(crate) struct EchoEngine {
    worker: u8,
    validated: HashSet<SocketAddr>,
    slow: Option<(Instant, Path)>,
    stats: Stats,
}

impl MediaEngine for EchoEngine {
    fn start(config: EngineConfig) -> Result<Self, String> {
        Ok(Self {
            worker: config.worker,
            validated: HashSet::new(),
            slow: None,
            stats: Stats::default(),
        })
    }

    fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8], out: &mut Outbox) {
        self.stats.datagrams_received += 1;
        if is_stun(datagram) {
            self.validated.insert(path.remote);
        }
        if !self.validated.contains(&path.remote) {
            return;
        }
        // Written before it fails, so that a test sees that it is not sent.
        let mut answer = vec![self.worker];
        answer.extend_from_slice(datagram);
        assert!(datagram != POISON_DATAGRAM, "poisoned by a datagram");
        if datagram == SLOW_DATAGRAM {
            self.slow = Some((now + DELAY, path));
        } else {
            out.send(None, path, &answer);
        }
    }

    fn forward_slice(&mut self, _now: Instant, _out: &mut Outbox) -> bool {
        false
    }

    fn handle_command(&mut self, _now: Instant, command: Command, out: &mut Outbox) {
        if let Command::AddPeer { peer, .. } = command {
            out.events.push(Event::Connected { peer });
            self.stats.peers += 1;
        }
        assert!(
            command != Command::RemovePeer { peer: POISON },
            "poisoned by a command"
        );
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if let Some((at, path)) = self.slow
            && at <= now
        {
            self.slow = None;
            out.send(None, path, &[self.worker]);
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.slow.map(|(at, _)| at)
    }

    fn take_relayed(&mut self) -> Option<RelayBatch> {
        None
    }

    fn handle_relayed(&mut self, _now: Instant, batch: &RelayBatch, _out: &mut Outbox) {
        assert_ne!(batch.from(), self.worker);
        self.stats.packets_relayed_in += 1;
    }

    fn owns_address(&self, remote: SocketAddr) -> bool {
        self.validated.contains(&remote)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }
}
