//! What a client that has the keys can do to us through SCTP: nothing but lose its own channels.

use super::{DataChannels, RECEIVE_BUFFER, STREAMS_MAX, SctpConfig};
use crate::command::DataChannel;
use crate::test_clock;
use crate::transport::TransportEvent;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Payload,
    PayloadProtocolIdentifier as Ppi, ReliabilityType,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn a_hundred_thousand_mutated_packets_neither_panic_nor_pile_up() {
    let mut fed = 0;
    let mut ended = 0;
    let mut rounds = 0;
    while fed < 100_000 {
        rounds += 1;
        let mut rng = StdRng::seed_from_u64(rounds);
        let mut pair = Pair::open();
        let corpus = pair.corpus();
        for _ in 0..250 {
            let mut packet = corpus[rng.random_range(0..corpus.len())].clone();
            mutate(&mut packet, &mut rng);
            pair.feed(&packet);
            pair.now += Duration::from_millis(rng.random_range(0..50));
            pair.server.handle_timeout(pair.now, &mut Vec::new());
            pair.transmit();
            fed += 1;
            assert!(pair.server.guard.waiting <= 2048 + 100);
            assert!(pair.server.streams <= STREAMS_MAX + 100);
            if pair.server.association.is_none() {
                ended += 1;
                break;
            }
        }
        assert!(pair.received < 1_000_000, "{} bytes", pair.received);
    }
    assert!(
        ended > 10,
        "{ended} of {rounds} reached what ends an association"
    );
    assert!(
        rounds - ended > 10,
        "{ended} of {rounds} associations ended"
    );
}

#[test]
fn pieces_that_never_make_a_message_end_the_association_at_the_limit() {
    let mut pair = Pair::open();
    let (tag, tsn) = pair.identity();
    let mut fed = 0_u32;
    while pair.server.association.is_some() {
        // Every second number, so that each piece waits for its neighbours.
        let pieces: Vec<Vec<u8>> = (0..50)
            .map(|piece| data(tsn + 2 + 2 * (fed + piece), 3, 0b100, b"x"))
            .collect();
        fed += 50;
        pair.feed(&packet(tag, &pieces.concat()));
        pair.transmit();
        assert!(fed <= 2200, "{fed} pieces are waiting");
    }
    assert!(fed > 2000);
    let refused = pair
        .server
        .send(DataChannel::Reliable, &Bytes::from_static(b"x"));
    assert!(refused.is_err());
}

#[test]
fn one_stream_more_than_allowed_ends_the_association() {
    let mut pair = Pair::open();
    let (tag, tsn) = pair.identity();
    for stream in 0..40_u16 {
        let piece = data(tsn + u32::from(stream), 200 + stream, 0b011, b"x");
        pair.feed(&packet(tag, &piece));
        pair.transmit();
        let is_open = usize::from(stream) + 1 + 3 <= STREAMS_MAX;
        assert_eq!(pair.server.association.is_some(), is_open, "{stream}");
    }
}

#[test]
fn incomplete_messages_cannot_hold_more_than_the_receive_buffer() {
    let mut pair = Pair::open();
    let (tag, tsn) = pair.identity();
    let content = [7; 1100];
    for piece in 0..2000_u32 {
        // The first of 50 pieces is missing each time.
        if piece % 50 != 0 {
            pair.feed(&packet(tag, &data(tsn + piece, 3, 0b100, &content)));
        }
        pair.transmit();
    }
    let kept = pieces_reported(pair.sent.last().unwrap()) * content.len();
    let limit = usize::try_from(RECEIVE_BUFFER).unwrap() + content.len();
    assert!(kept <= limit, "{kept} bytes are kept");
    assert!(kept > limit / 2, "{kept} bytes are kept");
}

/// How many pieces a SACK, alone in its packet, reports beyond the first gap.
fn pieces_reported(packet: &[u8]) -> usize {
    assert_eq!(packet[12], 3);
    let number = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    (0..number(24))
        .map(|block| 28 + 4 * block)
        .map(|at| number(at + 2) - number(at) + 1)
        .sum()
}

/// Our side and a client of another make, with its channels open.
struct Pair {
    now: Instant,
    server: DataChannels,
    endpoint: Endpoint,
    client: (AssociationHandle, Association),
    /// Bytes of messages that came through.
    received: usize,
    /// What our side sent since the last look.
    sent: Vec<Vec<u8>>,
}

