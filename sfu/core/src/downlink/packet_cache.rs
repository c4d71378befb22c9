//! The last second of one encoding's payloads, kept once for all who get it, so that each can be
//! sent a packet again. Knows payloads and their numbers, and no subscriber: see `sent_packets`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long payloads are kept. Four round trips of a bad line: what was not repaired by then is
/// replaced by a key frame.
pub(crate) const KEEP: Duration = Duration::from_secs(1);
/// Packets kept: a second of 4 Mbit/s, twice a camera's best encoding. Older ones are overwritten.
const SLOTS: usize = 512;
/// Payloads lie one behind another in blocks, so that memory follows the bitrate: two blocks for a
/// voice, thirty for a camera's best encoding.
const BLOCK_LEN: usize = 8 * 1024;
/// 512 KiB: a second of 4 Mbit/s. Beyond it the oldest block is overwritten before its time.
const BLOCKS_MAX: usize = 64;
/// Longer ones do not fit a datagram on any path that media takes; they are not kept.
const KEPT_LEN_MAX: usize = 1500;

/// The payloads of one encoding.
#[derive(Debug, Default)]
pub(crate) struct PacketCache {
    /// A ring by sequence number; empty until the first payload.
    slots: Vec<Slot>,
    blocks: VecDeque<Block>,
    /// The number of the first block; the others count on.
    first_block: u32,
    /// The first block that is kept beyond its time.
    held: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Low 32 bits of the extended number.
    sequence: u32,
    block: u32,
    start: u16,
    /// Of both; `None` for a slot without a packet. An empty payload was padding.
    len: Option<u16>,
    /// Of the dependency descriptor, which lies before the payload.
    descriptor_len: u8,
}

#[derive(Debug)]
struct Block {
    bytes: Vec<u8>,
    newest_at: Instant,
}

impl PacketCache {
    /// Keeps a payload as it came, with the dependency descriptor it came with, if any. `sequence`
    /// is the low half of its extended number; one that is here already is not kept again.
    pub(crate) fn keep(&mut self, now: Instant, sequence: u32, descriptor: &[u8], payload: &[u8]) {
        let len = descriptor.len() + payload.len();
        let Ok(descriptor_len) = u8::try_from(descriptor.len()) else {
            return;
        };
        if len > KEPT_LEN_MAX || self.packet(sequence).is_some() {
            return;
        }
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, Slot::default());
        }
        let fits = self
            .blocks
            .back()
            .is_some_and(|block| block.bytes.len() + len <= BLOCK_LEN);
        if !fits {
            self.open_block(now);
        }
        let last = u32::try_from(self.blocks.len() - 1).expect("at most BLOCKS_MAX");
        let block = self.blocks.back_mut().expect("one was opened");
        self.slots[index(sequence)] = Slot {
            sequence,
            block: self.first_block.wrapping_add(last),
            start: u16::try_from(block.bytes.len()).expect("a block is shorter"),
            len: Some(u16::try_from(len).expect("longer ones are not kept")),
            descriptor_len,
        };
        block.bytes.extend_from_slice(descriptor);
        block.bytes.extend_from_slice(payload);
        block.newest_at = now;
    }

    /// Keeps everything from a packet on beyond its time, as far as there is room; without one,
    /// nothing.
    pub(crate) fn hold(&mut self, from: Option<u32>) {
        let slot = from.and_then(|sequence| self.slots.get(index(sequence)));
        let slot = slot.filter(|slot| Some(slot.sequence) == from);
        self.held = slot.map(|slot| slot.block);
    }

    /// A dependency descriptor and a payload as they came, if they are still here.
    pub(crate) fn packet(&self, sequence: u32) -> Option<(&[u8], &[u8])> {
        let slot = self.slots.get(index(sequence))?;
        let len = slot.len.filter(|_| slot.sequence == sequence)?;
        // A block that was reused has another number: the distance is out of range then.
        let block = usize::try_from(slot.block.wrapping_sub(self.first_block)).ok()?;
        let start = usize::from(slot.start);
        let bytes = self.blocks.get(block)?.bytes.get(start..)?;
        bytes
            .get(..usize::from(len))?
            .split_at_checked(usize::from(slot.descriptor_len))
    }

    /// Takes the oldest block if it has served its time, or a new one.
    fn open_block(&mut self, now: Instant) {
        let spent = self
            .blocks
            .front()
            .is_some_and(|oldest| now.duration_since(oldest.newest_at) > KEEP)
            && self.held != Some(self.first_block);
        let reused = if spent || self.blocks.len() == BLOCKS_MAX {
            self.first_block = self.first_block.wrapping_add(1);
            self.blocks.pop_front()
        } else {
            None
        };
        let mut block = reused.unwrap_or_else(|| Block {
            bytes: Vec::with_capacity(BLOCK_LEN),
            newest_at: now,
        });
        block.bytes.clear();
        self.blocks.push_back(block);
    }
}

