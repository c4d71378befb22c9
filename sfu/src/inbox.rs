//! What other threads leave for a worker: commands from signaling, datagrams and relayed packets from
//! other workers, and the wish to stop. Leaving something never waits for the worker. Knows no engine.

use crate::handover::Batch;
use crate::load::Load;
use crate::metrics::Snapshot;
use mio::Waker;
use sfu_core::{Command, RelayBatch};
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::error;

/// A worker does some 10⁵ commands a second, so that this many mean that it hangs. Then it has
/// missed commands and no longer agrees with signaling, so its rooms are dropped, see
/// [`Arrived::overflowed`].
pub(crate) const COMMANDS_MAX: usize = 65_536;
/// Messages for data channels are what a client can cause many of. They are dropped long before
/// the other commands are in danger.
pub(crate) const DATA_COMMANDS_MAX: usize = 16_384;

/// Relayed packets that wait: a third of a second of 200 Mbit/s, more than a worker may ever lag. Those
/// of further batches are dropped, and counted.
const RELAYED_BYTES_MAX: usize = 8 << 20;
/// Batches that wait, one for each turn of each other worker: as many as commands, and with the same
/// meaning.
const RELAYED_BATCHES_MAX: usize = COMMANDS_MAX;

/// One worker's inbox.
pub(crate) struct Inbox {
    waker: Waker,
    commands: Mutex<Commands>,
    handed_over: Mutex<Batch>,
    relayed: Mutex<Waiting>,
    peers: AtomicUsize,
    load: Load,
    is_stopping: AtomicBool,
    snapshot: Mutex<Snapshot>,
}

#[derive(Default)]
struct Commands {
    queue: VecDeque<Command>,
    data_dropped: u64,
    overflowed: bool,
}

/// What engines of other workers told.
#[derive(Default)]
struct Waiting {
    batches: VecDeque<Arc<RelayBatch>>,
    bytes: usize,
}

/// What a worker finds besides the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// How many messages for data channels were dropped since the last time.
    pub(crate) data_dropped: u64,
    /// Commands are missing. Of those that came, all but the additions of peers are void.
    pub(crate) overflowed: bool,
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            waker,
            commands: Mutex::default(),
            handed_over: Mutex::default(),
            relayed: Mutex::default(),
            peers: AtomicUsize::new(0),
            load: Load::default(),
            is_stopping: AtomicBool::new(false),
            snapshot: Mutex::default(),
        }
    }

    /// Leaves a command.
    pub(crate) fn push(&self, command: Command) {
        let mut commands = lock(&self.commands);
        let len = commands.queue.len();
        let is_addition = matches!(command, Command::AddPeer { .. });
        if matches!(command, Command::SendData { .. }) && len >= DATA_COMMANDS_MAX {
            commands.data_dropped += 1;
            return;
        }
        commands.overflowed |= len >= COMMANDS_MAX;
        // Peers that are added meanwhile must be told too that they are lost.
        if commands.overflowed && !(is_addition && len < 2 * COMMANDS_MAX) {
            return;
        }
        if is_addition {
            self.peers.fetch_add(1, Ordering::Relaxed);
        }
        commands.queue.push_back(command);
        drop(commands);
        if len == 0 {
            self.wake();
        }
    }

    /// Takes all commands into an empty queue.
    pub(crate) fn take_commands(&self, empty: &mut VecDeque<Command>) -> Arrived {
        let mut commands = lock(&self.commands);
        std::mem::swap(&mut commands.queue, empty);
        Arrived {
            data_dropped: std::mem::take(&mut commands.data_dropped),
            overflowed: std::mem::take(&mut commands.overflowed),
        }
    }

    /// Leaves the datagrams of a batch, which is empty afterwards; tells how many did not fit.
    pub(crate) fn hand_over(&self, batch: &mut Batch) -> u64 {
        let mut handed_over = lock(&self.handed_over);
        let was_empty = handed_over.is_empty();
        let dropped = handed_over.append(batch);
        drop(handed_over);
        if was_empty {
            self.wake();
        }
        dropped
    }

    /// Takes all datagrams into an empty batch.
    pub(crate) fn take_handed_over(&self, empty: &mut Batch) {
        std::mem::swap(&mut *lock(&self.handed_over), empty);
    }

    /// Leaves what another worker's engine tells this one, whose number is `own`; tells how many packets
    /// had no room.
    pub(crate) fn relay(&self, own: u8, batch: &Arc<RelayBatch>) -> u64 {
        let mut relayed = lock(&self.relayed);
        let was_empty = relayed.batches.is_empty();
        let mut dropped = 0;
        let mut batch = Some(Arc::clone(batch));
        if let Some(full) = batch.take_if(|it| relayed.bytes + it.bytes() > RELAYED_BYTES_MAX) {
            dropped = full.packets_for(own);
            batch = full.without_packets().map(Arc::new);
        }
        if relayed.batches.len() >= RELAYED_BATCHES_MAX {
            // It misses news, and no longer agrees with the others about what is.
            lock(&self.commands).overflowed = true;
            batch = None;
        }
        if let Some(batch) = batch {
            relayed.bytes += batch.bytes();
            relayed.batches.push_back(batch);
        }
        drop(relayed);
        if was_empty {
            self.wake();
        }
        dropped
    }

    /// Takes what other workers' engines told into an empty queue.
    pub(crate) fn take_relayed(&self, empty: &mut VecDeque<Arc<RelayBatch>>) {
        let mut relayed = lock(&self.relayed);
        std::mem::swap(&mut relayed.batches, empty);
        relayed.bytes = 0;
    }

    /// Asks the worker to stop.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.wake();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// The peers of the worker, with those that wait to be added.
    pub(crate) fn peers(&self) -> usize {
        self.peers.load(Ordering::Relaxed)
    }

    /// Notes that peers are gone, or were announced twice.
    pub(crate) fn forget_peers(&self, count: usize) {
        self.peers.fetch_sub(count, Ordering::Relaxed);
    }

    /// How busy the worker is.
    pub(crate) const fn load(&self) -> &Load {
        &self.load
    }

    /// What the worker counted last.
    pub(crate) fn snapshot(&self) -> Snapshot {
        lock(&self.snapshot).clone()
    }

    pub(crate) fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut lock(&self.snapshot));
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            error!(%error, "a media worker cannot be woken");
        }
    }
}

