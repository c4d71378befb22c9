//! Builds the short messages to clients.

use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DisconnectReason, LeaveRequest, MediaSectionsRequirement, ParticipantInfo, ParticipantUpdate,
    RequestResponse, SubscribedCodec, SubscribedQuality, SubscribedQualityUpdate,
    SubscriptionError, SubscriptionPermissionUpdate, SubscriptionResponse, TrackInfo,
    TrackPublishedResponse, TrackSubscribed, VideoQuality, leave_request::Action, request_response,
};
use sfu_core::event::CodecWanted;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::Quality;

pub(crate) fn leave(reason: DisconnectReason, action: Action) -> Message {
    Message::Leave(LeaveRequest {
        // What clients before protocol 13 read in place of the action.
        can_reconnect: action != Action::Disconnect,
        reason: reason.into(),
        action: action.into(),
        regions: None,
    })
}

pub(crate) fn update(participants: Vec<ParticipantInfo>) -> Message {
    Message::Update(ParticipantUpdate { participants })
}

pub(crate) fn sections_needed(audio: u32, video: u32) -> Message {
    Message::MediaSectionsRequirement(MediaSectionsRequirement {
        num_audios: audio,
        num_videos: video,
    })
}

pub(crate) fn published(cid: &str, description: &TrackInfo) -> Message {
    Message::TrackPublished(TrackPublishedResponse {
        cid: cid.to_owned(),
        track: Some(description.clone()),
    })
}

pub(crate) fn track_subscribed(track: TrackId) -> Message {
    Message::TrackSubscribed(TrackSubscribed {
        track_sid: track.to_string(),
    })
}

/// Clients of before several codecs read the qualities of the first.
#[expect(deprecated, reason = "old clients read the field all the same")]
pub(crate) fn layers_wanted(track: TrackId, wanted: &[CodecWanted]) -> Message {
    let codecs = wanted.iter().map(|wanted| SubscribedCodec {
        codec: wanted.codec.encoding_name().to_ascii_lowercase(),
        qualities: qualities(wanted.best),
    });
    Message::SubscribedQualityUpdate(SubscribedQualityUpdate {
        track_sid: track.to_string(),
        subscribed_qualities: wanted
            .first()
            .map_or_else(Vec::new, |first| qualities(first.best)),
        subscribed_codecs: codecs.collect(),
    })
}

fn qualities(best: Option<Quality>) -> Vec<SubscribedQuality> {
    let known = [
        (Quality::Low, VideoQuality::Low),
        (Quality::Medium, VideoQuality::Medium),
        (Quality::High, VideoQuality::High),
    ];
    let qualities = known.into_iter().map(|(quality, name)| SubscribedQuality {
        quality: name.into(),
        enabled: best.is_some_and(|best| quality <= best),
    });
    qualities.collect()
}

pub(crate) fn subscription_failed(track_sid: String, error: SubscriptionError) -> Message {
    Message::SubscriptionResponse(SubscriptionResponse {
        track_sid,
        err: error.into(),
    })
}

pub(crate) fn subscription_permission(publisher: PeerId, track: TrackId, allowed: bool) -> Message {
    Message::SubscriptionPermissionUpdate(SubscriptionPermissionUpdate {
        participant_sid: publisher.to_string(),
        track_sid: track.to_string(),
        allowed,
    })
}

/// `request_id` is zero for requests that carry none; then `request` tells which it was.
pub(crate) fn outcome(
    request_id: u32,
    reason: request_response::Reason,
    message: impl Into<String>,
    request: Option<request_response::Request>,
) -> Message {
    Message::RequestResponse(RequestResponse {
        request_id,
        reason: reason.into(),
        message: message.into(),
        request,
    })
}
