//! What is decided of a track of sound from what its publisher announces.

use crate::sim::{Meeting, microphone};
use livekit_protocol::{AddTrackRequest, AudioTrackFeature, TrackSource, encryption};
use sfu_core::Command;
use sfu_core::command::TrackSpec;

#[test]
fn sound_is_sent_redundantly_unless_its_publisher_says_no_or_encrypts_it() {
    let gcm = i32::from(encryption::Type::Gcm);
    let cases = [
        (microphone("mic"), true),
        (
            AddTrackRequest {
                disable_red: true,
                ..microphone("mic")
            },
            false,
        ),
        (
            AddTrackRequest {
                encryption: gcm,
                ..microphone("mic")
            },
            false,
        ),
    ];
    for (request, redundant) in cases {
        let (spec, disable_red) = published(request);
        assert_eq!((spec.redundancy, disable_red), (redundant, !redundant));
    }
}

#[test]
fn a_microphone_is_a_voice_and_the_sound_of_a_screen_is_none() {
    let screen = AddTrackRequest {
        source: TrackSource::ScreenShareAudio.into(),
        ..microphone("mic")
    };
    assert!(published(microphone("mic")).0.voice);
    assert!(!published(screen).0.voice);
}

#[test]
#[expect(deprecated, reason = "clients write the fields all the same")]
fn stereo_and_silence_are_read_from_either_place_where_clients_write_them() {
    let features = |feature: AudioTrackFeature| AddTrackRequest {
        audio_features: vec![feature.into()],
        ..microphone("mic")
    };
    let by_flag = AddTrackRequest {
        stereo: true,
        disable_dtx: true,
        ..microphone("mic")
    };
    assert_eq!(stereo_and_dtx(microphone("mic")), (false, true));
    assert_eq!(stereo_and_dtx(by_flag), (true, false));
    assert_eq!(
        stereo_and_dtx(features(AudioTrackFeature::TfStereo)),
        (true, true)
    );
    assert_eq!(
        stereo_and_dtx(features(AudioTrackFeature::TfNoDtx)),
        (false, false)
    );
}

fn stereo_and_dtx(request: AddTrackRequest) -> (bool, bool) {
    let spec = published(request).0;
    (spec.stereo, spec.dtx)
}

/// What the media plane is told, and whether everybody is told that redundancy is off.
fn published(request: AddTrackRequest) -> (TrackSpec, bool) {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.publish(ada, request);
    let spec = meeting
        .media
        .commands
        .iter()
        .find_map(|command| match command {
            Command::Publish { spec, .. } => Some(spec.clone()),
            _ => None,
        });
    meeting.wait(std::time::Duration::from_secs(2));
    let told = crate::sim::updates(&meeting.inbox(ada));
    let track = told.iter().find_map(|them| them.tracks.first()).unwrap();
    (spec.unwrap(), track.disable_red)
}
