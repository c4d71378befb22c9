//! ICE: who is answered, which address is used, and what others may not do.

use crate::client::{check, finish, request};
use crate::network::{LAN, World, server_credentials, start};
use rtc_stun::attributes::{ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE, AttrType};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_SUCCESS, CLASS_INDICATION, Getter, METHOD_BINDING, Message, MessageType, Setter,
};
use rtc_stun::xoraddr::XorMappedAddress;
use sfu_core::Outbox;
use sfu_core::outbox::Path;
use sfu_core::transport::{
    DropReason, IceCredentials, Received, Transport, TransportConfig, stun_local_ufrag,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_valid_check_is_answered_with_the_clients_own_address_and_a_tag() {
    for remote in ["192.0.2.7:4000", "[2001:db8::7]:4000"] {
        let remote: SocketAddr = remote.parse().unwrap();
        let mut transport = transport();
        let request = check(&server_credentials(), &server_credentials().pwd, false);
        let answer = answer(&mut transport, path(remote), request.clone()).unwrap();
        assert_eq!(answer.typ, BINDING_SUCCESS);
        assert_eq!(answer.transaction_id.0, request[8..20]);
        let mut address = XorMappedAddress::default();
        address.get_from(&answer).unwrap();
        assert_eq!(SocketAddr::new(address.ip, address.port), remote);
        FINGERPRINT.check(&answer).unwrap();
        let provider = rtc_stun::crypto::default_provider().unwrap();
        let password = server_credentials().pwd;
        MessageIntegrity::check(&mut answer.clone(), password.as_bytes(), provider.crypto())
            .unwrap();
    }
}

#[test]
fn an_ipv4_client_of_a_socket_for_both_families_is_told_its_ipv4_address() {
    let remote: SocketAddr = "[::ffff:192.0.2.7]:4000".parse().unwrap();
    let request = check(&server_credentials(), &server_credentials().pwd, false);
    let answer = answer(&mut transport(), path(remote), request).unwrap();
    let mut address = XorMappedAddress::default();
    address.get_from(&answer).unwrap();
    assert_eq!(address.ip.to_string(), "192.0.2.7");
}

#[test]
fn a_check_with_a_wrong_password_or_name_gets_no_answer() {
    let stranger = IceCredentials {
        ufrag: "tttt".to_owned(),
        ..server_credentials()
    };
    for request in [
        check(&server_credentials(), "a-wrong-password-of-22-b", true),
        check(&stranger, &server_credentials().pwd, true),
    ] {
        let mut transport = transport();
        let dropped = answer(&mut transport, path(address(1)), request);
        assert_eq!(dropped.err(), Some(DropReason::StunUnauthenticated));
        assert_eq!(transport.path(), None);
        assert_eq!(transport.last_heard_at(), None);
    }
}

#[test]
fn a_check_without_name_tag_or_checksum_gets_no_answer() {
    let complete = check(&server_credentials(), &server_credentials().pwd, true);
    let no_checksum = {
        let mut message = request("ssss:cccc");
        let provider = rtc_stun::crypto::default_provider().unwrap();
        let key = server_credentials().pwd;
        MessageIntegrity::new_short_term_integrity_with_provider(key, provider.crypto())
            .add_to(&mut message)
            .unwrap();
        message.raw
    };
    let no_tag = {
        let mut message = request("ssss:cccc");
        FINGERPRINT.add_to(&mut message).unwrap();
        message.raw
    };
    let mut no_name = Message::new();
    no_name.typ = rtc_stun::message::BINDING_REQUEST;
    no_name.write_header();
    let no_name = finish(no_name, &server_credentials().pwd);
    for request in [no_checksum, no_tag, no_name] {
        assert!(answer(&mut transport(), path(address(1)), request).is_err());
    }
    for len in 0..complete.len() {
        let cut = complete[..len].to_vec();
        assert!(answer(&mut transport(), path(address(1)), cut).is_err());
    }
    let mut longer = complete;
    longer.push(0);
    let dropped = answer(&mut transport(), path(address(1)), longer);
    assert_eq!(dropped.err(), Some(DropReason::StunMalformed));
}

#[test]
fn a_check_that_carries_a_dtls_flight_along_is_answered() {
    let mut message = request("ssss:cccc");
    message.add(AttrType(0xc070), &[22; 1200]);
    let request = finish(message, &server_credentials().pwd);
    assert!(answer(&mut transport(), path(address(1)), request).is_ok());
}

#[test]
fn a_keep_alive_is_not_answered_and_proves_nothing() {
    let mut transport = transport();
    let mut indication = request("ssss:cccc");
    indication.set_type(MessageType::new(METHOD_BINDING, CLASS_INDICATION));
    let mut out = Outbox::default();
    let from = path(address(1));
    let received = transport.receive(
        start(),
        from,
        &mut indication.raw,
        &mut out,
        &mut Vec::new(),
    );
    assert_eq!(received, Received::Nothing);
    assert!(out.runs().is_empty());
    assert_eq!(transport.path(), None);
    assert_eq!(transport.last_heard_at(), None);
}

#[test]
fn a_nomination_that_the_tag_does_not_cover_is_ignored() {
    let mut message = request("ssss:cccc");
    let provider = rtc_stun::crypto::default_provider().unwrap();
    let key = server_credentials().pwd;
    MessageIntegrity::new_short_term_integrity_with_provider(key, provider.crypto())
        .add_to(&mut message)
        .unwrap();
    message.add(ATTR_USE_CANDIDATE, &[]);
    FINGERPRINT.add_to(&mut message).unwrap();
    assert!(message.contains(ATTR_MESSAGE_INTEGRITY));

    let mut transport = transport();
    let valid = check(&server_credentials(), &server_credentials().pwd, true);
    answer(&mut transport, path(address(1)), valid).unwrap();
    answer(&mut transport, path(address(2)), message.raw).unwrap();
    assert_eq!(transport.path(), Some(path(address(1))));
}

#[test]
fn media_goes_to_the_first_validated_address_until_one_is_nominated_and_then_to_the_last() {
    let mut transport = transport();
    let mut check_from = |port, nominates| {
        let request = check(&server_credentials(), &server_credentials().pwd, nominates);
        answer(&mut transport, path(address(port)), request).unwrap();
        transport.path().map(|path| path.remote.port())
    };
    assert_eq!(check_from(1, false), Some(1));
    assert_eq!(check_from(2, false), Some(1));
    assert_eq!(check_from(2, true), Some(2));
    assert_eq!(check_from(1, false), Some(2));
    assert_eq!(check_from(3, true), Some(3));
}

#[test]
fn addresses_beyond_the_limit_push_out_the_oldest_that_is_not_in_use() {
    let mut world = World::connected(LAN, 1);
    let request = |world: &World| world.client.check(false);
    for port in 1..=16 {
        let check = request(&world);
        world.receive(path(address(port)), check);
    }
    let media = vec![0x80; 60];
    let reason = |world: &mut World, port| world.receive(path(address(port)), media.clone());
    assert_eq!(
        reason(&mut world, 1),
        Some(DropReason::AddressNotValidated),
        "the oldest"
    );
    assert_eq!(reason(&mut world, 2), Some(DropReason::SrtpUnauthenticated));
    let in_use = world.path();
    assert_eq!(
        world.receive(in_use, media.clone()),
        Some(DropReason::SrtpUnauthenticated)
    );
}

#[test]
fn a_spoofed_address_cannot_start_dtls_and_is_not_answered() {
    let mut world = World::new(LAN, 1);
    world.client.start_dtls(world.now);
    let hello = world.client.outgoing[0].clone();
    let dropped = world.receive(path(address(9)), hello);
    assert_eq!(dropped, Some(DropReason::DtlsBeforeIce));
    assert_eq!(world.sent, 0);
    assert_eq!(world.transport.next_timeout(), None);
}

#[test]
fn dtls_before_the_offer_waits_for_the_client_to_try_again() {
    let world = World::new(LAN, 1);
    let mut transport = transport();
    let mut out = Outbox::default();
    let request = check(&server_credentials(), &server_credentials().pwd, true);
    answer(&mut transport, world.path(), request).unwrap();
    let mut hello = [22; 60];
    let (now, path) = (world.now, world.path());
    let received = transport.receive(now, path, &mut hello, &mut out, &mut Vec::new());
    assert_eq!(received, Received::Dropped(DropReason::DtlsUnexpected));
}

#[test]
fn an_ice_restart_moves_media_without_a_new_handshake_and_keeps_the_old_path_until_then() {
    let mut world = World::connected(LAN, 1);
    let old_address = world.client.address;
    let fresh = IceCredentials {
        ufrag: "rrrr".to_owned(),
        pwd: "the-password-of-the-restart".to_owned(),
    };
    world.transport.restart_ice(fresh.clone());
    assert_eq!(world.transport.local(), &fresh);
    let same = world.client.parameters();
    world.transport.set_remote(world.now, same).unwrap();
    let consent = world.client.check(false);
    assert_eq!(world.receive(path(old_address), consent.clone()), None);

    world.client.restart_ice(fresh);
    world.client.address = address(77);
    world.client.send_check(true);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.transport.path(), Some(path(address(77))));
    assert_eq!(
        world.receive(path(old_address), consent),
        Some(DropReason::StunUnauthenticated),
        "the old session has ended"
    );
    let mut out = Outbox::default();
    let header = [0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7];
    assert!(world.transport.send_rtp(&header, b"picture", 0, &mut out));
    world.post(&out);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.client.rtp.len(), 1);
    assert_eq!(world.events.len(), 1, "connected once");
}

