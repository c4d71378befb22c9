//! The network of a meeting: each client has a line, which delays what goes over it, and may lose
//! it or let it wait.

use super::Sim;
use rand::Rng;
use sfu_core::ids::PeerId;
use std::time::{Duration, Instant};

/// A longer queue before a line loses what comes.
const QUEUE_MAX: Duration = Duration::from_millis(400);

/// First bytes of DTLS (RFC 7983, section 7).
const DTLS: std::ops::RangeInclusive<u8> = 20..=63;

/// A client's line, the same in both directions but for the loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) one_way: Duration,
    /// The share of datagrams lost on the way to the server.
    pub(crate) loss_up: f64,
    /// And on the way from it.
    pub(crate) loss_down: f64,
    /// What the way from the server carries, in kbit/s; 0 for any amount.
    pub(crate) kbps_down: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            one_way: Duration::from_millis(10),
            loss_up: 0.0,
            loss_down: 0.0,
            kbps_down: 0,
        }
    }
}

/// A datagram on its way: when it arrives, to or from whom.
pub(super) struct InFlight {
    pub(super) at: Instant,
    pub(super) client: PeerId,
    pub(super) upwards: bool,
    pub(super) bytes: Vec<u8>,
}

impl Sim {
    /// How long what is sent to a client now would wait before its line.
    pub(crate) fn queue(&self, id: PeerId) -> Duration {
        let free_at = self.queues.get(&id).copied().unwrap_or(self.now);
        free_at.saturating_duration_since(self.now)
    }

    /// What is on its way from a client: what somebody on that way could overhear.
    pub(crate) fn underway_from(&self, id: PeerId) -> Vec<Vec<u8>> {
        let of_client = |datagram: &&InFlight| datagram.client == id && datagram.upwards;
        let underway = self.network.iter().filter(of_client);
        underway.map(|datagram| datagram.bytes.clone()).collect()
    }

    /// Puts a datagram of a client, or to it, on the network.
    pub(super) fn transmit(&mut self, client: PeerId, upwards: bool, bytes: Vec<u8>) {
        let link = self.links.get(&client).copied().unwrap_or_default();
        if self.loses(client, upwards, link, &bytes) {
            return;
        }
        let mut at = self.now + link.one_way;
        if !upwards && link.kbps_down > 0 {
            let shared = self.behind.get(&client).copied().unwrap_or(client);
            let free_at = self.queues.entry(shared).or_insert(self.now);
            let starts_at = (*free_at).max(self.now);
            if starts_at - self.now > QUEUE_MAX {
                return;
            }
            let bits = u64::try_from(bytes.len() + 28).unwrap() * 8;
            *free_at = starts_at + Duration::from_micros(bits * 1000 / link.kbps_down);
            at = *free_at + link.one_way;
        }
        let behind = self.network.partition_point(|earlier| earlier.at <= at);
        let datagram = InFlight {
            at,
            client,
            upwards,
            bytes,
        };
        self.network.insert(behind, datagram);
    }

    /// DTLS is spared what hits the others: its timers have a luck of their own, and what is lost of
    /// it would change what is lost of them.
    fn loses(&mut self, client: PeerId, upwards: bool, link: Link, bytes: &[u8]) -> bool {
        if DTLS.contains(&bytes[0]) {
            let sent = self.handshake_sent.entry((client, upwards)).or_default();
            *sent += 1;
            return *sent <= self.handshake_losses;
        }
        self.sent += 1;
        let loss = if upwards {
            link.loss_up
        } else {
            link.loss_down
        };
        let counted_out = self.lose_one_in != 0 && self.sent.is_multiple_of(self.lose_one_in);
        counted_out || (loss > 0.0 && self.luck.random_bool(loss))
    }
}
