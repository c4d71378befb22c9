//! What clients publish, and how the room is set up.

use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, ParticipantInfo, TrackSource, TrackType, VideoLayer, VideoQuality,
};
use sfu_core::units::Codec;
use signaling_core::{Keys, Limits, RoomSettings, ServerDescription};
use std::sync::Arc;
use std::time::Duration;

/// 1 January 2026, midnight: tokens and times on the wire are the same in every run.
pub(crate) const MIDNIGHT: u64 = 1_767_225_600;

/// Everybody in the updates among `messages`, in order.
pub(crate) fn updates(messages: &[Message]) -> Vec<ParticipantInfo> {
    let updates = messages.iter().filter_map(|message| match message {
        Message::Update(update) => Some(update.participants.clone()),
        _ => None,
    });
    updates.flatten().collect()
}

pub(crate) fn microphone(cid: &str) -> AddTrackRequest {
    AddTrackRequest {
        cid: cid.to_owned(),
        name: "microphone".to_owned(),
        r#type: TrackType::Audio.into(),
        source: TrackSource::Microphone.into(),
        ..AddTrackRequest::default()
    }
}

/// 720p in three layers.
pub(crate) fn camera(cid: &str) -> AddTrackRequest {
    let layer = |quality: VideoQuality, height: u32, bitrate| VideoLayer {
        quality: quality.into(),
        width: height * 16 / 9,
        height,
        bitrate,
        ..VideoLayer::default()
    };
    AddTrackRequest {
        cid: cid.to_owned(),
        name: "camera".to_owned(),
        r#type: TrackType::Video.into(),
        source: TrackSource::Camera.into(),
        width: 1280,
        height: 720,
        layers: vec![
            layer(VideoQuality::High, 720, 1_700_000),
            layer(VideoQuality::Medium, 360, 450_000),
            layer(VideoQuality::Low, 180, 160_000),
        ],
        ..AddTrackRequest::default()
    }
}

pub(crate) fn keys() -> Keys {
    Keys::new([(
        "devkey".to_owned(),
        "a secret of at least 32 characters".to_owned(),
    )])
}

pub(crate) fn settings() -> RoomSettings {
    RoomSettings {
        server: ServerDescription {
            version: "1.13.5".to_owned(),
            protocol: 17,
            region: String::new(),
            node_id: "test".to_owned(),
            debug_info: "Saal".to_owned(),
        },
        codecs: vec![Codec::Vp8, Codec::H264, Codec::Opus],
        ice_servers: Vec::new(),
        keys: Arc::new(keys()),
        ping_interval: Duration::from_secs(5),
        ping_timeout: Duration::from_secs(15),
        reconnect_grace: Duration::from_secs(30),
        connect_timeout: Duration::from_mins(1),
        empty_timeout: Duration::from_mins(5),
        departure_timeout: Duration::from_secs(20),
        token_refresh_interval: Duration::from_mins(5),
        token_ttl: Duration::from_mins(10),
        update_interval: Duration::from_secs(1),
        data_replay: Duration::from_secs(2),
        limits: Limits {
            participants: 300,
            tracks_per_participant: 8,
            pending_tracks: 5,
            metadata_bytes: 1000,
            attributes_bytes: 1000,
            name_chars: 100,
            sdp_bytes: 100_000,
            data_packet_bytes: 64_000,
            replayed_packets: 10,
            replayed_bytes: 100_000,
            subscription_permissions: 100,
            requests_per_second: 50,
            requests_burst: 500,
            departures: 100,
        },
    }
}
