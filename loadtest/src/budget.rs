//! What the caller demands of a run. Decides whether a report meets it, and says what does not.

use crate::course::ServerUse;
use crate::quantity::{self, float};
use crate::report::Report;
use std::time::Duration;

/// The demands; those not made are not checked. Its texts are the help of the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, clap::Args)]
pub struct Budget {
    /// Miss the run if a greater share of packets is lost: 0.1% is one in a thousand.
    #[arg(long, value_parser = quantity::share)]
    pub max_loss: Option<f64>,
    /// Miss the run if a smaller share of participants joins: 1.0 is everyone.
    #[arg(long, value_parser = quantity::share)]
    pub min_joined: Option<f64>,
    /// Miss the run if more participants fail: never join, or fall out before the end.
    #[arg(long)]
    pub max_failed: Option<u64>,
    /// Miss the run if media of a smaller share of the announced tracks arrives: 1.0 is all.
    #[arg(long, value_parser = quantity::share)]
    pub min_received: Option<f64>,
    /// Miss the run if one packet in a hundred takes longer from sender to receiver: 20ms.
    #[arg(long, value_parser = quantity::duration)]
    pub max_p99: Option<Duration>,
    /// Miss the run if one participant in a hundred takes longer to join: 3s.
    #[arg(long, value_parser = quantity::duration)]
    pub max_p99_join: Option<Duration>,
    /// Miss the run if the server uses more processor time for each packet received, in microseconds.
    #[arg(long, requires = "server_pid", value_parser = quantity::quantity)]
    pub max_us_per_packet: Option<f64>,
    /// Miss the run if the server keeps more cores busy after all have joined: 0.1, or 10%.
    #[arg(long, requires = "server_pid", value_parser = quantity::quantity)]
    pub max_cores: Option<f64>,
    /// Miss the run if the server has more memory or open files in its last third than in its middle
    /// one, by this share: 2%.
    #[arg(long, requires = "server_pid", value_parser = quantity::quantity)]
    pub max_growth: Option<f64>,
}

impl Budget {
    /// One sentence for each demand that was missed. Loss is not met by receiving nothing, and no
    /// run is met in which nobody joined.
    pub fn missed(&self, report: &Report) -> Vec<String> {
        let mut missed = Vec::new();
        if report.joined == 0 {
            missed.push("no peer joined".to_owned());
        }
        if let Some(min) = self.min_joined {
            let share = share(report.joined, report.peers);
            if share < min {
                missed.push(format!(
                    "joined {} of at least {}",
                    percent(share),
                    percent(min)
                ));
            }
        }
        if let Some(max) = self.max_failed.filter(|max| report.failed > *max) {
            missed.push(format!("{} peers failed of at most {max}", report.failed));
        }
        if let Some(max) = self.max_loss {
            if report.packets_received == 0 {
                missed.push("no packet was received, so loss cannot be judged".to_owned());
            } else if report.loss > max {
                missed.push(format!(
                    "lost {} of at most {}",
                    percent(report.loss),
                    percent(max)
                ));
            }
        }
        if let Some(min) = self.min_received {
            let share = share(report.tracks_received, report.tracks_expected);
            if share < min {
                missed.push(format!(
                    "{} of at least {} of the tracks came",
                    percent(share),
                    percent(min)
                ));
            }
        }
        if let Some(max) = self.max_p99 {
            let max = quantity::millis(max);
            match report.latency.p99_ms {
                Some(p99) if p99 <= max => {}
                Some(p99) => missed.push(format!("p99 was {p99:.1} ms of at most {max:.1} ms")),
                None => missed.push("no packet told how long it took".to_owned()),
            }
        }
        if let Some(max) = self.max_p99_join {
            let (p99, max) = (float(report.join.p99_ms), quantity::millis(max));
            if p99 > max {
                missed.push(format!("p99 of joining was {p99} ms of at most {max} ms"));
            }
        }
        let server = report.server.as_ref();
        missed.extend(
            server
                .into_iter()
                .flat_map(|server| self.server_missed(server)),
        );
        missed
    }

    fn server_missed(&self, server: &ServerUse) -> Vec<String> {
        let mut missed = Vec::new();
        if let Some(max) = self.max_us_per_packet {
            match server.us_per_packet {
                Some(micros) if micros <= max => {}
                Some(micros) => missed.push(format!(
                    "the server took {micros:.2} µs a packet of at most {max:.2} µs"
                )),
                None => missed.push("no packet came to measure the server by".to_owned()),
            }
        }
        if let Some(max) = self.max_cores.filter(|max| server.cores > *max) {
            let cores = server.cores;
            missed.push(format!(
                "the server kept {cores:.3} cores busy of at most {max:.3}"
            ));
        }
        let growths = [
            ("memory", server.memory_growth),
            ("number of open files", server.descriptors_growth),
        ];
        for (what, growth) in growths {
            let Some(max) = self.max_growth else { continue };
            match growth {
                Some(growth) if growth <= max => {}
                Some(growth) => missed.push(format!(
                    "the server's {what} grew by {} of at most {}",
                    percent(growth),
                    percent(max)
                )),
                None => missed.push(format!("too short a run to judge the server's {what}")),
            }
        }
        missed
    }
}

