//! Starts and stops the parts of the server in their order. Knows no part from within.

use crate::connection;
use crate::http::{self, ConnectionLimits, DevTokens, Shared};
use crate::media::MediaPlane;
use crate::metrics::Metrics;
use crate::room_settings;
use crate::rooms::Rooms;
use crate::start_error::{StartError, prepare_data_folder};
use crate::tls;
use saal_config::{Settings, TlsFiles};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

/// How long clients may take to hear that the server stops; then it stops all the same.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(5);
/// Frames of any kind for each request that a client may send: its answers to our pings, and
/// pings of its own.
const FRAMES_PER_REQUEST: u32 = 2;

/// What the server is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To serve people.
    Production,
    /// To try it out on one machine: tokens for everyone, nothing kept.
    Dev,
    /// The same, reachable from the local network with a certificate made for this run.
    DevLan,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    lan_address: Option<IpAddr>,
    encrypted: bool,
    mode: Mode,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    /// Removed with the server.
    _trial_data: Option<TempDir>,
}

impl Server {
    /// Opens ports, folder and media plane, and serves from then on.
    pub async fn start(settings: Settings, mode: Mode) -> Result<Self, StartError> {
        let trial_data = prepare_storage(&settings, mode)?;
        let lan_address = lan_address(mode);
        let tls = encryption(settings.http.tls.as_ref(), mode)?;
        let encrypted = tls.is_some();
        let listener = listen(&settings, mode).await?;
        let address = listener.local_addr().map_err(StartError::System)?;
        let metrics = Arc::new(Metrics::default());
        let media = room_settings::media(&settings.media);
        let media = Arc::new(MediaPlane::start(media, Arc::clone(&metrics))?);
        let keys = Arc::new(room_settings::keys(&settings));
        let rooms = Rooms::new(
            Arc::clone(&media),
            Arc::clone(&metrics),
            room_settings::room(&settings, &keys),
            room_settings::capacity(&settings.media),
            settings.signal.queue_len_max,
        );
        let (stop, stopping) = watch::channel(false);
        let shared = Arc::new(Shared {
            keys,
            rooms,
            media,
            metrics,
            limits: connection_limits(&settings),
            encrypted,
            stop: stopping.clone(),
        });
        let router = http::router(Arc::clone(&shared), dev_tokens(mode));
        let limits = ConnectionLimits {
            handshake_time_max: settings.http.handshake_timeout,
            head_bytes_max: settings.http.header_max.bytes(),
        };
        let accepting = tokio::spawn(http::serve(listener, tls, router, limits, stopping));
        info!(port = address.port(), encrypted, "serving");
        Ok(Self {
            address,
            lan_address,
            encrypted,
            mode,
            shared,
            stop,
            accepting,
            _trial_data: trial_data,
        })
    }

    /// Where it listens; the port is the real one, even if the settings left it to the system.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What whoever started it should know.
    pub fn greeting(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        let host = self.lan_address.unwrap_or(self.address.ip());
        let url = format!("{scheme}://{}", SocketAddr::new(host, self.address.port()));
        let mut text = format!("Saal is ready: {url}");
        if self.mode == Mode::DevLan {
            text.push_str(
                "\nBrowsers will warn, because the certificate was made for this run and nobody \
                 vouches for it: choose \"Advanced\" and go on.",
            );
        }
        if self.mode != Mode::Production {
            write!(
                text,
                "\nThis is a trial: everyone who reaches the page may join, and nothing is kept.\
                 \nA token for another client: saal token --room ROOM --identity NAME"
            )
            .expect("a string takes all text");
        }
        text
    }

    /// Tells everyone, waits a moment for them to hear it, and stops.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let farewell = async {
            self.shared.rooms.close().await;
            self.shared.metrics.connections.emptied().await;
        };
        if tokio::time::timeout(FAREWELL_TIME_MAX, farewell)
            .await
            .is_err()
        {
            warn!("some clients did not hear that the server stops");
        }
        if let Err(error) = self.accepting.await {
            warn!(%error, "accepting connections had failed");
        }
        let media = Arc::clone(&self.shared.media);
        // It waits for the media threads, which must not stop the tasks of this one.
        if tokio::task::spawn_blocking(move || media.shutdown())
            .await
            .is_err()
        {
            warn!("the media plane had failed before it was stopped");
        }
        info!("stopped");
    }
}

fn prepare_storage(settings: &Settings, mode: Mode) -> Result<Option<TempDir>, StartError> {
    if mode == Mode::Production {
        prepare_data_folder(&settings.storage.data_dir)?;
        return Ok(None);
    }
    let folder = tempfile::Builder::new().prefix("saal-trial-").tempdir();
    let source = |source| StartError::DataFolder {
        path: std::env::temp_dir(),
        source,
    };
    folder.map(Some).map_err(source)
}

fn encryption(files: Option<&TlsFiles>, mode: Mode) -> Result<Option<TlsAcceptor>, StartError> {
    let tls = match (files, mode) {
        (Some(files), _) => Some(tls::from_files(&files.certificate, &files.key)?),
        (None, Mode::DevLan) => Some(tls::self_signed(&machine_addresses())?),
        (None, Mode::Production | Mode::Dev) => None,
    };
    Ok(tls)
}

async fn listen(settings: &Settings, mode: Mode) -> Result<TcpListener, StartError> {
    let host = match mode {
        Mode::Production | Mode::Dev => settings.http.bind,
        Mode::DevLan => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let address = SocketAddr::new(host, settings.http.port);
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::from_listening(address, error))
}

fn connection_limits(settings: &Settings) -> connection::Limits {
    connection::Limits {
        message_bytes: settings.signal.message_max.bytes(),
        silence: settings.signal.ping_timeout,
        frames_per_second: settings.signal.requests_per_second_max * FRAMES_PER_REQUEST,
        frames_burst: settings.signal.requests_burst_max * FRAMES_PER_REQUEST,
    }
}

fn dev_tokens(mode: Mode) -> DevTokens {
    match mode {
        Mode::Production => DevTokens::Absent,
        Mode::Dev | Mode::DevLan => DevTokens::Given,
    }
}

/// The machine's addresses that others can reach; the first is the one to tell people.
fn machine_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        warn!(%error, "cannot list the machine's addresses");
        Vec::new()
    });
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        .filter(|interface| !interface.is_link_local())
        .map(if_addrs::Interface::ip)
        .collect();
    // People type IPv4 addresses; loopback is of no use to a phone.
    addresses.sort_by_key(|address| (address.is_loopback(), address.is_ipv6()));
    addresses
}

fn lan_address(mode: Mode) -> Option<IpAddr> {
    let lan = mode == Mode::DevLan;
    lan.then(machine_addresses)?.first().copied()
}
