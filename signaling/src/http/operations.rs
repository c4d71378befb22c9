//! What those who run the server ask it: does it live, does it take meetings, what does it count.

use super::Shared;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use std::sync::Arc;

/// The process lives.
pub(super) async fn healthz() -> &'static str {
    "OK"
}

/// The server takes new meetings.
pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    if shared.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else {
        (StatusCode::OK, "OK")
    }
}

/// Everything that is counted, in Prometheus' text format.
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let mut text = shared.metrics.to_prometheus();
    text.push_str(&shared.media.metrics());
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
