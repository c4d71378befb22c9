//! Floods and mutated frames: the room lives on.

use crate::sim::{Meeting, Visitor, camera, microphone, updates};
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    MuteTrackRequest, SessionDescription, SignalRequest, SubscriptionPermission, SyncState,
    TrackPermission, UpdateParticipantMetadata, UpdateSubscription, UpdateTrackSettings,
};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use signaling_core::{CloseReason, Frame, decode};
use std::time::Duration;

#[test]
fn a_client_that_floods_is_removed_and_the_others_notice_only_that() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.settle();
    for _ in 0..600 {
        meeting.ask(ada, Asked::Ping(0));
    }
    assert_eq!(meeting.closed(ada), Some(CloseReason::Flood));
    let answered = meeting.inbox(ada).len();
    assert!(
        (500..510).contains(&answered),
        "a burst is answered: {answered}"
    );
    assert_eq!(updates(&meeting.inbox(ben)).len(), 1);
    assert!(!meeting.is_closed(ben));
}

#[test]
fn a_mute_button_pressed_without_end_is_told_five_times_a_second() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let sid = meeting.publish(ada, microphone("mic")).to_string();
    meeting.settle();
    for press in 0..250_u32 {
        let muted = press.is_multiple_of(2);
        let sid = sid.clone();
        meeting.ask(ada, Asked::Mute(MuteTrackRequest { sid, muted }));
        meeting.wait(Duration::from_millis(20));
    }
    meeting.wait(Duration::from_secs(1));
    let told = updates(&meeting.inbox(ben));
    assert!(
        (20..30).contains(&told.len()),
        "{} updates in 5 s",
        told.len()
    );
    assert!(
        !told.last().unwrap().tracks[0].muted,
        "the last word arrives"
    );
}

#[test]
fn a_steady_client_at_the_allowed_rate_stays() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    for _ in 0..1500 {
        meeting.ask(ada, Asked::Ping(0));
        meeting.wait(Duration::from_millis(21));
    }
    assert!(!meeting.is_closed(ada));
}

#[test]
fn ten_thousand_mutated_frames_leave_the_room_serving() {
    let mut settings = crate::sim::settings();
    settings.limits.requests_burst = 1_000_000;
    let mut meeting = Meeting::with_settings(settings);
    let witness = meeting.join("witness");
    let mut rng = StdRng::seed_from_u64(7);
    let mut mallory = None;
    let mut understood = 0;
    for round in 0..10_000 {
        let attacker = match mallory {
            Some(attacker) if !meeting.is_closed(attacker) => attacker,
            _ => {
                let visitor = Visitor::named("mallory").with(|claims| {
                    claims.grants.can_update_own_metadata = true;
                });
                let attacker = meeting.arrive(&visitor);
                meeting.publish(attacker, camera("cam"));
                *mallory.insert(attacker)
            }
        };
        let mut frame = sample(&meeting, attacker, round).encode_to_vec();
        mutate(&mut frame, &mut rng);
        if let Ok(Some(request)) = decode(Frame::Binary(&frame)) {
            understood += 1;
            meeting.ask(attacker, request.message.unwrap());
        }
        let text = String::from_utf8_lossy(&frame).into_owned();
        assert!(decode(Frame::Text(&text)).is_err(), "protobuf is no JSON");
    }
    assert!(
        understood > 3000,
        "mutations that are never understood prove little: {understood}"
    );
    assert!(!meeting.is_closed(witness));
    let newcomer = meeting.join("newcomer");
    let track = meeting.publish(newcomer, microphone("mic"));
    assert!(meeting.receives(witness).contains(&track));
}

/// One of the requests that hold most, with real sids in it.
fn sample(meeting: &Meeting, attacker: crate::sim::Person, round: usize) -> SignalRequest {
    let track = meeting.room.id().0 ^ meeting.peer(attacker).0;
    let sid = meeting
        .media
        .commands
        .iter()
        .rev()
        .find_map(|command| match command {
            sfu_core::Command::Publish { track, .. } => Some(track.to_string()),
            _ => None,
        });
    let sid = sid.unwrap_or_else(|| track.to_string());
    let message = match round % 9 {
        0 => Asked::AddTrack(camera("cam")),
        1 => Asked::Mute(MuteTrackRequest {
            sid,
            muted: round.is_multiple_of(2),
        }),
        2 => Asked::TrackSetting(UpdateTrackSettings {
            track_sids: vec![sid],
            width: 640,
            height: 360,
            ..UpdateTrackSettings::default()
        }),
        3 => Asked::Subscription(UpdateSubscription {
            track_sids: vec![sid],
            subscribe: true,
            ..UpdateSubscription::default()
        }),
        4 => Asked::SubscriptionPermission(SubscriptionPermission {
            track_permissions: vec![TrackPermission {
                participant_identity: "witness".to_owned(),
                track_sids: vec![sid],
                ..TrackPermission::default()
            }],
            ..SubscriptionPermission::default()
        }),
        5 => Asked::UpdateMetadata(UpdateParticipantMetadata {
            name: "Mallory".to_owned(),
            attributes: [("key".to_owned(), "value".to_owned())].into(),
            ..UpdateParticipantMetadata::default()
        }),
        6 => Asked::SyncState(SyncState {
            track_sids_disabled: vec![sid],
            ..SyncState::default()
        }),
        7 => Asked::Offer(SessionDescription {
            sdp: "v=0".to_owned(),
            id: 3,
            ..SessionDescription::default()
        }),
        _ => Asked::AddTrack(microphone(&format!("mic {round}"))),
    };
    SignalRequest {
        message: Some(message),
    }
}

/// Mostly small damage, so that many frames are still understood.
fn mutate(frame: &mut Vec<u8>, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..3) {
        let place = rng.random_range(0..frame.len().max(1));
        match rng.random_range(0..8) {
            0 => frame.truncate(place),
            1 => frame.insert(place.min(frame.len()), rng.random()),
            2 if !frame.is_empty() => frame[place] = rng.random(),
            _ if !frame.is_empty() => frame[place] ^= 1 << rng.random_range(0..8),
            _ => {}
        }
    }
}

#[test]
fn a_frame_for_nobody_is_ignored() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.leave(ada);
    meeting.settle();
    meeting.ask(ada, Asked::Ping(1));
    let pong = |message: &Message| matches!(message, Message::Pong(_));
    assert!(!meeting.inbox(ada).iter().any(pong));
}
