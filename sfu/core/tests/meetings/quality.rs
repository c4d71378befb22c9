//! How well media gets through, as participants are told.

use crate::sim::{Link, Sim};
use sfu_core::event::{ConnectionQuality, Event};
use sfu_core::ids::PeerId;
use std::time::Duration;

const ROUNDS: Duration = Duration::from_secs(16);

#[test]
fn loss_on_the_way_up_is_told_of_the_publisher_and_of_nobody_else() {
    let mut sim = Sim::new(41);
    let (alice, bob) = (sim.join(1), sim.join(1));
    sim.publish_camera(alice);
    sim.publish_camera(bob);
    sim.run_for(ROUNDS);
    assert_eq!(told(&sim, alice), [ConnectionQuality::Excellent]);
    sim.links.insert(alice, up(0.15));
    sim.run_for(ROUNDS);
    sim.links.remove(&alice);
    sim.run_for(ROUNDS);
    let of_alice = told(&sim, alice);
    assert!(of_alice.contains(&ConnectionQuality::Poor), "{of_alice:?}");
    assert_eq!(of_alice.last(), Some(&ConnectionQuality::Excellent));
    assert_eq!(told(&sim, bob), [ConnectionQuality::Excellent]);
}

#[test]
fn loss_on_the_way_down_is_told_of_the_subscriber() {
    let mut sim = Sim::new(42);
    let (alice, bob) = (sim.join(1), sim.join(1));
    sim.publish_audio(alice);
    sim.links.insert(bob, down(0.05));
    sim.run_for(ROUNDS);
    assert_eq!(told(&sim, bob).last(), Some(&ConnectionQuality::Good));
    assert_eq!(told(&sim, alice), [ConnectionQuality::Excellent]);
}

#[test]
fn a_long_way_is_told_even_if_nothing_is_lost() {
    let mut sim = Sim::new(43);
    let (alice, bob) = (sim.join(1), sim.join(1));
    sim.publish_audio(alice);
    let one_way = Duration::from_millis(330);
    sim.links.insert(
        bob,
        Link {
            one_way,
            ..Link::default()
        },
    );
    sim.run_for(ROUNDS);
    assert_eq!(told(&sim, bob).last(), Some(&ConnectionQuality::Good));
}

fn up(loss_up: f64) -> Link {
    Link {
        loss_up,
        ..Link::default()
    }
}

fn down(loss_down: f64) -> Link {
    Link {
        loss_down,
        ..Link::default()
    }
}

fn told(sim: &Sim, of: PeerId) -> Vec<ConnectionQuality> {
    let qualities = sim.events.iter().filter_map(|event| match event {
        Event::Quality { peer, quality } if *peer == of => Some(*quality),
        _ => None,
    });
    qualities.collect()
}
