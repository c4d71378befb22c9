//! The scenarios with lean participants, through the library's own door.

use crate::trial::Trial;
use loadtest::crowd::{Churn, Crowd};
use loadtest::layout::Layout;
use loadtest::lean::session::Publishes;
use loadtest::media_source::vp8::Resolution;
use loadtest::media_source::{Codec, Video};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn every_watcher_of_a_webinar_receives_everything_without_loss() {
    let trial = Trial::start().await;
    let webinar = Crowd {
        watchers: 3,
        ..a_webinar(&trial)
    };
    let report = trial.play(&webinar).await;
    assert_eq!((report.joined, report.failed), (4, 0), "{report}");
    assert_eq!((report.tracks_expected, report.tracks_received), (6, 6));
    assert!(report.packets_received > 500, "{report}");
    assert_eq!(report.packets_lost, 0, "{report}");
    assert!(report.latency.p99_ms.is_some(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bad_line_loses_is_asked_for_and_comes() {
    let trial = Trial::start().await;
    let mut webinar = Crowd {
        length: Duration::from_secs(3),
        ..a_webinar(&trial)
    };
    webinar.pump.loss = 0.05;
    let report = trial.play(&webinar).await;
    assert!(report.packets_received > 500, "{report}");
    assert!(report.loss < 0.03, "{report}");
    webinar.pump.loss = 1.0;
    let report = trial.play(&webinar).await;
    assert_eq!(report.packets_received, 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_of_one_size_is_received_too() {
    let trial = Trial::start().await;
    let webinar = Crowd {
        video: Video {
            encodings: Resolution::P360.encodings(false),
            ..Video::USUAL
        },
        ..a_webinar(&trial)
    };
    let report = trial.play(&webinar).await;
    assert_eq!((report.tracks_expected, report.tracks_received), (4, 4));
    assert_eq!(report.failed, 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_codecs_are_received_whole_as_well() {
    let trial = Trial::start().await;
    for codec in [Codec::H264, Codec::Vp9] {
        let webinar = Crowd {
            room: format!("{codec:?}"),
            video: Video {
                codec,
                ..Video::USUAL
            },
            ..a_webinar(&trial)
        };
        let report = trial.play(&webinar).await;
        assert_eq!((report.tracks_expected, report.tracks_received), (4, 4));
        assert_eq!(report.packets_lost, 0, "{codec:?}: {report}");
        // Sound is 50 packets a second for each; pictures are more.
        assert!(report.packets_received > 400, "{codec:?}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_no_pictures_is_sent_none() {
    let trial = Trial::start().await;
    let webinar = Crowd {
        layout: Layout::Sound,
        ..a_webinar(&trial)
    };
    let report = trial.play(&webinar).await;
    assert_eq!((report.tracks_expected, report.failed), (2, 0), "{report}");
    // Sound is 50 packets a second for each; pictures would be 220 more.
    assert!((50..500).contains(&report.packets_received), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spike_of_joins_over_many_rooms_is_let_in_whole() {
    let trial = Trial::start().await;
    let spike = Crowd {
        rooms: 5,
        watchers: 6,
        pace: Duration::from_millis(5),
        ..trial.crowd()
    };
    let mut seen = 0;
    let report = spike
        .run(std::future::pending(), |progress| {
            seen = seen.max(progress.joined);
        })
        .await
        .unwrap();
    assert_eq!((report.rooms, report.joined, report.failed), (5, 30, 0));
    assert_eq!(seen, 30, "whoever watches the run sees them too");
    assert!(report.join.p99_ms >= report.join.median_ms, "{report}");
    assert_eq!(report.packets_received, 0, "nobody sends");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_comes_back_by_every_way_there_is() {
    let trial = Trial::start().await;
    let churn = Crowd {
        rooms: 2,
        watchers: 4,
        length: Duration::from_secs(1),
        churn: Some(Churn {
            pace: Duration::from_millis(40),
            away: Duration::from_millis(20),
        }),
        ..trial.crowd()
    };
    let report = trial.play(&churn).await;
    let churned = report.churn.unwrap();
    assert_eq!((report.joined, report.failed), (8, 0), "{report}");
    assert!(churned.left > 0 && churned.vanished > 0 && churned.resumed > 0);
    let gone = churned.left + churned.vanished + churned.resumed;
    assert_eq!(churned.came_back, gone, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_goes_on_for_those_who_stay_while_others_go_and_come_back() {
    let trial = Trial::start().await;
    let soak = Crowd {
        publishers: 1,
        publishes: Publishes::Sound,
        watchers: 3,
        length: Duration::from_secs(2),
        churn: Some(Churn {
            pace: Duration::from_millis(300),
            away: Duration::from_millis(20),
        }),
        ..trial.crowd()
    };
    let report = trial.play(&soak).await;
    assert_eq!(report.failed, 0, "{report}");
    assert!(report.packets_received > 50, "{report}");
    assert!(report.churn.unwrap().came_back >= 4, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_told_with_the_servers_own_reason() {
    let trial = Trial::start_with(|settings| settings.room.participants_max = 2).await;
    let crowd = Crowd {
        watchers: 3,
        ..trial.crowd()
    };
    let report = trial.play(&crowd).await;
    assert_eq!((report.joined, report.failed), (2, 1), "{report}");
    let (reason, times) = report.failures.first_key_value().unwrap();
    assert!(reason.contains("JOIN_FAILURE") && *times == 1, "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_tells_what_happened_until_then() {
    let trial = Trial::start().await;
    let crowd = Crowd {
        length: Duration::from_hours(1),
        ..trial.crowd()
    };
    let (all_in, interrupted) = tokio::sync::oneshot::channel::<()>();
    let mut all_in = Some(all_in);
    let report = crowd
        .run(async { interrupted.await.unwrap() }, |progress| {
            if progress.elapsed.is_some()
                && let Some(all_in) = all_in.take()
            {
                all_in.send(()).unwrap();
            }
        })
        .await
        .unwrap();
    assert_eq!((report.joined, report.failed), (2, 0), "{report}");
}

/// One shows something to two, for two seconds.
fn a_webinar(trial: &Trial) -> Crowd {
    Crowd {
        publishers: 1,
        watchers: 2,
        length: Duration::from_secs(2),
        ..trial.crowd()
    }
}
