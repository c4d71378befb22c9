//! Reads what a client says when it opens its signal connection: the query of `/rtc/v1` or `/rtc`.
//! Decides only whether it can be read; whether the client may come in is `admission`'s.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::GzDecoder;
use livekit_protocol::wrapped_join_request::Compression;
use livekit_protocol::{AddTrackRequest, ClientInfo, JoinRequest, SyncState, WrappedJoinRequest};
use prost::Message as _;
use sfu_core::ids::PeerId;
use std::collections::BTreeMap;
use std::io::Read as _;

/// A join request unpacks to at most this: LiveKit's value, and fifty times a real one.
pub const JOIN_REQUEST_BYTES_MAX: usize = 1 << 20;

/// Browsers pad, others do not.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The path a client connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcPath {
    /// `/rtc/v1`.
    V1,
    /// `/rtc`.
    V0,
}

/// How a client wants to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcVersion {
    /// `/rtc/v1`: one peer connection, the client offers.
    V1,
    /// `/rtc` with a join request: the same over the old path.
    V0SinglePc,
    /// `/rtc` with single query parameters: two peer connections, which Saal does not speak.
    V0Dual,
}

/// What a client says about itself and what it wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// How it wants to speak.
    pub version: RtcVersion,
    /// Its SDK, browser and protocol.
    pub client: ClientInfo,
    /// It wants every track without asking.
    pub auto_subscribe: bool,
    /// It will say how large it shows each track.
    pub adaptive_stream: bool,
    /// It comes back to the place it had.
    pub reconnect: Option<PeerId>,
    /// Its first offer: number and text.
    pub offer: Option<(u32, String)>,
    /// Tracks the offer already carries.
    pub add_tracks: Vec<AddTrackRequest>,
    /// Metadata to replace the token's; empty keeps it.
    pub metadata: String,
    /// Attributes over those of the token.
    pub attributes: BTreeMap<String, String>,
    /// What it believes to be the state, if it comes back.
    pub sync_state: Option<SyncState>,
}

/// Reads the query, whose values are already percent-decoded. Of a repeated key the first counts.
pub fn parse_join(path: RtcPath, query: &[(String, String)]) -> Result<Join, JoinError> {
    let value = |name: &str| {
        query
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    };
    match (path, value("join_request")) {
        (RtcPath::V1, Some(text)) => join(RtcVersion::V1, unpack(text)?),
        (RtcPath::V1, None) => Err(JoinError::Missing),
        (RtcPath::V0, Some(text)) => join(RtcVersion::V0SinglePc, unpack(text)?),
        (RtcPath::V0, None) => Ok(dual(value)),
    }
}

fn unpack(text: &str) -> Result<JoinRequest, JoinError> {
    let bytes = BASE64URL.decode(text).map_err(|_| JoinError::Base64)?;
    let wrapped = WrappedJoinRequest::decode(bytes.as_slice()).map_err(|_| JoinError::Protobuf)?;
    let request = match Compression::try_from(wrapped.compression) {
        Ok(Compression::None) => wrapped.join_request,
        Ok(Compression::Gzip) => gunzip(&wrapped.join_request)?,
        Err(_) => return Err(JoinError::Compression(wrapped.compression)),
    };
    if request.len() > JOIN_REQUEST_BYTES_MAX {
        return Err(JoinError::TooLarge);
    }
    JoinRequest::decode(request.as_slice()).map_err(|_| JoinError::Protobuf)
}

/// Stops one byte over the limit, so that a bomb costs no more memory than the limit.
fn gunzip(compressed: &[u8]) -> Result<Vec<u8>, JoinError> {
    let limit = u64::try_from(JOIN_REQUEST_BYTES_MAX).expect("a mebibyte fits");
    let mut request = Vec::new();
    GzDecoder::new(compressed)
        .take(limit + 1)
        .read_to_end(&mut request)
        .map_err(|_| JoinError::Gzip)?;
    Ok(request)
}

fn join(version: RtcVersion, request: JoinRequest) -> Result<Join, JoinError> {
    let settings = request.connection_settings.unwrap_or_default();
    let reconnect = if request.reconnect {
        let peer = PeerId::parse(&request.participant_sid).ok_or(JoinError::ParticipantSid)?;
        Some(peer)
    } else {
        None
    };
    Ok(Join {
        version,
        client: request.client_info.unwrap_or_default(),
        auto_subscribe: settings.auto_subscribe,
        adaptive_stream: settings.adaptive_stream,
        reconnect,
        offer: request
            .publisher_offer
            .filter(|offer| !offer.sdp.is_empty())
            .map(|offer| (offer.id, offer.sdp)),
        add_tracks: request.add_track_requests,
        metadata: request.metadata,
        attributes: request.participant_attributes.into_iter().collect(),
        sync_state: request.sync_state,
    })
}

/// Enough to name the client in a log line; the connection is refused all the same.
fn dual<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Join {
    let flag = |name| matches!(value(name), Some("1" | "true"));
    let text = |name| value(name).unwrap_or_default().to_owned();
    Join {
        version: RtcVersion::V0Dual,
        client: ClientInfo {
            version: text("version"),
            protocol: text("protocol").parse().unwrap_or_default(),
            os: text("os"),
            browser: text("browser"),
            ..ClientInfo::default()
        },
        auto_subscribe: value("auto_subscribe").is_none() || flag("auto_subscribe"),
        adaptive_stream: flag("adaptive_stream"),
        reconnect: None,
        offer: None,
        add_tracks: Vec::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        sync_state: None,
    }
}

/// Why a join request cannot be read, as the client is told. Every one of them is HTTP status 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// `/rtc/v1` without one.
    #[error("the query has no join_request")]
    Missing,
    /// Not base64url.
    #[error("join_request is not base64url")]
    Base64,
    /// A compression nobody has heard of.
    #[error("join_request is compressed in an unknown way: {0}")]
    Compression(i32),
    /// Said to be gzip, and is not.
    #[error("join_request is not valid gzip")]
    Gzip,
    /// Over [`JOIN_REQUEST_BYTES_MAX`].
    #[error("join_request is larger than {JOIN_REQUEST_BYTES_MAX} bytes")]
    TooLarge,
    /// Not the message it should be.
    #[error("join_request is not a valid protobuf message")]
    Protobuf,
    /// A resume that does not say whose.
    #[error("join_request wants to reconnect, but participant_sid names no participant")]
    ParticipantSid,
}
