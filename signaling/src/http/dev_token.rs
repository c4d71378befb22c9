//! Gives a token to whoever asks, so that a trial needs no accounts. Exists only with `--dev`.

use super::{Shared, unix_time};
use axum::Json;
use axum::extract::State;
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use signaling_core::Claims;
use std::sync::Arc;
use std::time::Duration;

/// A long day of trying out.
const LIFETIME: Duration = Duration::from_hours(12);

/// Who wants to go where.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    room: String,
    /// What the others are shown.
    name: String,
    /// Drawn at random if absent.
    identity: Option<String>,
}

/// What is needed to go there.
#[derive(Debug, Serialize)]
struct Ticket {
    token: String,
    /// The signaling address.
    url: String,
}

/// `POST /api/v1/dev/token`.
pub(super) async fn give(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(wish): Json<Wish>,
) -> Response {
    if wish.room.is_empty() || wish.identity.as_deref() == Some("") {
        let sentence = "room and identity must not be empty";
        return (StatusCode::BAD_REQUEST, sentence).into_response();
    }
    let identity = wish
        .identity
        .unwrap_or_else(|| format!("guest-{:016x}", rand::random::<u64>()));
    let mut claims = Claims::joining(identity, wish.room);
    claims.name = wish.name;
    claims.grants.can_update_own_metadata = true;
    let scheme = if shared.encrypted { "wss" } else { "ws" };
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    Json(Ticket {
        token: shared.keys.sign(&claims, unix_time(), LIFETIME),
        url: format!("{scheme}://{host}"),
    })
    .into_response()
}
