//! The last key frame of an encoding with everything since, so that whoever comes next sees
//! something at once, and two hundred who come together cost the publisher no more than one.
//! Knows packets and no subscriber.

use crate::downlink::rewriter::Incoming;
use crate::uplink::track::Arrival;

/// Bytes kept, and sent to a newcomer at once: three seconds of a camera's smallest encoding.
/// Beyond it nothing is kept until the next key frame.
pub(crate) const BYTES_MAX: usize = 64 * 1024;
/// Packets kept: with small pictures the number ends it before the bytes do.
const PACKETS_MAX: usize = 512;

/// The packets of one encoding since its last key frame.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// By sequence number, from the first packet of the key frame on.
    packets: Vec<Kept>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    arrival: Arrival,
    start: usize,
    len: usize,
}

impl Opening {
    /// Keeps a packet as it came, if the key frame before it is still here.
    pub(crate) fn keep(&mut self, arrival: &Arrival, payload: &[u8]) {
        if arrival.switchable && self.begins_anew(&arrival.incoming) {
            self.clear();
            self.packets.reserve_exact(PACKETS_MAX);
            self.bytes.reserve_exact(BYTES_MAX);
        } else if self
            .packets
            .first()
            .is_none_or(|first| arrival.incoming.sequence < first.arrival.incoming.sequence)
        {
            return;
        }
        if self.packets.len() == PACKETS_MAX || self.bytes.len() + payload.len() > BYTES_MAX {
            return self.clear();
        }
        let kept = Kept {
            arrival: *arrival,
            start: self.bytes.len(),
            len: payload.len(),
        };
        self.bytes.extend_from_slice(payload);
        let sequence = arrival.incoming.sequence;
        let behind = |before: &Kept| before.arrival.incoming.sequence < sequence;
        // Nearly always the end.
        let place = self.packets.partition_point(behind);
        self.packets.insert(place, kept);
    }

    /// Forgets everything: its publisher begins another stream.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.bytes.clear();
    }

    /// How many bytes they are; `None` if there is nothing, or something is missing between.
    pub(crate) fn complete_len(&self) -> Option<usize> {
        let (first, last) = (self.packets.first()?, self.packets.last()?);
        let span = last.arrival.incoming.sequence - first.arrival.incoming.sequence + 1;
        let is_complete = usize::try_from(span).is_ok_and(|span| span == self.packets.len());
        is_complete.then_some(self.bytes.len())
    }

    /// The packets in their order. Their timestamps are brought so close together that a decoder
    /// shows the last picture without the time that passed since the first.
    pub(crate) fn packets(&self, ticks_between: u32) -> impl Iterator<Item = (Arrival, &[u8])> {
        let newest = self.packets.last().map_or(0, Kept::timestamp);
        let mut left = self.pictures();
        let mut before = self.packets.first().map_or(0, Kept::timestamp);
        left = left.saturating_sub(1);
        self.packets.iter().map(move |kept| {
            if kept.timestamp() != before {
                before = kept.timestamp();
                left = left.saturating_sub(1);
            }
            let mut arrival = kept.arrival;
            arrival.incoming.timestamp = newest.wrapping_sub(left.wrapping_mul(ticks_between));
            (arrival, &self.bytes[kept.start..kept.start + kept.len])
        })
    }

    fn pictures(&self) -> u32 {
        let changes = self
            .packets
            .windows(2)
            .filter(|pair| pair[0].timestamp() != pair[1].timestamp());
        u32::try_from(changes.count() + 1).expect("at most PACKETS_MAX")
    }

    /// Whether it is a key frame of its own and not another packet of the one that is here.
    fn begins_anew(&self, incoming: &Incoming) -> bool {
        self.packets
            .first()
            .is_none_or(|first| first.timestamp() != incoming.timestamp)
    }
}

impl Kept {
    fn timestamp(&self) -> u32 {
        self.arrival.incoming.timestamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_before_a_key_frame() {
        let mut opening = Opening::default();
        opening.keep(&arrival(1, 10, false), &[1; 100]);
        assert_eq!(opening.complete_len(), None);
    }

    #[test]
    fn a_gap_makes_it_useless_until_the_packet_is_repaired() {
        let mut opening = Opening::default();
        opening.keep(&arrival(1, 10, true), &[1]);
        opening.keep(&arrival(3, 20, false), &[3]);
        assert_eq!(opening.complete_len(), None);
        opening.keep(&arrival(2, 10, false), &[2]);
        assert_eq!(opening.complete_len(), Some(3));
        let order: Vec<&[u8]> = opening.packets(1).map(|(_, payload)| payload).collect();
        assert_eq!(order, [[1], [2], [3]]);
    }

    #[test]
    fn the_next_key_frame_replaces_all_that_was_before() {
        let mut opening = Opening::default();
        opening.keep(&arrival(1, 10, true), &[1]);
        opening.keep(&arrival(2, 20, true), &[2]);
        opening.keep(&arrival(1, 10, false), &[1]);
        assert_eq!(opening.complete_len(), Some(1));
    }

    #[test]
    fn what_grows_too_long_is_dropped_until_the_next_key_frame() {
        let mut opening = Opening::default();
        opening.keep(&arrival(1, 10, true), &[0; 1000]);
        for number in 2..100 {
            opening.keep(&arrival(number, 20, false), &[0; 1000]);
        }
        assert_eq!(opening.complete_len(), None);
        opening.keep(&arrival(100, 30, true), &[0; 1000]);
        assert_eq!(opening.complete_len(), Some(1000));
    }

    #[test]
    fn the_past_is_told_in_a_moment_that_ends_now() {
        let mut opening = Opening::default();
        for (number, timestamp) in [(1, 3000), (2, 3000), (3, 6000), (4, 9000), (5, 9000)] {
            opening.keep(&arrival(number, timestamp, number == 1), &[0]);
        }
        let packets = opening.packets(90);
        let timestamps: Vec<u32> = packets.map(|(it, _)| it.incoming.timestamp).collect();
        assert_eq!(timestamps, [8820, 8820, 8910, 9000, 9000]);
    }

    fn arrival(sequence: u64, timestamp: u32, switchable: bool) -> Arrival {
        Arrival {
            incoming: Incoming {
                encoding: 0,
                sequence,
                timestamp,
                picture: None,
                frame: None,
                clock: None,
            },
            switchable,
            marker: true,
            form: crate::uplink::redundancy::Form::Plain,
        }
    }
}
