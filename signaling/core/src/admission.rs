//! Decides whether a token and a join request get somebody into a room, before any room is asked.

use crate::token::{Claims, Grants};
use crate::wire::join::Join;
use livekit_protocol::participant_info::Kind;
use livekit_protocol::{AddTrackRequest, ClientInfo, SyncState};
use sfu_core::ids::PeerId;
use std::collections::BTreeMap;

/// LiveKit's value; rooms are named by applications, in any script.
const ROOM_NAME_CHARS_MAX: usize = 256;
/// LiveKit's value. Every data packet carries its sender's identity.
const IDENTITY_CHARS_MAX: usize = 256;

/// Somebody who may come in.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    /// The room they may enter: 1 to 256 characters.
    pub room: String,
    /// The name that is unique in a room: 1 to 256 characters.
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
    /// The API key that vouches for them, and signs their refreshed tokens.
    pub issuer: String,
    /// Their SDK, browser and protocol.
    pub client: ClientInfo,
    /// They want every track without asking.
    pub auto_subscribe: bool,
    /// They will say how large they show each track.
    pub adaptive_stream: bool,
    /// They come back to the place they had.
    pub reconnect: Option<PeerId>,
    /// Their first offer: number and text.
    pub offer: Option<(u32, String)>,
    /// Tracks the offer already carries.
    pub add_tracks: Vec<AddTrackRequest>,
    /// What they believe to be the state, if they come back.
    pub sync_state: Option<SyncState>,
}

/// Takes what the join request may change over the token: metadata and attributes, if the token
/// allows that.
pub fn check_admission(claims: &Claims, join: &Join) -> Result<Admission, JoinRefusal> {
    if !claims.grants.room_join {
        return Err(JoinRefusal::NoRoomJoin);
    }
    let room = bounded(&claims.grants.room, ROOM_NAME_CHARS_MAX).map_err(JoinRefusal::Room)?;
    let identity = bounded(&claims.identity, IDENTITY_CHARS_MAX).map_err(JoinRefusal::Identity)?;
    let mut metadata = claims.metadata.clone();
    let mut attributes = claims.attributes.clone();
    if claims.grants.can_update_own_metadata {
        if !join.metadata.is_empty() {
            metadata.clone_from(&join.metadata);
        }
        let named = join
            .attributes
            .iter()
            .filter(|(_, value)| !value.is_empty());
        attributes.extend(named.map(|(key, value)| (key.clone(), value.clone())));
    }
    Ok(Admission {
        room,
        identity,
        name: claims.name.clone(),
        metadata,
        attributes,
        kind: claims.kind,
        grants: claims.grants.clone(),
        issuer: claims.issuer.clone(),
        client: join.client.clone(),
        auto_subscribe: join.auto_subscribe,
        adaptive_stream: join.adaptive_stream,
        reconnect: join.reconnect,
        offer: join.offer.clone(),
        add_tracks: join.add_tracks.clone(),
        sync_state: join.sync_state.clone(),
    })
}

fn bounded(text: &str, chars_max: usize) -> Result<String, Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    if text.chars().nth(chars_max).is_some() {
        return Err(Problem::Long);
    }
    Ok(text.to_owned())
}

/// Why somebody is not let in, as the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefusal {
    /// The token is good, but not for joining.
    #[error("the access token does not allow to join a room")]
    NoRoomJoin,
    /// The room's name is not usable.
    #[error("the access token's room name is {0}")]
    Room(Problem),
    /// The identity is not usable.
    #[error("the access token's identity is {0}")]
    Identity(Problem),
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is none.
    #[error("empty")]
    Empty,
    /// More than 256 characters.
    #[error("longer than 256 characters")]
    Long,
}

impl JoinRefusal {
    /// The HTTP status to refuse with: 401 tells clients to give up, 400 is a mistake in the token.
    pub const fn status(self) -> u16 {
        match self {
            Self::NoRoomJoin => 401,
            Self::Room(_) | Self::Identity(_) => 400,
        }
    }
}
