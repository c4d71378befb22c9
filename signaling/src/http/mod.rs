//! Which address leads where, and what every answer carries. What is answered is each module's
//! matter.

mod accept;
mod dev_token;
mod operations;
mod pages;
mod rtc;

pub(crate) use accept::{ConnectionLimits, serve};

use crate::connection;
use crate::media::MediaPlane;
use crate::metrics::Metrics;
use crate::rooms::Rooms;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{REFERRER_POLICY, SERVER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::routing::{get, post};
use signaling_core::Keys;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

/// A token request names a room and a person; nothing that is posted is longer.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Browsers ask again for permission to call after a day.
const CORS_LIFETIME: Duration = Duration::from_hours(24);

/// What the routes share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) keys: Arc<Keys>,
    pub(crate) rooms: Rooms,
    pub(crate) media: Arc<MediaPlane>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: connection::Limits,
    /// Whether this server itself speaks TLS.
    pub(crate) encrypted: bool,
    /// True from the moment the server was told to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Shared {
    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }
}

/// Whether tokens are given to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DevTokens {
    /// In a trial.
    Given,
    /// Otherwise: the address does not exist.
    Absent,
}

/// All addresses of the server.
pub(crate) fn router(shared: Arc<Shared>, dev_tokens: DevTokens) -> Router {
    let mut router = Router::new()
        .route("/", get(pages::start))
        .route("/r/{room}", get(pages::room))
        .route("/rtc", get(rtc::join_v0))
        .route("/rtc/v1", get(rtc::join_v1))
        .route("/rtc/validate", get(rtc::validate_v0))
        .route("/rtc/v1/validate", get(rtc::validate_v1))
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(operations::metrics));
    if dev_tokens == DevTokens::Given {
        router = router.route("/api/v1/dev/token", post(dev_token::give));
    }
    router
        .fallback(pages::file)
        .with_state(shared)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
        .layer(header(SERVER, concat!("saal/", env!("CARGO_PKG_VERSION"))))
        .layer(cross_origin())
}

fn header(
    name: axum::http::HeaderName,
    value: &'static str,
) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Applications on other hosts use this server. Nothing here is decided by a cookie, so a foreign
/// page can do no more than its author could without a browser.
fn cross_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .allow_methods([
            Method::OPTIONS,
            Method::HEAD,
            Method::GET,
            Method::POST,
            Method::PATCH,
            Method::DELETE,
        ])
        .max_age(CORS_LIFETIME)
}

/// Seconds since 1970, as tokens count.
pub fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
