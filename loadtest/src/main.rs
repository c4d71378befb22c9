//! The command line of the load test: reads the arguments, tells the progress, prints the report,
//! decides the exit code. Knows no media.

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use loadtest::bench::arguments::{BenchArguments, FloorArguments};
use loadtest::budget::Budget;
use loadtest::lean::pump::PumpSettings;
use loadtest::lean::session::Publishes;
use loadtest::relay::arguments::RelayArguments;
use loadtest::report::{Report, write_json};
use loadtest::scenario::{Meeting, Progress};
use loadtest::token::ApiKey;
use loadtest::webinar::Webinar;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;

/// A budget was missed.
const MISSED: u8 = 1;
/// The arguments or the server do not allow a run.
const UNUSABLE: u8 = 2;
/// Peers that one process can play without becoming the bottleneck by far.
const PEERS_MAX: u32 = 2_000;
/// How long the server may take to accept a connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

/// Fills meetings on a Saal server with synthetic participants and reports what arrives.
///
/// Exit code 0: the run met every budget; 1: a budget was missed, or nobody joined; 2: the
/// arguments are wrong or the server cannot be reached.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the server listens.
    #[arg(long, default_value = "ws://127.0.0.1:7880")]
    url: String,
    /// The API key that signs the participants' tokens.
    #[arg(long, default_value = "devkey", env = "LOADTEST_API_KEY")]
    api_key: String,
    /// The secret of the API key.
    #[arg(
        long,
        default_value = "secret",
        env = "LOADTEST_API_SECRET",
        hide_env_values = true
    )]
    api_secret: String,
    #[command(subcommand)]
    scenario: Scenario,
}

impl Arguments {
    fn api_key(&self) -> ApiKey {
        ApiKey {
            key: self.api_key.clone(),
            secret: self.api_secret.clone(),
        }
    }
}

#[derive(Subcommand)]
enum Scenario {
    /// Everyone receives everyone: microphone and camera in three sizes.
    Meeting(MeetingArguments),
    /// Few send microphone and camera, many watch; everyone is lean, so that one machine plays
    /// hundreds.
    Webinar(LeanArguments),
    /// Few speak, many listen; there are no cameras.
    Audio(LeanArguments),
    /// A bad line for tests: passes UDP datagrams on, later, fewer and slower.
    Relay(RelayArguments),
    /// What a forwarded packet costs a server on this machine, which is started for it.
    Bench(BenchArguments),
    /// The simplest sender, which `bench` compares with.
    #[command(hide = true)]
    Floor(FloorArguments),
}

#[derive(Args)]
struct MeetingArguments {
    /// Meetings at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rooms: u32,
    /// Participants of each meeting.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=500))]
    peers: u32,
    /// How many participants of each meeting send microphone and camera; all, if not given.
    #[arg(long)]
    publishers: Option<u32>,
    /// How long media flows after everyone has joined, in seconds; at most an hour.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Participants who join per second, over all meetings.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    joins_per_second: u32,
    /// What the names of the meetings begin with.
    #[arg(long, default_value = "loadtest")]
    room_prefix: String,
    /// Nobody speaks: microphones send what browsers send in silence.
    #[arg(long)]
    quiet: bool,
    /// Write the report as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    #[command(flatten)]
    budget: Budget,
}

