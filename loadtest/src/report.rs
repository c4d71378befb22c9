//! Puts what the peers saw into one report, as text for a person and as JSON for a machine. Judges
//! nothing: see `budget`.

use crate::budget::share;
use crate::course::{Sample, ServerUse};
use crate::crowd::Churned;
use crate::latency::LatencyHistogram;
use crate::peer::Subscription;
use crate::quantity::count;
use crate::reception::Tally;
use crate::spread::{self, whole_millis};
pub use crate::spread::{Latency, Spread};
use anyhow::Context;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The outcome of a run. Durations are milliseconds, rates kbit/s of RTP without UDP and IP.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// What was played.
    pub scenario: String,
    /// Meetings.
    pub rooms: u64,
    /// Peers that set out.
    pub peers: u64,
    /// Peers that were connected.
    pub joined: u64,
    /// Peers that never joined, and those that joined and fell out before the end.
    pub failed: u64,
    /// How often each failure happened.
    pub failures: BTreeMap<String, u64>,
    /// How long all media flowed, after the last peer had joined.
    pub seconds: f64,
    /// Different RTP packets that peers received.
    pub packets_received: u64,
    /// RTP packets that never came, by gaps in the sequence numbers of each stream.
    pub packets_lost: u64,
    /// How often this machine dropped what had reached it, because the load test did not read it in
    /// time: counted as lost, and not the server's fault. `None` where it is not told.
    pub dropped_here: Option<u64>,
    /// Lost packets of all that should have come, 0 to 1.
    pub loss: f64,
    /// RTP packets that peers sent.
    pub packets_sent: u64,
    /// Key frames that peers received; lean ones do not tell.
    pub key_frames: u64,
    /// What all peers together received during `seconds`.
    pub kbps_in: u64,
    /// What all peers together sent during `seconds`.
    pub kbps_out: u64,
    /// Tracks that peers were told of: one for each track and receiver.
    pub tracks_expected: u64,
    /// Those of which at least one packet came.
    pub tracks_received: u64,
    /// From the first step to a connection that carries media. Of this, 400 ms are two timers of the
    /// peers' own stack; browsers do without.
    pub join: Spread,
    /// The time to join that 0, 5, 10 … 100 of a hundred did not exceed, in milliseconds.
    pub join_curve_ms: Vec<u64>,
    /// From knowing of a track to its first packet.
    pub first_media: Spread,
    /// From sender to receiver through the server, within this process.
    pub latency: Latency,
    /// Who went and came back, where participants did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn: Option<Churned>,
    /// What the server used, if it was watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerUse>,
    /// What the run was like over time.
    pub course: Vec<Sample>,
}

/// What one joined peer tells at the end.
#[derive(Debug, Clone)]
pub struct PeerOutcome {
    /// From the first step to a connection that carries media.
    pub time_to_join: Duration,
    /// Everything it counted.
    pub total: Tally,
    /// What it should have received.
    pub subscriptions: Vec<Subscription>,
    /// Its travel times.
    pub latency: LatencyHistogram,
    /// Why it fell out before the end, if it did.
    pub ended: Option<String>,
}

/// The time in which all peers were in, and what passed during it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// How long it was.
    pub length: Duration,
    /// RTP bytes that peers received in it.
    pub bytes_in: u64,
    /// RTP bytes that peers sent in it.
    pub bytes_out: u64,
    /// How often the load test did not read in time, as far as that is known.
    pub dropped_here: Option<u64>,
}

impl Report {
    /// Sums up a run: `refused` holds one reason for each peer that never joined.
    pub fn new(rooms: u64, peers: &[PeerOutcome], refused: &[String], window: Window) -> Self {
        let mut total = Tally::default();
        let mut latency = LatencyHistogram::new();
        for peer in peers {
            total.add(peer.total);
            latency.add(&peer.latency);
        }
        let mut failures = BTreeMap::new();
        let ended = peers.iter().filter_map(|peer| peer.ended.as_ref());
        for reason in refused.iter().chain(ended) {
            *failures.entry(reason.clone()).or_insert(0) += 1;
        }
        let joins: Vec<Duration> = peers.iter().map(|peer| peer.time_to_join).collect();
        let subscriptions = || peers.iter().flat_map(|peer| &peer.subscriptions);
        let first_media: Vec<Duration> = subscriptions()
            .filter_map(|subscription| subscription.first_media)
            .collect();
        Self {
            peers: count(peers.len() + refused.len()),
            joined: count(peers.len()),
            failed: failures.values().sum(),
            failures,
            packets_sent: total.packets_sent,
            key_frames: total.key_frames,
            tracks_expected: count(subscriptions().count()),
            tracks_received: count(first_media.len()),
            join: Spread::of(joins.clone()),
            join_curve_ms: spread::curve(joins),
            first_media: Spread::of(first_media),
            latency: Latency::of(&latency),
            ..Self::of_counts(rooms, total.packets, total.lost, window)
        }
    }
}

