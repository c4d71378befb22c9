//! What those who run the server ask it: does it live, does it take meetings, what does it count.

use super::Shared;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use std::fmt::Write;
use std::sync::Arc;

/// The process lives.
pub(super) async fn healthz() -> &'static str {
    "OK"
}

/// The server takes new meetings. A load balancer that asks this sends them elsewhere meanwhile.
pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    if shared.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping".to_owned())
    } else if let Some(full) = shared.rooms.full() {
        (StatusCode::SERVICE_UNAVAILABLE, format!("full: {full}"))
    } else {
        (StatusCode::OK, "OK".to_owned())
    }
}

/// Everything that is counted, in Prometheus' text format.
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let mut text = shared.metrics.to_prometheus();
    let takes_meetings = u8::from(!shared.is_stopping() && shared.rooms.full().is_none());
    write!(
        text,
        "# HELP saal_takes_meetings Whether new meetings may begin.\n\
         # TYPE saal_takes_meetings gauge\nsaal_takes_meetings {takes_meetings}\n"
    )
    .expect("a string takes all text");
    text.push_str(&shared.media.metrics());
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
