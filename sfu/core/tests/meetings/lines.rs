//! The promises about scarce bandwidth, row by row as `make quality` has them: lines that shrink,
//! and that carry hardly a picture.

use crate::narrow::{a_call, as_a_camera, line, ms, secs, width};
use crate::sim::Sim;
use sfu_core::command::Purpose;
use sfu_core::event::{Event, PauseReason};
use sfu_core::ids::{PeerId, TrackId};
use std::time::{Duration, Instant};

const TILES: usize = 6;

#[test]
fn row_4_a_line_of_2_then_08_then_2_mbit_loses_its_best_picture_at_once_and_has_it_back_at_once() {
    let (mut sim, bob, _, camera) = a_call();
    line(&mut sim, bob, 2000);
    sim.run_for(secs(20));
    assert_eq!(width(&mut sim, bob, camera), Some(1280));

    let before = sim.client(bob).received[&camera].packets;
    let lost_before = sim.client(bob).received[&camera].lost;
    line(&mut sim, bob, 800);
    let asked = |sim: &Sim| sim.engine.stats().keyframe_requests;
    let asked_before = asked(&sim);
    let down = sim.run_until("a smaller picture is asked for", |sim| {
        asked(sim) > asked_before
    });
    let seen = down + sim.run_until("it is seen", |sim| width(sim, bob, camera) < Some(1280));
    let drained = seen + sim.run_until("an empty queue", |sim| sim.queue(bob) < ms(50));
    sim.run_for(secs(20));
    let longest = longest_queue(&mut sim, bob, secs(5));
    line(&mut sim, bob, 2000);
    let back = sim.run_until("the best picture", |sim| {
        width(sim, bob, camera) == Some(1280)
    });
    sim.run_for(secs(20));
    assert_eq!(width(&mut sim, bob, camera), Some(1280), "and it stays");

    let reception = &sim.client(bob).received[&camera];
    let permille = (reception.lost - lost_before) * 1000 / (reception.packets - before);
    tell(
        4,
        "first step down < 1 s",
        &format!("seen after {seen:?}, decided after {down:?}"),
    );
    tell(4, "queue drained < 2 s", &format!("{drained:?}"));
    tell(4, "top layer back < 8 s", &format!("{back:?}"));
    tell(4, "loss < 2 %", &format!("{permille} of 1000"));
    assert!(down < ms(500) && seen < secs(1) && drained < secs(2) && back < secs(8));
    assert!(permille < 20);
    assert!(longest < ms(100), "{longest:?} of queue in steady state");
}

#[test]
fn row_5_on_300_kbit_sound_is_whole_the_speaker_moves_and_the_others_are_paused_with_a_reason() {
    let mut meeting = Six::meet(&[]);
    let Six { sim, viewer, .. } = &mut meeting;
    let viewer = *viewer;
    line(sim, viewer, 300);
    sim.run_for(secs(15));
    let (heard, frames) = meeting.watch(0, secs(20));
    let paused = meeting.paused();
    tell(5, "sound whole: 1000 packets in 20 s", &heard.to_string());
    tell(5, "the speaker moves", &format!("{frames} frames in 20 s"));
    tell(
        5,
        "five others paused with a reason",
        &format!("{paused:?}"),
    );
    assert!(heard >= 995, "{heard} packets of sound");
    assert!(frames >= 15 * 20, "{frames} frames");
    assert_eq!(paused, [1, 2, 3, 4, 5]);

    meeting.speaks(3);
    let moved = meeting.sim.run_until("the floor moves", |sim| {
        let camera = meeting.cameras[3];
        let now = Some(sim.now);
        sim.client(viewer).received[&camera].last_at == now
    });
    meeting.sim.run_for(secs(5));
    assert!(moved < secs(5), "{moved:?} until the next speaker moves");
    assert_eq!(meeting.paused(), [0, 1, 2, 4, 5]);
}

#[test]
fn row_5_on_300_kbit_signs_keep_20_frames_at_320_by_240_whoever_speaks() {
    let mut meeting = Six::meet(&[4]);
    let viewer = meeting.viewer;
    line(&mut meeting.sim, viewer, 300);
    meeting.sim.run_for(secs(15));
    let (heard, frames) = meeting.watch(4, secs(20));
    let signs = meeting.cameras[4];
    let seen = &meeting.sim.client(viewer).received[&signs];
    let size = (seen.width.unwrap_or(0), seen.height.unwrap_or(0));
    let measured = format!("{} frames a second at {size:?}", frames / 20);
    tell(5, "signs at >= 20 frames a second, >= 320x240", &measured);
    assert!(frames >= 20 * 20 - 4, "{measured}");
    assert!(size.0 >= 320 && size.1 >= 240, "{measured}");
    assert!(heard >= 995, "{heard} packets of sound");
    assert_eq!(meeting.paused(), [0, 1, 2, 3, 5]);
}

