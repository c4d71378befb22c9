//! What the caller demands of a run. Decides whether a report meets it, and says what does not.

use crate::report::Report;

/// The demands; those not made are not checked. Its texts are the help of the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, clap::Args)]
pub struct Budget {
    /// Miss the run if a greater share of packets is lost: 0.001 is one in a thousand.
    #[arg(long, value_parser = parse_share)]
    pub max_loss: Option<f64>,
    /// Miss the run if a smaller share of participants joins: 1.0 is everyone.
    #[arg(long, value_parser = parse_share)]
    pub min_joined: Option<f64>,
    /// Miss the run if more participants fail: never join, or fall out before the end.
    #[arg(long)]
    pub max_failed: Option<u64>,
    /// Miss the run if media of a smaller share of the announced tracks arrives: 1.0 is all.
    #[arg(long, value_parser = parse_share)]
    pub min_received: Option<f64>,
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

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share between 0 and 1 is needed".to_owned()),
    }
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