impl Report {
    /// What counts alone say of `rooms` meetings.
    pub(crate) fn of_counts(rooms: u64, received: u64, lost: u64, window: Window) -> Self {
        Self {
            rooms,
            seconds: window.length.as_secs_f64(),
            packets_received: received,
            packets_lost: lost,
            dropped_here: window.dropped_here,
            loss: if received + lost == 0 {
                0.0
            } else {
                share(lost, received + lost)
            },
            kbps_in: kbps(window.bytes_in, window.length),
            kbps_out: kbps(window.bytes_out, window.length),
            ..Self::default()
        }
    }
}

/// Writes what was measured as JSON to a file.
pub fn write_json(measured: &impl Serialize, file: &Path) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(measured).context("the report as JSON")?;
    std::fs::write(file, json + "\n").with_context(|| format!("writing {}", file.display()))
}

fn kbps(bytes: u64, length: Duration) -> u64 {
    let millis = whole_millis(length);
    (bytes * 8).checked_div(millis).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_and_fallen_peers_are_failures_grouped_by_reason() {
        let fallen = PeerOutcome {
            ended: Some("ICE failed".to_owned()),
            ..outcome(100, 0)
        };
        let refused = vec!["401".to_owned(), "401".to_owned()];
        let report = Report::new(1, &[outcome(100, 0), fallen], &refused, Window::default());
        assert_eq!((report.peers, report.joined, report.failed), (4, 2, 3));
        assert_eq!(report.failures["401"], 2);
        assert_eq!(report.failures["ICE failed"], 1);
    }

    #[test]
    fn loss_is_the_share_of_what_should_have_come() {
        let peers = [outcome(900, 50), outcome(50, 0)];
        let report = Report::new(1, &peers, &[], Window::default());
        assert_eq!((report.packets_received, report.packets_lost), (950, 50));
        assert!((report.loss - 0.05).abs() < 1e-9);
    }

    #[test]
    fn rates_are_those_of_the_window() {
        let length = Duration::from_secs(10);
        let window = Window {
            length,
            bytes_in: 12_500_000,
            bytes_out: 1_250_000,
            ..Window::default()
        };
        let report = Report::new(1, &[outcome(1, 0)], &[], window);
        assert_eq!((report.kbps_in, report.kbps_out), (10_000, 1_000));
    }

    #[test]
    fn a_track_without_media_is_expected_but_not_received() {
        let subscription = |first_media| Subscription {
            track: "TR_1".to_owned(),
            first_media,
        };
        let silent = subscription(None);
        let heard = subscription(Some(Duration::from_millis(40)));
        let peer = PeerOutcome {
            subscriptions: vec![silent, heard],
            ..outcome(1, 0)
        };
        let report = Report::new(1, &[peer], &[], Window::default());
        assert_eq!((report.tracks_expected, report.tracks_received), (2, 1));
        assert_eq!(
            report.first_media,
            Spread {
                median_ms: 40,
                p95_ms: 40,
                p99_ms: 40,
                max_ms: 40,
            }
        );
    }

    #[test]
    fn the_text_tells_what_an_administrator_asks_first() {
        let peers = [outcome(999, 1)];
        let text = Report::new(2, &peers, &["401".to_owned()], Window::default()).to_string();
        assert!(text.contains("peers joined        1 of 2\n"), "{text}");
        assert!(text.contains("                    1 × 401\n"), "{text}");
        assert!(text.contains("packets lost        1 (0.100 %)\n"), "{text}");
    }

    #[test]
    fn loss_of_the_load_test_itself_is_named_as_such() {
        let window = Window {
            dropped_here: Some(3),
            ..Window::default()
        };
        let text = Report::new(1, &[outcome(999, 4)], &[], window).to_string();
        assert!(
            text.contains("3 drops were here: too many peers for this machine\n"),
            "{text}"
        );
        let quiet = Report::new(1, &[outcome(999, 4)], &[], Window::default()).to_string();
        assert!(!quiet.contains("here"), "{quiet}");
    }

    #[test]
    fn the_json_has_the_fields_that_scripts_rely_on() {
        let report = Report::new(1, &[outcome(10, 0)], &[], Window::default());
        let json = serde_json::to_value(report).unwrap();
        for field in [
            "joined",
            "failed",
            "packets_received",
            "packets_lost",
            "seconds",
        ] {
            assert!(json[field].is_number(), "{field}");
        }
    }

    fn outcome(packets: u64, lost: u64) -> PeerOutcome {
        PeerOutcome {
            time_to_join: Duration::from_millis(100),
            total: Tally {
                packets,
                lost,
                ..Tally::default()
            },
            subscriptions: Vec::new(),
            latency: LatencyHistogram::new(),
            ended: None,
        }
    }
}
