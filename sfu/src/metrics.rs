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

/// What the event loop counts. Everything but the load only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) turns: u64,
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
    pub(crate) receive_failures: u64,
    pub(crate) handed_over: u64,
    pub(crate) handover_dropped: u64,
    pub(crate) relay_dropped: u64,
    pub(crate) commands: u64,
    pub(crate) data_commands_dropped: u64,
    pub(crate) engine_failures: u64,
    /// Processor time of the worker's thread, in microseconds.
    pub(crate) cpu_micros: u64,
    /// The same over the last seconds, in permille of a core.
    pub(crate) load_permille: u64,
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
    /// Those that left in one call with others.
    pub(crate) in_runs: u64,
    /// Calls by the number of datagrams they took, as in [`RUN_BOUNDS`].
    runs: [u64; RUN_BOUNDS.len()],
}

impl Sent {
    pub(crate) fn count_run(&mut self, datagrams: u64, len: usize) {
        self.datagrams += datagrams;
        self.bytes += bytes(len);
        self.in_runs += if datagrams > 1 { datagrams } else { 0 };
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
    text.rows();
    text.sending();
    text.dropped();
    text.out
}

/// A name, what it counts, and where that stands.
type Row<T> = (&'static str, &'static str, fn(&T) -> u64);

const OF_EVENT_LOOPS: [Row<Counters>; 14] = [
    ("turns", "Turns of the event loop.", |it| it.turns),
    ("datagrams_received", "Datagrams read.", |it| it.received),
    ("bytes_received", "Bytes of them.", |it| it.received_bytes),
    ("receive_failures", "Failed reads of a socket.", |it| {
        it.receive_failures
    }),
    (
        "datagrams_handed_over",
        "Datagrams given to another worker.",
        |it| it.handed_over,
    ),
    (
        "handover_dropped",
        "Datagrams another worker had no room for.",
        |it| it.handover_dropped,
    ),
    (
        "relay_dropped",
        "Relayed packets another worker had no room for.",
        |it| it.relay_dropped,
    ),
    ("commands", "Commands of signaling.", |it| it.commands),
    (
        "data_commands_dropped",
        "Data messages a busy worker had no room for.",
        |it| it.data_commands_dropped,
    ),
    (
        "engine_failures",
        "Engines that failed and were started afresh.",
        |it| it.engine_failures,
    ),
    (
        "cpu_microseconds",
        "Processor time of the worker's thread.",
        |it| it.cpu_micros,
    ),
    ("datagrams_sent", "Datagrams sent.", |it| it.sent.datagrams),
    ("bytes_sent", "Bytes of them.", |it| it.sent.bytes),
    (
        "datagrams_sent_in_runs",
        "Datagrams that left in one call with others (UDP GSO).",
        |it| it.sent.in_runs,
    ),
];

/// What is the case in engines at the moment.
const IN_ENGINES: [Row<Stats>; 4] = [
    ("rooms", "Rooms with a peer.", |it| it.rooms),
    ("peers", "Peers.", |it| it.peers),
    ("tracks", "Published tracks.", |it| it.tracks),
    (
        "lowest_estimate_bits",
        "What the narrowest known line carries, in bits per second.",
        |it| it.lowest_estimate.map_or(0, Bitrate::as_bps),
    ),
];

const OF_ENGINES: [Row<Stats>; 20] = [
    (
        "peers_connected",
        "Peers whose ICE and DTLS came up.",
        |it| it.peers_connected,
    ),
    (
        "peers_lost",
        "Peers that went away without a goodbye.",
        |it| it.peers_lost,
    ),
    (
        "offers_refused",
        "Offers that could not be answered.",
        |it| it.offers_refused,
    ),
    ("packets_received", "Authentic RTP packets.", |it| {
        it.packets_received
    }),
    ("packets_forwarded", "RTP packets to subscribers.", |it| {
        it.packets_forwarded
    }),
    (
        "packets_relayed",
        "RTP packets to other workers, for each of them.",
        |it| it.packets_relayed,
    ),
    (
        "packets_relayed_in",
        "RTP packets from other workers.",
        |it| it.packets_relayed_in,
    ),
    (
        "packets_requested",
        "Lost packets asked of publishers.",
        |it| it.packets_requested,
    ),
    (
        "packets_repaired",
        "Lost packets that publishers sent again.",
        |it| it.packets_repaired,
    ),
    (
        "packets_restored",
        "Lost packets of sound of which a copy came with a later one.",
        |it| it.packets_restored,
    ),
    (
        "packets_retransmitted",
        "Packets sent to subscribers again.",
        |it| it.packets_retransmitted,
    ),
    (
        "ends_repeated",
        "Last packets of pictures sent twice, to subscribers whose lines lose packets.",
        |it| it.ends_repeated,
    ),
    (
        "padding_sent",
        "Packets of padding sent, to find out what lines carry.",
        |it| it.padding_sent,
    ),
    (
        "retransmissions_unknown",
        "Packets subscribers asked for that are not kept.",
        |it| it.retransmissions_unknown,
    ),
    (
        "retransmissions_limited",
        "Packets asked for too soon, too often or too many of.",
        |it| it.retransmissions_limited,
    ),
    (
        "keyframe_requests",
        "Keyframes asked of publishers.",
        |it| it.keyframe_requests,
    ),
    (
        "keyframe_requests_received",
        "Keyframes subscribers asked for.",
        |it| it.keyframe_requests_received,
    ),
    (
        "subscriptions_searched",
        "Subscriptions gone through to see what is wanted of a track.",
        |it| it.subscriptions_searched,
    ),
    (
        "data_messages_received",
        "Messages on data channels.",
        |it| it.data_messages_received,
    ),
    (
        "data_messages_dropped",
        "Messages data channels could not take.",
        |it| it.data_messages_dropped,
    ),
];

struct Text<'a> {
    out: String,
    workers: &'a [Snapshot],
}

impl Text<'_> {
    fn rows(&mut self) {
        for (name, help, value) in OF_EVENT_LOOPS {
            self.counter(name, help, |snapshot| value(&snapshot.counters));
        }
        for (name, help, value) in OF_ENGINES {
            self.counter(name, help, |snapshot| value(&snapshot.engine));
        }
        self.values(
            "load_permille",
            "gauge",
            "Processor time lately, in thousandths of a core.",
            |snapshot| snapshot.counters.load_permille,
        );
        for (name, help, value) in IN_ENGINES {
            self.values(name, "gauge", help, |snapshot| value(&snapshot.engine));
        }
    }

    /// Datagrams that could not be sent, and the lengths of runs of those that were.
    fn sending(&mut self) {
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

    /// What engines dropped.
    fn dropped(&mut self) {
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

    fn counter(&mut self, name: &str, help: &str, value: impl Fn(&Snapshot) -> u64) {
        self.values(&format!("{name}_total"), "counter", help, value);
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
            r#"saal_media_datagrams_sent_in_runs_total{worker="1"} 71"#,
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
