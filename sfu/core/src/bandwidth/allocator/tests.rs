//! What an allocation must hold, by example and for random meetings.

use super::*;
use crate::bandwidth::steady::SteadyEstimate;
use crate::test_clock::start;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn sound_is_given_even_beyond_the_estimate_and_pictures_then_are_not() {
    let sound = [layer(40, 0, 0)];
    let camera = camera();
    let mut requests = vec![request(Purpose::Audio, Priority::Thumbnail, &sound); 5];
    requests.push(request(Purpose::Camera, Priority::Speaker, &camera));
    let (grants, allocation) = given(100, &requests);
    assert_eq!(grants[..5], [Grant::Layer(0); 5]);
    assert_eq!(grants[5], Grant::Paused(PauseReason::Bandwidth));
    assert_eq!(allocation.given, Bitrate::from_kbps(200));
    assert_eq!(allocation.wanted, Bitrate::from_kbps(200 + 1700));
}

#[test]
fn everyone_is_seen_before_anyone_is_seen_well() {
    let camera = camera();
    let mut requests = vec![request(Purpose::Camera, Priority::Thumbnail, &camera); 4];
    requests.push(request(Purpose::Camera, Priority::Speaker, &camera));
    assert_eq!(given(900, &requests).0, [Grant::Layer(0); 5]);
    let (grants, _) = given(1300, &requests);
    assert_eq!(grants[..4], [Grant::Layer(0); 4]);
    assert_eq!(grants[4], Grant::Layer(1), "the speaker grows first");
}

#[test]
fn thumbnails_grow_by_turns() {
    let camera = camera();
    let requests = vec![request(Purpose::Camera, Priority::Thumbnail, &camera); 3];
    let (grants, _) = given(2000, &requests);
    assert_eq!(grants, [Grant::Layer(1); 3], "and not one to the top first");
}

#[test]
fn on_300_kbit_the_speaker_moves_and_the_others_are_paused_with_a_reason() {
    let (sound, camera) = ([layer(40, 0, 0)], camera());
    let mut requests = vec![request(Purpose::Audio, Priority::Thumbnail, &sound); 2];
    requests.extend(vec![
        request(Purpose::Camera, Priority::Thumbnail, &camera);
        5
    ]);
    requests.push(request(Purpose::Camera, Priority::Speaker, &camera));
    let (grants, _) = given(300, &requests);
    assert_eq!(grants[7], Grant::Layer(0));
    assert_eq!(grants[2..7], [Grant::Paused(PauseReason::Bandwidth); 5]);
}

#[test]
fn what_is_not_shown_or_not_sent_is_paused_for_that_reason() {
    let camera = camera();
    let mut hidden = request(Purpose::Camera, Priority::Speaker, &camera);
    hidden.enabled = false;
    let silent = request(Purpose::Camera, Priority::Speaker, &[]);
    let (grants, allocation) = given(9000, &[hidden, silent]);
    assert_eq!(grants[0], Grant::Paused(PauseReason::NotShown));
    assert_eq!(grants[1], Grant::Paused(PauseReason::NotSent));
    assert_eq!(allocation.wanted, Bitrate::ZERO);
}

#[test]
fn each_purpose_gives_up_something_else() {
    // Small and full size, each with all frames and with a quarter of them.
    let layers = [
        LayerRate {
            frames_per_second: 7,
            ..layer(100, 320, 180)
        },
        layer(200, 320, 180),
        LayerRate {
            frames_per_second: 7,
            ..layer(400, 1280, 720)
        },
        layer(1200, 1280, 720),
    ];
    for (purpose, kbps, expected) in [
        (Purpose::Camera, 700, 1),
        (Purpose::ScreenMotion, 700, 1),
        (Purpose::ScreenText, 700, 2),
        (Purpose::SignLanguage, 700, 1),
        (Purpose::Camera, 150, 0),
        (Purpose::ScreenText, 1500, 3),
        (Purpose::SignLanguage, 1500, 3),
    ] {
        let (grants, _) = given(kbps, &[request(purpose, Priority::Pinned, &layers)]);
        assert_eq!(
            grants,
            [Grant::Layer(expected)],
            "{purpose:?} at {kbps} kbit/s"
        );
    }
    let (grants, _) = given(
        150,
        &[request(Purpose::SignLanguage, Priority::Pinned, &layers)],
    );
    assert_eq!(
        grants,
        [Grant::Paused(PauseReason::Bandwidth)],
        "7 frames are no signs"
    );
}

