//! The door for clients: who is let in, and with which words the others are turned away before
//! their WebSocket opens. To others, nothing that is said here tells whether a room exists.
//!
//! Clients decide by the status: 401 is final, 404 means to try the older path, anything else is
//! a failure of the network (see `validate`, which they ask for the reason).
//! Who has a valid token may learn one thing: when the server is full, whether their meeting runs.

use super::{Shared, unix_time};
use crate::capacity::Full;
use crate::connection;
use crate::rooms::{NotSeated, RoomFailed};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State, WebSocketUpgrade};
use axum::http::header::{AUTHORIZATION, UPGRADE, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use signaling_core::wire::client::fill_from_user_agent;
use signaling_core::{Admission, JoinError, JoinRefusal, RtcPath, RtcVersion, TokenError};
use std::sync::Arc;
use tracing::debug;

/// Most requests are far shorter; longer ones are read in several steps. The buffer is written over
/// before each read and kept per connection, where the library's own 128 KiB would be most of what a
/// participant takes.
const READ_BUFFER_LEN: usize = 4 * 1024;

/// The query, in order. Never logged: it carries the access token.
type Parameters = Query<Vec<(String, String)>>;
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// `/rtc/v1`: one peer connection.
pub(super) async fn join_v1(
    shared: State<Arc<Shared>>,
    headers: HeaderMap,
    query: Parameters,
    upgrade: Upgrade,
) -> Response {
    join(RtcPath::V1, shared.0, &headers, &query, upgrade).await
}

/// `/rtc`: the older path.
pub(super) async fn join_v0(
    shared: State<Arc<Shared>>,
    headers: HeaderMap,
    query: Parameters,
    upgrade: Upgrade,
) -> Response {
    join(RtcPath::V0, shared.0, &headers, &query, upgrade).await
}

/// `/rtc/v1/validate`: why a join failed, or that it would not.
pub(super) async fn validate_v1(
    shared: State<Arc<Shared>>,
    headers: HeaderMap,
    query: Parameters,
) -> Response {
    validate(RtcPath::V1, &shared, &headers, &query)
}

/// `/rtc/validate`: the same for the older path.
pub(super) async fn validate_v0(
    shared: State<Arc<Shared>>,
    headers: HeaderMap,
    query: Parameters,
) -> Response {
    validate(RtcPath::V0, &shared, &headers, &query)
}

async fn join(
    path: RtcPath,
    shared: Arc<Shared>,
    headers: &HeaderMap,
    query: &[(String, String)],
    upgrade: Upgrade,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(_) if !headers.contains_key(UPGRADE) => {
            return (StatusCode::NOT_FOUND, "this address is for WebSockets").into_response();
        }
        Err(rejection) => return rejection.into_response(),
    };
    let admission = match admit(path, &shared, headers, query) {
        Ok(admission) => admission,
        Err(refusal) => return refusal.answer(&shared),
    };
    let seat = match shared.rooms.join(admission).await {
        Ok(seat) => seat,
        Err(NotSeated::Failed(failed)) => return Refusal::Room(failed).answer(&shared),
        Err(NotSeated::Full(full)) => return Refusal::Full(full).answer(&shared),
    };
    let (limits, metrics) = (shared.limits, Arc::clone(&shared.metrics));
    upgrade
        .read_buffer_size(READ_BUFFER_LEN)
        .max_message_size(limits.message_bytes)
        .max_frame_size(limits.message_bytes)
        .on_upgrade(move |socket| connection::run(socket, seat, limits, metrics))
}

fn validate(
    path: RtcPath,
    shared: &Shared,
    headers: &HeaderMap,
    query: &[(String, String)],
) -> Response {
    let admitted = admit(path, shared, headers, query);
    let admitted = admitted.and_then(|admission| match shared.rooms.full_for(&admission.room) {
        Some(full) => Err(Refusal::Full(full)),
        None => Ok(()),
    });
    match admitted {
        Ok(()) => (StatusCode::OK, "success").into_response(),
        Err(refusal) => refusal.answer(shared),
    }
}

fn admit(
    path: RtcPath,
    shared: &Shared,
    headers: &HeaderMap,
    query: &[(String, String)],
) -> Result<Admission, Refusal> {
    if shared.is_stopping() {
        return Err(Refusal::Stopping);
    }
    let claims = shared.keys.verify(token(headers, query), unix_time())?;
    let mut join = signaling_core::parse_join(path, query)?;
    // Browsers do not name themselves in what they ask for.
    if let Some(agent) = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
    {
        fill_from_user_agent(&mut join.client, agent);
    }
    if join.version == RtcVersion::V0Dual {
        return Err(Refusal::TwoConnections);
    }
    Ok(signaling_core::check_admission(&claims, &join)?)
}

/// Browsers cannot set headers on a WebSocket and use the query; other SDKs send the header only.
fn token<'a>(headers: &'a HeaderMap, query: &'a [(String, String)]) -> &'a str {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let in_query = || {
        query
            .iter()
            .find_map(|(key, value)| (key == "access_token").then_some(value.as_str()))
    };
    bearer.or_else(in_query).unwrap_or_default()
}

/// Why somebody is turned away.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Request(#[from] JoinError),
    #[error(transparent)]
    Admission(#[from] JoinRefusal),
    #[error(
        "this server speaks to a client over one PeerConnection: connect to /rtc/v1, or send a \
         join_request"
    )]
    TwoConnections,
    #[error(transparent)]
    Room(#[from] RoomFailed),
    /// People read this where a client shows it.
    #[error(
        "This server is busy: meetings that run go on, but no new one can begin right now. Please \
         try again in a few minutes.\n\
         Dieser Server hat zu viel zu tun: Laufende Besprechungen gehen weiter, neue können gerade \
         nicht beginnen. Bitte versuchen Sie es in einigen Minuten wieder."
    )]
    Full(Full),
    #[error("the server is stopping")]
    Stopping,
}

impl Refusal {
    fn answer(&self, shared: &Shared) -> Response {
        let refused = &shared.metrics.joins_refused;
        let (counter, status) = match self {
            Self::Token(_) => (&refused.token, StatusCode::UNAUTHORIZED),
            Self::Request(_) => (&refused.malformed, StatusCode::BAD_REQUEST),
            Self::Admission(refusal) => {
                let status = StatusCode::from_u16(refusal.status());
                (
                    &refused.grants,
                    status.expect("the core names statuses that exist"),
                )
            }
            Self::TwoConnections => (&refused.unsupported, StatusCode::NOT_IMPLEMENTED),
            Self::Room(_) => (&refused.room_failed, StatusCode::SERVICE_UNAVAILABLE),
            Self::Full(_) => (&refused.full, StatusCode::SERVICE_UNAVAILABLE),
            Self::Stopping => (&refused.stopping, StatusCode::SERVICE_UNAVAILABLE),
        };
        counter.increment();
        debug!(reason = %self, "join refused");
        (status, self.to_string()).into_response()
    }
}
