//! One meeting on several workers: nobody in it notices.

use crate::sim::layered::{Format, Layered};
use crate::sim::offer::Repair;
use crate::sim::{Link, ROOM, Sim};
use crate::stories::tile;
use sfu_core::command::{Neighbours, Preference};
use sfu_core::event::Event;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::{Codec, Quality};
use sfu_core::{Command, RelayBatch};
use std::collections::BTreeMap;
use std::time::Duration;

/// In the order in which they join.
type Frames = BTreeMap<(usize, usize), Vec<(u32, u8, u32)>>;

#[test]
fn the_same_meeting_on_one_worker_and_on_several_serves_the_same_frames_to_the_same_viewers() {
    for (codec, encodings) in [
        (Codec::Vp8, simulcast(Format::Vp8)),
        (Codec::Vp9, vec![Layered::new(Format::Vp9, 1, 3, true)]),
        (Codec::Av1, vec![Layered::new(Format::Av1, 1, 3, true)]),
    ] {
        let alone = frames_of_five(1, codec, &encodings);
        assert_eq!(alone.len(), 20, "everyone sees the other four");
        for workers in [2, 3, 5] {
            let spread = frames_of_five(workers, codec, &encodings);
            assert!(alone == spread, "{codec:?} on {workers} workers");
        }
    }
}

/// What each of five people sees of each other, while nothing changes: encoding, size and number of
/// every picture that they can show.
fn frames_of_five(workers: u8, codec: Codec, encodings: &[Layered]) -> Frames {
    let mut sim = Sim::on_workers(90, workers);
    let people: Vec<PeerId> = (0..5).map(|_| sim.join(5)).collect();
    for &person in &people {
        // Lines that are not measured: what is wanted decides alone.
        sim.client(person).repair = Repair::Nack;
        sim.offer(person);
    }
    let publish = |&person: &PeerId| sim.publish_layered(person, codec, encodings.to_vec());
    let cameras: Vec<TrackId> = people.iter().map(publish).collect();
    let microphones: Vec<TrackId> = people.iter().map(|&it| sim.publish_audio(it)).collect();
    sim.run_for(Duration::from_secs(2));
    for (viewer, &person) in people.iter().enumerate() {
        for (publisher, &camera) in cameras.iter().enumerate() {
            let (width, height) = [(300, 160), (640, 360), (1280, 720)][(viewer + publisher) % 3];
            sim.prefer(person, camera, tile(width, height));
        }
    }
    sim.run_for(Duration::from_secs(6));
    let mut frames = Frames::new();
    for (viewer, &person) in people.iter().enumerate() {
        for (publisher, camera) in cameras.iter().enumerate().filter(|(it, _)| *it != viewer) {
            let reception = &sim.client(person).received[camera];
            assert_eq!((reception.lost, reception.duplicates), (0, 0));
            assert_eq!(reception.decoder.problems, Vec::<String>::new());
            let shown = reception.decoder.shown.iter();
            let later = shown.filter(|shown| (80..140).contains(&shown.picture));
            let later = later.map(|shown| (shown.encoding, shown.spatial, shown.picture));
            frames.insert((viewer, publisher), later.collect());
        }
        for (_, microphone) in microphones
            .iter()
            .enumerate()
            .filter(|(it, _)| *it != viewer)
        {
            let reception = &sim.client(person).received[microphone];
            assert_eq!((reception.lost, reception.duplicates), (0, 0));
            assert!(reception.clock.is_some(), "sound and pictures play in sync");
            let sounds = reception.heard.frames.len();
            assert!(sounds > 350, "{sounds} in 8 s");
        }
    }
    frames
}

