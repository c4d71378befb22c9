//! Data channels: opening, both directions, long messages, loss, and a client that does not read.

use crate::network::{Conditions, LAN, World};
use bytes::Bytes;
use sctp_proto::PayloadProtocolIdentifier as Ppi;
use sfu_core::Outbox;
use sfu_core::command::DataChannel;
use sfu_core::transport::{MESSAGE_LEN_MAX, SendDataError, TransportEvent};
use std::time::Duration;

const LOSSY: u16 = 1;
const RELIABLE: u16 = 3;
const DATA_TRACK: u16 = 5;

#[test]
fn channels_are_known_by_their_labels_and_all_are_acknowledged() {
    let world = World::with_channels(LAN, 1);
    assert_eq!(
        world.events[1..],
        [
            TransportEvent::ChannelOpen(DataChannel::Lossy),
            TransportEvent::ChannelOpen(DataChannel::Reliable),
        ]
    );
    let acknowledged: Vec<u16> = world
        .client
        .messages
        .iter()
        .map(|message| message.0)
        .collect();
    assert_eq!(acknowledged, [LOSSY, RELIABLE, DATA_TRACK]);
    for (_, kind, content) in &world.client.messages {
        assert_eq!((*kind, &content[..]), (Ppi::Dcep, &[2][..]));
    }
}

#[test]
fn messages_arrive_whole_on_both_sides() {
    let mut world = World::with_channels(LAN, 1);
    let long: Vec<u8> = (0..60_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    world
        .client
        .send_message(world.now, RELIABLE, Ppi::Binary, &long);
    world
        .client
        .send_message(world.now, LOSSY, Ppi::String, b"text");
    send(&mut world, DataChannel::Reliable, &long).unwrap();
    send(&mut world, DataChannel::Lossy, b"short").unwrap();
    world.run_for(Duration::from_secs(5));
    assert_eq!(data(&world, DataChannel::Reliable), [&long[..]]);
    assert_eq!(data(&world, DataChannel::Lossy), [b"text"]);
    assert_eq!(world.client.messages_on(RELIABLE), [&long[..]]);
    assert_eq!(world.client.messages_on(LOSSY), [b"short"]);
    let kinds: Vec<Ppi> = world.client.messages[3..]
        .iter()
        .map(|message| message.1)
        .collect();
    assert_eq!(kinds, [Ppi::Binary, Ppi::Binary]);
}

#[test]
fn empty_messages_stay_empty() {
    let mut world = World::with_channels(LAN, 1);
    world
        .client
        .send_message(world.now, RELIABLE, Ppi::BinaryEmpty, &[0]);
    send(&mut world, DataChannel::Reliable, b"").unwrap();
    world.run_for(Duration::from_secs(1));
    assert_eq!(data(&world, DataChannel::Reliable), [b""]);
    let last = world.client.messages.last().unwrap();
    assert_eq!(*last, (RELIABLE, Ppi::BinaryEmpty, vec![0]));
}

#[test]
fn messages_on_a_channel_of_another_label_are_dropped() {
    let mut world = World::with_channels(LAN, 1);
    let known = world.events.len();
    world
        .client
        .send_message(world.now, DATA_TRACK, Ppi::Binary, b"frame");
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.events.len(), known);
}

#[test]
fn reliable_messages_survive_loss_in_order_and_lossy_ones_are_not_repeated() {
    let conditions = Conditions {
        loss: 0.1,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(10),
    };
    let mut world = World::with_channels(conditions, 3);
    for number in 0..200_u8 {
        send(&mut world, DataChannel::Reliable, &[number; 300]).unwrap();
        send(&mut world, DataChannel::Lossy, &[number; 300]).unwrap();
        world
            .client
            .send_message(world.now, RELIABLE, Ppi::Binary, &[number; 300]);
        world
            .client
            .send_message(world.now, LOSSY, Ppi::Binary, &[number; 300]);
        world.run_for(Duration::from_millis(20));
    }
    world.run_for(Duration::from_mins(1));
    let expected: Vec<Vec<u8>> = (0..200).map(|number| vec![number; 300]).collect();
    assert_eq!(world.client.messages_on(RELIABLE), expected);
    assert_eq!(data(&world, DataChannel::Reliable), expected);
    for lossy in [
        world.client.messages_on(LOSSY).len(),
        data(&world, DataChannel::Lossy).len(),
    ] {
        assert!((120..200).contains(&lossy), "{lossy} of 200 arrived");
    }
}

