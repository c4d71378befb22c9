//! What participants say about themselves, and the tokens that remember it.

use super::participants::Participant;
use super::{Room, neighbours};
use crate::effect::Effect;
use crate::token::Claims;
use crate::wire::notice;
use livekit_protocol::UpdateParticipantMetadata;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use sfu_core::ids::PeerId;
use std::collections::BTreeMap;
use std::time::Instant;

/// Metadata and attributes beyond this stay out of refreshed tokens, because clients send those in
/// a request line, which proxies bound to 8 KiB or 16 KiB.
const TOKEN_EXTRAS_BYTES_MAX: usize = 4096;

impl Room {
    /// An empty name or metadata keeps what is there; an empty attribute takes one away.
    pub(super) fn update_metadata(
        &mut self,
        now: Instant,
        peer: PeerId,
        request: &UpdateParticipantMetadata,
        effects: &mut Vec<Effect>,
    ) {
        let signed = self.signs(peer);
        let outcome = self.change_metadata(peer, request);
        let (reason, message) = outcome.err().unwrap_or((Reason::Ok, ""));
        let response = notice::outcome(
            request.request_id,
            reason,
            message,
            Some(Request::UpdateMetadata(UpdateParticipantMetadata {
                request_id: request.request_id,
                ..UpdateParticipantMetadata::default()
            })),
        );
        self.send_outcome(peer, response, effects);
        if reason == Reason::Ok {
            if self.signs(peer) != signed {
                self.dedicate_cameras(peer, effects);
            }
            self.sit_down(peer, effects);
            self.news.changed(peer);
            // A full reconnect begins with the last token, and must not undo the change.
            self.send_token(now, peer, effects);
        }
    }

    fn change_metadata(
        &mut self,
        peer: PeerId,
        request: &UpdateParticipantMetadata,
    ) -> Result<(), (Reason, &'static str)> {
        let participant = self
            .participants
            .get(&peer)
            .ok_or((Reason::NotFound, "you are not in the room"))?;
        if !participant.grants.can_update_own_metadata {
            let message =
                "your access token does not allow to change your name, metadata or attributes";
            return Err((Reason::NotAllowed, message));
        }
        let attributes = merged(&participant.attributes, request);
        let fits = self.fits(&request.name, &request.metadata, &attributes);
        fits.map_err(|message| (Reason::LimitExceeded, message))?;
        let participant = self
            .participants
            .get_mut(&peer)
            .expect("found a few lines above");
        participant.attributes = attributes;
        replace(&mut participant.name, &request.name);
        replace(&mut participant.metadata, &request.metadata);
        participant.version += 1;
        Ok(())
    }

    /// Whether what somebody says about themselves is within the limits.
    pub(super) fn fits(
        &self,
        name: &str,
        metadata: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), &'static str> {
        let limits = &self.settings.limits;
        if name.chars().nth(limits.name_chars).is_some() {
            return Err("the name is too long");
        }
        if metadata.len() > limits.metadata_bytes {
            return Err("the metadata is too long");
        }
        if attributes_len(attributes) > limits.attributes_bytes {
            return Err("the attributes are too long");
        }
        if !neighbours::fits(attributes) {
            return Err("the name of the group of neighbours is too long");
        }
        Ok(())
    }

    /// Sends a fresh token, so that a client may begin anew at any time of a long meeting.
    pub(super) fn send_token(&mut self, now: Instant, peer: PeerId, effects: &mut Vec<Effect>) {
        let Some(participant) = self.participants.get_mut(&peer) else {
            return;
        };
        participant.refresh_at = now + self.settings.token_refresh_interval;
        let token = self.settings.keys.sign(
            &claims(participant),
            self.clock.unix(now).as_secs(),
            self.settings.token_ttl,
        );
        self.send(peer, Message::RefreshToken(token), effects);
    }
}

fn claims(participant: &Participant) -> Claims {
    let mut claims = Claims {
        issuer: participant.issuer.clone(),
        identity: participant.identity.clone(),
        name: participant.name.clone(),
        metadata: participant.metadata.clone(),
        attributes: participant.attributes.clone(),
        kind: participant.kind,
        grants: participant.grants.clone(),
    };
    if claims.metadata.len() + attributes_len(&claims.attributes) > TOKEN_EXTRAS_BYTES_MAX {
        claims.metadata.clear();
        claims.attributes.clear();
    }
    claims
}

fn merged(
    attributes: &BTreeMap<String, String>,
    request: &UpdateParticipantMetadata,
) -> BTreeMap<String, String> {
    let mut merged = attributes.clone();
    let sorted: BTreeMap<&String, &String> = request.attributes.iter().collect();
    for (key, value) in sorted {
        if value.is_empty() {
            merged.remove(key);
        } else {
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}

fn replace(text: &mut String, new: &str) {
    if !new.is_empty() {
        new.clone_into(text);
    }
}

fn attributes_len(attributes: &BTreeMap<String, String>) -> usize {
    attributes
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum()
}