/// Six people with cameras and microphones, of whom one speaks, and somebody who only watches.
struct Six {
    sim: Sim,
    viewer: PeerId,
    people: Vec<PeerId>,
    cameras: Vec<TrackId>,
    microphones: Vec<TrackId>,
}

impl Six {
    fn meet(signing: &[usize]) -> Self {
        let mut sim = Sim::new(43);
        sim.auto_subscribe = false;
        let viewer = sim.join(TILES);
        let mut six = Self {
            sim,
            viewer,
            people: Vec::new(),
            cameras: Vec::new(),
            microphones: Vec::new(),
        };
        for index in 0..TILES {
            let person = six.sim.join(0);
            six.microphones.push(six.sim.publish_audio(person));
            let (purpose, heights) = if signing.contains(&index) {
                (Purpose::SignLanguage, [240, 480, 960])
            } else {
                (Purpose::Camera, [180, 360, 720])
            };
            let camera = six.sim.publish_pictures(person, purpose, heights);
            as_a_camera(&mut six.sim, person, camera);
            six.cameras.push(camera);
            six.people.push(person);
        }
        // Only who watches later subscribes: what the six see of each other costs time alone.
        six.sim.auto_subscribe = true;
        six.sim.run_for(secs(1));
        for (track, publisher) in six.sim.tracks.clone() {
            six.sim.subscribe(viewer, track, publisher);
        }
        six.speaks(0);
        let cameras = six.cameras.clone();
        six.sim.run_until("the viewer sees everybody", |sim| {
            cameras
                .iter()
                .all(|camera| width(sim, viewer, *camera).is_some())
        });
        six
    }

    /// One speaks; the others' microphones send nothing in silence.
    fn speaks(&mut self, speaker: usize) {
        for (index, (person, track)) in self.people.iter().zip(&self.microphones).enumerate() {
            let sources = &mut self.sim.client(*person).sources;
            let microphone = sources.get_mut(track).expect("it was published");
            microphone.muted = index != speaker;
            microphone.level_dbov = 30;
        }
    }

    /// Packets of sound and whole pictures of one person that the viewer got in a time.
    fn watch(&mut self, person: usize, time: Duration) -> (u64, u64) {
        let (viewer, microphones) = (self.viewer, self.microphones.clone());
        let camera = self.cameras[person];
        let count = |sim: &mut Sim| {
            let received = &sim.client(viewer).received;
            let heard = microphones.iter().filter_map(|track| received.get(track));
            let frames = received[&camera].pictures_ended;
            (heard.map(|sound| sound.packets).sum::<u64>(), frames)
        };
        let before = count(&mut self.sim);
        self.sim.run_for(time);
        let after = count(&mut self.sim);
        (after.0 - before.0, after.1 - before.1)
    }

    /// Whose pictures the viewer was last told to be paused for want of bandwidth.
    fn paused(&self) -> Vec<usize> {
        let last = |camera: &TrackId| {
            let mut states = self.sim.events.iter().rev();
            states.find_map(|event| match event {
                Event::StreamState {
                    peer,
                    track,
                    paused,
                } if peer == &self.viewer && track == camera => Some(*paused),
                _ => None,
            })
        };
        let is_paused = |camera| last(camera) == Some(Some(PauseReason::Bandwidth));
        let cameras = self.cameras.iter().enumerate();
        cameras
            .filter(|(_, camera)| is_paused(camera))
            .map(|(index, _)| index)
            .collect()
    }
}

fn longest_queue(sim: &mut Sim, who: PeerId, time: Duration) -> Duration {
    let end: Instant = sim.now + time;
    let mut longest = Duration::ZERO;
    while sim.now < end {
        sim.run_for(ms(5));
        longest = longest.max(sim.queue(who));
    }
    longest
}

/// Says what was measured of a row of `make quality`, as it reads it.
pub(crate) fn tell(row: u8, target: &str, measured: &str) {
    eprintln!(r#"quality row={row} target="{target}" measured="{measured}""#);
}
