//! People meet, look, switch, fall silent and leave.

use crate::sim::Sim;
use crate::sim::offer::Content;
use sfu_core::Command;
use sfu_core::command::{Preference, Wanted};
use sfu_core::event::{Event, LostReason};
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::Size;
use std::time::Duration;

#[test]
fn two_people_see_and_hear_each_other() {
    let mut sim = Sim::new(1);
    let (alice, bob) = (sim.join(3), sim.join(3));
    let (mic, camera) = (sim.publish_audio(alice), sim.publish_camera(alice));
    let reply = sim.publish_camera(bob);
    sim.run_until("bob gets everything", |sim| {
        packets(sim, bob, mic) > 20
            && packets(sim, bob, camera) > 20
            && packets(sim, alice, reply) > 20
    });
    sim.run_for(Duration::from_secs(2));
    assert_eq!(
        width(&mut sim, bob, camera),
        Some(1280),
        "the best there is"
    );
    assert!(
        sim.client(alice).transport_feedback > 10,
        "her estimator is fed"
    );
    assert!(sim.client(bob).received[&camera].discontinuities.is_empty());
    assert_eq!(sim.client(bob).received[&camera].lost, 0);
}

#[test]
fn a_small_tile_gets_a_quarter_and_grows_within_a_second() {
    let mut sim = Sim::new(2);
    let (alice, bob) = (sim.join(3), sim.join(3));
    let camera = sim.publish_camera(alice);
    sim.run_until("the full picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    sim.prefer(bob, camera, tile(300, 160));
    sim.run_until("a quarter", |sim| width(sim, bob, camera) == Some(320));
    sim.run_for(Duration::from_secs(2));
    sim.prefer(bob, camera, tile(1280, 720));
    let waited = sim.run_until("full again", |sim| width(sim, bob, camera) == Some(1280));
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    let reception = &sim.client(bob).received[&camera];
    assert_eq!(reception.discontinuities, Vec::<String>::new());
    assert_eq!(reception.lost, 0);
    assert!(
        reception.longest_gap < Duration::from_millis(500),
        "{:?}",
        reception.longest_gap
    );
}

#[test]
fn a_hundred_switches_leave_no_mark() {
    let mut sim = Sim::new(3);
    let (alice, bob) = (sim.join(3), sim.join(3));
    let camera = sim.publish_camera(alice);
    sim.run_until("a picture", |sim| packets(sim, bob, camera) > 10);
    for round in 0..100 {
        let size = [(300, 160), (1280, 720), (640, 360)][round % 3];
        sim.prefer(bob, camera, tile(size.0, size.1));
        sim.run_for(Duration::from_millis(700));
    }
    let reception = &sim.client(bob).received[&camera];
    assert_eq!(reception.discontinuities, Vec::<String>::new());
    assert_eq!(reception.lost, 0);
}

#[test]
fn padding_between_the_pictures_leaves_no_gap() {
    let mut sim = Sim::new(18);
    let (alice, bob) = (sim.join(3), sim.join(3));
    let camera = sim.publish_camera(alice);
    sim.client(alice).sources.get_mut(&camera).unwrap().probing = true;
    sim.run_until("the full picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    sim.run_for(Duration::from_secs(2));
    let reception = &sim.client(bob).received[&camera];
    assert_eq!(reception.lost, 0);
    assert_eq!(reception.discontinuities, Vec::<String>::new());
}

#[test]
fn nothing_is_sent_for_a_tile_nobody_sees() {
    let mut sim = Sim::new(4);
    let (alice, bob) = (sim.join(3), sim.join(3));
    let camera = sim.publish_camera(alice);
    sim.run_until("a picture", |sim| packets(sim, bob, camera) > 10);
    sim.prefer(
        bob,
        camera,
        Preference {
            enabled: false,
            ..tile(1, 1)
        },
    );
    sim.run_for(Duration::from_millis(100));
    let before = packets(&mut sim, bob, camera);
    sim.run_for(Duration::from_secs(2));
    assert_eq!(packets(&mut sim, bob, camera), before);
}

#[test]
fn a_layer_that_the_publisher_stops_is_replaced_within_a_second() {
    let mut sim = Sim::new(5);
    let (alice, bob) = (sim.join(3), sim.join(3));
    let camera = sim.publish_camera(alice);
    sim.run_until("the full picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    sim.client(alice)
        .sources
        .get_mut(&camera)
        .unwrap()
        .encodings[2]
        .sending = false;
    let waited = sim.run_until("the middle one", |sim| width(sim, bob, camera) == Some(640));
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    sim.client(alice)
        .sources
        .get_mut(&camera)
        .unwrap()
        .encodings[2]
        .sending = true;
    sim.run_until("the full one again", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    assert_eq!(
        sim.client(bob).received[&camera].discontinuities,
        Vec::<String>::new()
    );
}

#[test]
fn sound_and_pictures_share_a_clock_after_a_switch() {
    let mut sim = Sim::new(6);
    let (alice, bob) = (sim.join(3), sim.join(3));
    let camera = sim.publish_camera(alice);
    sim.run_until("the full picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    sim.run_for(Duration::from_secs(2));
    let before = sim.client(bob).received[&camera]
        .clock
        .expect("a sender report");
    sim.prefer(bob, camera, tile(300, 160));
    sim.run_for(Duration::from_secs(3));
    let after = sim.client(bob).received[&camera]
        .clock
        .expect("a sender report");
    let seconds = f64::from(u32::try_from((after.0 - before.0) >> 16).unwrap()) / 65_536.0;
    let ticks = f64::from(after.1.wrapping_sub(before.1));
    assert!(seconds > 1.5, "a newer report");
    assert!(
        (ticks / 90_000.0 - seconds).abs() < 0.001,
        "{ticks} ticks in {seconds} s"
    );
}

#[test]
fn fifty_people_with_cameras_meet() {
    let mut sim = Sim::new(7);
    let everyone: Vec<PeerId> = (0..50).map(|_| sim.join(3)).collect();
    for client in sim.clients.values_mut() {
        client.decrypt_one_in = 8;
    }
    let tracks: Vec<(PeerId, TrackId)> = everyone
        .iter()
        .flat_map(|&id| [(id, sim.publish_audio(id)), (id, sim.publish_camera(id))])
        .collect();
    // On a screen of fifty tiles each is small.
    for &viewer in &everyone {
        for &(publisher, track) in &tracks {
            if viewer != publisher {
                sim.prefer(viewer, track, tile(160, 90));
            }
        }
    }
    sim.run_for(Duration::from_secs(3));
    for &viewer in &everyone {
        let mut voices = 0;
        for &(publisher, track) in tracks.iter().filter(|(publisher, _)| *publisher != viewer) {
            let got = packets(&mut sim, viewer, track);
            let is_voice = sim.client(publisher).sources[&track].encodings[0]
                .rid
                .is_none();
            voices += usize::from(is_voice && got > 10);
            assert!(
                is_voice || got > 10,
                "{viewer} got {got} packets of {track} by {publisher}"
            );
        }
        // Twelve are forwarded, of which one may be the viewer's own.
        assert!((11..=12).contains(&voices), "{viewer} hears {voices}");
    }
    let lost: u64 = sim
        .clients
        .values()
        .flat_map(|client| client.received.values())
        .map(|r| r.lost)
        .sum();
    assert_eq!(lost, 0);
}

#[test]
fn a_late_crowd_costs_the_publisher_few_key_frames() {
    let mut sim = Sim::new(8);
    let alice = sim.join(1);
    let camera = sim.publish_camera(alice);
    sim.run_for(Duration::from_secs(1));
    let before = sim.client(alice).keyframe_requests;
    let mut crowd = Vec::new();
    for _ in 0..40 {
        crowd.push(sim.join(1));
        sim.run_for(Duration::from_millis(100));
    }
    sim.run_for(Duration::from_secs(1));
    for &viewer in &crowd {
        assert!(packets(&mut sim, viewer, camera) > 5, "{viewer} sees her");
    }
    let asked = sim.client(alice).keyframe_requests - before;
    assert!(
        asked <= 3 * 2 * 5 + 3,
        "at most two a second and encoding: {asked}"
    );
}

#[test]
fn loss_on_the_way_delays_the_handshake_but_does_not_prevent_it() {
    let mut sim = Sim::new(9);
    sim.lose_one_in = 4;
    sim.handshake_losses = 2;
    let (alice, bob) = (sim.join(3), sim.join(3));
    let mic = sim.publish_audio(alice);
    let waited = sim.run_until("sound in spite of it", |sim| packets(sim, bob, mic) > 20);
    // The client tries again after a second and after two more, give or take a quarter.
    let expected = Duration::from_millis(2250)..Duration::from_secs(8);
    assert!(expected.contains(&waited), "{waited:?}");
}

#[test]
fn whoever_falls_silent_is_gone_for_the_others_in_fifteen_seconds_and_can_come_back() {
    let mut sim = Sim::new(10);
    let (alice, bob) = (sim.join(3), sim.join(3));
    let camera = sim.publish_camera(alice);
    sim.run_until("a picture", |sim| packets(sim, bob, camera) > 10);
    sim.client(alice).silent = true;
    let waited = sim.run_until("alice is missed", |sim| {
        sim.events.contains(&Event::Lost {
            peer: alice,
            reason: LostReason::Silent,
        })
    });
    assert!(waited < Duration::from_secs(15), "{waited:?}");
    let again = sim.join(3);
    let camera = sim.publish_camera(again);
    sim.run_until("a picture again", |sim| packets(sim, bob, camera) > 10);
}

#[test]
fn whoever_never_connects_is_given_up() {
    let mut sim = Sim::new(11);
    let alice = sim.join(1);
    sim.client(alice).silent = true;
    sim.run_until("alice is given up", |sim| {
        sim.events.contains(&Event::Lost {
            peer: alice,
            reason: LostReason::NeverConnected,
        })
    });
    assert_eq!(sim.engine.stats().peers, 0);
    assert_eq!(sim.engine.stats().rooms, 0);
}

#[test]
fn a_section_that_was_let_go_is_used_again() {
    let mut sim = Sim::new(12);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let camera = sim.publish_camera(alice);
    sim.run_until("a picture", |sim| packets(sim, bob, camera) > 10);
    let sections = sim.client(bob).sections.len();
    sim.command(Command::Unpublish { track: camera });
    sim.tracks.remove(&camera);
    sim.run_for(Duration::from_secs(1));
    let carol = sim.join(1);
    let hers = sim.publish_camera(carol);
    sim.run_until("another picture", |sim| packets(sim, bob, hers) > 10);
    assert_eq!(
        sim.client(bob).sections.len(),
        sections,
        "no section more than before"
    );
}

#[test]
fn closing_the_section_ends_the_track() {
    let mut sim = Sim::new(16);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let camera = sim.publish_camera(alice);
    sim.run_until("a picture", |sim| packets(sim, bob, camera) > 10);
    let mid = sim.client(alice).sources.remove(&camera).unwrap().mid;
    let section = sim
        .client(alice)
        .sections
        .iter_mut()
        .find(|section| section.mid == mid);
    section.unwrap().content = Content::Stopped("video");
    sim.offer(alice);
    assert!(sim.events.contains(&Event::TrackEnded {
        peer: alice,
        track: camera
    }));
    assert_eq!(sim.engine.stats().tracks, 0);
}

#[test]
fn an_ice_restart_from_another_address_gets_new_credentials_and_media_goes_on() {
    let mut sim = Sim::new(17);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let mic = sim.publish_audio(alice);
    sim.run_until("sound", |sim| packets(sim, bob, mic) > 10);
    let before = sim.client(alice).server_ufrag().unwrap().to_owned();
    let mut address = sim.client(alice).address;
    address.set_port(address.port() + 1000);
    sim.client(alice).move_to(address, "othr");
    sim.offer(alice);
    assert_ne!(sim.client(alice).server_ufrag(), Some(before.as_str()));
    sim.client(bob).received.get_mut(&mic).unwrap().longest_gap = Duration::ZERO;
    sim.run_for(Duration::from_secs(20));
    let reception = &sim.client(bob).received[&mic];
    assert!(
        reception.longest_gap < Duration::from_secs(1),
        "{:?}",
        reception.longest_gap
    );
    assert!(reception.packets > 900, "{}", reception.packets);
}

#[test]
fn a_muted_microphone_is_silent_and_a_loud_one_is_the_speaker() {
    let mut sim = Sim::new(13);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let mic = sim.publish_audio(alice);
    sim.client(alice).sources.get_mut(&mic).unwrap().level_dbov = 10;
    sim.run_until("alice speaks", |sim| speaking(sim, alice));
    sim.command(Command::MuteTrack {
        track: mic,
        muted: true,
    });
    sim.run_for(Duration::from_millis(100));
    let before = packets(&mut sim, bob, mic);
    sim.run_until("alice stopped", |sim| !speaking(sim, alice));
    assert_eq!(packets(&mut sim, bob, mic), before);
}

#[test]
fn an_offer_that_makes_no_sense_is_refused_and_the_room_lives() {
    let mut sim = Sim::new(14);
    let (alice, bob) = (sim.join(1), sim.join(1));
    let mic = sim.publish_audio(alice);
    sim.command(Command::Offer {
        peer: bob,
        id: 77,
        sdp: "v=0\r\nnonsense".to_owned(),
    });
    let refused = sim.events.iter().any(|event| {
        matches!(event, Event::OfferRefused { peer, id: 77, reason } if *peer == bob && !reason.is_empty())
    });
    assert!(refused);
    sim.run_until("sound", |sim| packets(sim, bob, mic) > 10);
}

#[test]
fn the_same_meeting_twice_is_the_same_to_the_byte() {
    let meeting = || {
        let mut sim = Sim::new(15);
        sim.join(2);
        let bob = sim.join(2);
        sim.publish_camera(bob);
        // Certificates and handshakes differ; what signaling is told apart from them must not.
        sim.events
            .iter()
            .map(|event| match event {
                Event::Answer { sdp, .. } => {
                    let lines = sdp.lines().filter(|line| !line.contains("fingerprint"));
                    lines.collect::<Vec<_>>().join("\n")
                }
                other => format!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(meeting(), meeting());
}

pub(crate) fn tile(width: u32, height: u32) -> Preference {
    Preference::shown(Wanted::Size(Size { width, height }))
}

fn packets(sim: &mut Sim, viewer: PeerId, track: TrackId) -> u64 {
    sim.client(viewer)
        .received
        .get(&track)
        .map_or(0, |reception| reception.packets)
}

fn width(sim: &mut Sim, viewer: PeerId, track: TrackId) -> Option<u32> {
    let reception = sim.client(viewer).received.get(&track)?;
    reception.width
}

fn speaking(sim: &Sim, peer: PeerId) -> bool {
    let last = sim.events.iter().rev().find_map(|event| match event {
        Event::Speakers { levels, .. } => Some(levels),
        _ => None,
    });
    last.is_some_and(|levels| levels.iter().any(|(speaker, _)| *speaker == peer))
}
