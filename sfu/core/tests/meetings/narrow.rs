//! People on narrow lines: they get the layers that fit, and nobody else notices.

use crate::sim::{Link, Sim};
use sfu_core::event::Event;
use sfu_core::ids::{PeerId, TrackId};
use std::time::Duration;

/// About 160, 520 and 1,550 kbit/s on the wire.
const PACKETS_PER_FRAME: [usize; 3] = [3, 11, 34];

#[test]
fn a_line_that_shrinks_gets_a_smaller_picture_and_the_best_one_when_it_is_back() {
    let (mut sim, bob, carol, camera) = a_call();
    line(&mut sim, bob, 2000);
    sim.run_for(secs(15));
    assert_eq!(width(&mut sim, bob, camera), Some(1280));

    line(&mut sim, bob, 800);
    sim.run_for(secs(2));
    assert!(width(&mut sim, bob, camera) < Some(1280));
    sim.run_for(secs(10));
    assert_eq!(width(&mut sim, bob, camera), Some(640));

    line(&mut sim, bob, 2000);
    let back = sim.run_until("the best picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    assert!(back < secs(8), "{back:?}");
    let reception = &sim.client(bob).received[&camera];
    assert_eq!(reception.discontinuities, Vec::<String>::new());
    let others = &sim.client(carol).received[&camera];
    assert_eq!((others.width, others.lost), (Some(1280), 0));
}

#[test]
fn a_line_too_narrow_for_any_picture_pauses_it_says_so_and_keeps_the_sound() {
    let (mut sim, bob, _, camera) = a_call();
    sim.run_for(secs(5));
    line(&mut sim, bob, 100);
    sim.run_until("it is paused", |sim| states(sim, bob).last() == Some(&true));
    sim.run_for(secs(10));
    let sound = microphone(&sim, camera);
    let heard = sim.client(bob).received[&sound].packets;
    sim.run_for(secs(10));
    let heard = sim.client(bob).received[&sound].packets - heard;
    assert!(heard > 480, "{heard} of 500");

    line(&mut sim, bob, 4000);
    sim.run_until("it goes on", |sim| states(sim, bob).last() == Some(&false));
    let seen = sim.client(bob).received[&camera].packets;
    sim.run_for(secs(10));
    let seen = sim.client(bob).received[&camera].packets - seen;
    assert!(seen > 3000, "{seen} packets, 680 a second of the best");
    assert_eq!(width(&mut sim, bob, camera), Some(1280));
}

/// Alice speaks and shows herself to Bob and Carol.
pub(crate) fn a_call() -> (Sim, PeerId, PeerId, TrackId) {
    let mut sim = Sim::new(41);
    let (alice, bob, carol) = (sim.join(1), sim.join(2), sim.join(2));
    sim.publish_audio(alice);
    let camera = sim.publish_camera(alice);
    as_a_camera(&mut sim, alice, camera);
    sim.run_until("bob sees alice", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    (sim, bob, carol, camera)
}

/// Gives pictures the bitrates of a camera.
pub(crate) fn as_a_camera(sim: &mut Sim, who: PeerId, track: TrackId) {
    let sources = &mut sim.client(who).sources;
    let source = sources.get_mut(&track).expect("it was published");
    for (encoding, packets) in source.encodings.iter_mut().zip(PACKETS_PER_FRAME) {
        encoding.packets_per_frame = packets;
    }
}

pub(crate) fn line(sim: &mut Sim, who: PeerId, kbps_down: u64) {
    let link = Link {
        kbps_down,
        ..Link::default()
    };
    sim.links.insert(who, link);
}

pub(crate) fn width(sim: &mut Sim, who: PeerId, track: TrackId) -> Option<u32> {
    sim.client(who).received.get(&track)?.width
}

/// Whether a picture was paused, each time that this changed.
fn states(sim: &Sim, who: PeerId) -> Vec<bool> {
    let states = sim.events.iter().filter_map(|event| match event {
        Event::StreamState { peer, paused, .. } if *peer == who => Some(paused.is_some()),
        _ => None,
    });
    states.collect()
}

/// The other track of a call.
pub(crate) fn microphone(sim: &Sim, camera: TrackId) -> TrackId {
    let mut tracks = sim.tracks.keys().copied();
    tracks.find(|track| *track != camera).expect("a microphone")
}

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
