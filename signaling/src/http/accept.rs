//! Accepts connections and speaks HTTP/1.1 on them, encrypted or not. Knows no route.
//!
//! Whoever connects and then dawdles costs a named amount at most: so many connections, so much
//! time for the TLS handshake, so much time and memory for a request's head.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

/// Connections that are in HTTP at a time; an upgrade to a WebSocket frees its place. The next
/// ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 2_048;
/// Out of file descriptors: trying again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What one connection may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// For the TLS handshake, and then for the head of each request.
    pub(crate) handshake_time_max: Duration,
    /// Request line and headers of a request, in bytes.
    pub(crate) head_bytes_max: usize,
}

/// Serves until `stop` turns true, then takes no more connections and lets requests finish.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: ConnectionLimits,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => return,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, from, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let http = Http {
            router: router.clone(),
            limits,
            stop: stop.clone(),
            _place: place,
        };
        let tls = tls.clone();
        tokio::spawn(async move {
            let Some(tls) = tls else {
                return http.speak(stream, from).await;
            };
            match tokio::time::timeout(limits.handshake_time_max, tls.accept(stream)).await {
                Ok(Ok(stream)) => http.speak(stream, from).await,
                Ok(Err(error)) => debug!(%error, "TLS handshake failed"),
                Err(_) => debug!("TLS handshake took too long"),
            }
        });
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender the server is gone, which is stopped as well.
    stop.wait_for(|stop| *stop).await.ok();
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    let (stream, from) = listener.accept().await?;
    // Signals are small and urgent: waiting to fill a segment would delay each by 40 ms.
    stream.set_nodelay(true)?;
    Ok((stream, from, place))
}

async fn pause_after(error: &io::Error) {
    let of_one_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::InvalidInput
    );
    if of_one_connection {
        return;
    }
    warn!(%error, "cannot accept connections, trying again");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// HTTP on one connection.
struct Http {
    router: Router,
    limits: ConnectionLimits,
    stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Http {
    async fn speak<S>(mut self, stream: S, from: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(from));
            merge_leading_slashes(&mut request);
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.handshake_time_max)
            .max_buf_size(self.limits.head_bytes_max)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = stopped(&mut self.stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            debug!(%error, "connection ended");
        }
    }
}

/// Some SDKs join a base URL that ends in a slash with a path that begins with one: `//rtc`.
fn merge_leading_slashes(request: &mut Request<Body>) {
    let Some(target) = request.uri().path_and_query() else {
        return;
    };
    let merged = format!("/{}", target.as_str().trim_start_matches('/'));
    if merged.len() == target.as_str().len() {
        return;
    }
    if let Ok(uri) = merged.parse() {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_slashes_are_one_and_the_query_stays() {
        for (from, to) in [
            ("//rtc/v1?a=//b", "/rtc/v1?a=//b"),
            ("/", "/"),
            ("/r/a//b", "/r/a//b"),
        ] {
            let mut request = Request::builder().uri(from).body(Body::empty()).unwrap();
            merge_leading_slashes(&mut request);
            assert_eq!(request.uri().to_string(), to);
        }
    }
}
