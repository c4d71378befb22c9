//! One function for each fuzz target: any bytes must be read, or refused, without a panic.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use sfu_core::command::DataChannel;
use sfu_core::units::Codec;
use signaling_core::wire::data_packet::{DataEnvelope, Sender};
use signaling_core::{
    Claims, ConnectionId, Frame, Framing, Keys, Limits, Room, RoomSettings, RtcPath,
    ServerDescription, check_admission, decode, encode, parse_join,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A target's function by its name.
pub type Entry = fn(&[u8]);

/// Every target, in the order of their names.
pub const ENTRIES: [(&str, Entry); 4] = [
    ("access_token", access_token),
    ("data_packet", data_packet),
    ("join_request", join_request),
    ("signal_frame", signal_frame),
];

/// A token in the query or in a header.
pub fn access_token(bytes: &[u8]) {
    let token = String::from_utf8_lossy(bytes);
    let _ = keys().verify(&token, 1_767_225_600);
}

/// A message on a data channel.
pub fn data_packet(bytes: &[u8]) {
    let sender = Sender {
        sid: "PA_00000000001",
        identity: "ada",
    };
    if let Ok(envelope) = DataEnvelope::parse(&Bytes::copy_from_slice(bytes)) {
        let written = envelope.write(DataChannel::Reliable, sender);
        let again = DataEnvelope::parse(&written).expect("what we write can be read");
        assert_eq!(again.write(DataChannel::Reliable, sender), written);
    }
}

/// The `join_request` of a query: as it stands, and with the base64 done, which a fuzzer would
/// hardly find by itself.
pub fn join_request(bytes: &[u8]) {
    for text in [
        String::from_utf8_lossy(bytes).into_owned(),
        URL_SAFE.encode(bytes),
    ] {
        let query = [("join_request".to_owned(), text)];
        if let Ok(join) = parse_join(RtcPath::V1, &query) {
            let mut claims = Claims::joining("ada", "council");
            claims.grants.can_update_own_metadata = true;
            let admission = check_admission(&claims, &join).expect("the claims are good");
            let (mut room, now) = room();
            let mut effects = Vec::new();
            room.join(now, ConnectionId(3), admission, &mut effects);
            written(&effects);
        }
    }
}

/// A frame of somebody in a room with somebody else.
pub fn signal_frame(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for frame in [Frame::Binary(bytes), Frame::Text(&text)] {
        if let Ok(Some(request)) = decode(frame) {
            let (mut room, now) = room();
            let mut effects = Vec::new();
            room.handle_request(now, ConnectionId(1), request, &mut effects);
            room.handle_timeout(now + Duration::from_secs(10), &mut effects);
            written(&effects);
        }
    }
}

/// Every reply can be written in both framings.
fn written(effects: &[signaling_core::Effect]) {
    for effect in effects {
        if let signaling_core::Effect::Reply { response, .. } = effect {
            let _ = encode(response, Framing::Binary);
            let empty = signaling_core::Encoded::Text("{}".to_owned());
            assert_ne!(encode(response, Framing::Json), empty, "{response:?}");
        }
    }
}

/// A room with two people in it.
#[expect(
    clippy::disallowed_methods,
    reason = "a room must be made at some instant"
)]
fn room() -> (Room, Instant) {
    let now = Instant::now();
    let mut room = Room::new(
        now,
        settings(),
        "council".to_owned(),
        Duration::ZERO,
        [7; 32],
    );
    let query = [("join_request".to_owned(), String::new())];
    let join = parse_join(RtcPath::V1, &query).expect("an empty request is one");
    for (connection, identity) in [(1, "ada"), (2, "ben")] {
        let mut claims = Claims::joining(identity, "council");
        claims.grants.can_update_own_metadata = true;
        let admission = check_admission(&claims, &join).expect("the claims are good");
        room.join(now, ConnectionId(connection), admission, &mut Vec::new());
    }
    (room, now)
}

fn keys() -> Keys {
    Keys::new([(
        "devkey".to_owned(),
        "a secret of at least 32 characters".to_owned(),
    )])
}

fn settings() -> RoomSettings {
    RoomSettings {
        server: ServerDescription {
            version: "1.13.5".to_owned(),
            protocol: 17,
            region: String::new(),
            node_id: String::new(),
            debug_info: String::new(),
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
        limits: limits(),
    }
}

fn limits() -> Limits {
    Limits {
        participants: 300,
        tracks_per_participant: 8,
        pending_tracks: 5,
        metadata_bytes: 64_000,
        attributes_bytes: 64_000,
        name_chars: 128,
        sdp_bytes: 500_000,
        data_packet_bytes: 64_000,
        replayed_packets: 10,
        replayed_bytes: 100_000,
        subscription_permissions: 100,
        requests_per_second: 50,
        requests_burst: 500,
        departures: 100,
    }
}
