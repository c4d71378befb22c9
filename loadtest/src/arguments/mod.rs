//! The command lines of the scenarios: what may be said, what it means, and what is done at the end
//! of a run. Knows no media.

pub mod crowd;
pub mod meeting;

use crate::budget::Budget;
use crate::course::Course;
use crate::endpoint::Endpoint;
use crate::html::{self, Heading};
use crate::layout::Layout;
use crate::media_source::vp8::{Encoding, Resolution};
use crate::media_source::{Codec, Video};
use crate::progress::{Progress, Teller};
use crate::quantity;
use crate::report::{Report, write_json};
use crate::token::ApiKey;
use anyhow::{Context, bail};
use clap::Args;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

/// Participants that one process can play without becoming the bottleneck by far.
const PARTICIPANTS_MAX: u32 = 2_000;
/// A participant has a signal connection and a UDP socket; the rest is the program's own.
const DESCRIPTORS_EACH: u64 = 2;
const DESCRIPTORS_BESIDE: u64 = 64;

/// Which server, and who says so.
#[derive(Args)]
pub struct Target {
    /// Where the server listens: ws://host:port, or wss:// if it is encrypted.
    #[arg(long, default_value = "ws://127.0.0.1:7880", global = true)]
    url: String,
    /// A PEM file of certificates to trust besides the system's.
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
    /// The API key that signs the participants' tokens.
    #[arg(
        long,
        default_value = "devkey",
        env = "LOADTEST_API_KEY",
        global = true
    )]
    api_key: String,
    /// The secret of the API key.
    #[arg(
        long,
        default_value = "secret",
        env = "LOADTEST_API_SECRET",
        hide_env_values = true,
        global = true
    )]
    api_secret: String,
}

/// A server that answers.
struct Reached {
    endpoint: Endpoint,
    api_key: ApiKey,
    /// The address of this machine from which it is reached.
    address: IpAddr,
}

impl Target {
    /// Makes room for so many participants and finds the server. Warns of other machines.
    async fn reach(&self, participants: u32) -> anyhow::Result<Reached> {
        make_room(participants)?;
        let endpoint = Endpoint::parse(&self.url, self.ca.as_deref())?;
        let server = endpoint.reach().await?;
        if !server.ip().is_loopback() {
            eprintln!("{server} is another machine: run this only against a server you operate.");
        }
        Ok(Reached {
            endpoint,
            api_key: ApiKey {
                key: self.api_key.clone(),
                secret: self.api_secret.clone(),
            },
            address: address_towards(server)?,
        })
    }
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
    let routed = socket
        .connect(server)
        .and_then(|()| socket.local_addr())
        .context("finding a route to the server")?;
    Ok(routed.ip())
}

/// What every scenario with pictures may be told.
#[derive(Args)]
pub struct PictureArguments {
    /// The size of what cameras send; 720p, if not given.
    #[arg(long, value_enum)]
    resolution: Option<Resolution>,
    /// The codec of the pictures; VP8, if not given. `meeting` has no other.
    #[arg(long, value_enum)]
    codec: Option<Codec>,
    /// Send all sizes of a camera as layers of one stream, which VP9 can.
    #[arg(long, conflicts_with = "simulcast")]
    svc: bool,
    /// Whether cameras send several sizes at once, as conferences do, or the largest alone; several,
    /// if not given.
    #[arg(long, value_name = "BOOL")]
    simulcast: Option<bool>,
    /// How large participants show each other, which is told to the server; everything, if not given.
    #[arg(long, value_enum)]
    layout: Option<Layout>,
}

impl PictureArguments {
    /// What a camera sends, smallest first.
    fn encodings(&self) -> &'static [Encoding] {
        let resolution = self.resolution.unwrap_or(Resolution::P720);
        resolution.encodings(self.simulcast.unwrap_or(true))
    }

    /// In which packets, too. What the load test cannot make is refused.
    fn video(&self) -> anyhow::Result<Video> {
        let codec = self.codec.unwrap_or(Codec::Vp8);
        if self.svc && codec != Codec::Vp9 {
            bail!("--svc needs --codec vp9: no other one has layers here.");
        }
        if codec == Codec::Vp9 && !self.svc {
            bail!("--codec vp9 is sent in layers alone: add --svc.");
        }
        Ok(Video {
            codec,
            encodings: self.encodings(),
        })
    }

    fn layout(&self) -> Layout {
        self.layout.unwrap_or(Layout::Everything)
    }

    /// Refuses words about pictures where there are none.
    fn refuse(&self) -> anyhow::Result<()> {
        let said = [
            ("--resolution", self.resolution.is_some()),
            ("--codec", self.codec.is_some()),
            ("--svc", self.svc),
            ("--simulcast", self.simulcast.is_some()),
            ("--layout", self.layout.is_some()),
        ];
        match said.into_iter().find(|(_, is_said)| *is_said) {
            Some((option, _)) => bail!("{option} is about pictures, and nobody sends any here."),
            None => Ok(()),
        }
    }
}

