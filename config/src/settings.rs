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
    /// Access tokens that the server renews.
    pub token: Token,
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
    /// Whether subscribers get only the layers their line carries.
    pub congestion_control: bool,
    /// Time for which nobody must have wanted a layer until its publisher stops sending it.
    pub dynacast_pause_delay: Duration,
    /// People of one meeting on one worker, until it takes another as well.
    pub peers_per_worker: usize,
    /// Load of the least busy worker up to which meetings may begin, in percent.
    pub load_max_percent: u32,
    /// Packets a second of a worker up to which meetings may begin; 0 is any number.
    pub packets_per_second_max: u64,
    /// What the server's line carries, in Mbit/s; 0 asks the network card.
    pub line_max_mbit: u64,
    /// Voices forwarded to one listener at a time.
    pub loudest_max: usize,
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
    /// Absence after which a broken signaling connection is given up.
    pub reconnect_grace: Duration,
    /// Wait of news about those who publish nothing.
    pub update_interval: Duration,
    /// Characters of a shown name.
    pub name_chars_max: usize,
    /// Metadata of a participant or a room.
    pub metadata_max: ByteSize,
    /// Attributes of a participant together.
    pub attributes_max: ByteSize,
    /// One data packet.
    pub data_packet_max: ByteSize,
    /// Age up to which reliable data packets are kept for those whose channel is not open yet.
    pub replay_time: Duration,
    /// Such packets at once.
    pub replay_len_max: usize,
    /// Such packets together.
    pub replay_size_max: ByteSize,
    /// Entries of a publisher's list of who may receive what.
    pub subscription_permissions_max: usize,
    /// Departures remembered for those who are reconnecting.
    pub departures_max: usize,
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
    /// A session description within a message.
    pub sdp_max: ByteSize,
    /// Requests of one participant, on average.
    pub requests_per_second_max: u32,
    /// Requests of one participant at once.
    pub requests_burst_max: u32,
}

/// Access tokens that the server renews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Between two fresh tokens.
    pub refresh_interval: Duration,
    /// Validity of a fresh token; longer than `refresh_interval`.
    pub refresh_ttl: Duration,
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
            token: Token::read(layers)?,
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
            congestion_control: media.boolean("congestion_control")?,
            dynacast_pause_delay: media.duration("dynacast_pause_delay", "1s", "60s")?,
            peers_per_worker: media.number("peers_per_worker", 1..=1000)?,
            load_max_percent: media.number("load_max_percent", 1..=100)?,
            packets_per_second_max: media.number("packets_per_second_max", 0..=10_000_000)?,
            line_max_mbit: media.number("line_max_mbit", 0..=1_000_000)?,
            loudest_max: media.number("loudest_max", 3..=300)?,
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
            reconnect_grace: room.duration("reconnect_grace", "5s", "5min")?,
            update_interval: room.duration("update_interval", "50ms", "10s")?,
            name_chars_max: room.number("name_chars_max", 16..=1024)?,
            metadata_max: room.size("metadata_max", KIB..=256 * KIB)?,
            attributes_max: room.size("attributes_max", KIB..=256 * KIB)?,
            data_packet_max: room.size("data_packet_max", KIB..=64_000)?,
            replay_time: room.duration("replay_time", "1s", "60s")?,
            replay_len_max: room.number("replay_len_max", 1..=4096)?,
            replay_size_max: room.size("replay_size_max", 64 * KIB..=16 * 1024 * KIB)?,
            subscription_permissions_max: room
                .number("subscription_permissions_max", 16..=65_536)?,
            departures_max: room.number("departures_max", 16..=4096)?,
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
            sdp_max: signal.size("sdp_max", 64 * KIB..=1024 * KIB)?,
            requests_per_second_max: signal.number("requests_per_second_max", 10..=1000)?,
            requests_burst_max: signal.number("requests_burst_max", 50..=5000)?,
        };
        if read.ping_timeout <= read.ping_interval {
            return Err(not_longer(
                layers,
                "signal",
                "ping_timeout",
                "ping_interval",
            ));
        }
        Ok(read)
    }
}

impl Token {
    fn read(layers: &Layers) -> Result<Self, SettingsError> {
        let token = Section::of(layers, "token");
        let read = Self {
            refresh_interval: token.duration("refresh_interval", "1min", "1h")?,
            refresh_ttl: token.duration("refresh_ttl", "2min", "24h")?,
        };
        if read.refresh_ttl <= read.refresh_interval {
            return Err(not_longer(
                layers,
                "token",
                "refresh_ttl",
                "refresh_interval",
            ));
        }
        Ok(read)
    }
}

fn not_longer(layers: &Layers, section: &str, longer: &str, shorter: &str) -> SettingsError {
    SettingsError::Conflict {
        place: Box::new(layers.get(section, longer).place.clone()),
        conflict: format!(
            "{section}.{longer} must be longer than {section}.{shorter}. Raise it, or lower the \
             other."
        ),
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
