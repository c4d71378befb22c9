//! What the workers count, as text for Prometheus. The names are `saal_media_…`; every value is
//! told per worker. Knows nothing of how it came about.

use sfu_core::stats::Stats;
use sfu_core::units::Bitrate;
use std::fmt::{Display, Write};

/// The lengths of runs that are told apart: the longer, the fewer calls.
const RUN_BOUNDS: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// What one worker counted up to a moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) engine: Stats,
    pub(crate) counters: Counters,
}

/// What the event loop counts. Everything only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) turns: u64,
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
    pub(crate) receive_failures: u64,
    pub(crate) handed_over: u64,
    pub(crate) handover_dropped: u64,
    pub(crate) commands: u64,
    pub(crate) data_commands_dropped: u64,
    pub(crate) engine_failures: u64,
    pub(crate) sent: Sent,
}

impl Counters {
    pub(crate) fn count_received(&mut self, datagram: &[u8]) {
        self.received += 1;
        self.received_bytes += bytes(datagram.len());
    }
}

fn bytes(len: usize) -> u64 {
    u64::try_from(len).expect("a length has at most 64 bits")
}

/// What became of datagrams that were to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    /// Dropped because the socket was full.
    pub(crate) buffer_full: u64,
    /// Dropped because their destination failed.
    pub(crate) unreachable: u64,
    /// Calls by the number of datagrams they took, as in [`RUN_BOUNDS`].
    runs: [u64; RUN_BOUNDS.len()],
}

impl Sent {
    pub(crate) fn count_run(&mut self, datagrams: u64, len: usize) {
        self.datagrams += datagrams;
        self.bytes += bytes(len);
        let class = RUN_BOUNDS.iter().position(|&bound| datagrams <= bound);
        self.runs[class.unwrap_or(RUN_BOUNDS.len() - 1)] += 1;
    }
}

/// The text for all workers, in the order of their numbers.
pub(crate) fn render(workers: &[Snapshot]) -> String {
    let mut text = Text {
        out: String::with_capacity(8192),
        workers,
    };
    text.event_loop();
    text.sending();
    text.engine();
    text.out
}

struct Text<'a> {
    out: String,
    workers: &'a [Snapshot],
}