impl Pair {
    fn open() -> Self {
        let now = test_clock::start();
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::new()), None);
        let client = endpoint.connect(ClientConfig::new(), super::PEER).unwrap();
        let mut pair = Self {
            now,
            server: DataChannels::new(&SctpConfig::new()),
            endpoint,
            client,
            received: 0,
            sent: Vec::new(),
        };
        pair.settle();
        for (stream, label) in [(1, "_lossy"), (3, "_reliable"), (5, "_data_track")] {
            let mut open = vec![3, 0, 1, 0, 0, 0, 0, 0, 0];
            open.push(u8::try_from(label.len()).unwrap());
            open.extend([0, 0]);
            open.extend(label.as_bytes());
            let mut stream = pair.client.1.open_stream(stream, Ppi::Binary).unwrap();
            stream.write_with_ppi(&open, Ppi::Dcep).unwrap();
        }
        pair.settle();
        assert!(pair.server.reliable.is_some() && pair.server.lossy.is_some());
        pair
    }

    /// Packets of all kinds, some of them delivered, the others still to come.
    fn corpus(&mut self) -> Vec<Vec<u8>> {
        let mut corpus = Vec::new();
        self.write(3, &[7; 3000]);
        let mut lossy = self.client.1.stream(1).unwrap();
        lossy
            .set_reliability_params(true, ReliabilityType::Rexmit, 0)
            .unwrap();
        self.write(1, &[8; 3000]);
        corpus.extend(self.client_packets());
        // Whatever is not delivered is repeated or, on the lossy channel, given up.
        self.now += Duration::from_secs(4);
        self.client.1.handle_timeout(self.now);
        corpus.extend(self.client_packets());
        for _ in 0..3 {
            let message = Bytes::from_static(&[9; 2000]);
            self.server.send(DataChannel::Reliable, &message).unwrap();
            self.transmit();
            for packet in std::mem::take(&mut self.sent) {
                self.give_client(&packet);
            }
            self.now += Duration::from_millis(300);
            self.client.1.handle_timeout(self.now);
            corpus.extend(self.client_packets());
        }
        self.client.1.stream(5).unwrap().close().unwrap();
        corpus.extend(self.client_packets());
        self.client.1.shutdown().unwrap();
        corpus.extend(self.client_packets());
        corpus
    }

    /// The verification tag that our side expects, and the next number it expects.
    fn identity(&mut self) -> (u32, u32) {
        self.write(3, b"x");
        let packet = self.client_packets().remove(0);
        let number = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
        (number(4), number(16))
    }

    fn write(&mut self, stream: u16, content: &[u8]) {
        let mut stream = self.client.1.stream(stream).unwrap();
        stream.write_with_ppi(content, Ppi::Binary).unwrap();
    }

    fn feed(&mut self, packet: &[u8]) {
        let mut events = Vec::new();
        self.server.receive(self.now, packet, &mut events);
        for event in events {
            if let TransportEvent::Data(_, message) = event {
                self.received += message.len();
            }
        }
    }

    fn transmit(&mut self) {
        let sent = &mut self.sent;
        let result: Result<(), ()> = self.server.transmit(self.now, |packet| {
            sent.push(packet.to_vec());
            Ok(())
        });
        result.unwrap();
    }

    fn settle(&mut self) {
        loop {
            let packets = self.client_packets();
            for packet in &packets {
                self.feed(packet);
            }
            self.transmit();
            let answers = std::mem::take(&mut self.sent);
            for answer in &answers {
                self.give_client(answer);
            }
            if packets.is_empty() && answers.is_empty() {
                return;
            }
        }
    }

    fn client_packets(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        while let Some(transmit) = self.client.1.poll_transmit(self.now) {
            if let Payload::RawEncode(more) = transmit.payload {
                packets.extend(more.iter().map(|packet| packet.to_vec()));
            }
        }
        packets
    }

    fn give_client(&mut self, packet: &[u8]) {
        let packet = Bytes::copy_from_slice(packet);
        let event = self
            .endpoint
            .handle(self.now, super::PEER, None, None, packet);
        if let Some((_, DatagramEvent::AssociationEvent(event))) = event {
            self.client.1.handle_event(event);
        }
        while self.client.1.poll().is_some() {}
    }
}

/// Changes bytes behind the common header, or the length, and makes the checksum right again.
fn mutate(packet: &mut Vec<u8>, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..6) {
        // Half of the changes go where the chunk's type, flags, length and numbers are.
        let end = if rng.random() {
            packet.len()
        } else {
            packet.len().min(32)
        };
        let at = rng.random_range(12..end);
        packet[at] = match rng.random_range(0..4) {
            0 => rng.random(),
            1 => packet[at].wrapping_add(1),
            2 => packet[at] ^ (1 << rng.random_range(0..8)),
            _ => [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
        };
    }
    if rng.random_ratio(1, 8) {
        packet.truncate(rng.random_range(16..=packet.len()));
    }
    seal(packet);
}

fn packet(tag: u32, chunks: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x13, 0x88, 0x13, 0x88];
    packet.extend(tag.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(chunks);
    seal(&mut packet);
    packet
}

fn data(tsn: u32, stream: u16, flags: u8, content: &[u8]) -> Vec<u8> {
    let mut chunk = vec![0, flags];
    chunk.extend(u16::try_from(16 + content.len()).unwrap().to_be_bytes());
    chunk.extend(tsn.to_be_bytes());
    chunk.extend(stream.to_be_bytes());
    chunk.extend([0, 0, 0, 0, 0, 53]);
    chunk.extend(content);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

/// The checksum of SCTP (RFC 9260, appendix A), bit by bit.
fn seal(packet: &mut [u8]) {
    packet[8..12].fill(0);
    let checksum = !packet.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    });
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
}
