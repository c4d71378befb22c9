//! Pings, speakers, quality, and what is not offered.

use crate::sim::{MIDNIGHT, Meeting, Person, Visitor, microphone};
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    GetDataBlobRequest, Ping, PublishDataTrackRequest, SimulateScenario, StoreDataBlobRequest,
    UpdateVideoLayers,
};
use sfu_core::Event;
use sfu_core::event::ConnectionQuality;

#[test]
fn both_kinds_of_ping_are_answered_with_the_time() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.inbox(ada);
    meeting.ask(ada, Asked::Ping(12));
    meeting.ask(
        ada,
        Asked::PingReq(Ping {
            timestamp: 34,
            rtt: 5,
        }),
    );
    let inbox = meeting.inbox(ada);
    let [Message::Pong(pong), Message::PongResp(response)] = inbox.as_slice() else {
        panic!("not answered: {inbox:?}");
    };
    let now = i64::try_from(MIDNIGHT).unwrap() * 1000;
    assert_eq!((*pong, response.timestamp), (now, now));
    assert_eq!(response.last_ping_timestamp, 34);
}

#[test]
fn a_speaker_is_told_to_themselves_and_to_those_who_hear_them() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let deaf = meeting.arrive(&Visitor::named("cleo").asking(|join| join.auto_subscribe = false));
    meeting.publish(ada, microphone("mic"));
    meeting.settle();
    speak(&mut meeting, &[(ada, 0.7)]);
    let sid = meeting.peer(ada).to_string();
    for person in [ada, ben] {
        assert_eq!(speakers(&mut meeting, person), [(sid.clone(), 0.7, true)]);
    }
    assert!(speakers(&mut meeting, deaf).is_empty());
}

#[test]
fn only_changes_are_told_and_who_stops_is_told_as_silent() {
    let mut meeting = Meeting::new();
    let (ada, ben, cleo) = (
        meeting.join("ada"),
        meeting.join("ben"),
        meeting.join("cleo"),
    );
    meeting.publish(ada, microphone("mic"));
    meeting.publish(ben, microphone("mic"));
    speak(&mut meeting, &[(ada, 0.7), (ben, 0.2)]);
    meeting.settle();
    speak(&mut meeting, &[(ada, 0.7), (ben, 0.3)]);
    let (sid_ada, sid_ben) = (meeting.peer(ada).to_string(), meeting.peer(ben).to_string());
    assert_eq!(speakers(&mut meeting, cleo), [(sid_ben, 0.3, true)]);
    speak(&mut meeting, &[(ben, 0.3)]);
    assert_eq!(speakers(&mut meeting, cleo), [(sid_ada, 0.0, false)]);
    speak(&mut meeting, &[(ben, 0.3)]);
    assert!(speakers(&mut meeting, cleo).is_empty());
}

#[test]
fn quality_is_told_to_its_owner_and_to_subscribers() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let deaf = meeting.arrive(&Visitor::named("cleo").asking(|join| join.auto_subscribe = false));
    meeting.publish(ada, microphone("mic"));
    meeting.settle();
    let peer = meeting.peer(ada);
    let quality = ConnectionQuality::Poor;
    meeting.tell(Event::Quality { peer, quality });
    assert_eq!(qualities(&mut meeting, ada), [(peer.to_string(), 0)]);
    assert_eq!(qualities(&mut meeting, ben), [(peer.to_string(), 0)]);
    assert!(qualities(&mut meeting, deaf).is_empty());
    let dora = meeting.join("dora");
    let told = qualities(&mut meeting, dora);
    assert_eq!(
        told,
        [(peer.to_string(), 0)],
        "a newcomer learns where others stand"
    );
}

#[test]
fn data_tracks_and_stored_data_are_refused() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let requests = [
        Asked::PublishDataTrackRequest(PublishDataTrackRequest {
            pub_handle: 3,
            ..PublishDataTrackRequest::default()
        }),
        Asked::StoreDataBlobRequest(StoreDataBlobRequest::default()),
        Asked::GetDataBlobRequest(GetDataBlobRequest::default()),
    ];
    for request in requests {
        meeting.settle();
        meeting.ask(ada, request);
        let inbox = meeting.inbox(ada);
        let [Message::RequestResponse(refusal)] = inbox.as_slice() else {
            panic!("not refused: {inbox:?}");
        };
        assert_eq!(refusal.reason, i32::from(Reason::NotAllowed));
    }
}

#[test]
#[expect(deprecated, reason = "old clients still send it")]
fn requests_that_mean_nothing_here_are_ignored() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    meeting.ask(ada, Asked::Simulate(SimulateScenario::default()));
    meeting.ask(ada, Asked::UpdateLayers(UpdateVideoLayers::default()));
    meeting.ask(
        ada,
        Asked::Answer(livekit_protocol::SessionDescription::default()),
    );
    assert!(meeting.inbox(ada).is_empty());
    assert!(meeting.media.commands.is_empty());
    assert!(!meeting.is_closed(ada));
}

fn speak(meeting: &mut Meeting, levels: &[(Person, f32)]) {
    let levels = levels
        .iter()
        .map(|&(person, level)| (meeting.peer(person), level))
        .collect();
    let room = meeting.room.id();
    meeting.tell(Event::Speakers { room, levels });
}

fn speakers(meeting: &mut Meeting, person: Person) -> Vec<(String, f32, bool)> {
    let mut all = Vec::new();
    for message in meeting.inbox(person) {
        if let Message::SpeakersChanged(changed) = message {
            let speakers = changed.speakers.into_iter();
            all.extend(speakers.map(|speaker| (speaker.sid, speaker.level, speaker.active)));
        }
    }
    all
}

fn qualities(meeting: &mut Meeting, person: Person) -> Vec<(String, i32)> {
    let mut all = Vec::new();
    for message in meeting.inbox(person) {
        if let Message::ConnectionQuality(update) = message {
            let updates = update.updates.into_iter();
            all.extend(updates.map(|update| (update.participant_sid, update.quality)));
        }
    }
    all
}
