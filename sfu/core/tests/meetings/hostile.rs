//! Datagrams from people who mean no good: a meeting goes on as if nothing were.

use crate::sim::Sim;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::net::SocketAddr;
use std::time::Duration;

/// Of the acceptance list: random and mutated datagrams that must leave the server serving.
const DATAGRAMS: usize = 200_000;
/// So many between two steps of the meeting.
const BURST: usize = 500;

#[test]
fn two_hundred_thousand_bad_datagrams_do_not_disturb_a_meeting() {
    let mut sim = Sim::new(1);
    sim.recording = Some(Vec::new());
    let (alice, bob) = (sim.join(3), sim.join(3));
    let (mic, camera) = (sim.publish_audio(alice), sim.publish_camera(alice));
    sim.run_for(Duration::from_secs(2));
    let recorded = sim.recording.take().expect("it was started");
    let before = sim.client(bob).received[&mic].packets;
    let dropped_before = dropped(&sim);
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..DATAGRAMS / BURST {
        for _ in 0..BURST {
            let (from, mut bytes) = bad_datagram(&mut rng, &recorded);
            sim.inject(from, &mut bytes);
        }
        sim.run_for(Duration::from_millis(10));
    }
    let received = &sim.client(bob).received;
    let (mic, camera) = (&received[&mic], &received[&camera]);
    assert!(
        mic.packets - before > 190,
        "4 s of sound: {}",
        mic.packets - before
    );
    assert_eq!((mic.lost, camera.lost), (0, 0));
    assert_eq!(camera.discontinuities, Vec::<String>::new());
    let dropped = dropped(&sim) - dropped_before;
    assert!(
        dropped > 150_000,
        "counted by reason: {:?}",
        sim.engine.stats()
    );
    assert_eq!(sim.engine.stats().peers, 2);
}

#[test]
fn whoever_does_not_know_the_password_gets_no_answer() {
    let mut sim = Sim::new(2);
    sim.recording = Some(Vec::new());
    sim.join(1);
    sim.run_for(Duration::from_secs(1));
    let recorded = sim.recording.take().expect("it was started");
    let stranger = SocketAddr::from(([127, 0, 0, 1], 55_555));
    let mut rng = StdRng::seed_from_u64(3);
    for (_, bytes) in recorded.iter().filter(|(_, bytes)| bytes[0] <= 3) {
        // A check with one bit changed, a cut one, and one whose password is wrong.
        let mut changed = bytes.clone();
        let at = rng.random_range(20..changed.len());
        changed[at] ^= 1;
        sim.inject(stranger, &mut changed);
        let mut cut = bytes[..bytes.len() - 8].to_vec();
        sim.inject(stranger, &mut cut);
    }
    // Neither handshake nor media without a check that was answered.
    for (_, bytes) in recorded.iter().filter(|(_, bytes)| bytes[0] > 3) {
        sim.inject(stranger, &mut bytes.clone());
    }
    assert_eq!(sim.sent_to(stranger.port()), 0);
    assert!(!sim.engine.owns_address(stranger));
}

/// Random bytes, or what a real client sent: changed, cut, repeated, or from elsewhere.
fn bad_datagram(rng: &mut StdRng, recorded: &[(SocketAddr, Vec<u8>)]) -> (SocketAddr, Vec<u8>) {
    let elsewhere = SocketAddr::from(([127, 0, 0, 1], rng.random_range(20_000..60_000)));
    let (from, bytes) = &recorded[rng.random_range(0..recorded.len())];
    match rng.random_range(0..5) {
        0 => {
            let len = rng.random_range(0..1500);
            (elsewhere, (0..len).map(|_| rng.random()).collect())
        }
        1 => {
            let mut bytes = bytes.clone();
            for _ in 0..rng.random_range(1..8) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            (*from, bytes)
        }
        2 => (*from, bytes[..rng.random_range(0..bytes.len())].to_vec()),
        3 => {
            let media = recorded.iter().filter(|(_, bytes)| bytes[0] >= 128);
            let (from, bytes) = media
                .clone()
                .nth(rng.random_range(0..50))
                .unwrap_or(&recorded[0]);
            (*from, bytes.clone())
        }
        _ => {
            // A check that someone overheard would be valid from anywhere: that is ICE.
            let mut bytes = bytes.clone();
            bytes[0] = rng.random_range(20..=255);
            (elsewhere, bytes)
        }
    }
}

fn dropped(sim: &Sim) -> u64 {
    sim.engine.stats().dropped().map(|(_, count)| count).sum()
}
