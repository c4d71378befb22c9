//! Key frames on narrow lines: they wait for their turn, and nobody's voice waits behind them.

use crate::lines::tell;
use crate::narrow::{a_call, line, microphone, secs, width};
use crate::sim::Sim;
use crate::sim::media::SourceEncoding;
use sfu_core::ids::{PeerId, TrackId};
use std::time::Duration;

/// About 19 kB, as the middle encoding of a camera has: 190 ms of 800 kbit/s.
const PACKETS_PER_KEY_FRAME: usize = 90;
const PICTURES: u32 = 10;
/// About 6, 21 and 107 kB, as Chromium makes of a grainy camera: the last is 430 ms of 2 Mbit/s.
const KEY_FRAMES: [usize; 3] = [30, 100, 500];
const SECONDS: u64 = 30;

#[test]
fn sound_does_not_wait_behind_the_key_frames_of_a_narrow_line() {
    let (mut sim, bob, _, camera) = a_call();
    line(&mut sim, bob, 800);
    sim.run_for(secs(10));
    assert_eq!(width(&mut sim, bob, camera), Some(640));
    let alice = sim.tracks[&camera];
    encoding(&mut sim, alice, camera, 1).packets_per_key_frame = PACKETS_PER_KEY_FRAME;
    let sound = microphone(&sim, camera);
    let lost_before = sim.client(bob).received[&camera].lost;
    let mut worst = Duration::ZERO;
    for _ in 0..PICTURES {
        encoding(&mut sim, alice, camera, 1).keyframe_wanted = true;
        worst = worst.max(longest_silence(&mut sim, bob, sound, secs(2)));
    }
    // 20 ms lie between two packets anyway.
    assert!(worst < Duration::from_millis(75), "{worst:?}");
    assert_eq!(width(&mut sim, bob, camera), Some(640), "and it stays");
    let reception = &sim.client(bob).received[&camera];
    assert_eq!(reception.lost, lost_before);
    assert_eq!(reception.discontinuities, Vec::<String>::new());
    assert!(sim.queue(bob) < Duration::from_millis(50));
}

#[test]
fn a_key_frame_on_a_line_that_was_never_full_leaves_as_it_came() {
    let (mut sim, bob, _, camera) = a_call();
    sim.run_for(secs(5));
    let alice = sim.tracks[&camera];
    let best = encoding(&mut sim, alice, camera, 2);
    best.packets_per_key_frame = 240;
    best.keyframe_wanted = true;
    let pictures = |sim: &mut Sim| sim.client(bob).received[&camera].packets;
    let before = pictures(&mut sim);
    let came = sim.run_until("the key frame is there", |sim| {
        pictures(sim) >= before + 240
    });
    assert!(came < Duration::from_millis(80), "{came:?}");
}

#[test]
fn row_4_key_frames_of_half_a_second_cost_a_line_no_picture_that_it_carries() {
    let (mut sim, bob, _, camera) = a_call();
    let alice = sim.tracks[&camera];
    for (index, packets) in KEY_FRAMES.into_iter().enumerate() {
        encoding(&mut sim, alice, camera, index).packets_per_key_frame = packets;
    }
    line(&mut sim, bob, 800);
    sim.run_for(secs(20));
    line(&mut sim, bob, 2000);
    let back = sim.run_until("the best picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    let mut best = 0;
    for _ in 0..SECONDS * 10 {
        sim.run_for(Duration::from_millis(100));
        best += u64::from(width(&mut sim, bob, camera) == Some(1280));
    }
    let share = best * 10 / SECONDS;
    let measured = format!("{back:?}, then {share} % of {SECONDS} s");
    tell(
        4,
        "large key frames: top layer back < 8 s, and stays",
        &measured,
    );
    assert!(back < secs(8), "{back:?}");
    assert!(share >= 90, "{share} %");
}

fn encoding(sim: &mut Sim, who: PeerId, track: TrackId, index: usize) -> &mut SourceEncoding {
    let source = sim.client(who).sources.get_mut(&track);
    &mut source.expect("it was published").encodings[index]
}

/// The longest time between two packets of a track.
fn longest_silence(sim: &mut Sim, who: PeerId, track: TrackId, time: Duration) -> Duration {
    let reception = sim.client(who).received.get_mut(&track);
    reception.expect("something came of it").longest_gap = Duration::ZERO;
    sim.run_for(time);
    sim.client(who).received[&track].longest_gap
}
