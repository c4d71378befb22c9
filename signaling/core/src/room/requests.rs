//! Which request leads where. Messages of newer clients, and those that only the old protocol with
//! two peer connections has, are ignored.

use super::Room;
use super::participants::Link;
use crate::effect::Effect;
use crate::wire::client::takes_unknown_messages;
use crate::wire::notice;
use livekit_protocol::Pong;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use sfu_core::ids::PeerId;
use std::time::Instant;

impl Room {
    /// Notes that a participant is there; false if they ask too much.
    pub(super) fn heard(&mut self, now: Instant, peer: PeerId) -> bool {
        let Some(participant) = self.participants.get_mut(&peer) else {
            return true;
        };
        if let Link::Live { heard_at, .. } = &mut participant.link {
            *heard_at = now;
        }
        participant.allowance.take(now)
    }

    #[expect(
        deprecated,
        reason = "old clients still send it, and it is ignored by name"
    )]
    pub(super) fn answer(
        &mut self,
        now: Instant,
        peer: PeerId,
        asked: Asked,
        effects: &mut Vec<Effect>,
    ) {
        match asked {
            Asked::Offer(offer) => self.handle_offer(peer, offer, effects),
            Asked::AddTrack(request) => self.add_track(now, peer, request, effects),
            Asked::Mute(request) => self.mute(peer, &request, effects),
            Asked::Subscription(request) => self.choose_tracks(peer, request, effects),
            Asked::TrackSetting(request) => self.prefer(peer, &request, effects),
            Asked::Leave(_) => self.left(now, peer, effects),
            Asked::SubscriptionPermission(request) => {
                self.permit_subscriptions(peer, request, effects);
            }
            Asked::SyncState(state) => self.sync_state(now, peer, state, effects),
            Asked::Ping(_) => {
                let pong = Message::Pong(self.clock.unix_ms(now));
                self.send(peer, pong, effects);
            }
            Asked::PingReq(asked) => {
                let answer = Message::PongResp(Pong {
                    last_ping_timestamp: asked.timestamp,
                    timestamp: self.clock.unix_ms(now),
                });
                self.send(peer, answer, effects);
            }
            Asked::UpdateMetadata(request) => self.update_metadata(now, peer, &request, effects),
            Asked::UpdateAudioTrack(request) => self.update_audio_track(peer, request),
            Asked::UpdateVideoTrack(request) => self.update_video_track(peer, &request),
            Asked::PublishDataTrackRequest(request) => {
                let request = Request::PublishDataTrack(request_echo(request.pub_handle));
                self.not_offered(peer, 0, Some(request), effects);
            }
            Asked::StoreDataBlobRequest(request) => {
                self.not_offered(peer, request.request_id, None, effects);
            }
            Asked::GetDataBlobRequest(request) => {
                self.not_offered(peer, request.request_id, None, effects);
            }
            // The server's own candidates are in its answers and it checks none of the client's.
            Asked::Trickle(_)
            // Of the protocol with two peer connections.
            | Asked::Answer(_)
            // Nothing to stop or change where data tracks cannot be published.
            | Asked::UnpublishDataTrackRequest(_)
            | Asked::UpdateDataSubscription(_)
            // Layers are what media is seen to arrive in.
            | Asked::UpdateLayers(_)
            // For tests of client libraries.
            | Asked::Simulate(_) => {}
        }
    }

    /// Data tracks and data blobs are not part of this server.
    fn not_offered(
        &self,
        peer: PeerId,
        request_id: u32,
        request: Option<Request>,
        effects: &mut Vec<Effect>,
    ) {
        let message = "this server has no data tracks and stores no data";
        let outcome = notice::outcome(request_id, Reason::NotAllowed, message, request);
        self.send_outcome(peer, outcome, effects);
    }

    /// Sends a `request_response` to clients that survive one.
    pub(super) fn send_outcome(&self, peer: PeerId, outcome: Message, effects: &mut Vec<Effect>) {
        if self
            .participants
            .get(&peer)
            .is_some_and(|them| takes_unknown_messages(&them.client))
        {
            self.send(peer, outcome, effects);
        }
    }
}

/// The client finds its request by the handle; the rest is not repeated to it.
fn request_echo(pub_handle: u32) -> livekit_protocol::PublishDataTrackRequest {
    livekit_protocol::PublishDataTrackRequest {
        pub_handle,
        ..livekit_protocol::PublishDataTrackRequest::default()
    }
}
