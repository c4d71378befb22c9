//! Offers and answers as the room passes them on.

use crate::sim::{Meeting, Person, Visitor, camera};
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{SessionDescription, TrickleRequest};
use sfu_core::{Command, Event};

#[test]
fn two_offers_back_to_back_get_an_answer_each_with_their_own_number() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.offer(ada);
    assert_eq!(
        answers(&mut meeting, ada),
        [(1, "answer 1".into()), (2, "answer 2".into())]
    );
}

#[test]
fn an_offer_numbered_zero_is_answered_with_zero() {
    let mut meeting = Meeting::new();
    let native = meeting.arrive(&Visitor::named("ada").asking(|join| {
        join.offer = Some((0, "offer".to_owned()));
    }));
    assert_eq!(answers(&mut meeting, native), [(0, "answer 0".into())]);
}

#[test]
fn every_answer_maps_its_sections_to_tracks() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, camera("cam"));
    meeting.settle();
    meeting.offer(ben);
    let inbox = meeting.inbox(ben);
    let [Message::Answer(answer)] = inbox.as_slice() else {
        panic!("no answer: {inbox:?}");
    };
    assert_eq!(answer.r#type, "answer");
    assert_eq!(
        answer.mid_to_track_id,
        [("0".to_owned(), track.to_string())].into()
    );
}

#[test]
fn a_refused_offer_is_told_and_everything_lives_on() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.settle();
    let peer = meeting.peer(ada);
    meeting.tell(Event::OfferRefused {
        peer,
        id: 2,
        reason: "section 3 offers no codec we know".to_owned(),
    });
    let inbox = meeting.inbox(ada);
    let [Message::RequestResponse(refusal)] = inbox.as_slice() else {
        panic!("no refusal: {inbox:?}");
    };
    assert_eq!(refusal.reason, i32::from(Reason::InvalidRequest));
    assert!(refusal.message.contains("section 3"));
    assert!(!meeting.is_closed(ada));
    meeting.publish(ben, camera("cam"));
    assert_eq!(meeting.receives(ada).len(), 1);
}

#[test]
fn an_offer_over_the_limit_never_reaches_the_media_plane() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    meeting.ask(
        ada,
        Asked::Offer(SessionDescription {
            sdp: "x".repeat(100_001),
            ..SessionDescription::default()
        }),
    );
    assert!(meeting.media.commands.is_empty());
    assert!(matches!(
        meeting.inbox(ada).as_slice(),
        [Message::RequestResponse(_)]
    ));
}

#[test]
fn a_client_is_asked_for_the_sections_it_lacks() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    meeting.media.is_manual = true;
    let peer = meeting.peer(ada);
    meeting.tell(Event::SectionsNeeded {
        peer,
        audio: 2,
        video: 1,
    });
    let inbox = meeting.inbox(ada);
    let [Message::MediaSectionsRequirement(needed)] = inbox.as_slice() else {
        panic!("not asked: {inbox:?}");
    };
    assert_eq!((needed.num_audios, needed.num_videos), (2, 1));
}

#[test]
fn candidates_of_the_client_are_not_needed_and_do_no_harm() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    let candidate_init = "not even JSON".to_owned();
    meeting.ask(
        ada,
        Asked::Trickle(TrickleRequest {
            candidate_init,
            ..TrickleRequest::default()
        }),
    );
    assert!(meeting.inbox(ada).is_empty());
    let commands: &[Command] = &meeting.media.commands;
    assert!(commands.is_empty());
}

fn answers(meeting: &mut Meeting, person: Person) -> Vec<(u32, String)> {
    meeting
        .inbox(person)
        .into_iter()
        .filter_map(|message| match message {
            Message::Answer(answer) => Some((answer.id, answer.sdp)),
            _ => None,
        })
        .collect()
}
