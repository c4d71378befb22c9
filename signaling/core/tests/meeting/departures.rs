//! Going away, on purpose and otherwise.

use crate::sim::{Meeting, camera, updates};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{DisconnectReason, LeaveRequest, ParticipantInfo};
use sfu_core::event::LostReason;
use sfu_core::{Command, Event};
use signaling_core::CloseReason;
use std::time::Duration;

#[test]
fn whoever_leaves_is_gone_for_the_others_at_once() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let peer = meeting.peer(ben);
    meeting.settle();
    meeting.leave(ben);
    let gone = farewell(&mut meeting, ada, "ben");
    assert_eq!(
        gone.disconnect_reason,
        i32::from(DisconnectReason::ClientInitiated)
    );
    assert_eq!(meeting.closed(ben), Some(CloseReason::Left));
    assert!(
        meeting
            .media
            .commands
            .contains(&Command::RemovePeer { peer })
    );
}

#[test]
fn whoever_loses_their_media_is_gone_within_the_event() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.publish(ben, camera("cam"));
    meeting.settle();
    let peer = meeting.peer(ben);
    meeting.tell(Event::Lost {
        peer,
        reason: LostReason::Silent,
    });
    farewell(&mut meeting, ada, "ben");
    let leave = leave_of(&meeting.inbox(ben));
    assert_eq!(
        leave.action,
        i32::from(Action::Reconnect),
        "it may begin anew"
    );
    let removed = |command: &Command| matches!(command, Command::RemovePeer { .. });
    assert!(
        !meeting.media.commands.iter().any(removed),
        "media forgot the peer itself"
    );
    meeting.join("ben");
}

#[test]
fn whoever_never_connects_is_removed_after_the_named_time() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.media.is_manual = true;
    let ben = meeting.join("ben");
    meeting.wait(Duration::from_secs(59));
    assert!(!meeting.is_closed(ben));
    meeting.inbox(ada);
    meeting.wait(Duration::from_secs(2));
    assert_eq!(meeting.closed(ben), Some(CloseReason::MediaLost));
    let leave = leave_of(&meeting.inbox(ben));
    assert_eq!(leave.reason, i32::from(DisconnectReason::ConnectionTimeout));
    farewell(&mut meeting, ada, "ben");
    assert!(!meeting.is_closed(ada), "who is connected stays");
}

#[test]
fn a_silent_websocket_is_closed_and_its_place_kept_for_the_grace() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.silence(ben);
    meeting.settle();
    meeting.wait(Duration::from_secs(16));
    assert_eq!(meeting.closed(ben), Some(CloseReason::Silent));
    assert!(
        updates(&meeting.inbox(ada)).is_empty(),
        "the others notice nothing"
    );
    meeting.wait(Duration::from_secs(27));
    assert_eq!(meeting.room.participant_count(), 2);
    meeting.wait(Duration::from_secs(2));
    farewell(&mut meeting, ada, "ben");
}

#[test]
fn an_empty_room_ends_after_its_departure_timeout_and_not_before() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.leave(ada);
    meeting.wait(Duration::from_secs(19));
    assert!(!meeting.room.is_finished());
    meeting.wait(Duration::from_secs(2));
    assert!(meeting.room.is_finished());
    assert_eq!(meeting.room.next_timeout(), None);
}

#[test]
fn a_room_that_nobody_enters_ends_after_its_empty_timeout() {
    let mut meeting = Meeting::new();
    meeting.wait(Duration::from_secs(299));
    assert!(!meeting.room.is_finished());
    meeting.wait(Duration::from_secs(2));
    assert!(meeting.room.is_finished());
}

#[test]
fn a_shutdown_sends_everybody_away_to_come_back() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.settle();
    meeting.shut_down();
    for person in [ada, ben] {
        let inbox = meeting.inbox(person);
        let leave = leave_of(&inbox);
        assert_eq!(inbox.len(), 1, "no news of the others on the way out");
        assert_eq!(leave.reason, i32::from(DisconnectReason::ServerShutdown));
        assert_eq!(leave.action, i32::from(Action::Reconnect));
        assert_eq!(meeting.closed(person), Some(CloseReason::Shutdown));
    }
    assert!(meeting.room.is_finished());
}

fn farewell(meeting: &mut Meeting, reader: crate::sim::Person, identity: &str) -> ParticipantInfo {
    let seen = updates(&meeting.inbox(reader));
    let gone = seen
        .into_iter()
        .find(|them| them.identity == identity && them.state == i32::from(State::Disconnected));
    gone.expect("the others are told that they left")
}

fn leave_of(inbox: &[Message]) -> LeaveRequest {
    match inbox.last() {
        Some(Message::Leave(leave)) => leave.clone(),
        other => panic!("the last message is {other:?}"),
    }
}
