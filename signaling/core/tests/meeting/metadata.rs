//! What participants say about themselves.

use crate::sim::{MIDNIGHT, Meeting, Person, Visitor, camera, keys, microphone, updates};
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{AddTrackRequest, TrackSource, UpdateParticipantMetadata};
use sfu_core::Command;
use sfu_core::command::Purpose;

#[test]
fn a_changed_name_is_confirmed_and_then_told_to_everybody() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (writer(&mut meeting), meeting.join("ben"));
    meeting.settle();
    meeting.ask(ada, change("Ada Lovelace", "", &[("hand", "up")]));
    let inbox = meeting.inbox(ada);
    let Some(Message::RequestResponse(outcome)) = inbox.first() else {
        panic!("the outcome comes first: {inbox:?}");
    };
    assert_eq!(outcome.request_id, 9);
    assert_eq!(outcome.reason, i32::from(Reason::Ok));
    for seen in [updates(&inbox), updates(&meeting.inbox(ben))] {
        assert_eq!(seen[0].name, "Ada Lovelace");
        assert_eq!(
            seen[0].metadata, "from the token",
            "an empty field keeps what is there"
        );
        assert_eq!(seen[0].attributes["hand"], "up");
    }
}

#[test]
fn an_empty_attribute_takes_one_away() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (writer(&mut meeting), meeting.join("ben"));
    meeting.ask(ada, change("", "", &[("hand", "up"), ("role", "chair")]));
    meeting.settle();
    meeting.ask(ada, change("", "", &[("hand", "")]));
    let seen = updates(&meeting.inbox(ben));
    assert_eq!(
        seen[0].attributes,
        [("role".to_owned(), "chair".to_owned())].into()
    );
}

#[test]
fn whoever_says_that_they_sign_has_a_camera_for_signs_from_then_on() {
    let mut meeting = Meeting::new();
    let ada = writer(&mut meeting);
    let track = meeting.publish(ada, camera("cam"));
    for (attributes, purpose) in [
        ([("saal.signs", "true")], Purpose::SignLanguage),
        ([("saal.signs", "")], Purpose::Camera),
    ] {
        meeting.settle();
        meeting.ask(ada, change("", "", &attributes));
        meeting.ask(ada, change("", "", &[("hand", "up")]));
        let expected = Command::Dedicate { track, purpose };
        assert_eq!(meeting.media.commands, [expected], "once for a change");
    }
}

#[test]
fn a_camera_of_somebody_who_signs_is_published_for_signs_and_a_screen_is_for_reading() {
    let mut meeting = Meeting::new();
    let ada = writer(&mut meeting);
    meeting.ask(ada, change("", "", &[("saal.signs", "true")]));
    let screen = AddTrackRequest {
        source: TrackSource::ScreenShare.into(),
        ..camera("screen")
    };
    for (request, expected) in [
        (camera("cam"), Purpose::SignLanguage),
        (screen, Purpose::ScreenText),
        (microphone("mic"), Purpose::Audio),
    ] {
        meeting.settle();
        meeting.ask(ada, Asked::AddTrack(request));
        let purposes: Vec<Purpose> = meeting.media.commands.iter().filter_map(purpose).collect();
        assert_eq!(purposes, [expected]);
    }
}

fn purpose(command: &Command) -> Option<Purpose> {
    match command {
        Command::Publish { spec, .. } => Some(spec.purpose),
        _ => None,
    }
}

#[test]
fn a_full_reconnect_with_the_last_token_keeps_the_change() {
    let mut meeting = Meeting::new();
    let ada = writer(&mut meeting);
    meeting.settle();
    meeting.ask(ada, change("Ada Lovelace", "", &[]));
    let token = meeting
        .inbox(ada)
        .into_iter()
        .find_map(|message| match message {
            Message::RefreshToken(token) => Some(token),
            _ => None,
        });
    let claims = keys().verify(&token.unwrap(), MIDNIGHT).unwrap();
    assert_eq!(claims.name, "Ada Lovelace");
}

#[test]
fn large_metadata_stays_out_of_tokens_which_travel_in_a_request_line() {
    let mut settings = crate::sim::settings();
    settings.limits.metadata_bytes = 64_000;
    let mut meeting = Meeting::with_settings(settings);
    let ada = writer(&mut meeting);
    meeting.settle();
    meeting.ask(ada, change("", &"x".repeat(50_000), &[]));
    let token = meeting
        .inbox(ada)
        .into_iter()
        .find_map(|message| match message {
            Message::RefreshToken(token) => Some(token),
            _ => None,
        });
    assert!(token.unwrap().len() < 2000);
}

#[test]
fn without_the_grant_nothing_changes() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.settle();
    meeting.ask(ada, change("Queen", "", &[]));
    assert_eq!(outcome(&mut meeting, ada), i32::from(Reason::NotAllowed));
    assert!(meeting.inbox(ben).is_empty());
}

#[test]
fn too_much_is_refused_as_a_whole() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (writer(&mut meeting), meeting.join("ben"));
    let long = "x".repeat(1001);
    let cases = [
        change(&"n".repeat(101), "", &[]),
        change("Ada", &long, &[]),
        change("Ada", "", &[("key", &long)]),
    ];
    for case in cases {
        meeting.settle();
        meeting.ask(ada, case);
        assert_eq!(outcome(&mut meeting, ada), i32::from(Reason::LimitExceeded));
        assert!(meeting.inbox(ben).is_empty());
    }
}

#[test]
fn attributes_cannot_grow_over_the_limit_bit_by_bit() {
    let mut meeting = Meeting::new();
    let ada = writer(&mut meeting);
    for number in 0..20 {
        let key = format!("key {number}");
        meeting.ask(ada, change("", "", &[(&key, &"x".repeat(100))]));
    }
    meeting.wait(std::time::Duration::from_secs(1));
    let seen = updates(&meeting.inbox(ada));
    let longest = seen.iter().map(|them| them.attributes.len()).max();
    assert_eq!(longest, Some(9));
}

fn writer(meeting: &mut Meeting) -> Person {
    meeting.arrive(&Visitor::named("ada").with(|claims| {
        claims.grants.can_update_own_metadata = true;
        claims.metadata = "from the token".into();
    }))
}

fn change(name: &str, metadata: &str, attributes: &[(&str, &str)]) -> Asked {
    Asked::UpdateMetadata(UpdateParticipantMetadata {
        name: name.to_owned(),
        metadata: metadata.to_owned(),
        attributes: attributes
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        request_id: 9,
    })
}

fn outcome(meeting: &mut Meeting, person: Person) -> i32 {
    match meeting.inbox(person).as_slice() {
        [Message::RequestResponse(outcome)] => outcome.reason,
        other => panic!("no outcome: {other:?}"),
    }
}
