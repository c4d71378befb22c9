//! What all rounds say together: medians with the smallest and the largest, and whether the aims
//! are met. As text for a person and as JSON for a machine.

use super::case::Case;
use super::floor::{Floor, Shape};
use super::round::{Outcome, Sample};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The rounds of one case.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// The case.
    pub case: Case,
    samples: Vec<Sample>,
    void: Vec<String>,
}

/// A median with the smallest and the largest of what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the rounds were not above it.
    pub median: f64,
    /// No round was below it.
    pub min: f64,
    /// No round was above it.
    pub max: f64,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The case.
    pub case: &'static str,
    /// Rounds that count.
    pub rounds: usize,
    /// Why others do not.
    pub void: Vec<String>,
    /// The simplest sender, microseconds a packet.
    pub floor_micros: Option<Spread>,
    /// The server, microseconds a packet that a receiver got.
    pub micros_per_packet: Option<Spread>,
    /// The server by the simplest sender, of the medians.
    pub floor_ratio: Option<f64>,
    /// Packets that all receivers got, a second.
    pub packets_per_second: Option<Spread>,
    /// Bytes of an average packet.
    pub packet_len: Option<Spread>,
    /// The share of its core that the server used.
    pub core_share: Option<Spread>,
    /// The share of its core that the generator used.
    pub generator_share: Option<Spread>,
    /// Datagrams in one call.
    pub run_len: Option<Spread>,
    /// Travel time through the server, half of the packets.
    pub p50_ms: Option<Spread>,
    /// Travel time, 99 of 100 packets.
    pub p99_ms: Option<Spread>,
    /// Memory above that of the idle server.
    pub kilobytes_per_participant: Option<Spread>,
    /// A sentence for each aim that was missed.
    pub missed: Vec<String>,
}

/// The whole measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// One line for each case.
    pub lines: Vec<Line>,
}

impl CaseRow {
    /// Nothing measured yet.
    pub(super) fn new(case: &Case) -> Self {
        Self {
            case: *case,
            samples: Vec::new(),
            void: Vec::new(),
        }
    }

    /// Takes what became of one round.
    pub(super) fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Measured(sample) => self.samples.push(sample),
            Outcome::Void(reason) => self.void.push(reason),
        }
    }

    fn line(&self, floor: Option<&Floor>) -> Line {
        let of = |value: fn(&Sample) -> f64| spread(self.samples.iter().map(value));
        let floor_micros = floor.and_then(|floor| spread(floor.samples.iter().copied()));
        let micros_per_packet = of(|sample| sample.micros_per_packet);
        let mut line = Line {
            case: self.case.name,
            rounds: self.samples.len(),
            void: self.void.clone(),
            floor_micros,
            micros_per_packet,
            floor_ratio: micros_per_packet
                .zip(floor_micros)
                .map(|(own, floor)| own.median / floor.median),
            packets_per_second: of(|sample| sample.packets_per_second),
            packet_len: of(|sample| sample.packet_len),
            core_share: of(|sample| sample.core_share),
            generator_share: of(|sample| sample.generator_share),
            run_len: of(|sample| sample.run_len),
            p50_ms: of(|sample| sample.p50_ms),
            p99_ms: of(|sample| sample.p99_ms),
            kilobytes_per_participant: of(|sample| sample.kilobytes_per_participant),
            missed: Vec::new(),
        };
        line.missed = self.missed(&line);
        line
    }

    fn missed(&self, line: &Line) -> Vec<String> {
        let case = &self.case;
        let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
        let aims = [
            ("of the floor", line.floor_ratio, case.floor_ratio_max),
            ("µs", median(line.micros_per_packet), case.micros_max),
            ("ms p50", median(line.p50_ms), case.p50_max_ms),
            ("ms p99", median(line.p99_ms), case.p99_max_ms),
        ];
        let mut missed: Vec<String> = aims
            .into_iter()
            .filter_map(|(unit, measured, max)| {
                let (measured, max) = (measured?, max?);
                (measured > max).then(|| format!("{measured:.2} {unit}, aimed at {max:.2}"))
            })
            .collect();
        if self.samples.is_empty() {
            missed.push("no round counts".to_owned());
        }
        missed
    }
}

impl Table {
    /// Sums up all rounds.
    pub(super) fn new(rows: &[CaseRow], floors: &BTreeMap<Shape, Floor>) -> Self {
        let lines = rows
            .iter()
            .map(|row| row.line(floors.get(&row.case.shape())));
        Self {
            lines: lines.collect(),
        }
    }