#[test]
fn signs_with_few_frames_are_shown_if_there_are_no_better_ones() {
    let layers = [LayerRate {
        frames_per_second: 12,
        ..layer(100, 320, 180)
    }];
    let (grants, _) = given(
        300,
        &[request(Purpose::SignLanguage, Priority::Pinned, &layers)],
    );
    assert_eq!(grants, [Grant::Layer(0)]);
}

#[test]
fn a_layer_that_costs_more_than_a_better_one_is_passed_over() {
    let layers = [
        layer(100, 320, 180),
        layer(600, 640, 360),
        layer(500, 1280, 720),
    ];
    let (grants, _) = given(
        9000,
        &[request(Purpose::Camera, Priority::Speaker, &layers)],
    );
    assert_eq!(grants, [Grant::Layer(2)]);
}

#[test]
fn a_step_up_needs_room_that_staying_does_not() {
    let camera = camera();
    let mut speaker = request(Purpose::Camera, Priority::Speaker, &camera);
    speaker.current = Some(0);
    assert_eq!(given(510, &[speaker]).0, [Grant::Layer(0)]);
    assert_eq!(given(540, &[speaker]).0, [Grant::Layer(1)]);
    speaker.current = Some(1);
    assert_eq!(given(510, &[speaker]).0, [Grant::Layer(1)]);
    assert_eq!(given(499, &[speaker]).0, [Grant::Layer(0)]);
}

#[test]
fn a_step_up_waits_until_the_line_is_steady_and_a_step_down_for_nothing() {
    let camera = camera();
    let mut speaker = request(Purpose::Camera, Priority::Speaker, &camera);
    speaker.current = Some(1);
    let mut grants = Vec::new();
    let budget = |estimate, steady| Budget {
        estimate: Bitrate::from_kbps(estimate),
        steady: Bitrate::from_kbps(steady),
        brief: Bitrate::from_kbps(steady),
        given: Bitrate::ZERO,
    };
    allocate(budget(5000, 1000), &[speaker], &mut grants);
    assert_eq!(grants, [Grant::Layer(1)]);
    allocate(budget(400, 5000), &[speaker], &mut grants);
    assert_eq!(grants, [Grant::Layer(0)]);
}

#[test]
fn where_there_is_no_picture_the_smallest_waits_half_a_second_and_a_larger_one_two() {
    let camera = camera();
    let mut speaker = request(Purpose::Camera, Priority::Speaker, &camera);
    let budget = Budget {
        estimate: Bitrate::from_kbps(9000),
        steady: Bitrate::from_kbps(50),
        brief: Bitrate::from_kbps(9000),
        given: Bitrate::ZERO,
    };
    let mut grants = Vec::new();
    speaker.current = None;
    allocate(budget, &[speaker], &mut grants);
    assert_eq!(grants, [Grant::Layer(0)]);
    speaker.current = Some(0);
    allocate(budget, &[speaker], &mut grants);
    assert_eq!(grants, [Grant::Layer(0)]);
}

#[test]
fn who_speaks_is_seen_in_place_of_thumbnails_while_the_line_carries_no_more() {
    let camera = camera();
    let mut thumbnail = request(Purpose::Camera, Priority::Thumbnail, &camera);
    thumbnail.current = Some(0);
    let mut speaker = request(Purpose::Camera, Priority::Speaker, &camera);
    speaker.current = None;
    let carried = camera[0].bitrate;
    let budget = Budget {
        estimate: carried.percent(104),
        steady: carried.percent(50),
        brief: carried.percent(50),
        given: carried,
    };
    let mut grants = Vec::new();
    allocate(budget, &[thumbnail, speaker], &mut grants);
    let paused = Grant::Paused(PauseReason::Bandwidth);
    assert_eq!(grants, [paused, Grant::Layer(0)]);
    thumbnail.current = None;
    allocate(budget, &[thumbnail], &mut grants);
    assert_eq!(grants, [paused], "a thumbnail waits for its turn");
}

/// One random subscription, with its layers.
#[derive(Debug, Clone)]
struct Wish {
    purpose: Purpose,
    priority: Priority,
    layers: Vec<LayerRate>,
    current: Option<usize>,
}