#[test]
fn a_client_that_stops_reading_is_refused_reliable_messages_and_loses_lossy_ones() {
    let mut world = World::with_channels(LAN, 1);
    world.client.reads = false;
    let message = vec![7; 60_000];
    let mut accepted = 0;
    let error = loop {
        send(&mut world, DataChannel::Lossy, &message).unwrap();
        match send(&mut world, DataChannel::Reliable, &message) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        world.run_for(Duration::from_millis(500));
        assert!(accepted < 100);
    };
    assert!(matches!(error, SendDataError::Backlogged { queued } if queued <= 1024 * 1024));
    assert!(accepted > 16, "{accepted} were accepted");
}

#[test]
fn a_message_that_is_too_long_is_refused() {
    let mut world = World::with_channels(LAN, 1);
    let too_long = vec![7; MESSAGE_LEN_MAX + 1];
    assert_eq!(
        send(&mut world, DataChannel::Reliable, &too_long),
        Err(SendDataError::TooLong {
            len: MESSAGE_LEN_MAX + 1
        })
    );
    send(&mut world, DataChannel::Reliable, &too_long[1..]).unwrap();
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.client.messages_on(RELIABLE), [&too_long[1..]]);
}

#[test]
fn a_channel_is_not_open_before_the_client_opens_it_nor_after_it_closes_it() {
    let mut world = World::connected(LAN, 1);
    let refused = Err(SendDataError::NotOpen);
    assert_eq!(send(&mut world, DataChannel::Reliable, b"early"), refused);

    let mut world = World::with_channels(LAN, 1);
    send(&mut world, DataChannel::Reliable, b"in time").unwrap();
    world.client.close_channel(world.now, RELIABLE);
    world.run_for(Duration::from_secs(2));
    assert_eq!(send(&mut world, DataChannel::Reliable, b"late"), refused);
    send(&mut world, DataChannel::Lossy, b"still open").unwrap();
}

#[test]
fn a_channel_that_is_opened_again_on_another_stream_replaces_the_old_one() {
    let mut world = World::with_channels(LAN, 1);
    world.client.open_channel(world.now, 101, "_reliable");
    world.run_for(Duration::from_secs(1));
    send(&mut world, DataChannel::Reliable, b"hello").unwrap();
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.client.messages_on(101), [b"hello"]);
    assert!(world.client.messages_on(RELIABLE).is_empty());
}

#[test]
fn sctp_comes_up_with_thirty_percent_loss_and_reordering() {
    for seed in 0..20 {
        let mut world = World::connected(LAN, seed);
        world.conditions = Conditions {
            loss: 0.3,
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(200),
        };
        world.client.start_sctp(world.now);
        world.run_for(Duration::from_mins(2));
        world.client.open_channel(world.now, RELIABLE, "_reliable");
        world.run_for(Duration::from_mins(2));
        assert_eq!(
            world.events.last(),
            Some(&TransportEvent::ChannelOpen(DataChannel::Reliable)),
            "seed {seed}"
        );
    }
}

fn send(world: &mut World, channel: DataChannel, message: &[u8]) -> Result<(), SendDataError> {
    let mut out = Outbox::default();
    let message = Bytes::copy_from_slice(message);
    let sent = world
        .transport
        .send_data(world.now, channel, &message, &mut out);
    world.post(&out);
    sent
}

fn data(world: &World, wanted: DataChannel) -> Vec<&[u8]> {
    world
        .events
        .iter()
        .filter_map(|event| match event {
            TransportEvent::Data(channel, message) if *channel == wanted => Some(&message[..]),
            TransportEvent::Data(..)
            | TransportEvent::Connected
            | TransportEvent::Failed(_)
            | TransportEvent::ChannelOpen(_) => None,
        })
        .collect()
}
