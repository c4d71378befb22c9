//! Datagrams that the kernel gave to the wrong worker. All workers share one port, and the kernel
//! spreads clients over them without knowing rooms. The first STUN request of a client names its
//! worker in the ufrag; once that worker has validated the client's address, the rest of the
//! client's datagrams are found by that address. Media of an address that no worker knows may be a
//! client's whose address changed under it: every worker looks whether it is one of theirs. Knows
//! nothing of sockets and engines.

use crate::inbox::Inbox;
use dashmap::DashMap;
use sfu_core::outbox::Path;
use sfu_core::transport::stun_local_ufrag;
use std::net::SocketAddr;
use std::sync::Arc;

/// About a second of 16 Mbit/s, more than a worker may ever lag. What comes on top is dropped.
const BATCH_BYTES_MAX: usize = 2 << 20;
/// The same for small datagrams: 16 clients' sound and feedback for a second, many times over.
const BATCH_DATAGRAMS_MAX: usize = 16_384;
/// More clients than one machine can serve: 4,096 with as many addresses as an engine keeps of each.
/// Who is in a meeting can prove any number of addresses: when it is full,
/// those that engines have given up since make room within a second.
const ROUTES_MAX: usize = 65_536;

/// Media of unknown addresses that a turn shows to all workers. One packet is enough to find a
/// client again; more would only multiply a flood.
const STRAYS_PER_TURN_MAX: u32 = 2;

/// Datagrams on their way from one worker to another, one behind another.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    entries: Vec<(Path, usize)>,
}

impl Batch {
    /// Appends a datagram; false if the batch is full.
    fn push(&mut self, path: Path, datagram: &[u8]) -> bool {
        let fits = self.bytes.len() + datagram.len() <= BATCH_BYTES_MAX
            && self.entries.len() < BATCH_DATAGRAMS_MAX;
        if fits {
            self.bytes.extend_from_slice(datagram);
            self.entries.push((path, datagram.len()));
        }
        fits
    }

    /// Appends another batch as far as it fits, and tells how many datagrams did not.
    pub(crate) fn append(&mut self, other: &mut Self) -> u64 {
        let mut dropped = 0;
        for (path, datagram) in other.datagrams_mut() {
            dropped += u64::from(!self.push(path, datagram));
        }
        other.clear();
        dropped
    }

    /// Forgets the datagrams and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn datagrams_mut(&mut self) -> impl Iterator<Item = (Path, &mut [u8])> {
        let mut rest = self.bytes.as_mut_slice();
        self.entries.iter().map(move |&(path, len)| {
            let (datagram, behind) = std::mem::take(&mut rest).split_at_mut(len);
            rest = behind;
            (path, datagram)
        })
    }
}

/// Which worker serves an address. Holds only addresses that an engine validated, so that nobody
/// can draw away another's datagrams with a forged sender.
pub(crate) type Routes = DashMap<SocketAddr, u8>;

/// One worker's side of the handover.
#[derive(Debug)]
pub(crate) struct Handover {
    own: u8,
    workers: Vec<Arc<Inbox>>,
    routes: Arc<Routes>,
    /// What this turn found for each worker.
    outgoing: Vec<Batch>,
    /// How many more strays this turn shows to the others.
    strays_left: u32,
}

impl Handover {
    pub(crate) fn new(own: u8, workers: Vec<Arc<Inbox>>, routes: Arc<Routes>) -> Self {
        let outgoing = workers.iter().map(|_| Batch::default()).collect();
        Self {
            own,
            workers,
            routes,
            outgoing,
            strays_left: STRAYS_PER_TURN_MAX,
        }
    }

    /// Takes a datagram that belongs to another worker, to hand it over at the end of the turn.
    /// `owns` tells whether this worker's engine validated the sender's address.
    pub(crate) fn takes(
        &mut self,
        path: Path,
        datagram: &[u8],
        owns: impl FnOnce() -> bool,
    ) -> Taken {
        let worker = match worker_of_request(datagram) {
            Some(worker) => Some(worker),
            None if owns() => None,
            None => {
                let known = self.routes.get(&path.remote).map(|worker| *worker);
                if known.is_none() {
                    self.show_stray(path, datagram);
                }
                known
            }
        };
        let Some(worker) = worker.filter(|&worker| worker != self.own) else {
            return Taken::No;
        };
        // A worker that does not exist is a forged ufrag, for the engine to count.
        let Some(batch) = self.outgoing.get_mut(usize::from(worker)) else {
            return Taken::No;
        };
        if batch.push(path, datagram) {
            Taken::HandedOver
        } else {
            Taken::Dropped
        }
    }

    /// Lets the other workers see a datagram that may be this one's as well. A batch without room
    /// for it needs no counting: nothing is lost that anybody is known to wait for.
    fn show_stray(&mut self, path: Path, datagram: &[u8]) {
        if self.strays_left == 0 || !is_media(datagram) {
            return;
        }
        self.strays_left -= 1;
        for (worker, batch) in self.outgoing.iter_mut().enumerate() {
            if worker != usize::from(self.own) {
                batch.push(path, datagram);
            }
        }
    }

