//! Receiving: who gets which track, how much of it, and under which stream.

use crate::sim::{Meeting, Visitor, camera, microphone, updates};
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, SubscriptionError, TrackSource, UpdateSubscription, UpdateTrackSettings,
    VideoQuality,
};
use sfu_core::command::{Preference, Wanted};
use sfu_core::ids::TrackId;
use sfu_core::units::{Quality, Size};
use sfu_core::{Command, Event};

#[test]
fn a_new_track_reaches_everybody_who_subscribes_by_itself() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let picky = meeting.arrive(&Visitor::named("cleo").asking(|join| join.auto_subscribe = false));
    let deaf = meeting.arrive(&Visitor::named("dora").with(|claims| {
        claims.grants.can_subscribe = false;
    }));
    let track = meeting.publish(ada, camera("cam"));
    assert!(meeting.receives(ben).contains(&track));
    assert!(meeting.receives(picky).is_empty());
    assert!(meeting.receives(deaf).is_empty());
    assert!(
        meeting.receives(ada).is_empty(),
        "nobody receives their own"
    );
}

#[test]
fn who_publishes_is_told_before_the_answer_that_carries_the_track() {
    let mut meeting = Meeting::new();
    let ben = meeting.join("ben");
    let ada = meeting.join("ada");
    meeting.settle();
    let track = meeting.publish(ada, camera("cam"));
    let inbox = meeting.inbox(ben);
    let update = inbox.iter().position(|message| {
        updates(std::slice::from_ref(message))
            .iter()
            .any(|them| them.identity == "ada" && them.tracks.len() == 1)
    });
    let answer = inbox.iter().position(|message| match message {
        Message::Answer(answer) => {
            let mut carried = answer.mid_to_track_id.values();
            carried.any(|sid| *sid == track.to_string())
        }
        _ => false,
    });
    assert!(update.unwrap() < answer.unwrap());
}

#[test]
fn somebody_not_yet_connected_gets_new_tracks_once_they_are() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.media.is_manual = true;
    let ben = meeting.join("ben");
    meeting.media.is_manual = false;
    let track = meeting.publish(ada, camera("cam"));
    assert!(meeting.receives(ben).is_empty());
    let peer = meeting.peer(ben);
    meeting.tell(Event::Connected { peer });
    assert_eq!(meeting.receives(ben), [track].into());
}

#[test]
fn tracks_that_belong_together_share_a_stream_except_in_firefox() {
    let mut meeting = Meeting::new();
    let chrome = meeting.join("ben");
    let firefox = meeting.arrive(&Visitor::named("cleo").asking(|join| {
        join.client.browser = "Firefox".to_owned();
    }));
    let ada = meeting.join("ada");
    let mic = meeting.publish(ada, microphone("mic"));
    let cam = meeting.publish(ada, camera("cam"));
    let screen = meeting.publish(ada, screen("screen"));
    let publisher = meeting.peer(ada);
    let (chrome, firefox) = (meeting.peer(chrome), meeting.peer(firefox));
    let stream = |subscriber, wanted: TrackId| {
        meeting
            .media
            .commands
            .iter()
            .find_map(|command| match command {
                Command::Subscribe {
                    peer,
                    track,
                    stream,
                } if *peer == subscriber && *track == wanted => Some(stream.clone()),
                _ => None,
            })
    };
    assert_eq!(stream(chrome, mic), Some(format!("{publisher}|camera")));
    assert_eq!(stream(chrome, cam), Some(format!("{publisher}|camera")));
    assert_eq!(stream(chrome, screen), Some(format!("{publisher}|screen")));
    assert_eq!(stream(firefox, mic), Some(format!("{publisher}|{mic}")));
    assert_eq!(stream(firefox, cam), Some(format!("{publisher}|{cam}")));
}

#[test]
fn a_client_chooses_tracks_and_drops_them_again() {
    let mut meeting = Meeting::new();
    let picky = meeting.arrive(&Visitor::named("ben").asking(|join| join.auto_subscribe = false));
    let ada = meeting.join("ada");
    let cam = meeting.publish(ada, camera("cam"));
    meeting.publish(ada, microphone("mic"));
    meeting.ask(picky, choose(&[cam.to_string()], true));
    assert_eq!(meeting.receives(picky), [cam].into());
    meeting.ask(picky, choose(&[cam.to_string()], false));
    assert!(meeting.receives(picky).is_empty());
}

