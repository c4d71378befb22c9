//! What the engines of one spread room tell each other: packets that came in at one of them, and news
//! of their tracks. Knows how that is carried, not what an engine makes of it: see `relaying`.
//!
//! Engines that share a room are in one process, and what they tell each other arrives in its order
//! or, if the receiver lags too far, without some of its packets; so nothing is ever asked for twice.

use crate::command::{Purpose, TrackSpec};
use crate::downlink::rewriter::ClockPoint;
use crate::ids::{PeerId, RoomId, TrackId};
use crate::rtp::{Packet, Ssrc};
use crate::units::Codec;
use crate::uplink::audience::Ear;
use crate::uplink::demand::Best;
use crate::uplink::track::TrackSection;
use std::ops::Range;

/// Packets of one turn: more than a turn reads, which is a few batches of datagrams. What comes on top
/// is dropped, and counted.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// A worker is named by eight bits, see [`EngineConfig::worker`](crate::EngineConfig::worker).
const WORDS: usize = 4;
const WORD_BITS: u8 = 64;

/// A set of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Workers([u64; WORDS]);

impl Workers {
    /// Nobody.
    pub const NONE: Self = Self([0; WORDS]);

    /// Adds one.
    pub fn insert(&mut self, worker: u8) {
        let (word, bit) = place(worker);
        self.0[word] |= bit;
    }

    /// Takes one out.
    pub fn remove(&mut self, worker: u8) {
        let (word, bit) = place(worker);
        self.0[word] &= !bit;
    }

    /// Whether one is in it.
    pub fn contains(&self, worker: u8) -> bool {
        let (word, bit) = place(worker);
        self.0[word] & bit != 0
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// How many they are.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = u8> + use<> {
        let all = *self;
        (0..=u8::MAX).filter(move |worker| all.contains(*worker))
    }

    fn add_all(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(others.0) {
            *word |= other;
        }
    }
}

impl FromIterator<u8> for Workers {
    fn from_iter<I: IntoIterator<Item = u8>>(workers: I) -> Self {
        let mut set = Self::NONE;
        for worker in workers {
            set.insert(worker);
        }
        set
    }
}

fn place(worker: u8) -> (usize, u64) {
    (usize::from(worker / WORD_BITS), 1 << (worker % WORD_BITS))
}

/// What one engine tells others in one turn. Each of them takes what is for it; the payloads are here
/// once for all.
#[derive(Debug, Default)]
pub struct RelayBatch {
    from: u8,
    bytes: Vec<u8>,
    items: Vec<Item>,
}

#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) to: Workers,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Packet(Relayed),
    News(News),
}

/// Where a relayed packet belongs, and where in the batch its bytes are.
#[derive(Debug, Clone)]
pub(crate) struct Relayed {
    pub(crate) rendition: Rendition,
    pub(crate) encoding: usize,
    /// Whether the publisher sent it again.
    pub(crate) repaired: bool,
    at: Range<usize>,
}

/// A rendition of a track, as every engine knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rendition {
    pub(crate) track: TrackId,
    /// The codec of a backup; `None` is the first rendition.
    pub(crate) backup: Option<Codec>,
}

/// What changed in a room, or is wanted of a track.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// The sender has peers of that room: it wants to know the receiver's tracks, from here on.
    Hello { room: RoomId },
    /// The answer to a hello: all tracks were told.
    Known { room: RoomId },
    /// The sender has no peers of that room any more.
    Left { room: RoomId },
    /// The sender started afresh: it has no room.
    Restarted,
    /// A track can be sent on.
    Track(Box<Announced>),
    /// A rendition ended.
    Ended(Rendition),
    /// A track was muted or unmuted.
    Muted { track: TrackId, muted: bool },
    /// A track is for something else.
    Dedicated { track: TrackId, purpose: Purpose },
    /// A publisher sits elsewhere.
    Seated {
        room: RoomId,
        peer: PeerId,
        ear: Ear,
    },
    /// A publisher's sender report of one stream.
    Clock {
        track: TrackId,
        ssrc: Ssrc,
        clock: ClockPoint,
    },
    /// How much of a track the sender's peers want, of each rendition.
    Wanted {
        track: TrackId,
        wants: Vec<(Option<Codec>, Best)>,
    },
    /// Somebody at the sender's waits for a key frame.
    Keyframe { track: TrackId, ssrc: Ssrc },
}