fn index(sequence: u32) -> usize {
    usize::try_from(sequence).expect("32 bits fit") % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    #[test]
    fn each_payload_of_the_last_second_is_there_as_it_came() {
        let mut cache = PacketCache::default();
        let now = start();
        // 3 Mbit/s over a wrap of the low half.
        let numbers = (u32::MAX - 700..=u32::MAX).chain(0..700);
        for (step, sequence) in (0_u64..).zip(numbers.clone()) {
            cache.keep(at(now, step), sequence, b"descriptor", &payload(sequence));
        }
        let kept = numbers.skip(1401 - 330);
        for sequence in kept {
            let expected = (&b"descriptor"[..], &payload(sequence)[..]);
            assert_eq!(cache.packet(sequence), Some(expected));
        }
        assert_eq!(cache.packet(100), None, "overwritten");
    }

    #[test]
    fn a_packet_that_never_came_is_not_answered_with_another() {
        let mut cache = PacketCache::default();
        let now = start();
        assert_eq!(cache.packet(0), None);
        cache.keep(now, 5, &[], &[1]);
        cache.keep(now, 7, &[], &[]);
        assert_eq!(cache.packet(7), Some((&[][..], &[][..])), "padding");
        for other in [4, 6, 5 + 512] {
            assert_eq!(cache.packet(other), None);
        }
    }

    #[test]
    fn memory_follows_the_bitrate_and_has_an_end() {
        let now = start();
        let blocks_at = |interval_ms: u64, len: usize| {
            let mut cache = PacketCache::default();
            for step in 0..20_000 {
                let sequence = u32::try_from(step).unwrap();
                let at = now + Duration::from_millis(step * interval_ms);
                cache.keep(at, sequence, &[], &vec![0; len]);
            }
            cache.blocks.len()
        };
        assert_eq!(blocks_at(20, 80), 2, "a voice");
        assert!((20..40).contains(&blocks_at(5, 1100)), "1.8 Mbit/s");
        assert_eq!(blocks_at(1, 1200), BLOCKS_MAX, "10 Mbit/s");
    }

    #[test]
    fn what_is_held_stays_beyond_its_time_but_not_beyond_the_room() {
        let now = start();
        let mut cache = PacketCache::default();
        cache.keep(now, 0, &[], &[1; 1000]);
        cache.hold(Some(0));
        for sequence in 1..100 {
            let at = now + Duration::from_secs(sequence.into());
            cache.keep(at, sequence, &[], &[2; 1000]);
        }
        assert_eq!(cache.packet(0), Some((&[][..], &[1; 1000][..])));
        cache.hold(None);
        for sequence in 100..110 {
            cache.keep(now + Duration::from_secs(200), sequence, &[], &[3; 1000]);
        }
        assert_eq!(cache.packet(0), None);
        cache.hold(Some(109));
        for sequence in 110..620 {
            cache.keep(now + Duration::from_secs(200), sequence, &[], &[4; 1400]);
        }
        assert_eq!(cache.packet(109), None);
        assert_eq!(cache.blocks.len(), BLOCKS_MAX);
    }

    #[test]
    fn what_is_here_is_not_kept_twice() {
        let mut cache = PacketCache::default();
        for _ in 0..1000 {
            cache.keep(start(), 1, &[], &[5; 1000]);
        }
        assert_eq!(cache.blocks.len(), 1);
    }

    #[test]
    fn what_is_longer_than_a_datagram_is_not_kept() {
        let mut cache = PacketCache::default();
        cache.keep(start(), 1, &[0], &[0; KEPT_LEN_MAX]);
        assert_eq!(cache.packet(1), None);
    }

    fn at(start: Instant, step: u64) -> Instant {
        start + Duration::from_millis(step * 3)
    }

    fn payload(sequence: u32) -> Vec<u8> {
        let len = 900 + usize::try_from(sequence % 300).unwrap();
        sequence
            .to_be_bytes()
            .into_iter()
            .cycle()
            .take(len)
            .collect()
    }
}
