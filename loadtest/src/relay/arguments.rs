//! The command line of the relay: what is asked for, and the life of the process.

use super::change::{Change, Planned};
use super::conditions::{Conditions, rate, share, time};
use super::tally::Report;
use super::{Plan, Relay};
use anyhow::Context;
use clap::Args;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;

/// Changes that were read and not yet applied; a reader that is faster waits.
const CHANGES_UNREAD_MAX: usize = 16;

/// `loadtest relay`: the flags hold for both directions, `--at` changes one.
#[derive(Args)]
pub struct RelayArguments {
    /// The address that clients send to.
    #[arg(long)]
    listen: SocketAddr,
    /// The address of the server.
    #[arg(long)]
    to: SocketAddr,
    /// How long every datagram takes, such as 25ms: half of a round trip.
    #[arg(long, default_value = "0ms", value_parser = time)]
    delay: Duration,
    /// What a datagram may take longer, such as 5ms. None overtakes another.
    #[arg(long, default_value = "0ms", value_parser = time)]
    jitter: Duration,
    /// The share of datagrams that is lost, such as 5%.
    #[arg(long, default_value = "0%", value_parser = share)]
    loss: f64,
    /// What the line carries, such as 800kbit or 2mbit, with the headers of IP and UDP.
    #[arg(long, default_value = "unlimited")]
    rate: String,
    /// How long a datagram may wait for a line that is full, before it is dropped.
    #[arg(long, default_value = "200ms", value_parser = time)]
    queue: Duration,
    /// A change after a time, such as "10s down rate=800kbit" or "0s up loss=5%". Can be repeated.
    #[arg(long)]
    at: Vec<Planned>,
    /// Decides which datagrams are lost.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints figures of both directions this often, as a line of JSON.
    #[arg(long, value_parser = time)]
    report: Option<Duration>,
    /// Reads further changes from standard input, such as "down rate=2mbit" or "rebind", which gives
    /// clients new addresses towards the server; ends with it.
    #[arg(long)]
    live: bool,
}

impl RelayArguments {
    /// Relays until it is interrupted, or standard input ends with `--live`.
    pub async fn run(&self) -> anyhow::Result<()> {
        let plan = self.plan()?;
        let relay = Relay::open(&plan)?;
        writeln!(std::io::stdout(), "relaying {}", relay.address()?).context("telling so")?;
        let (change, changes) = mpsc::channel(CHANGES_UNREAD_MAX);
        if self.live {
            let change = change.clone();
            std::thread::spawn(move || read_changes(&change));
        }
        // Without `--live`, this sender keeps the relay alive.
        let _alive = (!self.live).then_some(change);
        tokio::select! {
            () = relay.run(changes, plan.report_every, tell) => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted.context("waiting for an interrupt"),
        }
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        Ok(Plan {
            listen: self.listen,
            to: self.to,
            conditions: Conditions {
                delay: self.delay,
                jitter: self.jitter,
                loss: self.loss,
                rate: rate(&self.rate)?,
                queue: self.queue,
            },
            planned: self.at.clone(),
            seed: self.seed,
            report_every: self.report,
        })
    }
}

fn read_changes(change: &mpsc::Sender<Change>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.parse() {
            Ok(parsed) => {
                if change.blocking_send(parsed).is_err() {
                    return;
                }
            }
            Err(error) => eprintln!("{line}: {error:#}"),
        }
    }
}

fn tell(report: Report) {
    let json = serde_json::to_string(&report).expect("counts are JSON");
    // Whoever does not read the figures still wants the line.
    let _unread = writeln!(std::io::stdout(), "{json}");
}
