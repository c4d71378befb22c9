//! Publishing: adding, announcing, muting, ending, and what is refused.

use crate::sim::{Meeting, Person, Visitor, camera, microphone, updates};
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, MuteTrackRequest, SimulcastCodec, TrackInfo,
    UpdateLocalVideoTrack,
};
use sfu_core::units::{Bitrate, MediaKind, Quality};
use sfu_core::{Command, Event};

#[test]
fn a_simulcast_camera_is_announced_with_all_its_layers() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.settle();
    meeting.publish(ada, camera("cam"));
    let track = announced(&mut meeting, ben, "ada").remove(0);
    insta::assert_json_snapshot!(track);
}

#[test]
fn the_media_plane_is_told_the_layers_smallest_first() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let mut request = camera("cam");
    request.simulcast_codecs = vec![SimulcastCodec {
        codec: "vp8".to_owned(),
        cid: "cam-vp8".to_owned(),
        ..SimulcastCodec::default()
    }];
    meeting.publish(ada, request);
    let spec = meeting
        .media
        .commands
        .iter()
        .find_map(|command| match command {
            Command::Publish { spec, .. } => Some(spec.clone()),
            _ => None,
        })
        .unwrap();
    assert_eq!(spec.kind, MediaKind::Video);
    assert_eq!(spec.client_ids, ["cam", "cam-vp8"]);
    let layers: Vec<_> = spec
        .layers
        .iter()
        .map(|layer| (layer.quality, layer.size.height))
        .collect();
    assert_eq!(
        layers,
        [
            (Quality::Low, 180),
            (Quality::Medium, 360),
            (Quality::High, 720)
        ]
    );
    assert_eq!(spec.layers[0].bitrate, Bitrate::from_bps(160_000));
}

#[test]
fn a_track_is_told_to_others_only_when_its_section_is_negotiated() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.settle();
    meeting.ask(ada, Asked::AddTrack(microphone("mic")));
    assert!(announced(&mut meeting, ben, "ada").is_empty());
    meeting.offer(ada);
    let tracks = announced(&mut meeting, ben, "ada");
    assert_eq!(tracks[0].mime_type, "audio/opus");
    assert_eq!(tracks[0].stream, "camera");
    assert!(!tracks[0].mid.is_empty());
}

#[test]
fn a_track_that_starts_muted_is_announced_though_it_never_sends() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    meeting.settle();
    let mut request = microphone("mic");
    request.muted = true;
    meeting.publish(ada, request);
    assert!(announced(&mut meeting, ben, "ada")[0].muted);
}

#[test]
fn the_publisher_is_told_once_that_somebody_receives_the_track() {
    let mut meeting = Meeting::new();
    let (ada, _, _) = (
        meeting.join("ada"),
        meeting.join("ben"),
        meeting.join("cleo"),
    );
    let mic = meeting.publish(ada, microphone("mic"));
    let told: Vec<String> = meeting
        .inbox(ada)
        .into_iter()
        .filter_map(|message| match message {
            Message::TrackSubscribed(subscribed) => Some(subscribed.track_sid),
            _ => None,
        })
        .collect();
    assert_eq!(told, [mic.to_string()]);
}

#[test]
fn an_old_rust_client_is_spared_messages_it_fails_on() {
    let mut meeting = Meeting::new();
    let old = meeting.arrive(&Visitor::named("ada").asking(|join| {
        join.client.sdk = livekit_protocol::client_info::Sdk::Rust.into();
        join.client.protocol = 9;
    }));
    meeting.join("ben");
    meeting.publish(old, microphone("mic"));
    meeting.ask(old, Asked::AddTrack(AddTrackRequest::default()));
    let fatal = |message: &Message| {
        matches!(
            message,
            Message::TrackSubscribed(_) | Message::RequestResponse(_)
        )
    };
    assert!(!meeting.inbox(old).iter().any(fatal));
}

#[test]
fn muting_reaches_the_media_plane_and_the_others() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, microphone("mic"));
    meeting.settle();
    let mute = |muted| {
        Asked::Mute(MuteTrackRequest {
            sid: track.to_string(),
            muted,
        })
    };
    meeting.ask(ada, mute(true));
    assert!(announced(&mut meeting, ben, "ada")[0].muted);
    assert!(
        meeting
            .media
            .commands
            .contains(&Command::MuteTrack { track, muted: true })
    );
    meeting.settle();
    meeting.ask(ada, mute(true));
    assert!(
        meeting.inbox(ben).is_empty(),
        "saying it twice changes nothing"
    );
    meeting.ask(ada, mute(false));
    assert!(!announced(&mut meeting, ben, "ada")[0].muted);
}