/// `part` of `whole`, 0 to 1; nothing of nothing is everything.
#[expect(
    clippy::cast_precision_loss,
    reason = "shares are shown with three digits"
)]
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

/// A share as readers expect it.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.3} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_demands_is_met_if_somebody_joined() {
        assert_eq!(
            Budget::default().missed(&report(1, 12, 0, 0)),
            Vec::<String>::new()
        );
        assert_eq!(
            Budget::default().missed(&report(0, 12, 0, 0)),
            ["no peer joined"]
        );
    }

    #[test]
    fn too_much_loss_is_named_with_both_figures() {
        let budget = Budget {
            max_loss: Some(0.001),
            ..Budget::default()
        };
        assert!(budget.missed(&report(12, 12, 9_990, 10)).is_empty());
        assert_eq!(
            budget.missed(&report(12, 12, 998, 2)),
            ["lost 0.200 % of at most 0.100 %"]
        );
    }

    #[test]
    fn receiving_nothing_meets_no_loss_budget() {
        let budget = Budget {
            max_loss: Some(1.0),
            ..Budget::default()
        };
        assert_eq!(budget.missed(&report(12, 12, 0, 0)).len(), 1);
    }

    #[test]
    fn one_missing_peer_misses_a_budget_of_all() {
        let budget = Budget {
            min_joined: Some(1.0),
            ..Budget::default()
        };
        assert!(budget.missed(&report(12, 12, 0, 0)).is_empty());
        assert_eq!(
            budget.missed(&report(11, 12, 0, 0)),
            ["joined 91.667 % of at least 100.000 %"]
        );
    }

    #[test]
    fn a_peer_that_fell_out_misses_a_budget_of_no_failures() {
        let budget = Budget {
            max_failed: Some(0),
            ..Budget::default()
        };
        assert!(budget.missed(&report(12, 12, 0, 0)).is_empty());
        let fallen = Report {
            failed: 1,
            ..report(12, 12, 0, 0)
        };
        assert_eq!(budget.missed(&fallen), ["1 peers failed of at most 0"]);
    }

    #[test]
    fn a_track_that_never_came_misses_a_budget_of_all() {
        let budget = Budget {
            min_received: Some(1.0),
            ..Budget::default()
        };
        let report = Report {
            tracks_expected: 4,
            tracks_received: 3,
            ..report(2, 2, 100, 0)
        };
        assert_eq!(
            budget.missed(&report),
            ["75.000 % of at least 100.000 % of the tracks came"]
        );
    }

    #[test]
    fn a_slow_tail_misses_its_budget_and_so_does_an_unknown_one() {
        let budget = Budget {
            max_p99: Some(Duration::from_millis(20)),
            max_p99_join: Some(Duration::from_secs(3)),
            ..Budget::default()
        };
        let with = |p99_ms, join_ms| {
            let mut report = report(2, 2, 100, 0);
            report.latency.p99_ms = p99_ms;
            report.join.p99_ms = join_ms;
            budget.missed(&report)
        };
        assert!(with(Some(20.0), 3_000).is_empty());
        assert_eq!(
            with(Some(20.1), 3_001),
            [
                "p99 was 20.1 ms of at most 20.0 ms",
                "p99 of joining was 3001 ms of at most 3000 ms"
            ]
        );
        assert_eq!(with(None, 0), ["no packet told how long it took"]);
    }

    #[test]
    fn a_server_that_costs_or_grows_too_much_misses_its_budget() {
        let budget = Budget {
            max_us_per_packet: Some(2.5),
            max_cores: Some(0.1),
            max_growth: Some(0.02),
            ..Budget::default()
        };
        let with = |us_per_packet, cores, growth| {
            let server = ServerUse {
                us_per_packet,
                cores,
                memory_growth: growth,
                descriptors_growth: Some(0.0),
                ..ServerUse::default()
            };
            budget.missed(&Report {
                server: Some(server),
                ..report(2, 2, 100, 0)
            })
        };
        assert!(with(Some(2.5), 0.1, Some(0.02)).is_empty());
        assert_eq!(
            with(Some(2.6), 0.2, Some(0.03)),
            [
                "the server took 2.60 µs a packet of at most 2.50 µs",
                "the server kept 0.200 cores busy of at most 0.100",
                "the server's memory grew by 3.000 % of at most 2.000 %"
            ]
        );
        assert_eq!(with(None, 0.0, None).len(), 2);
    }

    fn report(joined: u64, peers: u64, received: u64, lost: u64) -> Report {
        Report {
            peers,
            joined,
            packets_received: received,
            packets_lost: lost,
            loss: share(lost, (received + lost).max(1)),
            ..Report::default()
        }
    }
}