/// One rendition of a track, as far as those need to know it who send it on.
#[derive(Debug, Clone)]
pub(crate) struct Announced {
    pub(crate) room: RoomId,
    pub(crate) rendition: Rendition,
    pub(crate) publisher: PeerId,
    pub(crate) ear: Ear,
    pub(crate) spec: TrackSpec,
    pub(crate) section: TrackSection,
    /// The names of its encodings, smallest first; empty for a single one without a name.
    pub(crate) rids: Vec<String>,
}

impl RelayBatch {
    /// What tells the others that a worker's engine was replaced.
    pub fn restarted(from: u8) -> Self {
        let item = Item {
            to: (0..=u8::MAX).collect(),
            what: What::News(News::Restarted),
        };
        Self {
            from,
            bytes: Vec::new(),
            items: vec![item],
        }
    }

    /// Whose it is.
    pub const fn from(&self) -> u8 {
        self.from
    }

    /// Who should get it.
    pub fn to(&self) -> Workers {
        let mut all = Workers::NONE;
        for item in &self.items {
            all.add_all(&item.to);
        }
        all
    }

    /// How many packets in it are for a worker.
    pub fn packets_for(&self, worker: u8) -> u64 {
        let is_packet =
            |item: &&Item| item.to.contains(worker) && matches!(item.what, What::Packet(_));
        u64::try_from(self.items.iter().filter(is_packet).count()).unwrap_or(u64::MAX)
    }

    /// The bytes of its packets.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The same without its packets, for somebody who lags; `None` if nothing is left.
    pub fn without_packets(&self) -> Option<Self> {
        let news = |item: &Item| match &item.what {
            What::Packet(_) => None,
            What::News(news) => Some(Item {
                to: item.to,
                what: What::News(news.clone()),
            }),
        };
        let items: Vec<_> = self.items.iter().filter_map(news).collect();
        (!items.is_empty()).then_some(Self {
            from: self.from,
            bytes: Vec::new(),
            items,
        })
    }

    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(crate) fn packet(&self, relayed: &Relayed) -> &[u8] {
        &self.bytes[relayed.at.clone()]
    }
}

/// What an engine collects in a turn for the others.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    batch: RelayBatch,
    /// How much the last batch had, so that the next need not grow.
    usual: (usize, usize),
}

/// A packet that came in, with the bytes of its header as they came.
pub(crate) struct Incoming<'a> {
    pub(crate) packet: &'a Packet<'a>,
    pub(crate) header: &'a [u8],
    pub(crate) rendition: Rendition,
    pub(crate) encoding: usize,
    pub(crate) repaired: bool,
}

impl Outgoing {
    /// Adds a packet; false if there is no room for it.
    ///
    /// What came as a retransmission goes on as the packet that it carried, and padding is left out.
    pub(crate) fn push_packet(&mut self, to: Workers, incoming: &Incoming<'_>) -> bool {
        let (packet, bytes) = (incoming.packet, &mut self.batch.bytes);
        let start = bytes.len();
        if start + incoming.header.len() + packet.payload.len() > BATCH_BYTES_MAX {
            return false;
        }
        bytes.extend_from_slice(incoming.header);
        let header = &mut bytes[start..];
        header[0] &= !PADDING_BIT;
        header[1] = header[1] & MARKER_BIT | packet.payload_type;
        header[2..4].copy_from_slice(&packet.sequence.0.to_be_bytes());
        header[8..12].copy_from_slice(&packet.ssrc.0.to_be_bytes());
        bytes.extend_from_slice(packet.payload);
        let relayed = Relayed {
            rendition: incoming.rendition,
            encoding: incoming.encoding,
            repaired: incoming.repaired,
            at: start..bytes.len(),
        };
        self.batch.items.push(Item {
            to,
            what: What::Packet(relayed),
        });
        true
    }

