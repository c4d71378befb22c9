//! The standard measurement: what one forwarded packet costs a server that is pinned to one core,
//! beside what sending the same packets one by one costs on the same machine in the same minutes.
//!
//! # Layout
//! * [`arguments`]: its command line
//! * [`case`]: what is measured, and what is aimed at
//! * `round`: one case, one time
//! * `server`: the measured program, and what the kernel says it used
//! * [`floor`]: the price of the simplest sender
//! * [`table`]: medians and ranges, as text and JSON

pub mod arguments;
pub mod case;
pub mod floor;
mod round;
mod server;
pub mod table;

use case::Case;
use floor::{Floor, Shape};
use round::Outcome;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use table::{CaseRow, Table};

/// The measured program has the first core to itself, the generator the second.
const SERVER_CORE: usize = 0;
const GENERATOR_CORE: usize = 1;

/// What is measured, how often, and for how long.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The program `saal`.
    pub server: PathBuf,
    /// The cases of each round, in order.
    pub cases: Vec<Case>,
    /// How often each case is measured.
    pub rounds: u32,
    /// How long each measurement is.
    pub length: Duration,
}

impl Bench {
    /// Measures everything; `tell` gets a line about each step.
    pub async fn run(&self, mut tell: impl FnMut(&str)) -> anyhow::Result<Table> {
        server::pin_this_process(GENERATOR_CORE)?;
        let mut rows: Vec<CaseRow> = self.cases.iter().map(CaseRow::new).collect();
        let mut floors: BTreeMap<Shape, Floor> = BTreeMap::new();
        for round in 1..=self.rounds {
            for row in &mut rows {
                let case = row.case;
                let shape = case.shape();
                // Once a round for each shape, between the cases it is compared with.
                let floor = floors.entry(shape).or_default();
                if floor.samples.len() < usize::try_from(round).unwrap_or(usize::MAX) {
                    floor.samples.push(floor::measure(shape).await?);
                }
                let outcome = round::measure(&self.server, &case, self.length).await?;
                match &outcome {
                    Outcome::Measured(sample) => tell(&format!(
                        "round {round}, {}: {:.2} µs a packet",
                        case.name, sample.micros_per_packet
                    )),
                    Outcome::Void(reason) => {
                        tell(&format!("round {round}, {}: void, {reason}", case.name));
                    }
                }
                row.take(outcome);
            }
        }
        Ok(Table::new(&rows, &floors))
    }
}