    /// Hands over what this turn found, and tells how many datagrams other workers had no room for.
    pub(crate) fn flush(&mut self) -> u64 {
        self.strays_left = STRAYS_PER_TURN_MAX;
        let mut dropped = 0;
        for (worker, batch) in self.workers.iter().zip(&mut self.outgoing) {
            if !batch.is_empty() {
                dropped += worker.hand_over(batch);
            }
        }
        dropped
    }

    /// Learns that this worker's engine validated an address from which datagrams land elsewhere. If
    /// there is no room, the client's next check tries again.
    pub(crate) fn learn(&self, remote: SocketAddr) {
        let is_known = self
            .routes
            .get(&remote)
            .is_some_and(|worker| *worker == self.own);
        if !is_known && !self.is_crowded() {
            self.routes.insert(remote, self.own);
        }
    }

    /// Whether there is no room, so that forgetting should not wait for its time.
    pub(crate) fn is_crowded(&self) -> bool {
        self.routes.len() >= ROUTES_MAX
    }

    /// Forgets the addresses of this worker that its engine has given up.
    pub(crate) fn forget_lost(&self, owns: impl Fn(SocketAddr) -> bool) {
        self.routes
            .retain(|remote, worker| *worker != self.own || owns(*remote));
    }
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is for this worker's engine.
    No,
    /// It goes to another worker.
    HandedOver,
    /// It belongs to another worker, but there is no room for it.
    Dropped,
}

/// Whether a datagram is STUN rather than DTLS or SRTP (RFC 7983).
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&first| first < 4)
}

/// Whether a datagram is RTP or RTCP (RFC 7983).
fn is_media(datagram: &[u8]) -> bool {
    datagram
        .first()
        .is_some_and(|first| (128..=191).contains(first))
}

/// The worker whose number begins the ufrag of a binding request.
fn worker_of_request(datagram: &[u8]) -> Option<u8> {
    if !is_stun(datagram) {
        return None;
    }
    let ufrag = stun_local_ufrag(datagram)?;
    let mut digits = ufrag.chars().map(|digit| digit.to_digit(16));
    u8::try_from(digits.next()?? << 4 | digits.next()??).ok()
}

