//! The command lines of the measurement and of its simplest sender.

use super::case::{Case, STANDARD};
use super::{Bench, floor};
use crate::report;
use anyhow::Context;
use clap::Args;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What `bench` is told.
#[derive(Args)]
pub struct BenchArguments {
    /// The program to measure.
    #[arg(long)]
    server: PathBuf,
    /// How often each case is measured.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long each measurement is, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Only these cases; all, if none are named.
    #[arg(long = "case", value_parser = case)]
    cases: Vec<Case>,
    /// Fail if an aim is missed; otherwise the table tells it, and only a case of which no round
    /// counts is a failure.
    #[arg(long)]
    strict: bool,
    /// Write the table as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What the simplest sender is told.
#[derive(Args)]
pub struct FloorArguments {
    /// Bytes of a datagram.
    #[arg(long)]
    len: usize,
    /// Receivers, one after the other.
    destinations: Vec<SocketAddr>,
}

impl BenchArguments {
    /// Measures, prints the table, and returns what was missed that makes the run a failure.
    pub async fn run(&self) -> anyhow::Result<Vec<String>> {
        let bench = Bench {
            server: self.server.clone(),
            cases: if self.cases.is_empty() {
                STANDARD.to_vec()
            } else {
                self.cases.clone()
            },
            rounds: self.rounds,
            length: Duration::from_secs(self.seconds),
        };
        let table = bench.run(|line| eprintln!("{line}")).await?;
        write!(std::io::stdout(), "{table}").context("writing the table")?;
        if let Some(file) = &self.json {
            report::write_json(&table, file)?;
        }
        Ok(table.failures(self.strict))
    }
}

impl FloorArguments {
    /// Sends, and prints the microseconds of processor time for each packet.
    pub fn run(&self) -> anyhow::Result<Vec<String>> {
        let micros = floor::send(self.len, &self.destinations)?;
        writeln!(std::io::stdout(), "{micros}").context("writing the result")?;
        Ok(Vec::new())
    }
}

fn case(name: &str) -> Result<Case, String> {
    let found = STANDARD.into_iter().find(|case| case.name == name);
    found.ok_or_else(|| {
        let names = STANDARD.map(|case| case.name).join(", ");
        format!("the cases are {names}")
    })
}
