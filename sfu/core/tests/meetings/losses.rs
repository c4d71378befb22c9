//! People on bad lines: what is lost is sent again, and nobody else notices.

use crate::sim::offer::Repair;
use crate::sim::{Link, Sim};
use sfu_core::ids::{PeerId, TrackId};
use std::time::Duration;

/// A round trip of 50 ms.
const FAR: Link = Link {
    one_way: Duration::from_millis(25),
    loss_up: 0.0,
    loss_down: 0.0,
    kbps_down: 0,
};

#[test]
fn losses_on_the_way_up_are_repaired_for_every_encoding_of_a_simulcast() {
    for (loss, residual_max) in [(0.05, 0.003), (0.10, 0.01)] {
        let mut sim = Sim::new(31);
        let (alice, bob, camera) = a_call(&mut sim);
        for width in [1280, 640, 320] {
            sim.links.insert(alice, FAR);
            sim.prefer(bob, camera, crate::stories::tile(width, width * 9 / 16));
            sim.run_until("the size asked for", |sim| {
                sim.client(bob).received[&camera].width == Some(width)
            });
            sim.links.insert(
                alice,
                Link {
                    loss_up: loss,
                    ..FAR
                },
            );
            sim.run_for(Duration::from_secs(20));
        }
        settle(&mut sim, alice);
        let reception = &sim.client(bob).received[&camera];
        assert_eq!(reception.discontinuities, Vec::<String>::new());
        let (lost, repaired) = (reception.residual_loss(), reception.repaired);
        assert!(
            lost < residual_max,
            "{lost} of {} packets",
            reception.packets
        );
        assert!(repaired > 100, "{repaired} of {}", reception.packets);
        // His own requests cross what is repaired on its way to him.
        let again = reception.duplicates;
        assert!(again < repaired / 5, "{again} for {repaired} repaired");
        assert_eq!(width(&mut sim, bob, camera), Some(320), "no switch by loss");
    }
}

#[test]
fn losses_on_the_way_down_are_repaired_and_the_others_see_nothing() {
    for (loss, residual_max) in [(0.05, 0.003), (0.10, 0.01)] {
        let mut sim = Sim::new(32);
        let (alice, bob, camera) = a_call(&mut sim);
        let carol = sim.join(2);
        sim.run_until("carol sees alice", |sim| {
            width(sim, carol, camera) == Some(1280)
        });
        // Requests of her way up may still be waiting for their turn.
        sim.run_for(Duration::from_secs(1));
        let before = sim.client(alice).keyframe_requests;
        let link = Link {
            loss_down: loss,
            ..FAR
        };
        sim.links.insert(bob, link);
        sim.run_for(Duration::from_mins(1));
        settle(&mut sim, bob);
        let bobs = &sim.client(bob).received[&camera];
        assert_eq!(bobs.discontinuities, Vec::<String>::new());
        assert!(bobs.residual_loss() < residual_max, "{} lost", bobs.lost);
        assert!(bobs.repaired > 200, "{} of {}", bobs.repaired, bobs.packets);
        let carols = &sim.client(carol).received[&camera];
        assert_eq!((carols.lost, carols.repaired, carols.duplicates), (0, 0, 0));
        assert!(carols.longest_gap <= Duration::from_millis(60));
        assert_eq!(sim.client(alice).packets_requested, 0);
        assert_eq!(sim.client(alice).keyframe_requests, before);
    }
}

#[test]
fn the_end_of_each_picture_comes_twice_where_packets_are_lost_and_only_there() {
    let mut sim = Sim::new(40);
    let (_alice, bob, camera) = a_call(&mut sim);
    let carol = sim.join(2);
    sim.run_until("carol sees alice", |sim| {
        width(sim, carol, camera) == Some(1280)
    });
    sim.links.insert(bob, FAR);
    sim.run_for(Duration::from_secs(5));
    assert_eq!(sim.engine.stats().ends_repeated, 0, "nothing is lost");
    let link = Link {
        loss_down: 0.05,
        ..FAR
    };
    sim.links.insert(bob, link);
    // Until reports have told of it.
    sim.run_for(Duration::from_secs(5));
    let before = sim.engine.stats().ends_repeated;
    sim.run_for(Duration::from_secs(10));
    let repeated = sim.engine.stats().ends_repeated - before;
    let pictures = 10 * 20;
    assert!(
        (pictures * 3 / 4..=pictures + 1).contains(&repeated),
        "{repeated} of {pictures}, for one of two viewers"
    );
    let bobs = &sim.client(bob).received[&camera];
    assert_eq!(bobs.discontinuities, Vec::<String>::new());
    assert_eq!(sim.client(carol).received[&camera].duplicates, 0);
}

