//! Coming in: what a client is told, and in which order.

use crate::sim::{MIDNIGHT, Meeting, Visitor, camera, keys, microphone, settings, updates};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{DisconnectReason, JoinResponse};
use sfu_core::Command;
use signaling_core::{CloseReason, RtcVersion};
use std::time::Duration;

#[test]
fn the_first_message_to_an_arrival_is_join_with_all_that_clients_need() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.publish(ada, microphone("mic"));
    let ben = meeting.join("ben");
    let Some(Message::Join(join)) = meeting.inbox(ben).into_iter().next() else {
        panic!("the first message is not join");
    };
    insta::with_settings!({sort_maps => true}, {
        insta::assert_json_snapshot!(join);
    });
}

#[test]
fn the_server_names_a_version_because_clients_refuse_one_without() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let server = join_of(&meeting.inbox(ada)).server_info.unwrap();
    assert_eq!(server.version, "1.13.5");
    assert_eq!(server.protocol, 17, "18 would mean negotiated channels");
    assert_eq!(server.edition, 0);
}

#[test]
fn existing_tracks_are_subscribed_before_the_first_offer_is_answered() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let (mic, cam) = (
        meeting.publish(ada, microphone("mic")),
        meeting.publish(ada, camera("cam")),
    );
    meeting.settle();
    let ben = meeting.join("ben");
    let commands = &meeting.media.commands;
    let place = |wanted: &dyn Fn(&Command) -> bool| commands.iter().position(wanted).unwrap();
    let offer = place(&|command| matches!(command, Command::Offer { .. }));
    for track in [mic, cam] {
        let subscribe = place(
            &|command| matches!(command, Command::Subscribe { track: found, .. } if *found == track),
        );
        assert!(subscribe < offer);
    }
    let answer = meeting
        .inbox(ben)
        .into_iter()
        .find_map(|message| match message {
            Message::Answer(answer) => Some(answer),
            _ => None,
        });
    let carried = answer.unwrap().mid_to_track_id;
    assert_eq!(carried.len(), 2, "the first answer carries both tracks");
}

#[test]
fn an_arrival_gets_a_token_at_once_that_lets_the_same_person_in_again() {
    let mut meeting = Meeting::new();
    let visitor = Visitor::named("ada").with(|claims| {
        claims.grants.can_publish_data = false;
        claims.attributes.insert("role".into(), "chair".into());
    });
    let ada = meeting.arrive(&visitor);
    let token = refreshed(&meeting.inbox(ada)).expect("a token right after joining");
    assert_eq!(keys().verify(&token, MIDNIGHT + 60), Ok(visitor.claims));
}

#[test]
fn a_token_is_renewed_every_five_minutes() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    meeting.wait(Duration::from_mins(16));
    let inbox = meeting.inbox(ada);
    let renewed = |message: &&Message| matches!(message, Message::RefreshToken(_));
    assert_eq!(inbox.iter().filter(renewed).count(), 3);
    let last = inbox
        .iter()
        .rev()
        .find_map(|message| refreshed(std::slice::from_ref(message)));
    let in_20_minutes = MIDNIGHT + 20 * 60;
    assert!(keys().verify(&last.unwrap(), in_20_minutes).is_ok());
}

#[test]
fn a_participant_becomes_active_for_everybody_when_media_is_connected() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    let ben = meeting.join("ben");
    meeting.wait(Duration::from_secs(2));
    let seen = updates(&meeting.inbox(ada));
    let of_ben: Vec<_> = seen.iter().filter(|them| them.identity == "ben").collect();
    assert_eq!(of_ben.last().unwrap().state, i32::from(State::Active));
    let own = updates(&meeting.inbox(ben));
    assert!(
        own.iter()
            .any(|them| them.identity == "ben" && them.state == i32::from(State::Active))
    );
}

#[test]
fn the_version_of_a_participant_only_grows() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.publish(ben, microphone("mic"));
    meeting.publish(ben, camera("cam"));
    meeting.wait(Duration::from_secs(3));
    meeting.leave(ben);
    let seen = updates(&meeting.inbox(ada));
    let versions: Vec<u32> = seen
        .iter()
        .filter(|them| them.identity == "ben")
        .map(|them| them.version)
        .collect();
    assert!(versions.len() >= 3);
    assert!(versions.is_sorted(), "{versions:?}");
    assert!(versions.first() < versions.last());
}

#[test]
fn a_second_connection_of_the_same_identity_replaces_the_first_without_a_ghost() {
    let mut meeting = Meeting::new();
    let (ben, ada) = (meeting.join("ben"), meeting.join("ada"));
    meeting.publish(ada, camera("cam"));
    let first_sid = meeting.peer(ada).to_string();
    meeting.settle();
    let again = meeting.join("ada");

    let last_words = meeting.inbox(ada);
    let Some(Message::Leave(leave)) = last_words.last() else {
        panic!("the older connection is told to leave");
    };
    assert_eq!(leave.reason, i32::from(DisconnectReason::DuplicateIdentity));
    assert_eq!(leave.action, i32::from(Action::Disconnect));
    assert_eq!(meeting.closed(ada), Some(CloseReason::Replaced));

    let seen = updates(&meeting.inbox(ben));
    let mut states = seen.iter().map(|them| (them.sid.clone(), them.state));
    assert_eq!(
        states.next(),
        Some((first_sid, i32::from(State::Disconnected)))
    );
    let second_sid = meeting.peer(again).to_string();
    assert!(
        states.all(|(sid, _)| sid == second_sid),
        "the new one comes after the old one"
    );
    assert_eq!(meeting.room.participant_count(), 2);
    let join = join_of(&meeting.inbox(again));
    let others: Vec<_> = join
        .other_participants
        .iter()
        .map(|them| &them.identity)
        .collect();
    assert_eq!(others, ["ben"], "nobody meets their own ghost");
    let removed = |command: &Command| matches!(command, Command::RemovePeer { .. });
    assert_eq!(
        meeting
            .media
            .commands
            .iter()
            .filter(|command| removed(command))
            .count(),
        1
    );
}

