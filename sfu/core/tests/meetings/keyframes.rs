//! Key frames are asked for in whichever way each client understands.

use crate::sim::Sim;
use sfu_core::event::Event;
use sfu_core::ids::{PeerId, TrackId};
use std::time::Duration;

#[test]
fn a_publisher_that_offers_only_fir_is_asked_by_fir_each_time_under_a_new_number() {
    let mut sim = Sim::new(91);
    let (alice, bob) = (sim.join(2), sim.join(2));
    sim.client(alice).fir = true;
    let camera = sim.publish_camera(alice);
    sim.run_until("bob sees alice", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    let answers = sim.events.iter().filter_map(|event| match event {
        Event::Answer { peer, sdp, .. } if *peer == alice => Some(sdp),
        _ => None,
    });
    let answer = answers.last().unwrap();
    assert!(answer.contains("a=rtcp-fb:96 ccm fir"), "{answer}");
    for _ in 0..3 {
        sim.run_for(Duration::from_secs(3));
        let viewer = sim.join(2);
        let waited = sim.run_until("the newcomer sees alice", |sim| {
            width(sim, viewer, camera) == Some(1280)
        });
        assert!(waited < Duration::from_secs(2), "{waited:?}");
    }
    let firs = &sim.client(alice).firs;
    assert!(!firs.is_empty());
    for numbers in firs.values() {
        let counted: Vec<u8> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, &counted);
    }
}

#[test]
fn a_subscriber_that_asks_by_fir_gets_a_key_frame() {
    let mut sim = Sim::new(92);
    let (alice, bob) = (sim.join(2), sim.join(2));
    let camera = sim.publish_camera(alice);
    sim.run_until("bob sees alice", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    sim.run_for(Duration::from_secs(3));
    let before = sim.client(alice).keyframe_requests;
    let ssrcs = &sim.client(bob).ssrcs;
    let ssrc = ssrcs.iter().find(|(_, track)| **track == camera);
    let [a, b, c, d] = ssrc.unwrap().0.to_be_bytes();
    // Of another stream first, which is nobody's (RFC 5104, section 4.3.1.1).
    let fir = [
        0x84, 206, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0, 0xde, 0xad, 0, 0, 1, 0, 0, 0, a, b, c, d, 1, 0, 0,
        0,
    ];
    let client = sim.client(bob);
    let address = client.address;
    let (outbound, _) = client.srtp.as_mut().expect("he is connected");
    let mut sealed = outbound.encrypt_rtcp(&fir).unwrap().to_vec();
    sim.inject(address, &mut sealed);
    sim.run_for(Duration::from_millis(500));
    assert_eq!(sim.client(alice).keyframe_requests - before, 1);
}

fn width(sim: &mut Sim, who: PeerId, track: TrackId) -> Option<u32> {
    sim.client(who).received.get(&track)?.width
}
