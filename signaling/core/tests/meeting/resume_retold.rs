//! What was said while a WebSocket was gone: everything that only changes tell is told again.

use crate::sim::{MIDNIGHT, Meeting, Person, Visitor, camera, keys, microphone, updates};
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    StreamState, SubscriptionPermission, SyncState, TrackSource, UpdateParticipantMetadata,
    UpdateSubscription,
};
use sfu_core::Event;
use sfu_core::event::ConnectionQuality;
use sfu_core::event::PauseReason;
use std::time::Duration;

#[test]
fn quality_and_speakers_are_told_again_and_who_stopped_is_silent() {
    let mut meeting = Meeting::new();
    let (ada, ben, cleo) = (
        meeting.join("ada"),
        meeting.join("ben"),
        meeting.join("cleo"),
    );
    meeting.publish(ben, microphone("mic"));
    meeting.publish(cleo, microphone("mic"));
    let [sid_ada, sid_ben, sid_cleo] =
        [ada, ben, cleo].map(|person| meeting.peer(person).to_string());
    let room = meeting.room.id();
    let speaks = |meeting: &mut Meeting, person: Person| {
        let levels = vec![(meeting.peer(person), 0.5)];
        meeting.tell(Event::Speakers { room, levels });
    };
    speaks(&mut meeting, ben);
    meeting.cut(ada);
    speaks(&mut meeting, cleo);
    for (person, quality) in [
        (ada, ConnectionQuality::Good),
        (ben, ConnectionQuality::Poor),
    ] {
        let peer = meeting.peer(person);
        meeting.tell(Event::Quality { peer, quality });
    }
    let back = resume(&mut meeting, ada);
    let inbox = meeting.inbox(back);
    let speakers: Vec<_> = inbox
        .iter()
        .filter_map(|message| match message {
            Message::SpeakersChanged(changed) => Some(changed.speakers.clone()),
            _ => None,
        })
        .flatten()
        .map(|speaker| (speaker.sid, speaker.active))
        .collect();
    assert_eq!(speakers.len(), 3);
    assert!(speakers.contains(&(sid_ben.clone(), false)));
    assert!(speakers.contains(&(sid_cleo, true)));
    let mut qualities: Vec<_> = inbox
        .iter()
        .filter_map(|message| match message {
            Message::ConnectionQuality(update) => Some(update.updates.clone()),
            _ => None,
        })
        .flatten()
        .map(|update| (update.participant_sid, update.quality))
        .collect();
    qualities.sort();
    let mut expected = vec![(sid_ada, 1), (sid_ben, 0)];
    expected.sort();
    assert_eq!(qualities, expected);
}

#[test]
fn a_track_that_came_back_during_the_cut_is_told_to_be_active() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let (cam, second) = (
        meeting.publish(ben, camera("cam")),
        meeting.publish(ben, camera("second")),
    );
    meeting.publish(ben, camera("never paused"));
    let peer = meeting.peer(ada);
    let pause = |meeting: &mut Meeting, track, paused: bool| {
        let paused = paused.then_some(PauseReason::Bandwidth);
        meeting.tell(Event::StreamState {
            peer,
            track,
            paused,
        });
    };
    pause(&mut meeting, cam, true);
    meeting.cut(ada);
    pause(&mut meeting, cam, false);
    pause(&mut meeting, second, true);
    let back = resume(&mut meeting, ada);
    let told: Vec<_> = meeting
        .inbox(back)
        .into_iter()
        .filter_map(|message| match message {
            Message::StreamStateUpdate(update) => Some(update.stream_states),
            _ => None,
        })
        .flatten()
        .map(|state| (state.track_sid.clone(), state.state()))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&(cam.to_string(), StreamState::Active)));
    assert!(told.contains(&(second.to_string(), StreamState::Paused)));
}

#[test]
fn a_permission_that_changed_during_the_cut_is_told() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let cam = meeting.publish(ben, camera("cam"));
    let permit = |all_participants| {
        Asked::SubscriptionPermission(SubscriptionPermission {
            all_participants,
            ..SubscriptionPermission::default()
        })
    };
    for (allowed, expected) in [(false, false), (true, true)] {
        meeting.cut(ada);
        meeting.ask(ben, permit(allowed));
        let back = resume(&mut meeting, ada);
        let told: Vec<_> = meeting
            .inbox(back)
            .into_iter()
            .filter_map(|message| match message {
                Message::SubscriptionPermissionUpdate(update) => {
                    Some((update.track_sid, update.allowed))
                }
                _ => None,
            })
            .collect();
        assert_eq!(told, [(cam.to_string(), expected)]);
        meeting.cut(back);
    }
}

