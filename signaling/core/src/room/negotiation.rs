//! Passes offers to the media plane and its answers back.

use super::Room;
use crate::effect::Effect;
use crate::wire::notice;
use livekit_protocol::SessionDescription;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_response::Message;
use sfu_core::Command;
use sfu_core::ids::{PeerId, TrackId};

impl Room {
    /// A client offered in a request of its own.
    pub(super) fn handle_offer(
        &mut self,
        peer: PeerId,
        offer: SessionDescription,
        effects: &mut Vec<Effect>,
    ) {
        self.pass_offer(peer, offer.id, offer.sdp, effects);
    }

    /// Every offer is passed on, because clients wait for the answer to each: browsers send a
    /// second one with the same sections right after joining. Native clients number theirs 0.
    pub(super) fn pass_offer(
        &mut self,
        peer: PeerId,
        id: u32,
        sdp: String,
        effects: &mut Vec<Effect>,
    ) {
        if sdp.len() > self.settings.limits.sdp_bytes {
            let reason = format!("the offer has {} bytes, which is too many", sdp.len());
            self.refuse(peer, Reason::LimitExceeded, reason, effects);
            return;
        }
        effects.push(Effect::Media(Command::Offer { peer, id, sdp }));
    }

    /// Whoever publishes what the answer carries must be known to the client before it arrives.
    pub(super) fn send_answer(
        &mut self,
        peer: PeerId,
        id: u32,
        sdp: String,
        tracks: &[(String, TrackId)],
        effects: &mut Vec<Effect>,
    ) {
        let publishers = tracks
            .iter()
            .filter_map(|(_, track)| self.tracks.get(track))
            .map(|publication| publication.publisher);
        if publishers.into_iter().any(|them| !self.news.is_told(them)) {
            self.publish_all_news(effects);
        }
        let answer = SessionDescription {
            r#type: "answer".to_owned(),
            sdp,
            id,
            mid_to_track_id: tracks
                .iter()
                .map(|(mid, track)| (mid.clone(), track.to_string()))
                .collect(),
        };
        self.send(peer, Message::Answer(answer), effects);
    }

    /// The negotiation failed; the participant and the room live on.
    pub(super) fn refuse_offer(
        &mut self,
        peer: PeerId,
        id: u32,
        reason: String,
        effects: &mut Vec<Effect>,
    ) {
        tracing::warn!(room = %self.id, %peer, offer = id, reason, "offer refused");
        self.refuse(peer, Reason::InvalidRequest, reason, effects);
    }

    fn refuse(&self, peer: PeerId, reason: Reason, message: String, effects: &mut Vec<Effect>) {
        self.send_outcome(peer, notice::outcome(0, reason, message, None), effects);
    }
}