#[test]
fn losses_both_ways_and_during_switches_leave_no_mark() {
    let mut sim = Sim::new(33);
    let (alice, bob, camera) = a_call(&mut sim);
    let link = Link {
        loss_up: 0.05,
        loss_down: 0.05,
        ..FAR
    };
    sim.links.extend([(alice, link), (bob, link)]);
    let before = sim.client(alice).keyframe_requests;
    for round in 0..40 {
        let (width, height) = [(300, 160), (1280, 720), (640, 360)][round % 3];
        sim.prefer(bob, camera, crate::stories::tile(width, height));
        sim.run_for(Duration::from_secs(1));
    }
    settle(&mut sim, alice);
    settle(&mut sim, bob);
    let reception = &sim.client(bob).received[&camera];
    assert_eq!(reception.discontinuities, Vec::<String>::new());
    assert!(reception.residual_loss() < 0.01, "{} lost", reception.lost);
    let asked = sim.client(alice).keyframe_requests - before;
    assert!(asked <= 41 * 2 * 3, "two a second and encoding: {asked}");
}

#[test]
fn clients_without_streams_for_retransmissions_are_repaired_by_identical_packets() {
    let mut sim = Sim::new(34);
    let (alice, bob) = (sim.join(2), sim.join(2));
    for person in [alice, bob] {
        sim.client(person).repair = Repair::Nack;
        sim.offer(person);
    }
    let (camera, mic) = (sim.publish_camera(alice), sim.publish_audio(alice));
    sim.run_until("pictures and sound", |sim| {
        width(sim, bob, camera) == Some(1280) && sim.client(bob).received.contains_key(&mic)
    });
    let link = Link {
        loss_up: 0.05,
        loss_down: 0.05,
        ..FAR
    };
    sim.links.extend([(alice, link), (bob, link)]);
    sim.run_for(Duration::from_secs(30));
    settle(&mut sim, alice);
    settle(&mut sim, bob);
    for track in [camera, mic] {
        let reception = &sim.client(bob).received[&track];
        assert!(reception.residual_loss() < 0.003, "{} lost", reception.lost);
        assert!(reception.repaired > 50, "{}", reception.repaired);
        assert_eq!(reception.discontinuities, Vec::<String>::new());
    }
}

#[test]
fn whoever_offers_no_repair_is_neither_asked_nor_answered() {
    let mut sim = Sim::new(39);
    let (alice, bob) = (sim.join(2), sim.join(2));
    for person in [alice, bob] {
        sim.client(person).repair = Repair::None;
        sim.offer(person);
    }
    let camera = sim.publish_camera(alice);
    sim.run_until("a picture", |sim| width(sim, bob, camera) == Some(1280));
    let link = Link {
        loss_up: 0.05,
        ..FAR
    };
    sim.links.insert(alice, link);
    sim.client(bob).floods = true;
    sim.run_for(Duration::from_secs(10));
    assert!(sim.client(bob).received[&camera].lost > 0);
    assert_eq!(sim.client(alice).packets_requested, 0);
    assert_eq!(sim.engine.stats().packets_retransmitted, 0);
}

#[test]
fn retransmissions_that_nobody_asked_for_are_probes_and_reach_nobody() {
    let mut sim = Sim::new(35);
    let (alice, bob, camera) = a_call(&mut sim);
    sim.client(alice)
        .sources
        .get_mut(&camera)
        .expect("she publishes it")
        .repeats = true;
    let before = sim.client(bob).received[&camera].packets;
    sim.run_for(Duration::from_secs(10));
    let reception = &sim.client(bob).received[&camera];
    assert!(reception.packets - before > 900);
    assert_eq!((reception.lost, reception.duplicates), (0, 0));
    assert_eq!(reception.discontinuities, Vec::<String>::new());
    let dropped = sim.engine.stats().dropped();
    let duplicates = dropped
        .filter(|(reason, _)| *reason == "duplicate")
        .map(|(_, count)| count);
    assert!(duplicates.sum::<u64>() > 1000, "they did come");
}

#[test]
fn whoever_asks_for_everything_all_the_time_gets_little_and_disturbs_nobody() {
    let mut sim = Sim::new(36);
    let (alice, bob, camera) = a_call(&mut sim);
    let carol = sim.join(2);
    sim.run_until("carol sees alice", |sim| {
        width(sim, carol, camera) == Some(1280)
    });
    sim.client(bob).floods = true;
    sim.run_for(Duration::from_secs(10));
    let stats = sim.engine.stats();
    // The burst, and 2 Mbit/s of packets of some 206 bytes.
    let most = (128 * 1024 + 250 * 10_000) / 206;
    assert!(
        (1000..most).contains(&stats.packets_retransmitted),
        "{} of at most {most}",
        stats.packets_retransmitted
    );
    assert!(stats.retransmissions_limited > 100_000);
    assert!(stats.retransmissions_unknown > 100_000);
    let carols = &sim.client(carol).received[&camera];
    assert_eq!((carols.lost, carols.duplicates), (0, 0));
    assert!(carols.longest_gap <= Duration::from_millis(60));
    assert_eq!(sim.client(alice).packets_requested, 0);
}