#[test]
fn an_unknown_track_is_answered_with_not_found() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    let sids = [TrackId(77).to_string(), "nonsense".to_owned()];
    meeting.ask(ada, choose(&sids, true));
    let answers: Vec<_> = meeting
        .inbox(ada)
        .into_iter()
        .map(|message| match message {
            Message::SubscriptionResponse(response) => (response.track_sid, response.err),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    let not_found = i32::from(SubscriptionError::SeTrackNotfound);
    assert_eq!(answers, sids.map(|sid| (sid, not_found)));
}

#[test]
fn a_request_that_names_tracks_without_end_is_answered_within_bounds() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    meeting.ask(ada, choose(&vec![String::new(); 100_000], true));
    assert!(meeting.inbox(ada).len() <= 4000);
}

#[test]
fn what_a_client_shows_decides_what_it_wants() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, camera("cam"));
    let settings = |disabled, quality: VideoQuality, width, height| UpdateTrackSettings {
        track_sids: vec![track.to_string()],
        disabled,
        quality: quality.into(),
        width,
        height,
        ..UpdateTrackSettings::default()
    };
    let high = Wanted::Quality(Quality::High);
    let size = Wanted::Size(Size {
        width: 320,
        height: 180,
    });
    let cases = [
        (
            settings(false, VideoQuality::Low, 0, 0),
            true,
            Wanted::Quality(Quality::Low),
        ),
        (settings(true, VideoQuality::High, 0, 0), false, high),
        (settings(false, VideoQuality::Low, 320, 180), true, size),
        (settings(false, VideoQuality::Off, 0, 0), false, high),
    ];
    for (request, enabled, wanted) in cases {
        meeting.settle();
        meeting.ask(ben, Asked::TrackSetting(request));
        let preference = Preference {
            enabled,
            ..Preference::shown(wanted)
        };
        let peer = meeting.peer(ben);
        let expected = Command::Prefer {
            peer,
            track,
            preference,
        };
        assert_eq!(meeting.media.commands, [expected]);
    }
}

#[test]
fn a_client_may_say_how_many_frames_it_can_use_and_which_picture_comes_first() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, camera("cam"));
    for (fps, priority, frames_max, rank) in [
        (15, 1, Some(15), Some(1)),
        (100_000, 0, Some(u8::MAX), None),
        (0, 0, None, None),
    ] {
        meeting.settle();
        meeting.ask(
            ben,
            Asked::TrackSetting(UpdateTrackSettings {
                track_sids: vec![track.to_string()],
                quality: VideoQuality::High.into(),
                fps,
                priority,
                ..UpdateTrackSettings::default()
            }),
        );
        let preference = Preference {
            frames_max,
            rank,
            ..Preference::shown(Wanted::Quality(Quality::High))
        };
        let expected = Command::Prefer {
            peer: meeting.peer(ben),
            track,
            preference,
        };
        assert_eq!(meeting.media.commands, [expected]);
    }
}

#[test]
fn a_preference_outlives_an_unsubscribe() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, camera("cam"));
    let sids = [track.to_string()];
    meeting.ask(
        ben,
        Asked::TrackSetting(UpdateTrackSettings {
            track_sids: sids.to_vec(),
            disabled: true,
            ..UpdateTrackSettings::default()
        }),
    );
    meeting.ask(ben, choose(&sids, false));
    meeting.settle();
    meeting.ask(ben, choose(&sids, true));
    let disabled = |command: &Command| matches!(command, Command::Prefer { preference, .. } if !preference.enabled);
    assert!(meeting.media.commands.iter().any(disabled));
}

#[test]
fn a_client_that_adapts_starts_with_the_smallest_picture() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let track = meeting.publish(ada, camera("cam"));
    meeting.publish(ada, microphone("mic"));
    meeting.settle();
    meeting.arrive(&Visitor::named("ben").asking(|join| join.adaptive_stream = true));
    let preferences: Vec<_> = meeting
        .media
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Prefer {
                track, preference, ..
            } => Some((*track, preference.wanted)),
            _ => None,
        })
        .collect();
    assert_eq!(preferences, [(track, Wanted::Quality(Quality::Low))]);
}

fn choose(sids: &[String], subscribe: bool) -> Asked {
    Asked::Subscription(UpdateSubscription {
        track_sids: sids.to_vec(),
        subscribe,
        ..UpdateSubscription::default()
    })
}

fn screen(cid: &str) -> AddTrackRequest {
    AddTrackRequest {
        source: TrackSource::ScreenShare.into(),
        ..camera(cid)
    }
}
