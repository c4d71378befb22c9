//! Which packets are the last key frame of an encoding with everything since, so that whoever comes
//! next sees something at once, and two hundred who come together cost the publisher no more than
//! one. Knows packets and no subscriber; their payloads are in the encoding's `packet_cache`.

use crate::downlink::rewriter::Incoming;
use crate::uplink::track::Arrival;

/// Bytes held, and sent to a newcomer at once: three seconds of a camera's smallest encoding.
/// Beyond it nothing is held until the next key frame.
pub(crate) const BYTES_MAX: usize = 64 * 1024;
/// Packets held, as many as the cache has slots: with small pictures the number ends it before the
/// bytes do.
const PACKETS_MAX: usize = 512;

/// The packets of one encoding since its last key frame.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// By sequence number, from the first packet of the key frame on.
    packets: Vec<Opener>,
    bytes: usize,
}

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opener {
    /// Its extended number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// Whether a decoder can start with it.
    pub(crate) switchable: bool,
    pub(crate) marker: bool,
}

impl Opening {
    /// Takes note of a packet of so many bytes, if the key frame before it is still held. Returns
    /// whether its payload is needed.
    pub(crate) fn keep(&mut self, arrival: &Arrival, len: usize) -> bool {
        let incoming = &arrival.incoming;
        let sequence = incoming.sequence;
        if arrival.switchable && self.begins_anew(incoming) {
            self.clear();
            self.packets.reserve_exact(PACKETS_MAX);
        } else if self.first().is_none_or(|first| sequence < first) {
            return false;
        }
        if self.packets.len() == PACKETS_MAX || self.bytes + len > BYTES_MAX {
            self.clear();
            return false;
        }
        self.bytes += len;
        // Nearly always the end.
        let place = self.packets.partition_point(|it| it.sequence < sequence);
        let opener = Opener {
            sequence,
            timestamp: incoming.timestamp,
            switchable: arrival.switchable,
            marker: arrival.marker,
        };
        self.packets.insert(place, opener);
        true
    }

    /// Forgets everything: its publisher begins another stream.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.bytes = 0;
    }

    /// The extended number of the first packet.
    pub(crate) fn first(&self) -> Option<u64> {
        self.packets.first().map(|first| first.sequence)
    }

    /// How many bytes they are; `None` if there is nothing, or something is missing between.
    pub(crate) fn complete_len(&self) -> Option<usize> {
        let (first, last) = (self.packets.first()?, self.packets.last()?);
        let span = last.sequence - first.sequence + 1;
        let is_complete = usize::try_from(span).is_ok_and(|span| span == self.packets.len());
        is_complete.then_some(self.bytes)
    }

    /// The packets in their order. Their timestamps are brought so close together that a decoder
    /// shows the last picture without the time that passed since the first.
    pub(crate) fn packets(&self, ticks_between: u32) -> impl Iterator<Item = Opener> {
        let newest = self.packets.last().map_or(0, |last| last.timestamp);
        let mut before = self.packets.first().map_or(0, |first| first.timestamp);
        let mut left = self.pictures().saturating_sub(1);
        self.packets.iter().map(move |opener| {
            if opener.timestamp != before {
                before = opener.timestamp;
                left = left.saturating_sub(1);
            }
            Opener {
                timestamp: newest.wrapping_sub(left.wrapping_mul(ticks_between)),
                ..*opener
            }
        })
    }

    fn pictures(&self) -> u32 {
        let changes = self
            .packets
            .windows(2)
            .filter(|pair| pair[0].timestamp != pair[1].timestamp);
        u32::try_from(changes.count() + 1).expect("at most PACKETS_MAX")
    }

    /// Whether it is a key frame of its own and not another packet of the one that is here.
    fn begins_anew(&self, incoming: &Incoming) -> bool {
        self.packets
            .first()
            .is_none_or(|first| first.timestamp != incoming.timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_before_a_key_frame() {
        let mut opening = Opening::default();
        opening.keep(&arrival(1, 10, false), 100);
        assert_eq!(opening.complete_len(), None);
    }

    #[test]
    fn a_gap_makes_it_useless_until_the_packet_is_repaired() {
        let mut opening = Opening::default();
        opening.keep(&arrival(1, 10, true), 1);
        opening.keep(&arrival(3, 20, false), 1);
        assert_eq!(opening.complete_len(), None);
        opening.keep(&arrival(2, 10, false), 1);
        assert_eq!(opening.complete_len(), Some(3));
        let order: Vec<u64> = opening.packets(1).map(|it| it.sequence).collect();
        assert_eq!(order, [1, 2, 3]);
    }

    #[test]
    fn the_next_key_frame_replaces_all_that_was_before() {
        let mut opening = Opening::default();
        opening.keep(&arrival(1, 10, true), 1);
        opening.keep(&arrival(2, 20, true), 1);
        opening.keep(&arrival(1, 10, false), 1);
        assert_eq!(opening.complete_len(), Some(1));
    }

    #[test]
    fn what_grows_too_long_is_dropped_until_the_next_key_frame() {
        let mut opening = Opening::default();
        opening.keep(&arrival(1, 10, true), 1000);
        for number in 2..100 {
            opening.keep(&arrival(number, 20, false), 1000);
        }
        assert_eq!(opening.complete_len(), None);
        opening.keep(&arrival(100, 30, true), 1000);
        assert_eq!(opening.complete_len(), Some(1000));
    }

    #[test]
    fn the_past_is_told_in_a_moment_that_ends_now() {
        let mut opening = Opening::default();
        for (number, timestamp) in [(1, 3000), (2, 3000), (3, 6000), (4, 9000), (5, 9000)] {
            opening.keep(&arrival(number, timestamp, number == 1), 1);
        }
        let packets = opening.packets(90);
        let timestamps: Vec<u32> = packets.map(|it| it.timestamp).collect();
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