#[cfg(test)]
pub(crate) fn binding_request(username: &str) -> Vec<u8> {
    let mut attributes = vec![0x80, 0x22, 0, 3, b'a', b'b', b'c', 0, 0, 6];
    attributes.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
    attributes.extend(username.as_bytes());
    attributes.resize(attributes.len().next_multiple_of(4), 0);
    let mut request = vec![0, 1];
    request.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    request.extend([0x21, 0x12, 0xa4, 0x42]);
    request.extend([7; 12]);
    request.extend(attributes);
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Poll, Token, Waker};

    fn path(port: u16) -> Path {
        Path {
            local: None,
            remote: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    fn handovers(count: u8) -> Vec<Handover> {
        let inboxes: Vec<_> = (0..count)
            .map(|_| {
                let poll = Poll::new().unwrap();
                Arc::new(Inbox::new(Waker::new(poll.registry(), Token(0)).unwrap()))
            })
            .collect();
        let routes = Arc::new(Routes::new());
        let handover = |own| Handover::new(own, inboxes.clone(), Arc::clone(&routes));
        (0..count).map(handover).collect()
    }

    fn received(handover: &Handover) -> Vec<(Path, Vec<u8>)> {
        let mut batch = Batch::default();
        handover.workers[usize::from(handover.own)].take_handed_over(&mut batch);
        batch
            .datagrams_mut()
            .map(|(path, datagram)| (path, datagram.to_vec()))
            .collect()
    }

    #[test]
    fn the_ufrag_names_the_worker() {
        assert_eq!(worker_of_request(&binding_request("0bXyz:abcd")), Some(11));
        assert_eq!(worker_of_request(&binding_request("ffXyz:abcd")), Some(255));
        assert_eq!(worker_of_request(&binding_request("g0Xyz:abcd")), None);
        assert_eq!(worker_of_request(&binding_request("0:abcd")), None);
        assert_eq!(worker_of_request(&binding_request("+1abc:abcd")), None);
    }

    #[test]
    fn a_request_cut_anywhere_names_nobody() {
        let request = binding_request("0bX:");
        for len in 0..request.len() {
            assert_eq!(worker_of_request(&request[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn other_messages_and_other_cookies_name_nobody() {
        for (at, value) in [(0, 1), (1, 0x11), (4, 0)] {
            let mut request = binding_request("0bX:");
            request[at] = value;
            assert_eq!(worker_of_request(&request), None, "byte {at}");
        }
    }

    #[test]
    fn a_request_for_another_worker_is_handed_over_once_per_turn() {
        let mut workers = handovers(2);
        let request = binding_request("01abc:def");
        let taken = workers[0].takes(path(1), &request, || false);
        assert_eq!(taken, Taken::HandedOver);
        assert_eq!(received(&workers[1]), [], "not before the turn ends");
        assert_eq!(workers[0].flush(), 0);
        assert_eq!(received(&workers[1]), [(path(1), request)]);
        assert_eq!(received(&workers[1]), []);
    }

    #[test]
    fn own_requests_and_those_of_workers_that_do_not_exist_stay() {
        let mut workers = handovers(2);
        for username in ["00abc:def", "02abc:def"] {
            let request = binding_request(username);
            assert_eq!(workers[0].takes(path(1), &request, || false), Taken::No);
        }
    }

    #[test]
    fn media_follows_a_validated_address_and_only_that() {
        let mut workers = handovers(2);
        let media = [0x80, 0x60, 1, 2];
        assert_eq!(workers[0].takes(path(1), &media, || false), Taken::No);
        workers[1].learn(path(1).remote);
        assert_eq!(
            workers[0].takes(path(1), &media, || false),
            Taken::HandedOver
        );
        assert_eq!(workers[0].takes(path(2), &media, || false), Taken::No);
        assert_eq!(
            workers[0].takes(path(1), &media, || true),
            Taken::No,
            "its own"
        );
        assert_eq!(workers[1].takes(path(1), &media, || false), Taken::No);
    }

    #[test]
    fn media_of_an_unknown_address_is_shown_to_every_worker_and_a_flood_of_it_is_not() {
        let mut workers = handovers(3);
        let media = [0x80, 0x60, 1, 2];
        for _ in 0..1000 {
            assert_eq!(workers[0].takes(path(1), &media, || false), Taken::No);
        }
        assert_eq!(workers[0].flush(), 0);
        for other in [1, 2] {
            assert_eq!(received(&workers[other]).len(), 2);
        }
        assert_eq!(received(&workers[0]), [], "it looks by itself");
        let handshake = [22, 0xfe, 0xfd, 0];
        assert_eq!(workers[0].takes(path(1), &handshake, || false), Taken::No);
        assert_eq!(workers[0].flush(), 0);
        assert_eq!(received(&workers[1]), []);
    }

    #[test]
    fn a_keepalive_that_names_nobody_follows_the_address_too() {
        let mut workers = handovers(2);
        let mut indication = binding_request("00abc:def");
        indication[1] = 0x11;
        workers[1].learn(path(1).remote);
        assert_eq!(
            workers[0].takes(path(1), &indication, || false),
            Taken::HandedOver
        );
    }

    #[test]
    fn an_address_that_the_engine_gave_up_is_forgotten() {
        let mut workers = handovers(2);
        workers[1].learn(path(1).remote);
        workers[1].learn(path(2).remote);
        workers[0].forget_lost(|_| false);
        workers[1].forget_lost(|remote| remote == path(2).remote);
        assert_eq!(workers[0].takes(path(1), &[0x80], || false), Taken::No);
        assert_eq!(
            workers[0].takes(path(2), &[0x80], || false),
            Taken::HandedOver
        );
    }

    #[test]
    fn somebody_who_proves_addresses_without_end_does_not_keep_a_newcomer_out() {
        let mut workers = handovers(2);
        let address = |number: u32| SocketAddr::from((number.to_be_bytes(), 9));
        let kept = u32::try_from(ROUTES_MAX).unwrap();
        for number in 0..1_000_000 {
            workers[1].learn(address(number));
        }
        assert_eq!(workers[1].routes.len(), ROUTES_MAX);
        workers[1].learn(path(1).remote);
        assert!(workers[0].is_crowded(), "every worker sees it");
        workers[1].forget_lost(|remote| remote == address(kept - 1));
        workers[1].learn(path(1).remote);
        let media = [0x80, 0x60];
        let taken = workers[0].takes(path(1), &media, || false);
        assert_eq!(taken, Taken::HandedOver);
    }

    #[test]
    fn a_worker_that_lags_loses_datagrams_and_is_not_buried() {
        let mut workers = handovers(2);
        workers[1].learn(path(1).remote);
        let datagram = vec![0x80; 60_000];
        let (mut kept, mut dropped) = (0, 0);
        for _ in 0..60 {
            match workers[0].takes(path(1), &datagram, || false) {
                Taken::HandedOver => kept += 1,
                Taken::Dropped => dropped += 1,
                Taken::No => panic!("the address is known"),
            }
        }
        assert_eq!((kept, dropped), (34, 26));
        assert_eq!(workers[0].flush(), 0);
        workers[0].takes(path(1), &datagram, || false);
        assert_eq!(workers[0].flush(), 1);
        assert_eq!(received(&workers[1]).len(), 34);
    }
}