#[test]
fn nobody_mutes_somebody_elses_track_by_its_sid() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, microphone("mic"));
    meeting.settle();
    let sid = track.to_string();
    meeting.ask(ben, Asked::Mute(MuteTrackRequest { sid, muted: true }));
    assert!(meeting.media.commands.is_empty());
    assert!(meeting.inbox(ada).is_empty());
}

#[test]
fn an_unpublished_track_disappears_for_everybody() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, camera("cam"));
    meeting.settle();
    let (peer, subscriber) = (meeting.peer(ada), meeting.peer(ben));
    meeting.tell(Event::TrackEnded { peer, track });
    assert!(announced(&mut meeting, ben, "ada").is_empty());
    let unsubscribe = Command::Unsubscribe {
        peer: subscriber,
        track,
    };
    assert!(meeting.media.commands.contains(&unsubscribe));
    assert!(meeting.receives(ben).is_empty());
}

#[test]
fn publishing_the_same_device_again_ends_its_older_track() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let first = meeting.publish(ada, camera("cam"));
    meeting.settle();
    let second = meeting.publish(ada, camera("cam"));
    assert_ne!(first, second);
    assert!(
        meeting
            .media
            .commands
            .contains(&Command::Unpublish { track: first })
    );
    let tracks = announced(&mut meeting, ben, "ada");
    let sids: Vec<_> = tracks.iter().map(|track| track.sid.clone()).collect();
    assert_eq!(sids, [second.to_string()]);
    assert_eq!(meeting.receives(ben), [second].into());
}

#[test]
fn asking_twice_for_a_pending_track_gets_the_same_answer_twice() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    meeting.ask(ada, Asked::AddTrack(microphone("mic")));
    meeting.ask(ada, Asked::AddTrack(microphone("mic")));
    let answers = meeting.inbox(ada);
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(meeting.media.commands.len(), 1, "it is one track");
}

#[test]
fn a_client_that_wants_vp9_is_told_to_send_vp8() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.settle();
    let mut request = camera("cam");
    let codec = |name: &str, cid: &str| SimulcastCodec {
        codec: name.to_owned(),
        cid: cid.to_owned(),
        ..SimulcastCodec::default()
    };
    request.simulcast_codecs = vec![codec("vp9", "cam"), codec("vp8", "")];
    meeting.ask(ada, Asked::AddTrack(request));
    let Some(Message::TrackPublished(published)) = meeting.inbox(ada).into_iter().next() else {
        panic!("not published");
    };
    let codecs = published.track.unwrap().codecs;
    let mimes: Vec<_> = codecs
        .iter()
        .map(|codec| codec.mime_type.as_str())
        .collect();
    assert_eq!(
        mimes,
        ["video/VP8"],
        "clients take the first as the codec to use"
    );
}

#[test]
fn what_a_client_says_about_the_sound_reaches_the_media_plane() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let mut request = microphone("mic");
    request.audio_features = vec![
        AudioTrackFeature::TfStereo.into(),
        AudioTrackFeature::TfNoDtx.into(),
        99,
    ];
    meeting.publish(ada, request);
    let spec = meeting
        .media
        .commands
        .iter()
        .find_map(|command| match command {
            Command::Publish { spec, .. } => Some((spec.stereo, spec.dtx)),
            _ => None,
        });
    assert_eq!(spec, Some((true, false)));
}

#[test]
fn a_picture_that_changes_its_size_is_told() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let track = meeting.publish(ada, camera("cam"));
    meeting.settle();
    meeting.ask(
        ada,
        Asked::UpdateVideoTrack(UpdateLocalVideoTrack {
            track_sid: track.to_string(),
            width: 640,
            height: 360,
        }),
    );
    let track = announced(&mut meeting, ben, "ada").remove(0);
    assert_eq!((track.width, track.height), (640, 360));
}

/// The tracks of somebody as the last update told them.
fn announced(meeting: &mut Meeting, reader: Person, publisher: &str) -> Vec<TrackInfo> {
    updates(&meeting.inbox(reader))
        .into_iter()
        .rev()
        .find(|them| them.identity == publisher)
        .map(|them| them.tracks)
        .unwrap_or_default()
}