#[test]
fn the_sid_of_a_track_that_was_announced_into_the_cut_is_told_again() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.ask(ada, Asked::AddTrack(camera("cam")));
    meeting.cut(ada);
    let back = resume(&mut meeting, ada);
    meeting.settle();
    meeting.ask(back, Asked::SyncState(SyncState::default()));
    let inbox = meeting.inbox(back);
    let [Message::TrackPublished(published)] = inbox.as_slice() else {
        panic!("not told again: {inbox:?}");
    };
    assert_eq!(published.cid, "cam");
}

#[test]
fn what_a_client_no_longer_chooses_follows_its_general_choice_again() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let cam = meeting.publish(ben, camera("cam"));
    let choose = |sids: Vec<String>| UpdateSubscription {
        track_sids: sids,
        subscribe: false,
        ..UpdateSubscription::default()
    };
    meeting.ask(ada, Asked::Subscription(choose(vec![cam.to_string()])));
    assert!(meeting.receives(ada).is_empty());
    // The wish to have it back was lost with the WebSocket.
    meeting.cut(ada);
    let back = resume(&mut meeting, ada);
    let state = SyncState {
        subscription: Some(choose(Vec::new())),
        ..SyncState::default()
    };
    meeting.ask(back, Asked::SyncState(state));
    assert_eq!(meeting.receives(back), [cam].into());
}

#[test]
fn a_client_may_say_what_it_believes_when_it_asks_to_come_back() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let cam = meeting.publish(ben, camera("cam"));
    let peer = meeting.peer(ada);
    meeting.cut(ada);
    let state = SyncState {
        subscription: Some(UpdateSubscription {
            track_sids: vec![cam.to_string()],
            subscribe: false,
            ..UpdateSubscription::default()
        }),
        ..SyncState::default()
    };
    let visitor = Visitor::named("ada").resuming(peer);
    let back = meeting.arrive(&visitor.asking(|join| join.sync_state = Some(state)));
    meeting.identify(back, peer);
    assert!(meeting.receives(back).is_empty());
    assert!(matches!(
        meeting.inbox(back).first(),
        Some(Message::Reconnect(_))
    ));
}

#[test]
fn row_9_beginning_anew_leaves_one_participant_with_the_same_role_and_name() {
    let mut meeting = Meeting::new();
    let chair = Visitor::named("ada").with(|claims| {
        claims.attributes.insert("role".into(), "chair".into());
        claims.grants.can_update_own_metadata = true;
        claims.grants.room_admin = true;
        claims.grants.can_publish_sources = vec![TrackSource::Camera];
    });
    let (ada, ben) = (meeting.arrive(&chair), meeting.join("ben"));
    meeting.publish(ada, camera("cam"));
    let request = UpdateParticipantMetadata {
        name: "Ada, Chair".to_owned(),
        attributes: [("hand".to_owned(), "up".to_owned())].into(),
        ..UpdateParticipantMetadata::default()
    };
    meeting.ask(ada, Asked::UpdateMetadata(request));
    let token = meeting
        .inbox(ada)
        .into_iter()
        .filter_map(|message| match message {
            Message::RefreshToken(token) => Some(token),
            _ => None,
        })
        .next_back()
        .expect("the change comes with a token that says it");
    meeting.settle();
    meeting.cut(ada);
    meeting.wait(Duration::from_secs(5));
    let anew = keys().verify(&token, MIDNIGHT).unwrap();
    let back = meeting.arrive(&Visitor::named("ada").with(|claims| *claims = anew));
    meeting.publish(back, camera("cam"));
    let count = meeting.room.participant_count();
    let seen = updates(&meeting.inbox(ben));
    let (gone, now) = (
        meeting.peer(ada).to_string(),
        meeting.peer(back).to_string(),
    );
    assert_eq!(seen[0].sid, gone, "the old place ends first");
    assert_eq!(seen[0].state(), State::Disconnected);
    let ada_now = seen.last().expect("the new place is told");
    assert_eq!(ada_now.sid, now);
    assert_eq!(ada_now.name, "Ada, Chair");
    assert_eq!(ada_now.tracks.len(), 1);
    let [role, hand] = ["role", "hand"].map(|key| ada_now.attributes[key].as_str());
    assert_eq!((role, hand), ("chair", "up"));
    eprintln!(
        r#"quality row=9 target="one tile, role kept after a full reconnect" measured="{} tile, role {role}""#,
        count - 1
    );
    assert_eq!(count, 2);
    let permission = ada_now.permission.as_ref().unwrap();
    let camera_only = [i32::from(TrackSource::Camera)];
    assert_eq!(permission.can_publish_sources, camera_only);
    assert!(permission.can_update_metadata);
}

fn resume(meeting: &mut Meeting, before: Person) -> Person {
    let peer = meeting.peer(before);
    let back = meeting.arrive(&Visitor::named("ada").resuming(peer));
    meeting.identify(back, peer);
    back
}
