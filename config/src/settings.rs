//! The typed settings, and what is allowed for each. Knows meaning and ranges, not where values
//! come from: see `layers`.

use crate::error::SettingsError;
use crate::keys::{DEV_SECRET_CHARS, Keys, PRODUCTION_SECRET_CHARS};
use crate::layers::Layers;
use crate::section::Section;
use crate::value::ByteSize;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All settings. Each field is described in `config/default.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Pages, signaling and the server API.
    pub http: Http,
    /// The media plane.
    pub media: Media,
    /// Who may sign access tokens.
    pub keys: Keys,
    /// Limits of one meeting.
    pub room: Room,
    /// The signaling connection.
    pub signal: Signal,
    /// The log.
    pub log: Log,
    /// What outlives a restart.
    pub storage: Storage,
}

/// Pages, signaling and the server API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The address to listen on.
    pub bind: IpAddr,
    /// The TCP port; 0 lets the system choose.
    pub port: u16,
    /// Certificate and key, if Saal itself speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Request line and headers together, at most.
    pub header_max: ByteSize,
    /// Time for TLS and the first request.
    pub handshake_timeout: Duration,
}

/// Two PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// The address to receive on.
    pub bind: IpAddr,
    /// The UDP port; 0 lets the system choose.
    pub udp_port: u16,
    /// Threads that forward; 0 is one for each core.
    pub workers: usize,
    /// What clients are told to send to; empty means the machine's addresses.
    pub advertise: Vec<IpAddr>,
    /// Whether they are told loopback addresses too.
    pub include_loopback: bool,
    /// Time until the encrypted connection must stand.
    pub connect_timeout: Duration,
    /// Silence after which a participant is removed.
    pub silence_timeout: Duration,
}

/// Limits of one meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// People at once.
    pub participants_max: usize,
    /// Tracks that one of them publishes.
    pub tracks_per_participant_max: usize,
    /// Tracks that one of them announced and that carry no media yet.
    pub pending_tracks_max: usize,
    /// Wait for the first participant.
    pub empty_timeout: Duration,
    /// Wait after the last participant.
    pub departure_timeout: Duration,
    /// Wait for somebody whose signaling connection broke.
    pub reconnect_grace: Duration,
    /// Delay of news about participants who publish nothing.
    pub update_interval: Duration,
    /// Life of reliable data packets kept for those whose channel is opening.
    pub data_replay: Duration,
    /// A shown name, an identity, a room's name.
    pub name_max: ByteSize,
    /// Metadata of a participant or a room.
    pub metadata_max: ByteSize,
    /// Attributes of a participant together.
    pub attributes_max: ByteSize,
    /// One data packet.
    pub data_packet_max: ByteSize,
}

/// The signaling connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Between two signs of life of a client.
    pub ping_interval: Duration,
    /// Silence after which the connection is broken; longer than `ping_interval`.
    pub ping_timeout: Duration,
    /// One message, before and after decompression.
    pub message_max: ByteSize,
    /// Messages that wait for one client.
    pub queue_len_max: usize,
    /// Requests of one participant, on average.
    pub requests_per_second_max: u32,
    /// Between two new access tokens.
    pub token_refresh_interval: Duration,
    /// Life of such a token; longer than the interval.
    pub token_ttl: Duration,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged.
    pub level: LogLevel,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For log collectors.
    Json,
}

/// The least rank that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Works, but look.
    Warn,
    /// Joined, left, published.
    Info,
    /// Odd things; names and addresses.
    Debug,
    /// Each packet.
    Trace,
}

/// What outlives a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The folder.
    pub data_dir: PathBuf,
}

impl Settings {
    /// Loads the defaults, over them the operator's file, over that the environment.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let layers = layers(false, file, environment)?;
        Self::read(&layers, PRODUCTION_SECRET_CHARS)
    }

    /// Loads with `dev.toml` between the defaults and the operator's file. Secrets may be short.
    pub fn load_dev(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let layers = layers(true, file, environment)?;
        Self::read(&layers, DEV_SECRET_CHARS)
    }

    fn read(layers: &Layers, secret: RangeInclusive<usize>) -> Result<Self, SettingsError> {
        let settings = Self {
            http: Http::read(layers)?,
            media: Media::read(&Section::of(layers, "media"))?,
            keys: Keys::read(layers, &secret)?,
            room: Room::read(&Section::of(layers, "room"))?,
            signal: Signal::read(layers)?,
            log: Log::read(&Section::of(layers, "log"))?,
            storage: Storage::read(&Section::of(layers, "storage"))?,
        };
        if settings.keys.is_empty() {
            return Err(SettingsError::NoKeys);
        }
        Ok(settings)
    }
}

fn layers(
    dev: bool,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Layers, SettingsError> {
    let mut layers = Layers::shipped(dev);
    if let Some(path) = file {
        layers.add_file(path)?;
    }
    layers.add_environment(environment)?;
    Ok(layers)
}

const KIB: usize = 1024;

impl Http {
    fn read(layers: &Layers) -> Result<Self, SettingsError> {
        let http = Section::of(layers, "http");
        let certificate = http.optional_file("tls_certificate")?;
        let key = http.optional_file("tls_key")?;
        let lone = |set: &str, missing: &str| SettingsError::Conflict {
            place: Box::new(layers.get("http", set).place.clone()),
            conflict: format!("http.{set} is set, so http.{missing} is needed too. Set both."),
        };
        let tls = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (Some(_), None) => return Err(lone("tls_certificate", "tls_key")),
            (None, Some(_)) => return Err(lone("tls_key", "tls_certificate")),
        };
        Ok(Self {
            bind: http.address("bind")?,
            port: http.number("port", 0..=u16::MAX)?,
            tls,
            header_max: http.size("header_max", 8 * KIB..=64 * KIB)?,
            handshake_timeout: http.duration("handshake_timeout", "1s", "60s")?,
        })
    }
}

impl Media {
    fn read(media: &Section<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            bind: media.address("bind")?,
            udp_port: media.number("udp_port", 0..=u16::MAX)?,
            workers: media.number("workers", 0..=256)?,
            advertise: media.addresses("advertise")?,
            include_loopback: media.boolean("include_loopback")?,
            connect_timeout: media.duration("connect_timeout", "15s", "60s")?,
            silence_timeout: media.duration("silence_timeout", "6s", "60s")?,
        })
    }
}

impl Room {
    fn read(room: &Section<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            participants_max: room.number("participants_max", 2..=1000)?,
            tracks_per_participant_max: room.number("tracks_per_participant_max", 1..=64)?,
            pending_tracks_max: room.number("pending_tracks_max", 1..=100)?,
            empty_timeout: room.duration("empty_timeout", "10s", "24h")?,
            departure_timeout: room.duration("departure_timeout", "1s", "1h")?,
            reconnect_grace: room.duration("reconnect_grace", "1s", "5min")?,
            update_interval: room.duration("update_interval", "100ms", "10s")?,
            data_replay: room.duration("data_replay", "0s", "10s")?,
            name_max: room.size("name_max", 16..=KIB)?,
            metadata_max: room.size("metadata_max", KIB..=256 * KIB)?,
            attributes_max: room.size("attributes_max", KIB..=256 * KIB)?,
            data_packet_max: room.size("data_packet_max", KIB..=64_000)?,
        })
    }
}

impl Signal {
    fn read(layers: &Layers) -> Result<Self, SettingsError> {
        let signal = Section::of(layers, "signal");
        let read = Self {
            ping_interval: signal.duration("ping_interval", "1s", "30s")?,
            ping_timeout: signal.duration("ping_timeout", "3s", "120s")?,
            message_max: signal.size("message_max", 64 * KIB..=8 * 1024 * KIB)?,
            queue_len_max: signal.number("queue_len_max", 64..=65_536)?,
            requests_per_second_max: signal.number("requests_per_second_max", 10..=1000)?,
            token_refresh_interval: signal.duration("token_refresh_interval", "10s", "1h")?,
            token_ttl: signal.duration("token_ttl", "1min", "24h")?,
        };
        let conflict = |key: &str, conflict: &str| SettingsError::Conflict {
            place: Box::new(layers.get("signal", key).place.clone()),
            conflict: conflict.to_owned(),
        };
        if read.ping_timeout <= read.ping_interval {
            return Err(conflict(
                "ping_timeout",
                "signal.ping_timeout must be longer than signal.ping_interval. Raise it, or \
                 lower the interval.",
            ));
        }
        if read.token_ttl <= read.token_refresh_interval {
            return Err(conflict(
                "token_ttl",
                "signal.token_ttl must be longer than signal.token_refresh_interval. Raise it, \
                 or lower the interval.",
            ));
        }
        Ok(read)
    }
}

impl Log {
    fn read(log: &Section<'_>) -> Result<Self, SettingsError> {
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let levels = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        Ok(Self {
            format: log.choice("format", &formats)?,
            level: log.choice("level", &levels)?,
        })
    }
}

impl LogLevel {
    /// The word it is set by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Storage {
    fn read(storage: &Section<'_>) -> Result<Self, SettingsError> {
        let data_dir = storage.read("data_dir", "the path of a folder", |value| {
            let path = value.text().filter(|path| !path.is_empty())?;
            Some(PathBuf::from(path))
        })?;
        Ok(Self { data_dir })
    }
}