impl Text<'_> {
    fn event_loop(&mut self) {
        self.counter("turns", "Turns of the event loop.", |s| s.counters.turns);
        self.counter("datagrams_received", "Datagrams read.", |s| {
            s.counters.received
        });
        self.counter("bytes_received", "Bytes of them.", |s| {
            s.counters.received_bytes
        });
        self.counter("receive_failures", "Failed reads of a socket.", |s| {
            s.counters.receive_failures
        });
        self.counter(
            "datagrams_handed_over",
            "Datagrams given to another worker.",
            |s| s.counters.handed_over,
        );
        self.counter(
            "handover_dropped",
            "Datagrams another worker had no room for.",
            |s| s.counters.handover_dropped,
        );
        self.counter("commands", "Commands of signaling.", |s| {
            s.counters.commands
        });
        self.counter(
            "data_commands_dropped",
            "Data messages a busy worker had no room for.",
            |s| s.counters.data_commands_dropped,
        );
        self.counter(
            "engine_failures",
            "Engines that failed and were started afresh.",
            |s| s.counters.engine_failures,
        );
    }

    fn sending(&mut self) {
        self.counter("datagrams_sent", "Datagrams sent.", |s| {
            s.counters.sent.datagrams
        });
        self.counter("bytes_sent", "Bytes of them.", |s| s.counters.sent.bytes);
        self.head(
            "send_dropped_total",
            "counter",
            "Datagrams that could not be sent.",
        );
        for (worker, snapshot) in self.workers.iter().enumerate() {
            let sent = &snapshot.counters.sent;
            self.line(
                "send_dropped_total",
                worker,
                r#",reason="buffer_full""#,
                sent.buffer_full,
            );
            self.line(
                "send_dropped_total",
                worker,
                r#",reason="unreachable""#,
                sent.unreachable,
            );
        }
        self.head(
            "send_run_datagrams",
            "histogram",
            "Datagrams per call that sends.",
        );
        for (worker, snapshot) in self.workers.iter().enumerate() {
            let sent = &snapshot.counters.sent;
            let mut calls = 0;
            for (bound, count) in RUN_BOUNDS.iter().zip(sent.runs) {
                calls += count;
                self.line(
                    "send_run_datagrams_bucket",
                    worker,
                    &format!(r#",le="{bound}""#),
                    calls,
                );
            }
            self.line("send_run_datagrams_bucket", worker, r#",le="+Inf""#, calls);
            self.line("send_run_datagrams_sum", worker, "", sent.datagrams);
            self.line("send_run_datagrams_count", worker, "", calls);
        }
    }

    fn engine(&mut self) {
        self.gauge("rooms", "Rooms with a peer.", |s| s.engine.rooms);
        self.gauge("peers", "Peers.", |s| s.engine.peers);
        self.gauge("tracks", "Published tracks.", |s| s.engine.tracks);
        self.counter(
            "peers_connected",
            "Peers whose ICE and DTLS came up.",
            |s| s.engine.peers_connected,
        );
        self.counter(
            "peers_lost",
            "Peers that went away without a goodbye.",
            |s| s.engine.peers_lost,
        );
        self.counter(
            "offers_refused",
            "Offers that could not be answered.",
            |s| s.engine.offers_refused,
        );
        self.counter("packets_received", "Authentic RTP packets.", |s| {
            s.engine.packets_received
        });
        self.counter("packets_forwarded", "RTP packets to subscribers.", |s| {
            s.engine.packets_forwarded
        });
        self.repair();
        self.gauge(
            "lowest_estimate_bits",
            "What the narrowest known line carries, in bits per second.",
            |s| s.engine.lowest_estimate.map_or(0, Bitrate::as_bps),
        );
        self.counter("keyframe_requests", "Keyframes asked of publishers.", |s| {
            s.engine.keyframe_requests
        });
        self.counter(
            "keyframe_requests_received",
            "Keyframes subscribers asked for.",
            |s| s.engine.keyframe_requests_received,
        );
        self.counter(
            "data_messages_received",
            "Messages on data channels.",
            |s| s.engine.data_messages_received,
        );
        self.counter(
            "data_messages_dropped",
            "Messages data channels could not take.",
            |s| s.engine.data_messages_dropped,
        );
        self.head(
            "dropped_total",
            "counter",
            "Datagrams and packets dropped, by their reason.",
        );
        for (worker, snapshot) in self.workers.iter().enumerate() {
            for (reason, value) in snapshot.engine.dropped() {
                self.line(
                    "dropped_total",
                    worker,
                    &format!(r#",reason="{reason}""#),
                    value,
                );
            }
        }
    }

    /// What is lost on the way from publishers and to subscribers, and sent again.
    fn repair(&mut self) {
        self.counter(
            "packets_requested",
            "Lost packets asked of publishers.",
            |s| s.engine.packets_requested,
        );
        self.counter(
            "packets_repaired",
            "Lost packets that publishers sent again.",
            |s| s.engine.packets_repaired,
        );
        self.counter(
            "packets_restored",
            "Lost packets of sound of which a copy came with a later one.",
            |s| s.engine.packets_restored,
        );
        self.counter(
            "packets_retransmitted",
            "Packets sent to subscribers again.",
            |s| s.engine.packets_retransmitted,
        );
        self.counter(
            "ends_repeated",
            "Last packets of pictures sent twice, to subscribers whose lines lose packets.",
            |s| s.engine.ends_repeated,
        );
        self.counter(
            "padding_sent",
            "Packets of padding sent to subscribers, to find out what their lines carry.",
            |s| s.engine.padding_sent,
        );
        self.counter(
            "retransmissions_unknown",
            "Packets subscribers asked for that are not kept.",
            |s| s.engine.retransmissions_unknown,
        );
        self.counter(
            "retransmissions_limited",
            "Packets subscribers asked for too soon, too often or too many of.",
            |s| s.engine.retransmissions_limited,
        );
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Fn(&Snapshot) -> u64) {
        self.values(&format!("{name}_total"), "counter", help, value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Fn(&Snapshot) -> u64) {
        self.values(name, "gauge", help, value);
    }

    fn values(&mut self, name: &str, kind: &str, help: &str, value: impl Fn(&Snapshot) -> u64) {
        self.head(name, kind, help);
        for (worker, snapshot) in self.workers.iter().enumerate() {
            self.line(name, worker, "", value(snapshot));
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!(
            "# HELP saal_media_{name} {help}\n# TYPE saal_media_{name} {kind}\n"
        ));
    }

    fn line(&mut self, name: &str, worker: usize, labels: &str, value: u64) {
        self.write(format_args!(
            "saal_media_{name}{{worker=\"{worker}\"{labels}}} {value}\n"
        ));
    }

    fn write(&mut self, text: impl Display) {
        write!(self.out, "{text}").expect("writing to a string does not fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshots() -> [Snapshot; 2] {
        let mut snapshots = [Snapshot::default(), Snapshot::default()];
        snapshots[1].counters.received = 7;
        snapshots[1].engine.peers = 3;
        for datagrams in [1, 3, 4, 64] {
            snapshots[1].counters.sent.count_run(datagrams, 100);
        }
        snapshots
    }

    #[test]
    fn every_value_is_told_for_every_worker() {
        let text = render(&snapshots());
        for line in [
            "# TYPE saal_media_datagrams_received_total counter",
            r#"saal_media_datagrams_received_total{worker="0"} 0"#,
            r#"saal_media_datagrams_received_total{worker="1"} 7"#,
            "# TYPE saal_media_peers gauge",
            r#"saal_media_peers{worker="1"} 3"#,
            r#"saal_media_dropped_total{worker="0",reason="unknown_sender"} 0"#,
            r#"saal_media_send_dropped_total{worker="1",reason="buffer_full"} 0"#,
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_lengths_of_runs_add_up() {
        let text = render(&snapshots());
        let lines: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix(r"saal_media_send_run_datagrams_"))
            .filter(|line| line.contains(r#"worker="1""#))
            .collect();
        let expected = [
            r#"bucket{worker="1",le="1"} 1"#,
            r#"bucket{worker="1",le="2"} 1"#,
            r#"bucket{worker="1",le="4"} 3"#,
            r#"bucket{worker="1",le="8"} 3"#,
            r#"bucket{worker="1",le="16"} 3"#,
            r#"bucket{worker="1",le="32"} 3"#,
            r#"bucket{worker="1",le="64"} 4"#,
            r#"bucket{worker="1",le="+Inf"} 4"#,
            r#"sum{worker="1"} 72"#,
            r#"count{worker="1"} 4"#,
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn each_name_has_one_type_and_only_names_of_prometheus() {
        let text = render(&snapshots());
        let types: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("# TYPE "))
            .collect();
        let mut once = types.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), types.len());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, rest) = line.split_once('{').unwrap();
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{line}"
            );
            assert!(
                rest.split_once("} ").unwrap().1.parse::<u64>().is_ok(),
                "{line}"
            );
        }
    }
}