/// What every scenario may be told.
#[derive(Args)]
pub struct RunArguments {
    /// How fast participants join: so many a second.
    #[arg(long, conflicts_with = "ramp", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    joins_per_second: Option<u32>,
    /// How fast participants join: all within this time, such as 10s.
    #[arg(long, value_parser = quantity::duration)]
    ramp: Option<Duration>,
    /// Watch the processor time, memory and open files of the server, which is this process of this
    /// machine.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Write the report as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as a page with plots to this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    budget: Budget,
}

impl RunArguments {
    /// The time from one join to the next.
    fn pace(&self, participants: u32, usual_per_second: u32) -> Duration {
        match self.ramp {
            Some(ramp) => ramp / participants.max(1),
            None => Duration::from_secs(1) / self.joins_per_second.unwrap_or(usual_per_second),
        }
    }

    fn observe(&self, length: Duration) -> anyhow::Result<Observation> {
        Ok(Observation {
            course: Course::start(self.server_pid)?,
            teller: Teller::new(length),
        })
    }

    /// Shows the report, and returns a sentence for each budget that was missed.
    fn conclude(
        &self,
        scenario: &str,
        observation: Observation,
        mut report: Report,
    ) -> anyhow::Result<Vec<String>> {
        observation.teller.finish();
        scenario.clone_into(&mut report.scenario);
        (report.course, report.server) = observation.course.finish();
        write!(std::io::stdout(), "{report}").context("writing the report")?;
        if let Some(file) = &self.json {
            write_json(&report, file)?;
        }
        let missed = self.budget.missed(&report);
        if let Some(file) = &self.html {
            let command = command(std::env::args());
            let heading = Heading {
                command: &command,
                missed: &missed,
            };
            std::fs::write(file, html::page(&heading, &report))
                .with_context(|| format!("writing {}", file.display()))?;
        }
        Ok(missed)
    }
}

/// How this run was started, without the secret: reports are passed on.
fn command(arguments: impl Iterator<Item = String>) -> String {
    const SECRET: &str = "--api-secret";
    let mut told = vec!["loadtest".to_owned()];
    let mut is_secret = false;
    for argument in arguments.skip(1) {
        if std::mem::take(&mut is_secret) {
            told.push("…".to_owned());
        } else if argument.starts_with(SECRET) {
            is_secret = argument == SECRET;
            told.push(SECRET.to_owned());
        } else {
            told.push(argument);
        }
    }
    told.join(" ")
}

/// Whom progress is told.
struct Observation {
    course: Course,
    teller: Teller,
}

impl Observation {
    fn tell(&mut self, progress: Progress) {
        self.course.note(&progress);
        self.teller.tell(&progress);
    }
}

/// Refuses more participants than one process plays well, and makes room for their sockets.
fn make_room(participants: u32) -> anyhow::Result<()> {
    if participants > PARTICIPANTS_MAX {
        bail!(
            "More than {PARTICIPANTS_MAX} participants are too many for one process: start several."
        );
    }
    raise_descriptor_limit(u64::from(participants) * DESCRIPTORS_EACH + DESCRIPTORS_BESIDE)
}

fn raise_descriptor_limit(wanted: u64) -> anyhow::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("limits of this process")?;
    if soft >= wanted {
        return Ok(());
    }
    if hard < wanted {
        bail!("This user may open {hard} files, and {wanted} are needed: see `ulimit -Hn`.");
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).context("raising the limit of open files")
}

/// Resolves when somebody presses Ctrl-C.
async fn interruption() {
    // Without a way to be interrupted, the run ends in its time.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_participants_are_refused_with_a_way_out() {
        let error = make_room(2_001).unwrap_err();
        assert!(error.to_string().contains("start several"), "{error}");
    }

    #[test]
    fn more_files_than_the_user_may_open_are_refused_before_the_run() {
        let error = raise_descriptor_limit(u64::MAX - 1).unwrap_err();
        assert!(error.to_string().contains("ulimit"), "{error}");
    }

    #[test]
    fn the_secret_is_in_no_report() {
        let told = |arguments: &str| command(arguments.split(' ').map(str::to_owned));
        let spoken = told("x/loadtest --api-secret abc signal --rooms 2");
        assert_eq!(spoken, "loadtest --api-secret … signal --rooms 2");
        assert!(!told("loadtest --api-secret=abc signal").contains("abc"));
    }

    #[test]
    fn the_local_address_is_one_of_the_servers_kind() {
        let address = address_towards(([127, 0, 0, 1], 9).into()).unwrap();
        assert!(address.is_loopback());
    }
}