proptest! {
    #[test]
    fn nothing_but_sound_exceeds_the_estimate(wishes in meeting(), kbps in 0..6000_u64) {
        let requests = requests(&wishes);
        let (grants, allocation) = given(kbps, &requests);
        let taken = |audio: bool| {
            let of_kind = requests.iter().zip(&grants).filter(|(request, _)| {
                (request.purpose == Purpose::Audio) == audio
            });
            of_kind.map(|(request, grant)| cost(request, *grant)).sum::<u64>()
        };
        let (sound, video) = (taken(true), taken(false));
        prop_assert!(video <= (kbps * 1000).saturating_sub(sound));
        prop_assert_eq!(allocation.given.as_bps(), sound + video);
        prop_assert!(allocation.given <= allocation.wanted);
    }

    #[test]
    fn more_bandwidth_is_never_worse(wishes in meeting(), kbps in 0..6000_u64, more in 0..2000_u64) {
        let requests = requests(&wishes);
        let less = steps_taken(&requests, &given(kbps, &requests).0);
        let more = steps_taken(&requests, &given(kbps + more, &requests).0);
        prop_assert!(more >= less, "{more:?} {less:?}");
    }

    #[test]
    fn who_is_paused_would_not_fit_even_if_nobody_less_important_were_there(
        wishes in meeting(),
        kbps in 0..6000_u64,
    ) {
        let all = requests(&wishes);
        let (grants, _) = given(kbps, &all);
        for (index, request) in all.iter().enumerate() {
            if grants[index] != Grant::Paused(PauseReason::Bandwidth) {
                continue;
            }
            let kept: Vec<_> = all.iter().enumerate().filter(|(other, theirs)| {
                theirs.priority < request.priority || *other == index
                    || theirs.purpose == Purpose::Audio
                    || (theirs.priority == request.priority && *other < index)
            }).map(|(_, request)| *request).collect();
            let place = kept.iter().position(|kept| std::ptr::eq(kept.layers, request.layers));
            let (alone, _) = given(kbps, &kept);
            prop_assert_eq!(alone[place.unwrap()], grants[index]);
        }
    }

    #[test]
    fn the_best_of_all_does_not_depend_on_the_layers_others_could_have(
        wishes in meeting(),
        kbps in 0..6000_u64,
    ) {
        let all = requests(&wishes);
        let video = |request: &&Request<'_>| request.purpose != Purpose::Audio;
        let Some(first) = all.iter().filter(video).map(|request| request.priority).min() else {
            return Ok(());
        };
        // With the others held to their smallest layer, the first ones get the same.
        let smallest: Vec<Vec<LayerRate>> = all.iter().map(|request| {
            let base = next_layer(request, None).map(|index| request.layers[index]);
            if request.priority == first { request.layers.to_vec() } else { base.into_iter().collect() }
        }).collect();
        let held: Vec<_> = all.iter().zip(&smallest).map(|(request, layers)| Request {
            layers,
            current: request.current.filter(|_| request.priority == first),
            ..*request
        }).collect();
        let others_new: Vec<_> = all.iter().map(|request| Request {
            current: request.current.filter(|_| request.priority == first),
            ..*request
        }).collect();
        let (free, bound) = (given(kbps, &others_new).0, given(kbps, &held).0);
        for (index, request) in all.iter().enumerate() {
            if request.priority == first && request.purpose != Purpose::Audio {
                prop_assert_eq!(free[index], bound[index]);
            }
        }
    }

    #[test]
    fn an_estimate_that_swings_by_a_tenth_takes_nothing_back_and_forth(
        mut wishes in meeting(),
        kbps in 100..6000_u64,
        period_ms in 200..2000_u64,
    ) {
        let mut now = start();
        let mut steady = SteadyEstimate::new(now, Bitrate::from_kbps(kbps));
        let (mut changes, mut total) = (vec![0; wishes.len()], Bitrate::ZERO);
        for tick in 0..1200_u64 {
            // As the rate control does around a full line: slowly up, at once down.
            let phase = tick * 25 % period_ms;
            let swing = 900 + 200 * phase / period_ms;
            let estimate = Bitrate::from_bps(kbps * swing);
            steady.record(now, estimate);
            let budget = Budget { estimate, steady: steady.rate(), brief: steady.brief(), given: total };
            let mut grants = Vec::new();
            total = allocate(budget, &requests(&wishes), &mut grants).given;
            for ((wish, grant), changes) in wishes.iter_mut().zip(&grants).zip(&mut changes) {
                let given = match grant {
                    Grant::Layer(index) => Some(*index),
                    Grant::Paused(_) => None,
                };
                if wish.current != given && tick > 400 {
                    *changes += 1;
                }
                wish.current = given;
            }
            now += Duration::from_millis(25);
        }
        // Ten swings at least, and who followed them would change twice with each. The lowest of a
        // swing that the 25 ms of a tick just miss shows later.
        prop_assert!(changes.iter().all(|changes| *changes <= 1), "{changes:?}");
    }
}

