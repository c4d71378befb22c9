//! What happens when somebody who got little wants more: of a line that was full before it is tried
//! first whether it carries that, and what was too much for it is left off wholly.

use crate::lines::tell;
use crate::narrow::{a_call, line, microphone, ms, secs, width};
use crate::sim::Sim;
use crate::stories::tile;
use sfu_core::command::Preference;
use sfu_core::ids::{PeerId, TrackId};
use std::time::Duration;

#[test]
fn row_4_a_line_that_narrowed_unseen_keeps_its_picture_and_its_sound_when_more_is_wanted() {
    let (mut sim, bob, sound, camera) = watching_little_on_a_line_that_was_full();
    line(&mut sim, bob, 800);
    sim.run_for(secs(3));
    assert_eq!(width(&mut sim, bob, camera), Some(640));
    wants(&mut sim, bob, camera, 1280);
    for track in [sound, camera] {
        received(&mut sim, bob, track).longest_gap = Duration::ZERO;
    }
    for _ in 0..200 {
        sim.run_for(ms(100));
        let seen = width(&mut sim, bob, camera);
        assert_eq!(seen, Some(640), "more was given without being tried");
    }
    let [silence, standstill] =
        [sound, camera].map(|track| received(&mut sim, bob, track).longest_gap);
    let measured = format!("{silence:?} of sound, {standstill:?} of pictures");
    tell(
        4,
        "a line that narrowed unseen: no gap when more is wanted",
        &measured,
    );
    assert!(silence < ms(60), "{silence:?} without sound");
    assert!(standstill < ms(150), "{standstill:?} without a picture");
}

#[test]
fn a_line_that_is_still_wide_has_the_larger_picture_within_a_second() {
    let (mut sim, bob, _, camera) = watching_little_on_a_line_that_was_full();
    wants(&mut sim, bob, camera, 1280);
    let raised = sim.run_until("the best picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    assert!(raised < secs(1), "{raised:?}");
}

#[test]
fn what_was_too_much_for_a_line_is_not_sent_again_before_what_it_carries() {
    let (mut sim, bob, _, camera) = a_call();
    line(&mut sim, bob, 2000);
    sim.run_for(secs(10));
    assert_eq!(width(&mut sim, bob, camera), Some(1280));
    // Three quarters of what is on its way are lost in the full line.
    line(&mut sim, bob, 400);
    let again = |sim: &Sim| sim.engine.stats().packets_retransmitted;
    sim.run_until("a smaller picture", |sim| {
        width(sim, bob, camera) < Some(1280)
    });
    let before = again(&sim);
    received(&mut sim, bob, camera).longest_gap = Duration::ZERO;
    sim.run_for(secs(3));
    let gap = received(&mut sim, bob, camera).longest_gap;
    let again = again(&sim) - before;
    assert!(gap < secs(1), "{gap:?} without a picture");
    assert!(again < 40, "{again} packets sent again");
}

/// Bob, whose line carries 2 Mbit/s and was narrower a minute ago, sees Alice in the middle size.
fn watching_little_on_a_line_that_was_full() -> (Sim, PeerId, TrackId, TrackId) {
    let (mut sim, bob, _, camera) = a_call();
    let sound = microphone(&sim, camera);
    line(&mut sim, bob, 1000);
    sim.run_for(secs(5));
    line(&mut sim, bob, 2000);
    sim.run_until("the best picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    wants(&mut sim, bob, camera, 640);
    sim.run_for(secs(10));
    (sim, bob, sound, camera)
}

fn wants(sim: &mut Sim, who: PeerId, camera: TrackId, width: u32) {
    let preference: Preference = tile(width, width * 9 / 16);
    sim.prefer(who, camera, preference);
}

fn received(sim: &mut Sim, who: PeerId, track: TrackId) -> &mut crate::sim::reception::Reception {
    let received = sim.client(who).received.get_mut(&track);
    received.expect("something came of it")
}
