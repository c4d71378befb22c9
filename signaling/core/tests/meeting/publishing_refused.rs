//! What may not be published, and what is too much.

use crate::sim::{Meeting, Visitor, camera, microphone};
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{AddTrackRequest, RequestResponse, TrackSource, TrackType};
use sfu_core::Command;
use std::time::Duration;

#[test]
fn what_may_not_be_published_is_refused_with_its_reason() {
    let mut meeting = Meeting::new();
    let ada = meeting.arrive(&Visitor::named("ada").with(|claims| {
        claims.grants.can_publish_sources = vec![TrackSource::Microphone];
    }));
    let listener = meeting.arrive(&Visitor::named("ben").with(|claims| {
        claims.grants.can_publish = false;
    }));
    let cases = [
        (ada, camera("cam"), Reason::NotAllowed),
        (listener, microphone("mic"), Reason::NotAllowed),
        (
            ada,
            bad(|request| request.r#type = TrackType::Data.into()),
            Reason::UnsupportedType,
        ),
        (
            ada,
            bad(|request| request.r#type = 77),
            Reason::UnsupportedType,
        ),
        (
            ada,
            bad(|request| request.source = 77),
            Reason::UnsupportedType,
        ),
        (
            ada,
            bad(|request| request.source = TrackSource::Camera.into()),
            Reason::InvalidRequest,
        ),
        (
            ada,
            bad(|request| request.encryption = 77),
            Reason::UnsupportedType,
        ),
        (
            ada,
            bad(|request| request.cid.clear()),
            Reason::InvalidRequest,
        ),
        (
            ada,
            bad(|request| request.cid = "x".repeat(257)),
            Reason::InvalidRequest,
        ),
        (
            ada,
            bad(|request| request.name = "x".repeat(257)),
            Reason::InvalidName,
        ),
        (
            ada,
            bad(|request| request.sid = "TR_00000000001".into()),
            Reason::NotFound,
        ),
    ];
    for (person, request, reason) in cases {
        meeting.settle();
        let cid = request.cid.clone();
        meeting.ask(person, Asked::AddTrack(request));
        let refusal = refusal(&meeting.inbox(person));
        assert_eq!(refusal.reason, i32::from(reason), "{}", refusal.message);
        assert!(!refusal.message.is_empty());
        let Some(Request::AddTrack(echo)) = refusal.request else {
            panic!("the refusal does not name its request");
        };
        assert_eq!(echo.cid, cid);
        assert!(meeting.media.commands.is_empty());
    }
}

#[test]
fn pending_and_published_tracks_are_limited() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    for number in 0..5 {
        meeting.ask(
            ada,
            Asked::AddTrack(microphone(&format!("pending {number}"))),
        );
    }
    meeting.settle();
    meeting.ask(ada, Asked::AddTrack(microphone("one too many")));
    let told = refusal(&meeting.inbox(ada));
    assert_eq!(told.reason, i32::from(Reason::LimitExceeded));
    meeting.offer(ada);
    for number in 0..3 {
        meeting.publish(ada, microphone(&format!("later {number}")));
    }
    meeting.settle();
    meeting.ask(ada, Asked::AddTrack(microphone("the ninth")));
    let told = refusal(&meeting.inbox(ada));
    assert_eq!(told.reason, i32::from(Reason::LimitExceeded));
}

#[test]
fn a_track_whose_section_never_comes_is_given_up() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.ask(ada, Asked::AddTrack(microphone("mic")));
    meeting.settle();
    meeting.wait(Duration::from_secs(61));
    let inbox = meeting.inbox(ada);
    assert!(
        inbox
            .iter()
            .any(|message| matches!(message, Message::TrackUnpublished(_)))
    );
    let unpublish = |command: &Command| matches!(command, Command::Unpublish { .. });
    assert!(meeting.media.commands.iter().any(unpublish));
}

/// A microphone with something wrong.
fn bad(change: fn(&mut AddTrackRequest)) -> AddTrackRequest {
    let mut request = microphone("mic");
    change(&mut request);
    request
}

fn refusal(inbox: &[Message]) -> RequestResponse {
    match inbox {
        [Message::RequestResponse(refusal)] => refusal.clone(),
        other => panic!("no refusal: {other:?}"),
    }
}
