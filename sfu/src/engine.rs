//! What the event loop needs of an engine. There is one real one, in `sfu-core`; the event loop's
//! own tests drive another that fails on purpose.

use sfu_core::engine::EngineConfig;
use sfu_core::outbox::Path;
use sfu_core::stats::Stats;
use sfu_core::{Command, Engine, Outbox, RelayBatch};
use std::net::SocketAddr;
use std::time::Instant;

/// A state machine that a worker can run. See [`Engine`] for what each call means.
pub(crate) trait MediaEngine: Sized {
    fn start(config: EngineConfig) -> Result<Self, String>;
    fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8], out: &mut Outbox);
    fn forward_slice(&mut self, now: Instant, out: &mut Outbox) -> bool;
    fn handle_command(&mut self, now: Instant, command: Command, out: &mut Outbox);
    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox);
    fn next_timeout(&self) -> Option<Instant>;
    fn take_relayed(&mut self) -> Option<RelayBatch>;
    fn handle_relayed(&mut self, now: Instant, batch: &RelayBatch, out: &mut Outbox);
    fn owns_address(&self, remote: SocketAddr) -> bool;
    fn stats(&self) -> &Stats;
}

impl MediaEngine for Engine {
    fn start(config: EngineConfig) -> Result<Self, String> {
        Self::new(config).map_err(|error| error.to_string())
    }

    fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8], out: &mut Outbox) {
        self.handle_datagram(now, path, datagram, out);
    }

    fn forward_slice(&mut self, now: Instant, out: &mut Outbox) -> bool {
        self.forward_slice(now, out)
    }

    fn handle_command(&mut self, now: Instant, command: Command, out: &mut Outbox) {
        self.handle_command(now, command, out);
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.handle_timeout(now, out);
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.next_timeout()
    }

    fn take_relayed(&mut self) -> Option<RelayBatch> {
        self.take_relayed()
    }

    fn handle_relayed(&mut self, now: Instant, batch: &RelayBatch, out: &mut Outbox) {
        self.handle_relayed(now, batch, out);
    }

    fn owns_address(&self, remote: SocketAddr) -> bool {
        self.owns_address(remote)
    }

    fn stats(&self) -> &Stats {
        self.stats()
    }
}
