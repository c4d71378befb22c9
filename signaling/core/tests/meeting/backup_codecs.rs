//! A camera in a codec that not everybody decodes, and the codec that is added for them.

use crate::sim::{Meeting, Person, camera, updates};
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{AddTrackRequest, SimulcastCodec, SubscriptionError, TrackInfo, encryption};
use sfu_core::ids::TrackId;
use sfu_core::units::Codec;
use sfu_core::{Command, Event};

#[test]
fn the_media_plane_is_told_which_codecs_could_be_added() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.publish(ada, in_codecs(&["h264", "vp8", "video/VP8", "theora"]));
    assert_eq!(backups(&meeting), [Codec::Vp8]);
}

#[test]
fn no_codec_is_added_to_what_is_encrypted_from_end_to_end() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let mut request = in_codecs(&["h264", "vp8"]);
    request.encryption = encryption::Type::Gcm.into();
    meeting.publish(ada, request);
    assert!(backups(&meeting).is_empty());
}

#[test]
fn an_added_codec_belongs_to_the_track_and_is_announced_when_it_has_its_section() {
    let (mut meeting, ada, track) = a_camera();
    let ben = meeting.join("ben");
    meeting.settle();
    meeting.ask(ada, Asked::AddTrack(second("h264", track.to_string())));
    let added = published(&mut meeting, ada).expect("the client waits for that");
    assert_eq!(added.sid, track.to_string());
    let mimes: Vec<_> = added
        .codecs
        .iter()
        .map(|it| it.mime_type.as_str())
        .collect();
    assert_eq!(mimes, ["video/VP8", "video/H264"]);
    let command = meeting
        .media
        .commands
        .iter()
        .find_map(|command| match command {
            Command::PublishBackup {
                track,
                codec,
                client_ids,
                layers,
                ..
            } => Some((*track, *codec, client_ids.clone(), layers.len())),
            _ => None,
        });
    let client_ids = vec!["cam-2".to_owned()];
    assert_eq!(command, Some((track, Codec::H264, client_ids, 3)));

    meeting.tell(Event::BackupReady {
        peer: meeting.peer(ada),
        track,
        codec: Codec::H264,
        mid: "17".to_owned(),
    });
    meeting.wait(std::time::Duration::from_secs(1));
    let inbox = meeting.inbox(ben);
    let told = updates(&inbox).pop().expect("an update of ada");
    assert_eq!(told.tracks[0].codecs[1].mid, "17");
    assert_eq!(
        told.tracks[0].mime_type, "video/VP8",
        "what the first one is does not change"
    );
}

#[test]
fn asking_twice_for_a_codec_does_not_list_it_twice() {
    let (mut meeting, ada, track) = a_camera();
    for _ in 0..2 {
        meeting.ask(ada, Asked::AddTrack(second("h264", track.to_string())));
        let added = published(&mut meeting, ada).expect("answered each time");
        assert_eq!(added.codecs.len(), 2);
    }
}

#[test]
fn a_codec_that_was_not_announced_is_refused() {
    let (mut meeting, ada, track) = a_camera();
    meeting.ask(ada, Asked::AddTrack(second("vp8", track.to_string())));
    assert_eq!(refusal(&mut meeting, ada), Some(Reason::UnsupportedType));
}

#[test]
fn nobody_adds_a_codec_to_the_track_of_another() {
    let (mut meeting, _, track) = a_camera();
    let ben = meeting.join("ben");
    meeting.settle();
    meeting.ask(ben, Asked::AddTrack(second("h264", track.to_string())));
    assert_eq!(refusal(&mut meeting, ben), Some(Reason::NotFound));
    assert!(meeting.media.commands.is_empty());
}

#[test]
fn who_decodes_no_codec_of_a_track_is_told_why_it_stays_dark() {
    let (mut meeting, _, track) = a_camera();
    let ben = meeting.join("ben");
    meeting.settle();
    meeting.tell(Event::Undecodable {
        peer: meeting.peer(ben),
        track,
    });
    let inbox = meeting.inbox(ben);
    let told = inbox.iter().find_map(|message| match message {
        Message::SubscriptionResponse(response) => Some((response.track_sid.clone(), response.err)),
        _ => None,
    });
    let unsupported = SubscriptionError::SeCodecUnsupported.into();
    assert_eq!(told, Some((track.to_string(), unsupported)));
}

fn a_camera() -> (Meeting, Person, TrackId) {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let track = meeting.publish(ada, in_codecs(&["vp8", "h264"]));
    meeting.settle();
    (meeting, ada, track)
}

fn in_codecs(names: &[&str]) -> AddTrackRequest {
    let codecs = names.iter().map(|&name| SimulcastCodec {
        codec: name.to_owned(),
        ..SimulcastCodec::default()
    });
    AddTrackRequest {
        simulcast_codecs: codecs.collect(),
        ..camera("cam")
    }
}

/// What a client sends when it was told that another codec is wanted.
fn second(codec: &str, sid: String) -> AddTrackRequest {
    let cid = "cam-2".to_owned();
    let codec = SimulcastCodec {
        codec: codec.to_owned(),
        cid: cid.clone(),
        ..SimulcastCodec::default()
    };
    AddTrackRequest {
        sid,
        cid,
        simulcast_codecs: vec![codec],
        ..camera("cam")
    }
}

fn backups(meeting: &Meeting) -> Vec<Codec> {
    let mut commands = meeting.media.commands.iter();
    let spec = commands.find_map(|command| match command {
        Command::Publish { spec, .. } => Some(spec.backups.clone()),
        _ => None,
    });
    spec.expect("the camera is published")
}

fn published(meeting: &mut Meeting, who: Person) -> Option<TrackInfo> {
    meeting
        .inbox(who)
        .into_iter()
        .find_map(|message| match message {
            Message::TrackPublished(published) if published.cid == "cam-2" => published.track,
            _ => None,
        })
}

fn refusal(meeting: &mut Meeting, who: Person) -> Option<Reason> {
    meeting
        .inbox(who)
        .into_iter()
        .find_map(|message| match message {
            Message::RequestResponse(response) => Reason::try_from(response.reason).ok(),
            _ => None,
        })
}
