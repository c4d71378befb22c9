//! Coming back over a new WebSocket.

use crate::sim::{Meeting, Person, Visitor, camera, updates};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DisconnectReason, SyncState, TrackInfo, TrackPublishedResponse, UpdateSubscription,
};
use sfu_core::Command;
use sfu_core::ids::{PeerId, TrackId};
use signaling_core::CloseReason;
use std::time::Duration;

#[test]
fn the_first_message_on_a_resume_is_reconnect_even_if_news_were_waiting() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.cut(ada);
    meeting.publish(ben, camera("cam"));
    meeting.join("cleo");
    let back = resume(&mut meeting, ada);
    let inbox = meeting.inbox(back);
    let Some(Message::Reconnect(reconnect)) = inbox.first() else {
        panic!("the first message is {:?}", inbox.first());
    };
    assert_eq!(reconnect.server_info.as_ref().unwrap().version, "1.13.5");
    let known: Vec<_> = updates(&inbox)
        .into_iter()
        .map(|them| them.identity)
        .collect();
    assert!(known.contains(&"ben".to_owned()) && known.contains(&"cleo".to_owned()));
    assert!(
        inbox
            .iter()
            .any(|message| matches!(message, Message::RoomUpdate(_)))
    );
}

#[test]
fn nobody_else_notices_a_resume() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.wait(Duration::from_secs(2));
    meeting.settle();
    meeting.cut(ada);
    meeting.wait(Duration::from_secs(10));
    resume(&mut meeting, ada);
    meeting.wait(Duration::from_mins(1));
    assert!(updates(&meeting.inbox(ben)).is_empty());
    assert_eq!(meeting.room.participant_count(), 2);
}

#[test]
fn whoever_left_meanwhile_is_told_on_a_resume() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let (cleo, dora) = (meeting.join("cleo"), meeting.join("dora"));
    let early = meeting.join("early");
    meeting.leave(early);
    // Two ping timeouts later nobody can have missed that.
    meeting.wait(Duration::from_secs(31));
    meeting.leave(dora);
    meeting.join("dora");
    meeting.leave(cleo);
    meeting.wait(Duration::from_secs(1));
    meeting.cut(ada);
    meeting.wait(Duration::from_secs(1));
    meeting.leave(ben);
    let back = resume(&mut meeting, ada);
    let gone: Vec<_> = updates(&meeting.inbox(back))
        .into_iter()
        .filter(|them| them.state == i32::from(State::Disconnected))
        .map(|them| them.identity)
        .collect();
    assert_eq!(
        gone,
        ["cleo", "ben"],
        "cleo's may have been on its way when the WebSocket broke; dora is back"
    );
}

#[test]
fn a_place_that_is_gone_is_answered_with_leave_first() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let peer = meeting.peer(ada);
    meeting.cut(ada);
    meeting.join("ben");
    meeting.wait(Duration::from_secs(31));
    let back = meeting.arrive(&Visitor::named("ada").resuming(peer));
    refused(&mut meeting, back);
}

#[test]
fn nobody_takes_the_place_of_another_identity() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let peer = meeting.peer(ada);
    meeting.cut(ada);
    let thief = meeting.arrive(&Visitor::named("mallory").resuming(peer));
    refused(&mut meeting, thief);
    let back = resume(&mut meeting, ada);
    assert!(!meeting.is_closed(back));
}

#[test]
fn a_resume_before_the_old_websocket_is_seen_to_be_dead_takes_over() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let back = resume(&mut meeting, ada);
    assert_eq!(meeting.closed(ada), Some(CloseReason::Replaced));
    meeting.settle();
    meeting.ask(ada, Asked::Ping(1));
    assert!(
        meeting.inbox(ada).is_empty(),
        "the old WebSocket means nothing any more"
    );
    meeting.ask(back, Asked::Ping(1));
    assert_eq!(meeting.inbox(back).len(), 1);
}

#[test]
fn an_ice_restart_after_a_resume_is_answered() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.cut(ada);
    let back = resume(&mut meeting, ada);
    meeting.settle();
    meeting.offer(back);
    assert!(matches!(
        meeting.inbox(back).as_slice(),
        [Message::Answer(_)]
    ));
}

#[test]
fn a_published_track_we_do_not_know_makes_the_client_begin_anew() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let track = meeting.publish(ada, camera("cam"));
    meeting.cut(ada);
    let back = resume(&mut meeting, ada);
    meeting.settle();
    meeting.ask(back, sync(&[track], SyncState::default()));
    assert!(!meeting.is_closed(back));
    meeting.ask(back, sync(&[track, TrackId(5)], SyncState::default()));
    refused(&mut meeting, back);
}

#[test]
fn what_a_client_hid_and_dropped_holds_after_a_resume() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let (cam, second) = (
        meeting.publish(ben, camera("cam")),
        meeting.publish(ben, camera("second")),
    );
    meeting.cut(ada);
    let back = resume(&mut meeting, ada);
    meeting.settle();
    let state = SyncState {
        subscription: Some(UpdateSubscription {
            track_sids: vec![cam.to_string()],
            subscribe: false,
            ..UpdateSubscription::default()
        }),
        track_sids_disabled: vec![second.to_string()],
        ..SyncState::default()
    };
    meeting.ask(back, sync(&[], state));
    assert_eq!(meeting.receives(back), [second].into());
    let hidden = |command: &Command| {
        matches!(command, Command::Prefer { track, preference, .. }
            if *track == second && !preference.enabled)
    };
    assert!(meeting.media.commands.iter().any(hidden));
}

fn resume(meeting: &mut Meeting, before: Person) -> Person {
    let peer: PeerId = meeting.peer(before);
    let back = meeting.arrive(&Visitor::named("ada").resuming(peer));
    meeting.identify(back, peer);
    back
}

fn refused(meeting: &mut Meeting, person: Person) {
    let inbox = meeting.inbox(person);
    let [Message::Leave(leave)] = inbox.as_slice() else {
        panic!("not refused: {inbox:?}");
    };
    assert_eq!(leave.reason, i32::from(DisconnectReason::StateMismatch));
    assert_eq!(leave.action, i32::from(Action::Reconnect));
    assert!(meeting.is_closed(person));
}

fn sync(tracks: &[TrackId], state: SyncState) -> Asked {
    let published = tracks.iter().map(|track| TrackPublishedResponse {
        cid: String::new(),
        track: Some(TrackInfo {
            sid: track.to_string(),
            ..TrackInfo::default()
        }),
    });
    Asked::SyncState(SyncState {
        publish_tracks: published.collect(),
        ..state
    })
}