/// For each round of steps, whether each picture took one, most important first.
fn steps_taken(requests: &[Request<'_>], grants: &[Grant]) -> Vec<bool> {
    let levels = |priority| {
        let ours = requests.iter().zip(grants).filter(move |(request, _)| {
            request.priority == priority && request.purpose != Purpose::Audio
        });
        ours.map(|(request, grant)| level(request, *grant))
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = Priority::ALL.into_iter().map(levels).collect();
    let bases = all.iter().flatten().map(|level| *level > 0);
    let higher = all.iter().flat_map(|levels| {
        (1..=20).flat_map(move |step| levels.iter().map(move |level| *level > step))
    });
    bases.chain(higher).collect()
}

/// How many steps up from nothing a grant is.
fn level(request: &Request<'_>, grant: Grant) -> usize {
    let Grant::Layer(granted) = grant else {
        return 0;
    };
    let (mut at, mut steps) = (None, 0);
    while at != Some(granted) {
        at = next_layer(request, at);
        steps += 1;
    }
    steps
}

fn cost(request: &Request<'_>, grant: Grant) -> u64 {
    match grant {
        Grant::Layer(index) => request.layers[index].bitrate.as_bps(),
        Grant::Paused(_) => 0,
    }
}

fn requests(wishes: &[Wish]) -> Vec<Request<'_>> {
    let of = |wish: &'_ Wish| -> (Purpose, Priority) { (wish.purpose, wish.priority) };
    wishes
        .iter()
        .map(|wish| {
            let (purpose, priority) = of(wish);
            Request {
                current: wish.current,
                ..request(purpose, priority, &wish.layers)
            }
        })
        .collect()
}

fn meeting() -> impl Strategy<Value = Vec<Wish>> {
    let purpose = prop::sample::select(vec![
        Purpose::Audio,
        Purpose::Camera,
        Purpose::Camera,
        Purpose::ScreenText,
        Purpose::ScreenMotion,
        Purpose::SignLanguage,
    ]);
    let priority = prop::sample::select(Priority::ALL.to_vec());
    let size = prop::sample::select(vec![(320, 180), (640, 360), (1280, 720)]);
    let frames = prop::sample::select(vec![7_u8, 15, 30]);
    let layer =
        (10..2500_u64, size, frames).prop_map(|(kbps, (width, height), frames)| LayerRate {
            frames_per_second: frames,
            ..layer(kbps, width, height)
        });
    let layers = prop::collection::vec(layer, 1..9);
    let wish = (purpose, priority, layers, 0..20_usize).prop_map(
        |(purpose, priority, mut layers, current)| {
            if purpose == Purpose::Audio {
                layers.truncate(1);
                layers[0].bitrate = Bitrate::from_kbps(40);
            }
            Wish {
                purpose,
                priority,
                current: Some(current).filter(|index| *index < layers.len()),
                layers,
            }
        },
    );
    prop::collection::vec(wish, 0..8)
}

fn given(kbps: u64, requests: &[Request<'_>]) -> (Vec<Grant>, Allocation) {
    let rate = Bitrate::from_kbps(kbps);
    let budget = Budget {
        estimate: rate,
        steady: rate,
        brief: rate,
        given: Bitrate::ZERO,
    };
    let mut grants = Vec::new();
    let allocation = allocate(budget, requests, &mut grants);
    (grants, allocation)
}

fn request(purpose: Purpose, priority: Priority, layers: &[LayerRate]) -> Request<'_> {
    Request {
        purpose,
        priority,
        enabled: true,
        layers,
        current: None,
    }
}

/// Simulcast as browsers send it.
fn camera() -> [LayerRate; 3] {
    [
        layer(150, 320, 180),
        layer(500, 640, 360),
        layer(1700, 1280, 720),
    ]
}

fn layer(kbps: u64, width: u32, height: u32) -> LayerRate {
    LayerRate {
        bitrate: Bitrate::from_kbps(kbps),
        size: Size { width, height },
        frames_per_second: 30,
    }
}
