//! DTLS: how it comes up, what it survives, and what ends it.

use crate::client::Client;
use crate::network::{Conditions, LAN, World, server_credentials};
use dimpl::SrtpProfile;
use sfu_core::transport::{
    DropReason, Fingerprint, Transport, TransportConfig, TransportError, TransportEvent,
};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_client_that_starts_the_handshake_ends_at_aes_256_gcm() {
    let mut world = World::new(LAN, 1);
    world.connect();
    assert_eq!(world.events, [TransportEvent::Connected]);
    assert!(world.transport.is_connected());
    assert_eq!(world.client.profile, Some(SrtpProfile::AEAD_AES_256_GCM));
    assert_eq!(world.dropped, []);
}

#[test]
fn a_client_that_waits_for_the_handshake_is_called() {
    let mut world = World::with_client(LAN, 1, |now, server| Client::new(now, server, false));
    world.connect();
    assert_eq!(world.events, [TransportEvent::Connected]);
    world
        .client
        .send_rtp(&[0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 42]);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.rtp.len(), 1);
}

#[test]
fn a_client_that_waits_is_called_even_if_its_check_came_before_its_offer() {
    let mut world = World::with_client(LAN, 1, |now, server| Client::new(now, server, false));
    let mut early = Transport::new(
        Arc::new(TransportConfig::new().unwrap()),
        server_credentials(),
    );
    std::mem::swap(&mut world.transport, &mut early);
    let check = world.client.check(true);
    world.deliver(check);
    assert_eq!(world.transport.next_timeout(), None);
    let offer = world.client.parameters();
    world.transport.set_remote(world.now, offer).unwrap();
    world.client.start_dtls(world.now);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.events, [TransportEvent::Connected]);
}

#[test]
fn nearly_all_handshakes_succeed_with_thirty_percent_loss_and_reordering() {
    let conditions = Conditions {
        loss: 0.3,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(40),
    };
    for is_active in [true, false] {
        let failed = (0..100)
            .filter(|&seed| {
                let mut world = World::with_client(conditions, seed, |now, server| {
                    Client::new(now, server, is_active)
                });
                world.connect();
                !world.transport.is_connected() || world.client.profile.is_none()
            })
            .count();
        assert!(failed <= 4, "{failed} of 100 failed");
    }
}

#[test]
fn a_client_with_another_certificate_gets_no_keys() {
    let mut world = World::new(LAN, 1);
    let impostor = World::new(LAN, 2).client;
    world.client = impostor;
    world.connect();
    assert_eq!(
        world.events,
        [TransportEvent::Failed(TransportError::FingerprintMismatch)]
    );
    assert!(!world.transport.is_connected());
    assert_eq!(world.transport.next_timeout(), None);
}

#[test]
fn a_client_that_lost_the_last_flight_gets_it_again() {
    let mut world = World::new(LAN, 1);
    let check = world.client.check(true);
    world.deliver(check);
    world.client.start_dtls(world.now);
    while !world.transport.is_connected() {
        world.run_for(Duration::from_millis(5));
    }
    assert_eq!(world.client.profile, None, "the last flight is underway");
    world.lose_everything();
    world.run_for(Duration::from_secs(5));
    assert!(world.client.profile.is_some());
    assert_eq!(world.events, [TransportEvent::Connected]);
}

#[test]
fn a_client_that_says_goodbye_is_gone_at_once() {
    let mut world = World::connected(LAN, 1);
    world.client.close(world.now);
    world.run_for(Duration::from_secs(1));
    assert_eq!(
        world.events.last(),
        Some(&TransportEvent::Failed(TransportError::Closed))
    );
}

#[test]
fn a_client_that_falls_silent_in_the_handshake_is_given_up() {
    let mut world = World::new(LAN, 1);
    let check = world.client.check(true);
    world.deliver(check);
    world.client.start_dtls(world.now);
    world.run_for(Duration::from_millis(5));
    world.conditions.loss = 1.0;
    world.run_for(Duration::from_mins(2));
    assert!(matches!(
        world.events[..],
        [TransportEvent::Failed(TransportError::Dtls(_))]
    ));
}

#[test]
fn thirty_thousand_fragments_cost_a_bounded_number_of_datagrams_and_no_answers() {
    let mut world = World::new(LAN, 1);
    let check = world.client.check(true);
    world.deliver(check);
    let sent = world.sent;
    for fragment in 0..30_000_u32 {
        world.deliver(client_hello_fragment(fragment));
    }
    assert_eq!(world.sent, sent, "nothing is answered");
    let taken = 30_000 - world.dropped.len();
    assert!(taken <= 200, "{taken} datagrams reached DTLS");
    assert!(!world.transport.is_connected());
}

#[test]
fn a_flood_of_whole_hellos_is_cut_off_at_the_limit() {
    let mut world = World::new(LAN, 1);
    let check = world.client.check(true);
    world.deliver(check);
    world.client.start_dtls(world.now);
    let hello = world.client.outgoing[0].clone();
    for _ in 0..1000 {
        world.deliver(hello.clone());
    }
    assert!(world.dropped.contains(&DropReason::DtlsFloodLimit));
    assert!(world.sent < 100, "{} datagrams were answered", world.sent);
}

#[test]
fn a_client_hello_in_many_datagrams_is_put_together() {
    let config = dimpl::Config::builder()
        .mtu(100)
        .max_queue_tx(100)
        .build()
        .unwrap();
    let mut world = World::with_client(LAN, 1, |now, server| {
        Client::with_config(now, server, true, config)
    });
    world.connect();
    assert_eq!(world.events, [TransportEvent::Connected]);
}

#[test]
fn a_later_offer_with_another_certificate_is_refused_and_changes_nothing() {
    let mut world = World::new(LAN, 1);
    let mut other = world.client.parameters();
    other.fingerprint = Fingerprint::of(b"another certificate");
    assert_eq!(
        world.transport.set_remote(world.now, other),
        Err(TransportError::FingerprintChanged)
    );
    world.connect();
    assert_eq!(world.events, [TransportEvent::Connected]);
}

#[test]
fn random_datagrams_during_the_handshake_do_not_stop_it() {
    let mut world = World::new(LAN, 1);
    let check = world.client.check(true);
    world.deliver(check);
    for length in [1, 13, 14, 60, 1200] {
        for first in [20, 21, 23, 30, 63] {
            world.deliver(vec![first; length]);
        }
    }
    world.connect();
    assert_eq!(world.events, [TransportEvent::Connected]);
}

/// One byte of a hello of 60,000, in a datagram of its own.
fn client_hello_fragment(offset: u32) -> Vec<u8> {
    let mut datagram = vec![22, 0xfe, 0xfd, 0, 0, 0, 0];
    datagram.extend(offset.to_be_bytes());
    datagram.extend([0, 13]);
    datagram.extend([1, 0, 0xea, 0x60, 0, 0]);
    datagram.extend(&(2 * offset).to_be_bytes()[1..]);
    datagram.extend([0, 0, 1, 0xaa]);
    datagram
}