#[test]
fn who_comes_to_a_fresh_worker_sees_those_who_are_on_the_others() {
    let mut sim = Sim::on_workers(91, 3);
    let ada = sim.join(3);
    let camera = sim.publish_camera(ada);
    sim.run_for(Duration::from_secs(2));
    for _ in 0..2 {
        let newcomer = sim.join(3);
        sim.run_until("the newcomer sees Ada", |sim| {
            width(sim, newcomer, camera) == Some(1280)
        });
    }
    assert_eq!(sim.homes.values().copied().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_publisher_sends_what_anybody_on_any_worker_wants_and_only_that_is_relayed() {
    let mut sim = Sim::on_workers(92, 2);
    let (ada, ben) = (sim.join(3), sim.join(3));
    sim.client(ada).adapts = true;
    let camera = sim.publish_camera(ada);
    sim.run_until("Ben sees Ada", |sim| width(sim, ben, camera) == Some(1280));
    sim.prefer(ben, camera, tile(320, 180));
    sim.run_for(Duration::from_secs(6));
    assert_eq!(wanted(&sim), Some(Quality::Low));
    let before = sim.worker(1).stats().packets_relayed_in;
    sim.run_for(Duration::from_secs(1));
    let of_low = sim.worker(1).stats().packets_relayed_in - before;

    // Somebody beside Ada wants more, which is not relayed for that.
    let cleo = sim.join(3);
    sim.run_until("Cleo sees Ada", |sim| {
        width(sim, cleo, camera) == Some(1280)
    });
    assert_eq!(wanted(&sim), Some(Quality::High));
    let before = sim.worker(1).stats().packets_relayed_in;
    sim.run_for(Duration::from_secs(1));
    let of_all = sim.worker(1).stats().packets_relayed_in - before;
    assert!(
        of_all.abs_diff(of_low) <= 2,
        "{of_low} and {of_all} a second"
    );

    let hidden = Preference {
        enabled: false,
        ..tile(1, 1)
    };
    sim.prefer(ben, camera, hidden);
    sim.run_for(Duration::from_secs(6));
    let before = sim.worker(1).stats().packets_relayed_in;
    sim.run_for(Duration::from_secs(1));
    assert_eq!(sim.worker(1).stats().packets_relayed_in, before);
    sim.prefer(ben, camera, tile(1280, 720));
    sim.run_until("Ben sees all of Ada", |sim| {
        width(sim, ben, camera) == Some(1280)
    });
    let reception = &sim.client(ben).received[&camera];
    assert_eq!(reception.discontinuities, Vec::<String>::new());
}

#[test]
fn what_a_publisher_s_line_loses_is_asked_for_though_only_others_watch() {
    let mut sim = Sim::on_workers(93, 2);
    let (ada, ben) = (sim.join(3), sim.join(3));
    let lossy = Link {
        loss_up: 0.05,
        ..Link::default()
    };
    sim.links.insert(ada, lossy);
    let camera = sim.publish_camera(ada);
    sim.run_until("Ben sees Ada", |sim| width(sim, ben, camera) == Some(1280));
    sim.run_for(Duration::from_secs(5));
    let home = sim.worker(0).stats();
    assert!(home.packets_repaired > 5, "{}", home.packets_repaired);
    assert_eq!(sim.worker(1).stats().packets_requested, 0);
    let reception = &sim.client(ben).received[&camera];
    assert!(reception.residual_loss() < 0.001, "{}", reception.lost);
}

#[test]
fn muting_and_leaving_reach_the_other_workers() {
    let mut sim = Sim::on_workers(94, 2);
    let (ada, ben) = (sim.join(3), sim.join(3));
    let (mic, camera) = (sim.publish_audio(ada), sim.publish_camera(ada));
    sim.run_until("Ben sees Ada", |sim| width(sim, ben, camera) == Some(1280));
    let mute = |muted| Command::MuteTrack { track: mic, muted };
    sim.command(mute(true));
    sim.run_for(Duration::from_millis(100));
    let before = packets(&mut sim, ben, mic);
    sim.run_for(Duration::from_secs(1));
    assert_eq!(packets(&mut sim, ben, mic), before);
    sim.command(mute(false));
    sim.run_until("Ben hears Ada", |sim| packets(sim, ben, mic) > before);
    sim.command(Command::Unpublish { track: mic });
    assert_eq!(sim.worker(1).stats().tracks, 1);
    sim.leave(ada);
    assert_eq!(sim.worker(1).stats().tracks, 0);
    assert_eq!(sim.worker(0).stats().rooms, 0);
    assert_eq!(sim.worker(1).stats().rooms, 1);
}

#[test]
fn a_worker_that_everybody_left_can_be_come_back_to() {
    let mut sim = Sim::on_workers(95, 2);
    let (ada, ben) = (sim.join(3), sim.join(3));
    let camera = sim.publish_camera(ada);
    sim.run_until("Ben sees Ada", |sim| width(sim, ben, camera) == Some(1280));
    sim.leave(ben);
    assert_eq!(sim.worker(1).stats().tracks, 0, "none is left behind");
    // The next goes to the first worker, and the one after that to the second.
    let (_, dan) = (sim.join(3), sim.join(3));
    sim.run_until("Dan sees Ada", |sim| width(sim, dan, camera) == Some(1280));
    assert_eq!(sim.homes[&dan], 1);
}

#[test]
fn a_worker_that_failed_takes_its_own_people_with_it_and_no_others() {
    let mut sim = Sim::on_workers(96, 3);
    let (ada, ben, cleo) = (sim.join(3), sim.join(3), sim.join(3));
    let cameras = [ada, ben, cleo].map(|person| sim.publish_camera(person));
    sim.run_until("Cleo sees Ada and Ben", |sim| {
        width(sim, cleo, cameras[0]) == Some(1280) && width(sim, cleo, cameras[1]) == Some(1280)
    });
    sim.hear(2, &RelayBatch::restarted(1));
    assert_eq!(sim.worker(2).stats().tracks, 2, "her own and Ada's");
    let before = packets(&mut sim, cleo, cameras[0]);
    sim.run_for(Duration::from_secs(1));
    assert!(packets(&mut sim, cleo, cameras[0]) > before + 15);
}

#[test]
fn all_workers_agree_on_who_is_heard_and_one_of_them_tells_who_speaks() {
    let mut sim = Sim::on_workers(97, 2);
    sim.auto_subscribe = false;
    let listeners = [sim.join(20), sim.join(20)];
    let people: Vec<PeerId> = (0..20).map(|_| sim.join(0)).collect();
    let voices: Vec<TrackId> = people.iter().map(|&it| sim.publish_audio(it)).collect();
    for (index, (&person, voice)) in people.iter().zip(&voices).enumerate() {
        let source = sim.client(person).sources.get_mut(voice).unwrap();
        source.level_dbov = if index % 2 == 0 { 25 } else { 100 };
        for listener in listeners {
            sim.subscribe(listener, *voice, person);
        }
    }
    sim.run_for(Duration::from_secs(5));
    let before = listeners.map(|listener| counts(&mut sim, listener, &voices));
    let speakers = |sim: &Sim| {
        let told = |event: &&Event| matches!(event, Event::Speakers { room, .. } if *room == ROOM);
        sim.events.iter().filter(told).count()
    };
    let told_before = speakers(&sim);
    sim.run_for(Duration::from_secs(1));
    let after = listeners.map(|listener| counts(&mut sim, listener, &voices));
    let heard = [0, 1].map(|it| {
        let pairs = before[it].iter().zip(&after[it]);
        pairs
            .map(|(before, after)| after > before)
            .collect::<Vec<_>>()
    });
    let loud = (0..20).filter(|index| index % 2 == 0);
    for index in loud {
        assert!(heard[0][index] && heard[1][index], "{index}: {heard:?}");
    }
    assert_eq!(
        heard.map(|it| it.iter().filter(|it| **it).count()),
        [12, 12]
    );
    assert_eq!(speakers(&sim), told_before, "nothing changed");
    let last = sim.events.iter().rev().find_map(|event| match event {
        Event::Speakers { levels, .. } => Some(levels.len()),
        _ => None,
    });
    assert_eq!(last, Some(10), "from both workers");
}

#[test]
fn neighbours_on_two_workers_get_no_sound_of_each_other() {
    let mut sim = Sim::on_workers(98, 2);
    let (ada, ben) = (sim.join(3), sim.join(3));
    let mic = sim.publish_audio(ada);
    sim.run_until("Ben hears Ada", |sim| packets(sim, ben, mic) > 10);
    let seat = |peer, group| Command::Seat {
        peer,
        group: Neighbours::new(group),
    };
    sim.command(seat(ada, 1));
    sim.command(seat(ben, 1));
    sim.run_for(Duration::from_millis(100));
    let before = packets(&mut sim, ben, mic);
    sim.run_for(Duration::from_secs(1));
    assert_eq!(packets(&mut sim, ben, mic), before);
    sim.command(seat(ada, 2));
    sim.run_until("Ben hears Ada again", |sim| packets(sim, ben, mic) > before);
}

fn simulcast(format: Format) -> Vec<Layered> {
    let encodings = [1, 2, 3].map(|index| Layered::new(format, index, 1, false));
    encodings.to_vec()
}

/// What was told of a camera's sizes last.
fn wanted(sim: &Sim) -> Option<Quality> {
    let told = sim.events.iter().rev().find_map(|event| match event {
        Event::LayersWanted { codecs, .. } => Some(codecs[0].best),
        _ => None,
    });
    told.expect("it was told")
}

fn packets(sim: &mut Sim, viewer: PeerId, track: TrackId) -> u64 {
    let reception = sim.client(viewer).received.get(&track);
    reception.map_or(0, |reception| reception.packets)
}

fn counts(sim: &mut Sim, listener: PeerId, voices: &[TrackId]) -> Vec<u64> {
    let mut counts = Vec::new();
    for voice in voices {
        counts.push(packets(sim, listener, *voice));
    }
    counts
}

fn width(sim: &mut Sim, viewer: PeerId, track: TrackId) -> Option<u32> {
    sim.client(viewer).received.get(&track)?.width
}