/// Nothing panics while it holds one of these locks, and what they guard is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("peers", &self.peers())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll, Token};
    use sfu_core::command::DataChannel;
    use sfu_core::ids::{PeerId, RoomId};
    use std::time::Duration;

    fn inbox() -> (Poll, Inbox) {
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        (poll, Inbox::new(waker))
    }

    fn is_woken(poll: &mut Poll) -> bool {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        !events.is_empty()
    }

    fn remove(peer: u64) -> Command {
        Command::RemovePeer { peer: PeerId(peer) }
    }

    fn add(peer: u64) -> Command {
        Command::AddPeer {
            room: RoomId(1),
            peer: PeerId(peer),
        }
    }

    fn data() -> Command {
        Command::SendData {
            peer: PeerId(1),
            channel: DataChannel::Lossy,
            payload: bytes::Bytes::new(),
        }
    }

    #[test]
    fn commands_come_in_their_order_and_wake_the_worker_once() {
        let (mut poll, inbox) = inbox();
        inbox.push(remove(1));
        assert!(is_woken(&mut poll));
        inbox.push(remove(2));
        assert!(!is_woken(&mut poll));
        let mut queue = VecDeque::new();
        let arrived = inbox.take_commands(&mut queue);
        assert_eq!(queue, [remove(1), remove(2)]);
        assert!(!arrived.overflowed);
        inbox.push(remove(3));
        assert!(is_woken(&mut poll));
    }

    #[test]
    fn messages_are_dropped_before_commands_are() {
        let (_poll, inbox) = inbox();
        for _ in 0..DATA_COMMANDS_MAX + 3 {
            inbox.push(data());
        }
        inbox.push(remove(1));
        let mut queue = VecDeque::new();
        let arrived = inbox.take_commands(&mut queue);
        assert_eq!(arrived.data_dropped, 3);
        assert!(!arrived.overflowed);
        assert_eq!(queue.len(), DATA_COMMANDS_MAX + 1);
        assert_eq!(queue.back(), Some(&remove(1)));
    }

    #[test]
    fn after_too_many_commands_only_added_peers_are_kept() {
        let (_poll, inbox) = inbox();
        for _ in 0..COMMANDS_MAX {
            inbox.push(remove(1));
        }
        inbox.push(remove(2));
        inbox.push(add(3));
        inbox.push(remove(4));
        let mut queue = VecDeque::new();
        assert!(inbox.take_commands(&mut queue).overflowed);
        assert_eq!(queue.len(), COMMANDS_MAX + 1);
        assert_eq!(queue.back(), Some(&add(3)));
        assert!(!inbox.take_commands(&mut VecDeque::new()).overflowed);
    }

    #[test]
    fn a_worker_that_lags_misses_relayed_packets_and_keeps_the_news() {
        let (mut poll, inbox) = inbox();
        let news = Arc::new(RelayBatch::restarted(1));
        for _ in 0..3 {
            assert_eq!(inbox.relay(0, &news), 0);
        }
        assert!(is_woken(&mut poll));
        lock(&inbox.relayed).bytes = RELAYED_BYTES_MAX + 1;
        assert_eq!(inbox.relay(0, &news), 0);
        let mut queue = VecDeque::new();
        inbox.take_relayed(&mut queue);
        assert_eq!(queue.len(), 4);
        assert_eq!(lock(&inbox.relayed).bytes, 0);
        for _ in 0..=RELAYED_BATCHES_MAX {
            inbox.relay(0, &news);
        }
        let arrived = inbox.take_commands(&mut VecDeque::new());
        assert!(arrived.overflowed, "it hangs");
    }

    #[test]
    fn a_peer_counts_from_the_moment_it_is_announced() {
        let (_poll, inbox) = inbox();
        inbox.push(add(1));
        inbox.push(add(2));
        assert_eq!(inbox.peers(), 2);
        inbox.forget_peers(1);
        assert_eq!(inbox.peers(), 1);
    }
}
