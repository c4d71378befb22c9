//! The operator's settings as rooms and the media plane want them, and how the server presents itself
//! to clients.

use crate::capacity::CapacityLimits;
use saal_config::{Media, Settings};
use sfu::MediaSettings;
use sfu_core::units::Codec;
use signaling_core::{Keys, Limits, RoomSettings, ServerDescription};
use std::sync::Arc;

/// The LiveKit server whose behaviour clients may expect: they refuse a server that names none.
/// Above 1.13.6 they would send VP9 as simulcast, which is not forwarded.
const PROTOCOL_VERSION: &str = "1.13.5";
/// The number of the signal protocol. 18 would mean data channels negotiated without a handshake.
const PROTOCOL_NUMBER: i32 = 17;

/// The keys that sign access tokens.
pub fn keys(settings: &Settings) -> Keys {
    Keys::new(
        settings
            .keys
            .iter()
            .map(|(name, secret)| (name.to_owned(), secret.expose().to_owned())),
    )
}

/// What every room of this server keeps to.
pub fn room(settings: &Settings, keys: &Arc<Keys>) -> RoomSettings {
    let (room, signal) = (&settings.room, &settings.signal);
    RoomSettings {
        server: server_description(),
        // The first is what a publisher falls back to whose own choice is not among them.
        codecs: vec![
            Codec::Vp8,
            Codec::H264,
            Codec::Vp9,
            Codec::Av1,
            Codec::H265,
            Codec::Opus,
        ],
        ice_servers: Vec::new(),
        keys: Arc::clone(keys),
        ping_interval: signal.ping_interval,
        ping_timeout: signal.ping_timeout,
        reconnect_grace: room.reconnect_grace,
        connect_timeout: settings.media.connect_timeout,
        empty_timeout: room.empty_timeout,
        departure_timeout: room.departure_timeout,
        token_refresh_interval: settings.token.refresh_interval,
        token_ttl: settings.token.refresh_ttl,
        update_interval: room.update_interval,
        data_replay: room.replay_time,
        limits: Limits {
            participants: room.participants_max,
            tracks_per_participant: room.tracks_per_participant_max,
            pending_tracks: room.pending_tracks_max,
            metadata_bytes: room.metadata_max.bytes(),
            attributes_bytes: room.attributes_max.bytes(),
            name_chars: room.name_chars_max,
            sdp_bytes: signal.sdp_max.bytes(),
            data_packet_bytes: room.data_packet_max.bytes(),
            replayed_packets: room.replay_len_max,
            replayed_bytes: room.replay_size_max.bytes(),
            subscription_permissions: room.subscription_permissions_max,
            requests_per_second: signal.requests_per_second_max,
            requests_burst: signal.requests_burst_max,
            departures: room.departures_max,
        },
    }
}

/// Where media comes in and for how long somebody may be silent.
pub fn media(settings: &Media) -> MediaSettings {
    MediaSettings {
        bind: vec![settings.bind],
        udp_port: settings.udp_port,
        workers: settings.workers,
        advertise: settings.advertise.clone(),
        include_loopback: settings.include_loopback,
        connect_timeout: settings.connect_timeout,
        silence_timeout: settings.silence_timeout,
        congestion_control: settings.congestion_control,
        dynacast_pause_delay: settings.dynacast_pause_delay,
        loudest_max: settings.loudest_max,
        peers_per_worker: settings.peers_per_worker,
    }
}

/// Up to where new meetings are taken.
pub(crate) fn capacity(settings: &Media) -> CapacityLimits {
    CapacityLimits {
        load_permille: settings.load_max_percent * 10,
        packets_per_second: settings.packets_per_second_max,
        bits_per_second: settings.line_max_mbit * 1_000_000,
    }
}

fn server_description() -> ServerDescription {
    ServerDescription {
        version: PROTOCOL_VERSION.to_owned(),
        protocol: PROTOCOL_NUMBER,
        region: String::new(),
        node_id: format!("saal-{:08x}", rand::random::<u32>()),
        debug_info: concat!("Saal ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}
