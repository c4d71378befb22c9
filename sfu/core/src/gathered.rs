//! Packets of pictures that wait for the end of their turn. Knows which belong together, not who gets
//! them: see `fanout`.

use crate::engine::TrackKey;
use crate::uplink::track::Arrival;
use std::time::Instant;

/// So many packets wait at most: a key frame of 76 kB. Beyond, those that wait are sent first.
const PACKETS_MAX: usize = 64;
/// What a packet is taken to be long when room is made for all that may wait.
const PACKET_LEN: usize = 1500;

/// Packets of pictures that wait for the end of their turn.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) packets: Vec<Packet>,
    /// Their descriptors and payloads, one behind another.
    pub(crate) bytes: Vec<u8>,
    /// When the first of them came.
    since: Option<Instant>,
    /// Of how many packets everyone has been served, and how many have been of the picture behind.
    pub(crate) done: (usize, usize),
    /// Counts the turns: each begins with another subscriber, so that nobody is always the last.
    pub(crate) turns: usize,
}

/// One packet on its way to several subscribers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) track: TrackKey,
    pub(crate) arrival: Arrival,
    /// Packets of one picture have the same.
    pub(crate) picture: usize,
    start: usize,
    descriptor_len: usize,
    payload_len: usize,
    /// Whether it lies in the cache for those who miss it.
    pub(crate) kept: bool,
}

impl Gathered {
    /// When the first of what waits came, which is when it shall leave; `None` if nothing waits.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.since
    }

    /// Whether a packet of this picture can wait with those that do. Of each encoding only one
    /// picture waits: what is known of its layers may be different from the next one on.
    pub(crate) fn takes(&self, track: TrackKey, encoding: usize, timestamp: u32) -> bool {
        let waiting = self.find(track, encoding);
        self.packets.len() < PACKETS_MAX
            && self.done == (0, 0)
            && waiting.is_none_or(|it| it.arrival.incoming.timestamp == timestamp)
    }

    fn find(&self, track: TrackKey, encoding: usize) -> Option<&Packet> {
        let is_it = |it: &&Packet| it.track == track && it.arrival.incoming.encoding == encoding;
        self.packets.iter().rev().find(is_it)
    }

    /// Lets a packet wait; its picture must be one that [`Gathered::takes`].
    pub(crate) fn push(
        &mut self,
        now: Instant,
        track: TrackKey,
        arrival: &Arrival,
        (descriptor, payload): (&[u8], &[u8]),
    ) {
        if self.packets.capacity() == 0 {
            self.packets.reserve(PACKETS_MAX);
            self.bytes.reserve(PACKETS_MAX * PACKET_LEN);
        }
        let known = self.find(track, arrival.incoming.encoding);
        let picture = known.map_or(self.packets.len(), |it| it.picture);
        self.packets.push(Packet {
            track,
            arrival: *arrival,
            picture,
            start: self.bytes.len(),
            descriptor_len: descriptor.len(),
            payload_len: payload.len(),
            kept: false,
        });
        self.bytes.extend_from_slice(descriptor);
        self.bytes.extend_from_slice(payload);
        self.since.get_or_insert(now);
    }

    /// Begins the next turn.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.bytes.clear();
        self.since = None;
        self.done = (0, 0);
        self.turns = self.turns.wrapping_add(1);
    }

    /// Puts the packets of each picture together, in the order in which pictures began.
    pub(crate) fn sort(&mut self) {
        if self.done == (0, 0) && self.packets.iter().any(|packet| packet.picture != 0) {
            let order = |packet: &Packet| (packet.picture, packet.start, packet.payload_len);
            self.packets.sort_unstable_by_key(order);
        }
    }
}

impl Packet {
    /// One that does not wait: its payload is all there is.
    pub(crate) const fn alone(track: TrackKey, arrival: &Arrival, payload_len: usize) -> Self {
        Self {
            track,
            arrival: *arrival,
            picture: 0,
            start: 0,
            descriptor_len: 0,
            payload_len,
            kept: false,
        }
    }

    /// The descriptor, and the payload.
    pub(crate) fn split<'a>(&self, bytes: &'a mut [u8]) -> (&'a [u8], &'a mut [u8]) {
        let end = self.start + self.descriptor_len + self.payload_len;
        let (descriptor, payload) = bytes[self.start..end].split_at_mut(self.descriptor_len);
        (descriptor, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downlink::rewriter::Incoming;
    use crate::test_clock::start;
    use crate::uplink::redundancy::Form;
    use slotmap::SlotMap;

    #[test]
    fn the_packets_of_each_picture_come_together_in_the_order_they_came() {
        let [camera, screen] = two_tracks();
        let mut gathered = Gathered::default();
        let came = [
            (camera, 2, 1),
            (screen, 0, 9),
            (camera, 2, 2),
            (screen, 0, 8),
        ];
        for (track, encoding, byte) in came {
            push(&mut gathered, track, (encoding, 90), byte);
        }
        gathered.sort();
        let mut bytes = gathered.bytes.clone();
        let order: Vec<u8> = gathered
            .packets
            .iter()
            .map(|packet| packet.split(&mut bytes).1[0])
            .collect();
        assert_eq!(order, [1, 2, 9, 8]);
    }

    #[test]
    fn of_each_encoding_one_picture_waits() {
        let [camera, screen] = two_tracks();
        let mut gathered = Gathered::default();
        push(&mut gathered, camera, (2, 90), 1);
        assert!(gathered.takes(camera, 2, 90));
        assert!(!gathered.takes(camera, 2, 3090), "the next picture");
        assert!(gathered.takes(camera, 1, 3090), "another encoding");
        assert!(gathered.takes(screen, 2, 3090), "another track");
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let [camera, _] = two_tracks();
        let mut gathered = Gathered::default();
        for _ in 0..PACKETS_MAX {
            assert!(gathered.takes(camera, 0, 90));
            push(&mut gathered, camera, (0, 90), 1);
        }
        assert!(!gathered.takes(camera, 0, 90));
        gathered.clear();
        assert!(gathered.takes(camera, 0, 90));
        assert_eq!(gathered.due_at(), None);
    }

    fn push(
        gathered: &mut Gathered,
        track: TrackKey,
        (encoding, timestamp): (usize, u32),
        byte: u8,
    ) {
        let arrival = Arrival {
            incoming: Incoming {
                encoding,
                sequence: 1,
                timestamp,
                picture: None,
                frame: None,
                clock: None,
            },
            switchable: false,
            marker: false,
            form: Form::Plain,
        };
        gathered.push(start(), track, &arrival, (&[], &[byte]));
    }

    fn two_tracks() -> [TrackKey; 2] {
        let mut tracks: SlotMap<TrackKey, ()> = SlotMap::with_key();
        [tracks.insert(()), tracks.insert(())]
    }
}
