//! Many voices at once, and people who sit in one physical room.

use crate::sim::Sim;
use sfu_core::Command;
use sfu_core::command::Neighbours;
use sfu_core::ids::{PeerId, TrackId};
use std::time::Duration;

/// As in the settings' defaults.
const HEARD_MAX: usize = 12;
const SPEAKING: u8 = 25;
const SILENT: u8 = 90;

#[test]
fn of_thirty_microphones_the_twelve_loudest_are_heard_and_a_new_voice_at_once() {
    let mut sim = Sim::new(61);
    let (microphones, listener) = a_council(&mut sim, 30);
    sim.run_for(Duration::from_secs(2));
    assert_eq!(heard(&mut sim, listener, &microphones).len(), HEARD_MAX);
    for speaker in [29, 17, 23, 4] {
        let (person, track) = microphones[speaker];
        let before = packets(&mut sim, listener, track);
        level(&mut sim, person, track, SPEAKING);
        let waited = sim.run_until("the new voice", |sim| {
            packets(sim, listener, track) > before
        });
        // The way of a packet takes 20 ms of it.
        assert!(waited <= Duration::from_millis(200), "{waited:?}");
    }
    let now_heard = heard(&mut sim, listener, &microphones);
    assert_eq!(now_heard.len(), HEARD_MAX);
    for speaker in [29, 17, 23, 4] {
        assert!(now_heard.contains(&speaker), "{now_heard:?}");
    }
    for (_, track) in &microphones {
        if let Some(reception) = sim.client(listener).received.get(track) {
            assert_eq!(reception.discontinuities, Vec::<String>::new());
            assert_eq!(reception.lost, 0);
        }
    }
}

#[test]
fn twelve_microphones_are_all_heard_however_soft() {
    let mut sim = Sim::new(62);
    let (microphones, listener) = a_council(&mut sim, HEARD_MAX);
    sim.run_for(Duration::from_secs(2));
    assert_eq!(heard(&mut sim, listener, &microphones).len(), HEARD_MAX);
}

#[test]
fn who_is_heard_does_not_change_with_every_syllable() {
    let mut sim = Sim::new(63);
    let (microphones, listener) = a_council(&mut sim, 16);
    for (person, track) in &microphones {
        level(&mut sim, *person, *track, SPEAKING);
    }
    sim.run_for(Duration::from_secs(2));
    let before = heard(&mut sim, listener, &microphones);
    // Syllables of all sixteen: levels that differ by 12 dB, and short pauses, each in another turn.
    for step in 0..100_usize {
        for (index, (person, track)) in microphones.iter().enumerate() {
            let syllable = (step * 7 + index * 5) % 8;
            let dbov = if syllable == 0 {
                SILENT
            } else {
                20 + u8::try_from(syllable).unwrap()
            };
            level(&mut sim, *person, *track, dbov);
        }
        sim.run_for(Duration::from_millis(100));
    }
    assert_eq!(heard(&mut sim, listener, &microphones), before);
}

#[test]
fn a_voice_without_a_place_is_not_repaired_and_costs_its_listener_nothing() {
    let mut sim = Sim::new(64);
    let (microphones, listener) = a_council(&mut sim, 14);
    sim.run_for(Duration::from_secs(2));
    let heard = heard(&mut sim, listener, &microphones);
    let silent = (0..14).find(|index| !heard.contains(index)).unwrap();
    let (person, track) = microphones[silent];
    let before = packets(&mut sim, listener, track);
    sim.run_for(Duration::from_secs(3));
    assert_eq!(packets(&mut sim, listener, track), before);
    assert_eq!(sim.client(person).packets_requested, 0);
}

