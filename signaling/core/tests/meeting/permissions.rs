//! Who may receive whose tracks.

use crate::sim::{Meeting, Person, camera, microphone};
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{SubscriptionPermission, TrackPermission};

#[test]
fn the_permission_that_browsers_send_after_joining_changes_nothing() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, camera("cam"));
    meeting.settle();
    meeting.ask(ada, permit(true, Vec::new()));
    assert!(meeting.media.commands.is_empty());
    assert!(meeting.inbox(ben).is_empty());
    assert!(meeting.receives(ben).contains(&track));
}

#[test]
fn a_publisher_shows_their_camera_to_one_person_only() {
    let mut meeting = Meeting::new();
    let (ada, ben, cleo) = (
        meeting.join("ada"),
        meeting.join("ben"),
        meeting.join("cleo"),
    );
    let cam = meeting.publish(ada, camera("cam"));
    meeting.settle();
    let only_ben = TrackPermission {
        participant_identity: "ben".to_owned(),
        all_tracks: true,
        ..TrackPermission::default()
    };
    meeting.ask(ada, permit(false, vec![only_ben]));
    assert!(meeting.receives(ben).contains(&cam));
    assert!(meeting.receives(cleo).is_empty());
    assert_eq!(permissions(&mut meeting, cleo), [(cam.to_string(), false)]);
    assert!(permissions(&mut meeting, ben).is_empty());

    let mic = meeting.publish(ada, microphone("mic"));
    assert!(
        meeting.receives(ben).contains(&mic),
        "the rule holds for later tracks"
    );
    assert!(meeting.receives(cleo).is_empty());
    let dora = meeting.join("dora");
    assert!(meeting.receives(dora).is_empty(), "and for later people");

    meeting.settle();
    meeting.ask(ada, permit(true, Vec::new()));
    assert_eq!(meeting.receives(cleo), [cam, mic].into());
    assert_eq!(permissions(&mut meeting, cleo).len(), 2);
}

#[test]
fn a_rule_too_long_is_refused_and_the_older_one_holds() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, camera("cam"));
    meeting.ask(ada, permit(false, Vec::new()));
    meeting.settle();
    let everybody = TrackPermission {
        participant_identity: "ben".to_owned(),
        all_tracks: true,
        ..TrackPermission::default()
    };
    meeting.ask(ada, permit(false, vec![everybody; 101]));
    let inbox = meeting.inbox(ada);
    let [Message::RequestResponse(refusal)] = inbox.as_slice() else {
        panic!("no refusal: {inbox:?}");
    };
    assert_eq!(refusal.reason, i32::from(Reason::LimitExceeded));
    assert!(!meeting.receives(ben).contains(&track));
}

fn permit(all_participants: bool, track_permissions: Vec<TrackPermission>) -> Asked {
    Asked::SubscriptionPermission(SubscriptionPermission {
        all_participants,
        track_permissions,
    })
}

fn permissions(meeting: &mut Meeting, person: Person) -> Vec<(String, bool)> {
    meeting
        .inbox(person)
        .into_iter()
        .filter_map(|message| match message {
            Message::SubscriptionPermissionUpdate(update) => {
                Some((update.track_sid, update.allowed))
            }
            _ => None,
        })
        .collect()
}
