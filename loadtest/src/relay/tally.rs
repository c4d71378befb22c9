//! What one direction carried and dropped between two reports.

use serde::Serialize;

/// Counts since the last report.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Datagrams that arrive.
    pub datagrams: u64,
    /// Their bytes, without IP and UDP headers.
    pub bytes: u64,
    /// Datagrams lost by chance.
    pub lost: u64,
    /// Datagrams dropped because too many waited.
    pub overflowed: u64,
    /// How long the next datagram would wait for the line, in milliseconds.
    pub backlog_ms: u128,
}

impl Tally {
    /// Counts one that arrives.
    pub fn carried(&mut self, len: usize) {
        self.datagrams += 1;
        self.bytes += u64::try_from(len).expect("a length has at most 64 bits");
    }

    /// The figures so far, and starts anew.
    #[must_use]
    pub fn take(&mut self, backlog_ms: u128) -> Self {
        Self {
            backlog_ms,
            ..std::mem::take(self)
        }
    }
}

/// Both directions, as a line of JSON tells them.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Report {
    /// Milliseconds since the start.
    pub ms: u128,
    /// Towards the server.
    pub up: Tally,
    /// Towards the clients.
    pub down: Tally,
}
