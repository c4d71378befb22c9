//! Two subscribers behind one line (row 6 of `make quality`): neither takes it from the other.

use crate::narrow::{line, secs};
use crate::sim::Sim;
use crate::sim::layered::{Format, Layered};
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::Codec;
use std::time::Duration;

/// Packets of a frame and bytes of a packet, for each encoding of a camera with three frame rates:
/// about 160, 520 and 1,550 kbit/s on the wire, and 60 % of that with half of the frames.
const WEIGHTS: [(usize, usize); 3] = [(1, 430), (2, 810), (5, 1020)];
/// 29 pictures a second.
const FRAME_INTERVAL: Duration = Duration::from_millis(35);
const LINE_KBPS: u64 = 3000;

#[test]
fn row_6_two_subscribers_share_3_mbit_in_a_meeting_of_six_cameras() {
    share("six cameras", 6);
}

#[test]
fn row_6_two_subscribers_share_3_mbit_for_the_picture_of_one() {
    share("one camera", 1);
}

/// Watches for a minute who gets how much.
fn share(what: &str, cameras: usize) {
    for seed in [51, 52, 53] {
        let (mut sim, viewers) = meet(seed, cameras);
        sim.run_for(secs(20));
        let (mut total, mut least) = ([0; 2], u64::MAX);
        for _ in 0..60 {
            let before = bytes(&mut sim, viewers);
            sim.run_for(secs(1));
            let after = bytes(&mut sim, viewers);
            for (sum, (after, before)) in total.iter_mut().zip(after.into_iter().zip(before)) {
                *sum += after - before;
                least = least.min((after - before) * 8 / 1000);
            }
        }
        let share = total[0] * 100 / (total[0] + total[1]);
        eprintln!(
            r#"quality row=6 target="{what}: share within 40/60, no starvation" measured="{share} %, {least} kbit/s in the worst second""#
        );
        assert!((40..=60).contains(&share), "{share} %");
        assert!(least > 300, "{least} kbit/s in the worst second");
    }
}

/// People with cameras and microphones, of whom one speaks, and two who watch behind one line.
fn meet(seed: u8, cameras: usize) -> (Sim, [PeerId; 2]) {
    let mut sim = Sim::new(seed);
    sim.auto_subscribe = false;
    let viewers = [(); 2].map(|()| sim.join(cameras));
    sim.behind.insert(viewers[1], viewers[0]);
    let mut tracks = Vec::new();
    for index in 0..cameras {
        let person = sim.join(0);
        let sound = sim.publish_audio(person);
        let microphone = sim.client(person).sources.get_mut(&sound);
        let microphone = microphone.expect("it was published");
        (microphone.muted, microphone.level_dbov) = (index > 0, 30);
        tracks.push((sound, person));
        tracks.push((camera(&mut sim, person), person));
    }
    sim.run_for(secs(1));
    for viewer in viewers {
        line(&mut sim, viewer, LINE_KBPS);
        for (track, publisher) in &tracks {
            sim.subscribe(viewer, *track, *publisher);
        }
    }
    (sim, viewers)
}

fn camera(sim: &mut Sim, person: PeerId) -> TrackId {
    let encodings = (1..).zip(WEIGHTS).map(|(index, (packets, bytes))| {
        let mut encoding = Layered::new(Format::Vp8, index, 1, false);
        (encoding.packets_per_frame, encoding.filler) = (packets, bytes);
        encoding.weighty = true;
        encoding
    });
    let camera = sim.publish_layered(person, Codec::Vp8, encodings.collect());
    let source = sim.client(person).sources.get_mut(&camera);
    source.expect("it was published").frame_interval = FRAME_INTERVAL;
    camera
}

fn bytes(sim: &mut Sim, viewers: [PeerId; 2]) -> [u64; 2] {
    viewers.map(|viewer| sim.client(viewer).bytes_received)
}