#[derive(Args)]
struct LeanArguments {
    /// Participants who send, and are sent nothing.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    publishers: u32,
    /// Participants who are sent everything, and send nothing.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=2_000))]
    watchers: u32,
    /// How long media flows after everyone has joined, in seconds; at most an hour.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Participants who join per second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    joins_per_second: u32,
    /// The meeting's name.
    #[arg(long, default_value = "loadtest")]
    room: String,
    /// Over how long the packets of one picture are spread, in milliseconds; at most a picture's
    /// time.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=33))]
    spread_ms: u64,
    /// Receive every datagram by itself, as receivers without UDP GRO do.
    #[arg(long)]
    no_gro: bool,
    /// Write the report as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    #[command(flatten)]
    budget: Budget,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_default())
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let done = match &arguments.scenario {
        Scenario::Meeting(meeting) => run(&arguments, meeting),
        Scenario::Webinar(lean) => run_lean(&arguments, lean, Publishes::SoundAndPictures),
        Scenario::Audio(lean) => run_lean(&arguments, lean, Publishes::Sound),
        Scenario::Relay(relay) => run_relay(relay),
        Scenario::Bench(bench) => run_bench(bench),
        Scenario::Floor(floor) => floor.run(),
    };
    match done {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            for sentence in missed {
                eprintln!("Missed: {sentence}.");
            }
            ExitCode::from(MISSED)
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Runs the scenario and returns a sentence for each budget that was missed.
#[tokio::main]
async fn run(arguments: &Arguments, meeting: &MeetingArguments) -> anyhow::Result<Vec<String>> {
    if meeting.rooms * meeting.peers > PEERS_MAX {
        bail!("More than {PEERS_MAX} peers are too many for one process: start several.");
    }
    let address = local_address(&arguments.url).await?;
    let plan = Meeting {
        url: arguments.url.clone(),
        api_key: arguments.api_key(),
        address,
        rooms: meeting.rooms,
        peers: meeting.peers,
        publishers: meeting
            .publishers
            .unwrap_or(meeting.peers)
            .min(meeting.peers),
        length: Duration::from_secs(meeting.seconds),
        joins_per_second: meeting.joins_per_second,
        room_prefix: meeting.room_prefix.clone(),
        quiet: meeting.quiet,
    };
    let report = plan.run(interruption(), tell).await;
    show(&report, meeting.json.as_deref())?;
    Ok(meeting.budget.missed(&report))
}

/// Signaling on one thread; the media has its own.
#[tokio::main(flavor = "current_thread")]
async fn run_lean(
    arguments: &Arguments,
    lean: &LeanArguments,
    publishes: Publishes,
) -> anyhow::Result<Vec<String>> {
    if lean.publishers + lean.watchers > PEERS_MAX {
        bail!("More than {PEERS_MAX} participants are too many for one process: start several.");
    }
    let address = local_address(&arguments.url).await?;
    let webinar = Webinar {
        url: arguments.url.clone(),
        api_key: arguments.api_key(),
        pump: PumpSettings {
            address,
            joins_datagrams: !lean.no_gro,
            spread: Duration::from_millis(lean.spread_ms),
        },
        room: lean.room.clone(),
        publishers: lean.publishers,
        publishes,
        watchers: lean.watchers,
        length: Duration::from_secs(lean.seconds),
        joins_per_second: lean.joins_per_second,
    };
    let report = webinar.run(interruption(), tell).await?;
    show(&report, lean.json.as_deref())?;
    Ok(lean.budget.missed(&report))
}

/// Resolves when somebody presses Ctrl-C.
async fn interruption() {
    // Without a way to be interrupted, the run ends in its time.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn show(report: &Report, json: Option<&Path>) -> anyhow::Result<()> {
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    write!(std::io::stdout(), "{report}").context("writing the report")?;
    json.map_or(Ok(()), |file| write_json(report, file))
}

/// One thread: the order of datagrams is the order of arrival.
#[tokio::main(flavor = "current_thread")]
async fn run_relay(relay: &RelayArguments) -> anyhow::Result<Vec<String>> {
    relay.run().await?;
    Ok(Vec::new())
}

/// Signaling on one thread; the media has its own.
#[tokio::main(flavor = "current_thread")]
async fn run_bench(bench: &BenchArguments) -> anyhow::Result<Vec<String>> {
    bench.run().await
}

/// The address of this machine from which the server at `url` is reached. Warns of other machines.
async fn local_address(url: &str) -> anyhow::Result<IpAddr> {
    let server = reach(url).await?;
    if !server.ip().is_loopback() {
        eprintln!("{server} is another machine: run this only against a server you operate.");
    }
    address_towards(server)
}

/// Finds the server and makes sure that something listens there.
async fn reach(url: &str) -> anyhow::Result<SocketAddr> {
    let uri: Uri = url.parse().with_context(|| format!("{url} is not a URL"))?;
    if uri.scheme_str() != Some("ws") {
        bail!("{url} does not begin with ws://: point the load test at the server's own port.");
    }
    let host = uri.host().with_context(|| format!("{url} names no host"))?;
    let host = host.trim_matches(['[', ']']);
    let connecting = TcpStream::connect((host, uri.port_u16().unwrap_or(80)));
    let connected = tokio::time::timeout(REACH_TIMEOUT, connecting).await;
    let stream = connected
        .with_context(|| {
            format!(
                "Nothing answers at {url} within {} s",
                REACH_TIMEOUT.as_secs()
            )
        })?
        .with_context(|| format!("Nothing listens at {url} (is the server running?)"))?;
    stream.peer_addr().context("the connection has an address")
}

/// The address of this machine from which the server is reached.
fn address_towards(server: SocketAddr) -> anyhow::Result<IpAddr> {
    let any: SocketAddr = if server.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    // Connecting a datagram socket sends nothing: it only asks for the route.
    let socket = UdpSocket::bind(any).context("opening a UDP socket")?;
    socket
        .connect(server)
        .context("finding a route to the server")?;
    Ok(socket
        .local_addr()
        .context("finding a route to the server")?
        .ip())
}

fn tell(progress: Progress) {
    let Progress {
        peers,
        joined,
        failed,
        elapsed,
        total,
    } = progress;
    let elapsed = elapsed.map_or_else(|| "joining".to_owned(), |at| format!("{} s", at.as_secs()));
    let line = format!(
        "{elapsed}: {joined} of {peers} joined, {failed} failed, {} packets received, {} lost",
        total.packets, total.lost
    );
    if std::io::stderr().is_terminal() {
        eprint!("\r\u{1b}[K{line}");
    } else {
        eprintln!("{line}");
    }
}