    /// What makes the run a failure: a case of which no round counts, and if `strict`, each aim
    /// that was missed.
    pub(super) fn failures(&self, strict: bool) -> Vec<String> {
        let failed = self.lines.iter().filter(|line| strict || line.rounds == 0);
        let told = failed.flat_map(|line| {
            let tell = move |missed| format!("{}: {missed}", line.case);
            line.missed.iter().map(tell)
        });
        told.collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<13} {:>6}  {:<18} {:<18} {:>5} {:>8} {:>5} {:>5} {:>5} {:>11} {:>11} {:>6}",
            "case",
            "rounds",
            "floor µs",
            "server µs",
            "ratio",
            "packets/s",
            "bytes",
            "core",
            "run",
            "p50 ms",
            "p99 ms",
            "kB"
        )?;
        for line in &self.lines {
            let one = |spread: Option<Spread>, digits: usize| {
                spread.map_or("-".to_owned(), |spread| {
                    format!("{:.digits$}", spread.median)
                })
            };
            let ranged = |spread: Option<Spread>| {
                spread.map_or("-".to_owned(), |spread| {
                    format!("{:.2} ({:.2}-{:.2})", spread.median, spread.min, spread.max)
                })
            };
            let core = line.core_share.map_or("-".to_owned(), |spread| {
                format!("{:.0} %", spread.median * 100.0)
            });
            let ratio = line
                .floor_ratio
                .map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            writeln!(
                f,
                "{:<13} {:>6}  {:<18} {:<18} {:>5} {:>9} {:>5} {:>5} {:>5} {:>11} {:>11} {:>6}",
                line.case,
                line.rounds,
                ranged(line.floor_micros),
                ranged(line.micros_per_packet),
                ratio,
                one(line.packets_per_second, 0),
                one(line.packet_len, 0),
                core,
                one(line.run_len, 1),
                one(line.p50_ms, 2),
                one(line.p99_ms, 2),
                one(line.kilobytes_per_participant, 0),
            )?;
        }
        for line in &self.lines {
            for reason in &line.void {
                writeln!(f, "{}: a round is void: {reason}", line.case)?;
            }
            for missed in &line.missed {
                writeln!(f, "{}: missed: {missed}", line.case)?;
            }
        }
        Ok(())
    }
}

fn spread(values: impl Iterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    };
    Some(Spread { median, min, max })
}

#[cfg(test)]
mod tests {
    use super::super::case::STANDARD;
    use super::*;

    fn sample(micros_per_packet: f64) -> Sample {
        Sample {
            micros_per_packet,
            packets_per_second: 30_000.0,
            packet_len: 1_000.0,
            core_share: 0.1,
            generator_share: 0.1,
            run_len: 4.0,
            p50_ms: 0.1,
            p99_ms: 1.0,
            kilobytes_per_participant: 50.0,
        }
    }

    fn table(micros: &[f64], floor: f64) -> Table {
        let mut row = CaseRow::new(&STANDARD[0]);
        for &micros in micros {
            row.take(Outcome::Measured(sample(micros)));
        }
        let samples = vec![floor];
        Table::new(
            &[row],
            &BTreeMap::from([(STANDARD[0].shape(), Floor { samples })]),
        )
    }

    #[test]
    fn the_median_of_an_even_number_of_rounds_lies_between_the_middle_two() {
        let found = spread([4.0, 1.0, 2.0, 3.0].into_iter()).unwrap();
        assert_eq!((found.median, found.min, found.max), (2.5, 1.0, 4.0));
        assert_eq!(spread([].into_iter()), None);
    }

    #[test]
    fn a_cost_above_the_aim_is_missed_with_both_figures() {
        let table = table(&[2.0, 2.1, 9.0], 3.0);
        assert_eq!(table.lines[0].missed, ["0.70 of the floor, aimed at 0.62"]);
        assert!(
            table
                .to_string()
                .contains("8x16: missed: 0.70 of the floor")
        );
    }

    #[test]
    fn a_missed_aim_fails_the_run_if_that_is_asked_for_and_a_case_without_a_round_always() {
        let dear = table(&[2.1], 3.0);
        assert_eq!(dear.failures(false), Vec::<String>::new());
        assert_eq!(
            dear.failures(true),
            ["8x16: 0.70 of the floor, aimed at 0.62"]
        );
        assert_eq!(table(&[], 3.0).failures(false), ["8x16: no round counts"]);
    }

    #[test]
    fn a_case_without_a_round_that_counts_is_missed() {
        assert_eq!(table(&[], 3.0).lines[0].missed, ["no round counts"]);
        assert!(table(&[1.5], 3.0).lines[0].missed.is_empty());
    }
}
