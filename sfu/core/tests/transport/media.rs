//! RTP and RTCP both ways.

use crate::network::{LAN, World};
use sfu_core::Outbox;
use sfu_core::transport::DropReason;
use std::time::Duration;

const HEADER: [u8; 12] = [0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7];
const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 7];

#[test]
fn packets_arrive_decrypted_on_both_sides() {
    let mut world = World::connected(LAN, 1);
    let mut out = Outbox::default();
    assert!(world.transport.send_rtp(&HEADER, b"picture", 0, &mut out));
    assert!(world.transport.send_rtcp(&REPORT, &mut out));
    world.post(&out);
    world.client.send_rtp(&[&HEADER[..], b"sound"].concat());
    world.client.send_rtcp(&REPORT);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.client.rtp, [[&HEADER[..], b"picture"].concat()]);
    assert_eq!(world.client.rtcp, [REPORT.to_vec()]);
    assert_eq!(world.rtp, [[&HEADER[..], b"sound"].concat()]);
    assert_eq!(world.rtcp, [REPORT.to_vec()]);
}

#[test]
fn packets_of_one_turn_and_length_leave_in_one_run() {
    let mut world = World::connected(LAN, 1);
    let mut out = Outbox::default();
    for sequence in 0..20 {
        let mut header = HEADER;
        header[3] = sequence;
        assert!(world.transport.send_rtp(&header, &[7; 1100], 0, &mut out));
    }
    assert_eq!(out.runs().len(), 1);
    assert_eq!(out.runs()[0].path, world.path());
}

#[test]
fn nothing_is_sent_before_there_are_keys() {
    let mut world = World::new(LAN, 1);
    let check = world.client.check(true);
    world.deliver(check);
    let mut out = Outbox::default();
    assert!(!world.transport.send_rtp(&HEADER, b"picture", 0, &mut out));
    assert!(!world.transport.send_rtcp(&REPORT, &mut out));
    assert!(out.runs().is_empty());
}

#[test]
fn media_before_there_are_keys_is_dropped() {
    let mut world = World::new(LAN, 1);
    let check = world.client.check(true);
    world.deliver(check);
    let path = world.path();
    let dropped = world.receive(path, [&HEADER[..], &[0; 30]].concat());
    assert_eq!(dropped, Some(DropReason::SrtpNoKeys));
}

#[test]
fn only_authentic_media_counts_as_a_sign_of_life() {
    let mut world = World::connected(LAN, 1);
    let before = world.transport.last_heard_at();
    world.run_for(Duration::from_secs(3));
    world.deliver([&HEADER[..], &[0; 30]].concat());
    assert_eq!(world.dropped, [DropReason::SrtpUnauthenticated]);
    assert_eq!(world.transport.last_heard_at(), before);
    world.client.send_rtp(&[&HEADER[..], b"sound"].concat());
    world.run_for(Duration::from_secs(1));
    assert!(world.transport.last_heard_at() > before);
}

#[test]
fn a_first_byte_of_no_protocol_is_dropped_as_unknown() {
    let mut world = World::connected(LAN, 1);
    let path = world.path();
    for first in [4, 19, 64, 79, 100, 127, 192, 255] {
        let dropped = world.receive(path, vec![first; 40]);
        assert_eq!(dropped, Some(DropReason::Unknown), "{first}");
    }
    assert_eq!(world.receive(path, Vec::new()), Some(DropReason::Unknown));
}
