//! Media comes from an address that the client never checked: only the client's own answer moves
//! what is sent to it.

use crate::client::{credentials, finish};
use crate::network::{LAN, World};
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message};
use sfu_core::Outbox;
use sfu_core::outbox::Path;
use sfu_core::transport::{DropReason, Received};
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn media_from_a_new_address_is_taken_and_the_address_is_asked() {
    let mut world = World::connected(LAN, 1);
    let old = world.path();
    let request = asked(&mut world, 1).expect("the new address is asked");
    assert_eq!(world.transport.path(), Some(old), "until it answers");
    let answer = answer(&request, &credentials().pwd);
    assert_eq!(world.receive(new(), answer.clone()), None);
    assert_eq!(world.transport.path(), Some(new()));
    assert_eq!(
        world.receive(new(), answer),
        Some(DropReason::StunUnexpected),
        "one question, one answer"
    );
}

#[test]
fn an_answer_counts_only_from_the_address_asked_and_with_the_clients_password() {
    let mut world = World::connected(LAN, 1);
    let old = world.path();
    let request = asked(&mut world, 1).unwrap();
    let elsewhere = Path {
        remote: SocketAddr::from(([192, 0, 2, 9], 9)),
        ..new()
    };
    let honest = answer(&request, &credentials().pwd);
    let forged = answer(&request, "not-the-password-of-the-client");
    let mut other = request.clone();
    other.transaction_id.0[11] ^= 1;
    let of_another_question = answer(&other, &credentials().pwd);
    for (path, answer, reason) in [
        (elsewhere, &honest, DropReason::StunUnexpected),
        (new(), &forged, DropReason::StunUnauthenticated),
        (new(), &of_another_question, DropReason::StunUnexpected),
    ] {
        assert_eq!(world.receive(path, answer.clone()), Some(reason));
        assert_eq!(world.transport.path(), Some(old));
    }
}

#[test]
fn the_same_address_is_asked_again_after_fifty_milliseconds_in_the_same_transaction() {
    let mut world = World::connected(LAN, 1);
    let first = asked(&mut world, 1).unwrap();
    world.now += Duration::from_millis(49);
    assert!(asked(&mut world, 2).is_none());
    world.now += Duration::from_millis(1);
    let second = asked(&mut world, 3).unwrap();
    assert_eq!(first.transaction_id, second.transaction_id);
}

#[test]
fn media_that_came_before_is_no_reason_to_ask() {
    let mut world = World::connected(LAN, 1);
    world.client.send_rtp(&packet(1));
    let sealed = world.client.outgoing[0].clone();
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.rtp.len(), 1);
    let dropped = world.receive(new(), sealed);
    assert_eq!(dropped, Some(DropReason::AddressNotValidated));
    let sent = world.sent;
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.sent, sent);
}

fn new() -> Path {
    Path {
        local: None,
        remote: SocketAddr::from(([192, 0, 2, 1], 7)),
    }
}

/// The client sends a packet from a new address; the question that follows from it.
fn asked(world: &mut World, number: u8) -> Option<Message> {
    world.client.send_rtp(&packet(number));
    let mut sealed = world.client.outgoing.pop().unwrap();
    let (now, mut out, mut events) = (world.now, Outbox::default(), Vec::new());
    let transport = &mut world.transport;
    let received = transport.receive(now, new(), &mut sealed, &mut out, &mut events);
    assert!(matches!(received, Received::Rtp(_)), "{received:?}");
    let run = out.runs().iter().find(|run| run.path == new())?;
    let mut request = Message::new();
    let datagram = run.datagrams().next()?;
    request.unmarshal_binary(datagram).unwrap();
    assert_eq!(request.typ, BINDING_REQUEST);
    Some(request)
}

fn answer(request: &Message, pwd: &str) -> Vec<u8> {
    let mut answer = Message::new();
    answer.typ = BINDING_SUCCESS;
    answer.transaction_id = request.transaction_id;
    answer.write_header();
    finish(answer, pwd)
}

fn packet(number: u8) -> Vec<u8> {
    let header = [0x80, 96, 0, number, 0, 0, 0, 1, 0, 0, 0, 7];
    [&header[..], b"sound"].concat()
}