#[test]
fn a_full_room_refuses_with_leave_as_the_first_message() {
    let mut settings = settings();
    settings.limits.participants = 1;
    let mut meeting = Meeting::with_settings(settings);
    let ada = meeting.join("ada");
    let ben = meeting.join("ben");
    assert!(matches!(meeting.inbox(ben).as_slice(), [Message::Leave(_)]));
    assert_eq!(meeting.closed(ben), Some(CloseReason::Refused));
    assert!(!meeting.is_closed(ada));
    let again = meeting.join("ada");
    assert!(
        !meeting.is_closed(again),
        "replacing oneself needs no second place"
    );
    let refused = meeting.arrive(&Visitor::named("ada").with(|claims| {
        claims.metadata = "x".repeat(1001);
    }));
    assert_eq!(meeting.closed(refused), Some(CloseReason::Refused));
    assert!(
        !meeting.is_closed(again),
        "whoever is refused replaces nobody"
    );
}

#[test]
fn somebody_hidden_is_seen_by_nobody_and_sees_everybody() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let mic = meeting.publish(ada, microphone("mic"));
    meeting.settle();
    let ghost =
        meeting.arrive(&Visitor::named("auditor").with(|claims| claims.grants.hidden = true));
    meeting.wait(Duration::from_secs(2));
    let inbox = meeting.inbox(ada);
    assert!(
        updates(&inbox)
            .iter()
            .all(|them| them.identity != "auditor")
    );
    let counts = inbox.iter().filter_map(|message| match message {
        Message::RoomUpdate(update) => update.room.as_ref().map(|room| room.num_participants),
        _ => None,
    });
    assert!(counts.into_iter().all(|count| count == 1));
    assert!(meeting.receives(ghost).contains(&mic));
    meeting.leave(ghost);
    assert!(updates(&meeting.inbox(ada)).is_empty());
}

#[test]
fn a_client_without_an_offer_in_its_join_request_offers_later() {
    let mut meeting = Meeting::new();
    let firefox = meeting.arrive(&Visitor::named("ada").asking(|join| {
        join.offer = None;
        join.client.browser = "firefox".to_owned();
    }));
    let first = meeting.inbox(firefox);
    assert!(
        !first
            .iter()
            .any(|message| matches!(message, Message::Answer(_)))
    );
    meeting.offer(firefox);
    let then = meeting.inbox(firefox);
    assert!(
        then.iter()
            .any(|message| matches!(message, Message::Answer(_)))
    );
}

#[test]
fn firefox_on_linux_is_not_told_to_publish_h264() {
    let mut meeting = Meeting::new();
    let firefox = meeting.arrive(&Visitor::named("ada").asking(|join| {
        join.client.browser = "firefox".to_owned();
        join.client.os = "linux".to_owned();
    }));
    let chrome = meeting.join("ben");
    let codecs = |join: JoinResponse| -> Vec<String> {
        join.enabled_publish_codecs
            .into_iter()
            .map(|codec| codec.mime)
            .collect()
    };
    assert_eq!(
        codecs(join_of(&meeting.inbox(firefox))),
        ["video/VP8", "audio/opus"]
    );
    let of_chrome = codecs(join_of(&meeting.inbox(chrome)));
    assert_eq!(of_chrome, ["video/VP8", "video/H264", "audio/opus"]);
}

#[test]
fn tracks_in_the_join_request_are_published_before_its_offer() {
    let mut meeting = Meeting::new();
    let ada = meeting.arrive(&Visitor::named("ada").asking(|join| {
        join.version = RtcVersion::V0SinglePc;
        join.add_tracks = vec![microphone("mic")];
    }));
    let order: Vec<&str> = meeting
        .media
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Publish { .. } => Some("publish"),
            Command::Offer { .. } => Some("offer"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["publish", "offer"]);
    let inbox = meeting.inbox(ada);
    let place = |wanted: fn(&Message) -> bool| inbox.iter().position(wanted).unwrap();
    let published = place(|message| matches!(message, Message::TrackPublished(_)));
    assert!(published < place(|message| matches!(message, Message::Answer(_))));
}

fn join_of(inbox: &[Message]) -> JoinResponse {
    match inbox.first() {
        Some(Message::Join(join)) => join.clone(),
        other => panic!("the first message is {other:?}"),
    }
}

fn refreshed(inbox: &[Message]) -> Option<String> {
    inbox.iter().find_map(|message| match message {
        Message::RefreshToken(token) => Some(token.clone()),
        _ => None,
    })
}
