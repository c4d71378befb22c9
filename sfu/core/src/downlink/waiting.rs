//! Packets that have their numbers and wait for their turn on one subscriber's line, in the order in
//! which they came. Holds no payloads: those lie in the `packet_cache` of their encoding, and how they
//! were numbered in `sent_packets`. When a turn comes is decided by `bandwidth::pacer`.

use super::line::PAYLOAD_OVERHEAD_BYTES;
use super::rewriter::Rewritten;
use crate::engine::TrackKey;
use std::collections::VecDeque;

/// Room for so many is taken when the first one waits: a key frame of 300 kB.
const ROOM: usize = 256;
/// No more wait. It takes 20 Mbit/s for half a second, within which the pacer lets everything go, so
/// a line that was given far more than it carries is meant. What comes then is lost on the way, as
/// in a full router, and is sent again when the subscriber asks.
const LEN_MAX: usize = 1024;

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) track: TrackKey,
    /// Where its subscription was among the track's, which is where to look first.
    pub(crate) subscription: usize,
    /// The extended number it is sent under.
    pub(crate) sequence: u64,
    /// Bytes on the line, about.
    pub(crate) size: usize,
}

impl Held {
    /// A packet of a track for the subscription at this place of it, as it was numbered.
    pub(crate) fn new(
        track: TrackKey,
        subscription: usize,
        rewritten: &Rewritten,
        payload_len: usize,
    ) -> Self {
        Self {
            track,
            subscription,
            sequence: rewritten.extended(),
            size: payload_len + PAYLOAD_OVERHEAD_BYTES,
        }
    }
}

/// The queue of one line.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    packets: VecDeque<Held>,
    bytes: u64,
}

impl Waiting {
    /// Puts a packet at the end, or lets go of it if too many wait.
    pub(crate) fn push(&mut self, held: Held) {
        if self.packets.len() == LEN_MAX {
            return;
        }
        if self.packets.capacity() == 0 {
            self.packets.reserve(ROOM);
        }
        self.bytes += bytes(&held);
        self.packets.push_back(held);
    }

    /// Takes the one that waited longest.
    pub(crate) fn pop(&mut self) -> Option<Held> {
        let held = self.packets.pop_front()?;
        self.bytes -= bytes(&held);
        Some(held)
    }

    /// Lets go of all of one track.
    pub(crate) fn leave_off(&mut self, track: TrackKey) {
        self.packets.retain(|held| held.track != track);
        self.bytes = self.packets.iter().map(bytes).sum();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn bytes(held: &Held) -> u64 {
    u64::try_from(held.size).expect("a packet is small")
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotmap::SlotMap;

    #[test]
    fn packets_leave_in_their_order_and_their_bytes_are_counted() {
        let mut waiting = Waiting::default();
        (0..3).for_each(|number| waiting.push(held(number)));
        assert_eq!(waiting.bytes(), 300);
        let order: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        assert_eq!(order, [held(0), held(1), held(2)]);
        assert_eq!((waiting.bytes(), waiting.is_empty()), (0, true));
    }

    #[test]
    fn a_queue_has_an_end_and_keeps_what_came_first() {
        let mut waiting = Waiting::default();
        (0..5000).for_each(|number| waiting.push(held(number)));
        let kept: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        assert_eq!(kept.len(), LEN_MAX);
        assert_eq!(kept.last(), Some(&held(1023)));
        assert_eq!(waiting.bytes(), 0);
    }

    #[test]
    fn what_is_left_off_no_longer_waits() {
        let mut tracks = SlotMap::<TrackKey, ()>::with_key();
        let (one, other) = (tracks.insert(()), tracks.insert(()));
        let mut waiting = Waiting::default();
        for (number, track) in [(0, one), (1, other), (2, one)] {
            waiting.push(Held {
                track,
                ..held(number)
            });
        }
        waiting.leave_off(one);
        assert_eq!(waiting.bytes(), 100);
        assert_eq!(waiting.pop().map(|held| held.sequence), Some(1));
        assert!(waiting.is_empty());
    }

    fn held(sequence: u64) -> Held {
        Held {
            track: TrackKey::default(),
            subscription: 0,
            sequence,
            size: 100,
        }
    }
}
