//! Requests that both kinds of participants send in the same words. Decides their bytes, not when.

use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{DisconnectReason, LeaveRequest, SessionDescription, leave_request};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, which a ping carries and its answer repeats.
pub(crate) fn ping_time() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or_default()
}

/// The goodbye of somebody who wants to go.
pub(crate) fn leave() -> Request {
    Request::Leave(LeaveRequest {
        reason: DisconnectReason::ClientInitiated.into(),
        action: leave_request::Action::Disconnect.into(),
        ..LeaveRequest::default()
    })
}

/// An offer under a number that its answer repeats.
pub(crate) fn offer(id: u32, sdp: String) -> SessionDescription {
    SessionDescription {
        r#type: "offer".to_owned(),
        sdp,
        id,
        ..SessionDescription::default()
    }
}
