//! What a token says: the JSON on the wire, and the claims with LiveKit's defaults filled in.

use super::TokenError;
use livekit_protocol::TrackSource;
use livekit_protocol::participant_info::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Who somebody is and what they may do, as an access token says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The API key that vouches for them.
    pub issuer: String,
    /// The name that is unique in a room; empty in tokens for the server API only.
    pub identity: String,
    /// The name that others are shown.
    pub name: String,
    /// Any text of the application's.
    pub metadata: String,
    /// Any keys and values of the application's.
    pub attributes: BTreeMap<String, String>,
    /// A person, or one of the machines that take part.
    pub kind: Kind,
    /// What they may do.
    pub grants: Grants,
}

impl Claims {
    /// Somebody who may join `room` and do there what a token without further grants allows:
    /// publish, subscribe and send data.
    pub fn joining(identity: impl Into<String>, room: impl Into<String>) -> Self {
        Self {
            issuer: String::new(),
            identity: identity.into(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            kind: Kind::Standard,
            grants: Grants {
                room_join: true,
                room: room.into(),
                can_publish: true,
                can_subscribe: true,
                can_publish_data: true,
                can_publish_sources: Vec::new(),
                can_update_own_metadata: false,
                hidden: false,
                recorder: false,
                room_admin: false,
                room_create: false,
                room_list: false,
            },
        }
    }
}

/// What the bearer of a token may do.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a grant of the wire's own, independent of the others"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// Enter `room`.
    pub room_join: bool,
    /// The room they may enter or administer.
    pub room: String,
    /// Publish tracks.
    pub can_publish: bool,
    /// Receive tracks.
    pub can_subscribe: bool,
    /// Send data packets.
    pub can_publish_data: bool,
    /// The only sources they may publish; empty allows all.
    pub can_publish_sources: Vec<TrackSource>,
    /// Change their own name, metadata and attributes.
    pub can_update_own_metadata: bool,
    /// Be in the room without the others knowing.
    pub hidden: bool,
    /// They record the meeting, which everybody is told.
    pub recorder: bool,
    /// Administer `room`.
    pub room_admin: bool,
    /// Make and delete rooms.
    pub room_create: bool,
    /// List rooms.
    pub room_list: bool,
}

/// The JSON of a token.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    #[serde(default)]
    pub(super) iss: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sub: String,
    /// Stands in for `sub` in tokens of old SDKs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    jti: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<u64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    metadata: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attributes: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    video: Option<VideoGrant>,
}

/// The `video` claim; what is absent has a default that `into_grants` knows.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a grant of the wire's own, independent of the others"
)]
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VideoGrant {
    #[serde(default, skip_serializing_if = "is_false")]
    room_join: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    room: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_publish_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_publish_sources: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_update_own_metadata: Option<bool>,
    #[serde(default, skip_serializing_if = "is_false")]
    hidden: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    recorder: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    room_admin: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    room_create: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    room_list: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes every field by reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Payload {
    pub(super) fn new(claims: &Claims, issuer: String, issued_at: u64, ttl: Duration) -> Self {
        Self {
            iss: issuer,
            sub: claims.identity.clone(),
            jti: String::new(),
            exp: Some(issued_at.saturating_add(ttl.as_secs())),
            nbf: Some(issued_at),
            name: claims.name.clone(),
            metadata: claims.metadata.clone(),
            attributes: (!claims.attributes.is_empty()).then(|| claims.attributes.clone()),
            kind: kind_name(claims.kind),
            video: Some(VideoGrant::new(&claims.grants)),
        }
    }

    pub(super) fn into_claims(self) -> Result<Claims, TokenError> {
        Ok(Claims {
            issuer: self.iss,
            identity: if self.sub.is_empty() {
                self.jti
            } else {
                self.sub
            },
            name: self.name,
            metadata: self.metadata,
            attributes: self.attributes.unwrap_or_default(),
            kind: kind_of(&self.kind)?,
            grants: self.video.unwrap_or_default().into_grants()?,
        })
    }
}

impl VideoGrant {
    fn new(grants: &Grants) -> Self {
        let sources = &grants.can_publish_sources;
        Self {
            room_join: grants.room_join,
            room: grants.room.clone(),
            can_publish: Some(grants.can_publish),
            can_subscribe: Some(grants.can_subscribe),
            can_publish_data: Some(grants.can_publish_data),
            can_publish_sources: (!sources.is_empty())
                .then(|| sources.iter().map(|&source| source_name(source)).collect()),
            can_update_own_metadata: Some(grants.can_update_own_metadata),
            hidden: grants.hidden,
            recorder: grants.recorder,
            room_admin: grants.room_admin,
            room_create: grants.room_create,
            room_list: grants.room_list,
        }
    }

    fn into_grants(self) -> Result<Grants, TokenError> {
        let can_publish = self.can_publish.unwrap_or(true);
        Ok(Grants {
            room_join: self.room_join,
            room: self.room,
            can_publish,
            can_subscribe: self.can_subscribe.unwrap_or(true),
            can_publish_data: self.can_publish_data.unwrap_or(can_publish),
            can_publish_sources: self
                .can_publish_sources
                .unwrap_or_default()
                .into_iter()
                .map(source_of)
                .collect::<Result<_, _>>()?,
            can_update_own_metadata: self.can_update_own_metadata.unwrap_or(false),
            hidden: self.hidden,
            recorder: self.recorder,
            room_admin: self.room_admin,
            room_create: self.room_create,
            room_list: self.room_list,
        })
    }
}

fn source_of(name: String) -> Result<TrackSource, TokenError> {
    TrackSource::from_str_name(&name.to_ascii_uppercase()).ok_or(TokenError::UnknownSource(name))
}

fn source_name(source: TrackSource) -> String {
    source.as_str_name().to_ascii_lowercase()
}

fn kind_of(name: &str) -> Result<Kind, TokenError> {
    if name.is_empty() {
        return Ok(Kind::Standard);
    }
    Kind::from_str_name(&name.to_ascii_uppercase())
        .ok_or_else(|| TokenError::UnknownKind(name.to_owned()))
}

fn kind_name(kind: Kind) -> String {
    kind.as_str_name().to_ascii_lowercase()
}