    pub(crate) fn push_news(&mut self, to: Workers, news: News) {
        if !to.is_empty() {
            let what = What::News(news);
            self.batch.items.push(Item { to, what });
        }
    }

    /// What was collected; `None` if that is nothing.
    pub(crate) fn take(&mut self, from: u8) -> Option<RelayBatch> {
        if self.batch.items.is_empty() {
            return None;
        }
        let (bytes, items) = self.usual;
        let next = RelayBatch {
            from,
            bytes: Vec::with_capacity(bytes),
            items: Vec::with_capacity(items),
        };
        let mut batch = std::mem::replace(&mut self.batch, next);
        batch.from = from;
        self.usual = (batch.bytes.len(), batch.items.len());
        Some(batch)
    }
}

/// Bits of the first two bytes of an RTP header (RFC 3550, section 5.1).
const PADDING_BIT: u8 = 0x20;
const MARKER_BIT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_exactly_those_who_were_put_in_and_not_taken_out() {
        let mut set: Workers = [0, 63, 64, 255].into_iter().collect();
        set.remove(63);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 64, 255]);
        assert_eq!(set.len(), 3);
        for worker in [0, 64, 255] {
            set.remove(worker);
        }
        assert!(set.is_empty());
    }

    #[test]
    fn a_packet_goes_on_under_its_own_number_and_without_padding() {
        let mut bytes = vec![0xb0, 0xe1, 0, 9, 0, 0, 0, 5, 0, 0, 0, 8];
        bytes.extend([0xbe, 0xde, 0, 1, 0x10, 0x2a, 0, 0]);
        let header = bytes.len();
        bytes.extend([1, 2, 3, 0, 0, 3]);
        let packet = Packet::parse(&bytes).unwrap();
        let carried = Packet {
            payload_type: 96,
            sequence: crate::rtp::SequenceNumber(7),
            ssrc: Ssrc(6),
            ..packet
        };
        let mut outgoing = Outgoing::default();
        let incoming = Incoming {
            packet: &carried,
            header: &bytes[..header],
            rendition: Rendition {
                track: TrackId(1),
                backup: None,
            },
            encoding: 0,
            repaired: true,
        };
        assert!(outgoing.push_packet([1].into_iter().collect(), &incoming));
        let batch = outgoing.take(0).unwrap();
        let What::Packet(relayed) = &batch.items()[0].what else {
            panic!("it is a packet");
        };
        let got = Packet::parse(batch.packet(relayed)).unwrap();
        let expected = Packet {
            padding_len: 0,
            ..carried
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn whoever_lags_gets_the_news_and_not_the_packets() {
        let mut outgoing = Outgoing::default();
        assert!(outgoing.take(3).is_none());
        let (one, two) = ([1].into_iter().collect(), [2].into_iter().collect());
        outgoing.push_news(one, News::Left { room: RoomId(1) });
        outgoing.push_news(Workers::NONE, News::Restarted);
        let bytes = [0x80, 96, 0, 9, 0, 0, 0, 5, 0, 0, 0, 8, 1];
        let packet = Packet::parse(&bytes).unwrap();
        let incoming = Incoming {
            packet: &packet,
            header: &bytes[..12],
            rendition: Rendition {
                track: TrackId(1),
                backup: None,
            },
            encoding: 0,
            repaired: false,
        };
        outgoing.push_packet(two, &incoming);
        let batch = outgoing.take(3).unwrap();
        assert_eq!(batch.to().iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!((batch.packets_for(1), batch.packets_for(2)), (0, 1));
        let left = batch.without_packets().unwrap();
        assert_eq!((left.from(), left.bytes()), (3, 0));
        assert_eq!(left.to().iter().collect::<Vec<_>>(), [1]);
    }
}