#[test]
fn what_nobody_watches_is_not_asked_for() {
    let mut sim = Sim::new(37);
    let (alice, bob, camera) = a_call(&mut sim);
    sim.links.insert(
        alice,
        Link {
            loss_up: 0.2,
            ..FAR
        },
    );
    sim.prefer(
        bob,
        camera,
        sfu_core::command::Preference {
            enabled: false,
            ..crate::stories::tile(1, 1)
        },
    );
    sim.run_for(Duration::from_secs(1));
    let before = sim.client(alice).packets_requested;
    sim.run_for(Duration::from_secs(5));
    assert_eq!(sim.client(alice).packets_requested, before);
}

#[test]
fn of_a_simulcast_only_the_encodings_that_somebody_gets_are_repaired() {
    let mut sim = Sim::new(61);
    let (alice, bob, camera) = a_call(&mut sim);
    sim.prefer(bob, camera, crate::stories::tile(320, 180));
    sim.run_until("the small picture", |sim| {
        width(sim, bob, camera) == Some(320)
    });
    let encodings = &sim.client(alice).sources[&camera].encodings;
    let [small, medium, large] =
        [0, 1, 2].map(|index| (encodings[index].ssrc, encodings[index].sent));
    let link = Link {
        loss_up: 0.1,
        ..FAR
    };
    sim.links.insert(alice, link);
    sim.run_for(Duration::from_secs(10));
    let alice = sim.client(alice);
    let encodings = &alice.sources[&camera].encodings;
    assert!(
        encodings[2].sent > large.1 + 500,
        "they are sent all the same"
    );
    let asked = |ssrc| alice.requested_of.get(&ssrc).copied().unwrap_or(0);
    assert!(asked(small.0) > 10, "{:?}", alice.requested_of);
    assert_eq!((asked(medium.0), asked(large.0)), (0, 0));
}

#[test]
fn padding_with_which_a_publisher_probes_is_not_taken_for_a_loss() {
    let mut sim = Sim::new(62);
    let (alice, bob, camera) = a_call(&mut sim);
    let source = sim.client(alice).sources.get_mut(&camera);
    let source = source.expect("she publishes it");
    // In the stream of the media, and in that of its retransmissions.
    (source.probing, source.repeats) = (true, true);
    let before = sim.engine.stats().packets_received;
    sim.run_for(Duration::from_secs(10));
    // Media, padding behind it, and twice as much on the other stream.
    assert!(sim.engine.stats().packets_received - before > 3 * 8 * 200);
    assert_eq!(sim.client(alice).packets_requested, 0);
    assert_eq!(sim.client(bob).received[&camera].lost, 0);
}

#[test]
fn losses_among_the_retransmissions_of_a_probe_are_not_asked_for() {
    let mut sim = Sim::new(63);
    let (alice, _, camera) = a_call(&mut sim);
    let source = sim.client(alice).sources.get_mut(&camera);
    source.expect("she publishes it").repeats = true;
    let link = Link {
        loss_up: 0.05,
        ..FAR
    };
    sim.links.insert(alice, link);
    sim.run_for(Duration::from_secs(10));
    let alice = sim.client(alice);
    let encodings = &alice.sources[&camera].encodings;
    let media: Vec<u32> = encodings.iter().map(|encoding| encoding.ssrc).collect();
    let mut asked = alice.requested_of.keys();
    assert!(asked.all(|ssrc| media.contains(ssrc)), "{media:?}");
}

#[test]
fn a_line_that_is_dead_for_seconds_costs_a_key_frame_and_no_flood_of_requests() {
    let mut sim = Sim::new(38);
    let (alice, bob, camera) = a_call(&mut sim);
    sim.links.insert(
        alice,
        Link {
            loss_up: 1.0,
            ..FAR
        },
    );
    sim.run_for(Duration::from_secs(4));
    let (requested, keyframes) = {
        let alice = sim.client(alice);
        (alice.packets_requested, alice.keyframe_requests)
    };
    sim.links.insert(alice, FAR);
    let waited = sim.run_until("the picture again", |sim| {
        sim.client(alice).keyframe_requests > keyframes
    });
    assert!(waited < Duration::from_millis(300), "{waited:?}");
    sim.run_for(Duration::from_secs(3));
    let alice = sim.client(alice);
    assert!(alice.packets_requested - requested < 2 * 256);
    assert_eq!(
        sim.client(bob).received[&camera].discontinuities,
        Vec::<String>::new()
    );
}

/// Bob watches Alice's camera, whose best encoding has five packets to a frame.
fn a_call(sim: &mut Sim) -> (PeerId, PeerId, TrackId) {
    let (alice, bob) = (sim.join(2), sim.join(2));
    let camera = sim.publish_camera(alice);
    let source = sim
        .client(alice)
        .sources
        .get_mut(&camera)
        .expect("she publishes it");
    for (encoding, packets) in source.encodings.iter_mut().zip([1, 2, 5]) {
        encoding.packets_per_frame = packets;
    }
    sim.run_until("the full picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    (alice, bob, camera)
}

/// The line gets well, and what is under way arrives.
fn settle(sim: &mut Sim, person: PeerId) {
    sim.links.insert(person, FAR);
    sim.run_for(Duration::from_millis(700));
}

fn width(sim: &mut Sim, viewer: PeerId, track: TrackId) -> Option<u32> {
    sim.client(viewer).received.get(&track)?.width
}
