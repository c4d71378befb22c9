//! Publishers send what somebody wants, and nothing else.

use crate::sim::offer::Repair;
use crate::sim::{Link, Sim};
use sfu_core::command::{Preference, Wanted};
use sfu_core::event::{CodecWanted, Event};
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::{Codec, Quality, Size};
use std::time::Duration;

#[test]
fn a_layer_that_nobody_wants_is_switched_off_after_five_seconds() {
    let (mut sim, alice, bob, camera) = a_call();
    sim.prefer(bob, camera, tile(320, 180));
    sim.run_for(millis(4900));
    assert_eq!(wanted(&sim), [], "not yet");
    sim.run_for(millis(300));
    assert_eq!(wanted(&sim), [Some(Quality::Low)]);
    sim.run_for(millis(1000));
    let before = sent(&mut sim, alice, camera);
    sim.run_for(millis(10_000));
    let after = sent(&mut sim, alice, camera);
    assert!(after[0] > before[0], "what is wanted goes on");
    assert_eq!(after[1..], before[1..], "the others stand still");
    assert_eq!(wanted(&sim).len(), 1, "it is told once");
}

#[test]
fn a_tile_that_grows_gets_its_layer_at_once_with_the_key_frame_it_begins_with() {
    let mut sim = Sim::new(52);
    let (alice, bob) = (sim.join(3), sim.join(3));
    sim.client(alice).adapts = true;
    // A line that is not measured: what is wanted decides alone.
    sim.client(bob).repair = Repair::Nack;
    sim.offer(bob);
    let camera = sim.publish_camera(alice);
    sim.run_until("bob sees alice", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    sim.prefer(bob, camera, tile(320, 180));
    sim.run_for(millis(7000));
    assert_eq!(wanted(&sim), [Some(Quality::Low)]);
    let before = key_frames(&mut sim, alice, camera);
    sim.prefer(bob, camera, tile(1280, 720));
    let waited = sim.run_until("the full picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    assert!(waited < millis(500), "{waited:?}");
    sim.run_for(millis(2000));
    assert_eq!(key_frames(&mut sim, alice, camera) - before, 1);
    let reception = &sim.client(bob).received[&camera];
    assert_eq!(reception.discontinuities, Vec::<String>::new());
}

#[test]
fn a_picture_that_grows_on_a_measured_line_costs_no_key_frame_but_its_own() {
    let (mut sim, alice, bob, camera) = a_call();
    sim.prefer(bob, camera, tile(320, 180));
    sim.run_for(millis(8000));
    assert_eq!(wanted(&sim), [Some(Quality::Low)]);
    let before = key_frames(&mut sim, alice, camera);
    sim.prefer(bob, camera, tile(1280, 720));
    let waited = sim.run_until("the full picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    assert!(waited < millis(300), "{waited:?}");
    sim.run_for(millis(4000));
    assert_eq!(key_frames(&mut sim, alice, camera) - before, 1);
    assert_eq!(width(&mut sim, bob, camera), Some(1280), "it stays");
    let reception = &sim.client(bob).received[&camera];
    assert_eq!(reception.discontinuities, Vec::<String>::new());
}

#[test]
fn a_key_frame_that_is_lost_as_a_layer_wakes_is_asked_for_at_once() {
    let (mut sim, alice, bob, camera) = a_call();
    sim.prefer(bob, camera, tile(320, 180));
    sim.run_for(millis(8000));
    let before = key_frames(&mut sim, alice, camera);
    let sending = Link::default();
    let lost = Link {
        loss_up: 1.0,
        ..sending
    };
    sim.links.insert(alice, lost);
    sim.prefer(bob, camera, tile(1280, 720));
    let mut waited = sim.run_until("the lost key frame", |sim| {
        key_frames(sim, alice, camera) > before
    });
    sim.links.insert(alice, sending);
    waited += sim.run_until("the full picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    assert!(waited < millis(1500), "{waited:?}");
    assert_eq!(key_frames(&mut sim, alice, camera) - before, 2);
}

#[test]
fn a_camera_that_nobody_sees_sends_nothing_until_somebody_comes() {
    let (mut sim, alice, bob, camera) = a_call();
    let unseen = Preference {
        enabled: false,
        ..tile(1, 1)
    };
    sim.prefer(bob, camera, unseen);
    sim.run_for(millis(6000));
    assert_eq!(wanted(&sim), [None]);
    let before = sent(&mut sim, alice, camera);
    sim.run_for(millis(5000));
    assert_eq!(sent(&mut sim, alice, camera), before);

    let carol = sim.join(3);
    let waited = sim.run_until("carol sees alice", |sim| {
        width(sim, carol, camera) == Some(1280)
    });
    assert!(waited < millis(1500), "{waited:?}");
    assert_eq!(wanted(&sim).last(), Some(&Some(Quality::High)));
}

#[test]
fn the_most_demanding_viewer_decides_and_takes_the_wish_along_when_leaving() {
    let (mut sim, _, bob, camera) = a_call();
    let carol = sim.join(3);
    sim.prefer(bob, camera, tile(640, 360));
    sim.run_for(millis(10_000));
    assert_eq!(wanted(&sim), [], "carol still wants all of it");
    sim.command(sfu_core::Command::RemovePeer { peer: carol });
    sim.run_for(millis(6000));
    assert_eq!(wanted(&sim), [Some(Quality::Medium)]);
}

#[test]
fn a_camera_without_viewers_is_told_so_and_nobody_else_is() {
    let mut sim = Sim::new(54);
    let alice = sim.join(3);
    sim.client(alice).adapts = true;
    let (camera, _) = (sim.publish_camera(alice), sim.publish_audio(alice));
    sim.run_for(millis(6000));
    let told = sim.events.iter().filter_map(|event| match event {
        Event::LayersWanted {
            peer,
            track,
            codecs,
        } => Some((*peer, *track, codecs.clone())),
        _ => None,
    });
    let nothing = CodecWanted {
        codec: Codec::Vp8,
        best: None,
    };
    assert_eq!(told.collect::<Vec<_>>(), [(alice, camera, vec![nothing])]);
}

/// Alice shows herself to Bob, and stops sending what nobody wants.
fn a_call() -> (Sim, PeerId, PeerId, TrackId) {
    let mut sim = Sim::new(51);
    let (alice, bob) = (sim.join(3), sim.join(3));
    sim.client(alice).adapts = true;
    let camera = sim.publish_camera(alice);
    sim.run_until("bob sees alice", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    (sim, alice, bob, camera)
}

/// What Alice was told of her camera.
fn wanted(sim: &Sim) -> Vec<Option<Quality>> {
    let told = sim.events.iter().filter_map(|event| match event {
        Event::LayersWanted { codecs, .. } => Some(codecs[0].best),
        _ => None,
    });
    told.collect()
}

/// Packets that each encoding of a camera has sent.
fn sent(sim: &mut Sim, who: PeerId, camera: TrackId) -> Vec<u64> {
    let encodings = &sim.client(who).sources[&camera].encodings;
    encodings.iter().map(|encoding| encoding.sent).collect()
}

/// Key frames of the largest encoding of a camera.
fn key_frames(sim: &mut Sim, who: PeerId, camera: TrackId) -> u64 {
    sim.client(who).sources[&camera].encodings[2].keyframes
}

fn width(sim: &mut Sim, who: PeerId, track: TrackId) -> Option<u32> {
    sim.client(who).received.get(&track)?.width
}

fn tile(width: u32, height: u32) -> Preference {
    Preference::shown(Wanted::Size(Size { width, height }))
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