#[test]
fn neighbours_get_pictures_of_each_other_and_no_sound() {
    let mut sim = Sim::new(65);
    let people = [sim.join(3), sim.join(3), sim.join(3)];
    let [ada, ben, remote] = people;
    let microphones = people.map(|person| sim.publish_audio(person));
    let camera = sim.publish_camera(ada);
    sim.run_until("everybody hears everybody", |sim| {
        people.iter().all(|&listener| {
            let mut others = people
                .iter()
                .zip(microphones)
                .filter(|it| *it.0 != listener);
            others.all(|(_, track)| packets(sim, listener, track) > 10)
        })
    });
    let chamber = Neighbours::new(1);
    for person in [ada, ben] {
        sim.command(Command::Seat {
            peer: person,
            group: chamber,
        });
    }
    // What was on its way arrives.
    sim.run_for(Duration::from_millis(15));
    let (at_ada, at_ben) = (
        packets(&mut sim, ada, microphones[1]),
        packets(&mut sim, ben, microphones[0]),
    );
    let (picture, afar) = (
        packets(&mut sim, ben, camera),
        packets(&mut sim, remote, microphones[0]),
    );
    sim.run_for(Duration::from_secs(2));
    assert_eq!(packets(&mut sim, ada, microphones[1]), at_ada);
    assert_eq!(packets(&mut sim, ben, microphones[0]), at_ben);
    assert!(packets(&mut sim, ben, camera) > picture + 30);
    assert!(packets(&mut sim, remote, microphones[0]) > afar + 90);
    assert!(packets(&mut sim, remote, microphones[1]) > 90);
    assert!(packets(&mut sim, ada, microphones[2]) > 90);
    sim.command(Command::Seat {
        peer: ben,
        group: None,
    });
    sim.run_for(Duration::from_secs(1));
    for (listener, track) in [(ada, microphones[1]), (ben, microphones[0])] {
        let reception = &sim.client(listener).received[&track];
        assert!(
            reception.packets > at_ada.max(at_ben) + 40,
            "they hear each other again"
        );
        assert_eq!((reception.lost, reception.duplicates), (0, 0));
        assert_eq!(reception.discontinuities, Vec::<String>::new());
    }
}

#[test]
fn the_voices_of_neighbours_take_no_place_from_those_one_hears_by_the_meeting() {
    let mut sim = Sim::new(66);
    let (microphones, listener) = a_council(&mut sim, 26);
    let chamber = Neighbours::new(1);
    for &(person, track) in &microphones[..14] {
        sim.command(Command::Seat {
            peer: person,
            group: chamber,
        });
        level(&mut sim, person, track, SPEAKING);
    }
    let (neighbour, _) = microphones[0];
    for &(person, track) in &microphones[14..] {
        sim.client(neighbour).add_receiving(1, 0);
        sim.subscribe(neighbour, track, person);
    }
    sim.offer(neighbour);
    sim.run_for(Duration::from_secs(3));
    let afar: Vec<usize> = (14..26).collect();
    assert_eq!(
        heard(&mut sim, neighbour, &microphones),
        afar,
        "though all are silent"
    );
    let loud = heard(&mut sim, listener, &microphones);
    assert!(loud.iter().all(|index| *index < 14), "{loud:?}");
}

/// So many people with a microphone each, all silent, and somebody who listens.
fn a_council(sim: &mut Sim, members: usize) -> (Vec<(PeerId, TrackId)>, PeerId) {
    sim.auto_subscribe = false;
    let listener = sim.join(members);
    let microphones: Vec<(PeerId, TrackId)> = (0..members)
        .map(|_| {
            let person = sim.join(0);
            (person, sim.publish_audio(person))
        })
        .collect();
    for &(person, track) in &microphones {
        level(sim, person, track, SILENT);
        sim.subscribe(listener, track, person);
    }
    sim.offer(listener);
    (microphones, listener)
}

fn level(sim: &mut Sim, person: PeerId, track: TrackId, dbov: u8) {
    sim.client(person)
        .sources
        .get_mut(&track)
        .unwrap()
        .level_dbov = dbov;
}

/// Whose packets come at the moment, by index.
fn heard(sim: &mut Sim, listener: PeerId, microphones: &[(PeerId, TrackId)]) -> Vec<usize> {
    let count = |sim: &mut Sim| -> Vec<u64> {
        let tracks = microphones.iter();
        tracks
            .map(|(_, track)| packets(sim, listener, *track))
            .collect()
    };
    let before = count(sim);
    sim.run_for(Duration::from_millis(100));
    let after = count(sim);
    let came = before
        .iter()
        .zip(&after)
        .map(|(before, after)| after > before);
    came.enumerate()
        .filter(|(_, came)| *came)
        .map(|(index, _)| index)
        .collect()
}

fn packets(sim: &mut Sim, listener: PeerId, track: TrackId) -> u64 {
    let reception = sim.client(listener).received.get(&track);
    reception.map_or(0, |reception| reception.packets)
}
