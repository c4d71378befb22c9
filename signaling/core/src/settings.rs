//! Every time and limit a room keeps to. The values come from the configuration: there are no
//! defaults here.

use crate::token::Keys;
use livekit_protocol::IceServer;
use sfu_core::units::Codec;
use std::sync::Arc;
use std::time::Duration;

/// What a room is told when it is made.
#[derive(Debug, Clone)]
pub struct RoomSettings {
    /// How the server describes itself to clients.
    pub server: ServerDescription,
    /// The codecs publishers may use; the first for video is what clients fall back to.
    pub codecs: Vec<Codec>,
    /// STUN and TURN servers that clients are told to use; empty where clients reach us directly.
    pub ice_servers: Vec<IceServer>,
    /// The keys that refreshed tokens are signed with.
    pub keys: Arc<Keys>,
    /// How often clients should ping.
    pub ping_interval: Duration,
    /// A WebSocket on which nothing was heard for so long is closed; clients do the same.
    pub ping_timeout: Duration,
    /// How long somebody whose WebSocket is gone may take to come back to their place.
    pub reconnect_grace: Duration,
    /// How long somebody may take from joining to their media being connected.
    pub connect_timeout: Duration,
    /// How long a room waits for its first participant.
    pub empty_timeout: Duration,
    /// How long a room outlives its last participant.
    pub departure_timeout: Duration,
    /// How often participants get a new token.
    pub token_refresh_interval: Duration,
    /// How long such a token is valid.
    pub token_ttl: Duration,
    /// The least time between two messages with news that can wait: who came, and whose media is
    /// connected. The first goes at once, and news that others depend on never wait.
    pub update_interval: Duration,
    /// How long a reliable data packet is kept for those whose data channel is not open yet.
    pub data_replay: Duration,
    /// What bounds a room.
    pub limits: Limits,
}

/// How the server describes itself to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerDescription {
    /// The LiveKit version whose behaviour clients may expect, such as `1.13.5`. Clients refuse
    /// a server without one, and switch features by it.
    pub version: String,
    /// The signal protocol's number.
    pub protocol: i32,
    /// Where the server stands; may be empty.
    pub region: String,
    /// Names this server among several.
    pub node_id: String,
    /// Our own name and version.
    pub debug_info: String,
}

/// What bounds a room. Beyond a limit a request is refused and its sender told, unless said
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Participants at once: each costs a transport and a share of every broadcast.
    pub participants: usize,
    /// Tracks of one participant, announced and pending together.
    pub tracks_per_participant: usize,
    /// Tracks added whose media section has not been offered yet: LiveKit allows 20.
    pub pending_tracks: usize,
    /// Bytes of somebody's metadata: every participant gets a copy of each change.
    pub metadata_bytes: usize,
    /// Bytes of somebody's attributes, keys and values together, for the same reason.
    pub attributes_bytes: usize,
    /// Characters of the name that others are shown.
    pub name_chars: usize,
    /// Bytes of a session description: a real one of 50 tracks has about 150 kB.
    pub sdp_bytes: usize,
    /// Bytes of a data packet, which is dropped beyond: clients clamp to 64,000.
    pub data_packet_bytes: usize,
    /// Reliable packets kept for those whose data channel is not open yet; the oldest go first.
    pub replayed_packets: usize,
    /// Bytes of the same; the oldest go first.
    pub replayed_bytes: usize,
    /// Entries, with the tracks they name, of the list that says who may receive whose tracks.
    pub subscription_permissions: usize,
    /// Requests a second that one WebSocket may send for long; beyond, its participant is removed.
    pub requests_per_second: u32,
    /// Requests it may send at once: a client of a big meeting sends one or two for each tile.
    pub requests_burst: u32,
    /// Departures remembered for those who are reconnecting; the oldest go first.
    pub departures: usize,
}
