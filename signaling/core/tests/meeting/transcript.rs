//! A short meeting exactly as one of two clients reads it.

use crate::sim::{Meeting, camera, microphone};
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{MuteTrackRequest, SignalResponse};
use std::time::Duration;

#[test]
fn every_message_of_a_short_meeting_is_as_it_was() {
    let mut meeting = Meeting::new();
    let ben = meeting.join("ben");
    let ada = meeting.join("ada");
    let mic = meeting.publish(ada, microphone("mic"));
    meeting.wait(Duration::from_secs(1));
    let mut quiet_camera = camera("cam");
    quiet_camera.layers.truncate(1);
    meeting.publish(ada, quiet_camera);
    meeting.wait(Duration::from_secs(1));
    let sid = mic.to_string();
    meeting.ask(ada, Asked::Mute(MuteTrackRequest { sid, muted: true }));
    meeting.leave(ada);
    let read: Vec<SignalResponse> = meeting
        .inbox(ben)
        .into_iter()
        .map(|message| SignalResponse {
            message: Some(without_token(message)),
        })
        .collect();
    insta::with_settings!({sort_maps => true}, {
        insta::assert_json_snapshot!(read);
    });
}

/// A signature would hide what changed.
fn without_token(message: Message) -> Message {
    match message {
        Message::RefreshToken(_) => Message::RefreshToken("a token".to_owned()),
        other => other,
    }
}