#[test]
fn the_user_name_is_read_without_the_password() {
    let request = check(&server_credentials(), "any", true);
    assert_eq!(stun_local_ufrag(&request), Some("ssss"));
    for len in 0..29 {
        assert_eq!(stun_local_ufrag(&request[..len]), None, "{len} bytes");
    }
    assert_eq!(stun_local_ufrag(&[22; 200]), None);
    let mut response = request.clone();
    response[0] = 1;
    assert_eq!(stun_local_ufrag(&response), None);
}

#[test]
fn checks_with_any_byte_changed_are_not_answered() {
    let request = check(&server_credentials(), &server_credentials().pwd, true);
    for at in 0..request.len() {
        for bit in 0..8 {
            let mut changed = request.clone();
            changed[at] ^= 1 << bit;
            let answered = answer(&mut transport(), path(address(1)), changed.clone());
            assert!(answered.is_err(), "byte {at}, bit {bit}");
            let _ = stun_local_ufrag(&changed);
        }
    }
}

fn transport() -> Transport {
    // One certificate for all: making it is what takes time.
    thread_local!(static CONFIG: Arc<TransportConfig> =
        Arc::new(TransportConfig::new().unwrap()));
    Transport::new(CONFIG.with(Arc::clone), server_credentials())
}

fn answer(
    transport: &mut Transport,
    path: Path,
    mut request: Vec<u8>,
) -> Result<Message, DropReason> {
    let mut out = Outbox::default();
    let received = transport.receive(start(), path, &mut request, &mut out, &mut Vec::new());
    match received {
        Received::Validated => {
            let run = &out.runs()[0];
            assert_eq!(run.path, path);
            let mut message = Message::new();
            message.unmarshal_binary(run.bytes()).unwrap();
            Ok(message)
        }
        Received::Dropped(reason) => {
            assert!(out.runs().is_empty());
            Err(reason)
        }
        Received::Nothing | Received::Rtp(_) | Received::Rtcp(_) => {
            assert!(out.runs().is_empty());
            Err(DropReason::Unknown)
        }
    }
}

fn path(remote: SocketAddr) -> Path {
    Path {
        local: None,
        remote,
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 99], port))
}
