//! A client's address changes under it: a NAT forgets, a tunnel comes up, and the client, which knows
//! nothing of it, sends its next connectivity check in a second or two.

use crate::sim::Sim;
use sfu_core::Event;
use sfu_core::ids::{PeerId, TrackId};
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn row_9_a_client_whose_address_changes_loses_a_tenth_of_a_second_and_no_place() {
    let mut sim = Sim::new(31);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let of_alice = sim.publish_audio(alice);
    let of_bob = sim.publish_audio(bob);
    sim.run_until("sound both ways", |sim| {
        heard(sim, bob, of_alice) > 50 && heard(sim, alice, of_bob) > 50
    });
    let keys_of = |sim: &mut Sim| sim.client(alice).server_ufrag().map(str::to_owned);
    let before = keys_of(&mut sim);
    let mut longest = Duration::ZERO;
    // At every phase of the 2.5 s between two checks of the client's own.
    for _ in 1..=9 {
        forget_gaps(&mut sim, bob, of_alice);
        forget_gaps(&mut sim, alice, of_bob);
        let port = sim.client(alice).address.port();
        sim.client(alice).address.set_port(port + 1000);
        sim.run_for(Duration::from_millis(2800));
        for (listener, track) in [(bob, of_alice), (alice, of_bob)] {
            let gap = sim.client(listener).received[&track].longest_gap;
            longest = longest.max(gap);
        }
    }
    eprintln!(
        r#"quality row=9 target="gap < 1 s when the address changes" measured="{} ms, longest of 9 changes""#,
        longest.as_millis()
    );
    assert!(longest < Duration::from_millis(120), "{longest:?}");
    assert_eq!(keys_of(&mut sim), before, "nothing was negotiated");
    let left = |event: &Event| matches!(event, Event::Lost { .. } | Event::TrackEnded { .. });
    assert!(!sim.events.iter().any(left));
}

#[test]
fn whoever_repeats_overheard_media_from_elsewhere_is_asked_once_and_gets_no_media() {
    let mut sim = Sim::new(32);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let of_alice = sim.publish_audio(alice);
    let of_bob = sim.publish_audio(bob);
    sim.run_until("sound both ways", |sim| {
        heard(sim, bob, of_alice) > 50 && heard(sim, alice, of_bob) > 50
    });
    // The packet is on its way when it is overheard, and the repetition overtakes it.
    let overheard = sim.underway_from(alice);
    assert!(!overheard.is_empty());
    let thief = SocketAddr::from(([10, 6, 6, 6], 10_900));
    for mut packet in overheard {
        sim.inject(thief, &mut packet);
    }
    let asked = sim.sent_to(thief.port());
    assert_eq!(asked, 1, "one question, and not a packet of sound");
    forget_gaps(&mut sim, alice, of_bob);
    sim.run_for(Duration::from_secs(10));
    assert_eq!(sim.sent_to(thief.port()), 0);
    let gap = sim.client(alice).received[&of_bob].longest_gap;
    assert!(gap < Duration::from_millis(60), "{gap:?}");
}

#[test]
fn media_of_nobody_from_nowhere_is_dropped_and_never_answered() {
    let mut sim = Sim::new(33);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let of_alice = sim.publish_audio(alice);
    sim.run_until("sound", |sim| heard(sim, bob, of_alice) > 10);
    let stranger = SocketAddr::from(([10, 6, 6, 6], 10_900));
    let ssrc = u32::try_from(of_alice.0).unwrap() * 100;
    for number in 0..10_000_u16 {
        let mut packet = vec![0x80; 60];
        packet[2..4].copy_from_slice(&number.to_be_bytes());
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        sim.inject(stranger, &mut packet);
    }
    assert_eq!(sim.sent_to(stranger.port()), 0);
    assert!(!sim.engine.owns_address(stranger));
    let dropped = |label: &str| {
        let mut all = sim.engine.stats().dropped();
        all.find(|(reason, _)| *reason == label).map(|(_, n)| n)
    };
    let (tried, ignored) = (dropped("address_not_validated"), dropped("unknown_sender"));
    assert_eq!(tried, Some(32), "no more than a tick's searches");
    assert_eq!(ignored, Some(10_000 - 32));
}

fn heard(sim: &mut Sim, listener: PeerId, track: TrackId) -> u64 {
    let reception = sim.client(listener).received.get(&track);
    reception.map_or(0, |reception| reception.packets)
}

fn forget_gaps(sim: &mut Sim, listener: PeerId, track: TrackId) {
    let reception = sim.client(listener).received.get_mut(&track);
    if let Some(reception) = reception {
        reception.longest_gap = Duration::ZERO;
    }
}
