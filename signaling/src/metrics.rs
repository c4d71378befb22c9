//! Counts what happens to connections and rooms, as Prometheus text. Holds numbers only: no name,
//! address or room can be read from them.

use crate::census::Census;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// The server's own counters; the media plane appends its own.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) rooms: Census,
    pub(crate) rooms_crashed: Counter,
    pub(crate) participants: Census,
    pub(crate) connections: Census,
    pub(crate) requests: Counter,
    pub(crate) requests_malformed: Counter,
    pub(crate) replies: Counter,
    pub(crate) events_dropped: Counter,
    pub(crate) joins_refused: Refusals,
    pub(crate) connections_ended: Endings,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why nobody was let in, one counter each.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    pub(crate) token: Counter,
    pub(crate) malformed: Counter,
    pub(crate) unsupported: Counter,
    pub(crate) grants: Counter,
    pub(crate) room_failed: Counter,
    pub(crate) stopping: Counter,
    pub(crate) full: Counter,
}

/// Why connections ended, one counter each.
#[derive(Debug, Default)]
pub(crate) struct Endings {
    pub(crate) left: Counter,
    pub(crate) removed: Counter,
    pub(crate) message_too_long: Counter,
    pub(crate) malformed: Counter,
    pub(crate) flooded: Counter,
    pub(crate) unread: Counter,
    pub(crate) silent: Counter,
}

impl Metrics {
    /// The text of `/metrics` but for the media plane's part.
    pub(crate) fn to_prometheus(&self) -> String {
        let mut text = String::new();
        let gauges: [(&str, &str, &Census); 3] = [
            ("saal_rooms", "Rooms that live.", &self.rooms),
            (
                "saal_participants",
                "People in all rooms.",
                &self.participants,
            ),
            (
                "saal_connections",
                "Open signal connections.",
                &self.connections,
            ),
        ];
        for (name, help, census) in gauges {
            describe(&mut text, name, "gauge", help);
            let count = u64::try_from(census.count()).expect("a count fits in 64 bits");
            line(&mut text, name, "", count);
        }
        let counters: [(&str, &str, &Counter); 5] = [
            (
                "saal_rooms_crashed_total",
                "Rooms that ended by an error.",
                &self.rooms_crashed,
            ),
            (
                "saal_requests_total",
                "Messages from clients.",
                &self.requests,
            ),
            (
                "saal_requests_malformed_total",
                "Messages from clients that could not be read.",
                &self.requests_malformed,
            ),
            ("saal_replies_total", "Messages to clients.", &self.replies),
            (
                "saal_media_events_dropped_total",
                "Media events that a busy room had no place for.",
                &self.events_dropped,
            ),
        ];
        for (name, help, counter) in counters {
            describe(&mut text, name, "counter", help);
            line(&mut text, name, "", counter.value());
        }
        self.write_reasons(&mut text);
        text
    }

    fn write_reasons(&self, text: &mut String) {
        let refused = &self.joins_refused;
        let name = "saal_joins_refused_total";
        describe(text, name, "counter", "Joins that were refused.");
        for (reason, counter) in [
            ("token", &refused.token),
            ("malformed", &refused.malformed),
            ("unsupported", &refused.unsupported),
            ("grants", &refused.grants),
            ("room_failed", &refused.room_failed),
            ("stopping", &refused.stopping),
            ("full", &refused.full),
        ] {
            line(text, name, reason, counter.value());
        }
        let ended = &self.connections_ended;
        let name = "saal_connections_ended_total";
        describe(text, name, "counter", "Signal connections that ended.");
        for (reason, counter) in [
            ("left", &ended.left),
            ("removed", &ended.removed),
            ("message_too_long", &ended.message_too_long),
            ("malformed", &ended.malformed),
            ("flooded", &ended.flooded),
            ("unread", &ended.unread),
            ("silent", &ended.silent),
        ] {
            line(text, name, reason, counter.value());
        }
    }
}

fn describe(text: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a string takes all text");
}

fn line(text: &mut String, name: &str, reason: &str, value: u64) {
    let written = if reason.is_empty() {
        writeln!(text, "{name} {value}")
    } else {
        writeln!(text, "{name}{{reason=\"{reason}\"}} {value}")
    };
    written.expect("a string takes all text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_name_with_a_number() {
        let metrics = Metrics::default();
        let _room = metrics.rooms.enter();
        metrics.joins_refused.token.increment();
        let text = metrics.to_prometheus();
        assert!(text.contains("\nsaal_rooms 1\n"), "{text}");
        assert!(
            text.contains("saal_joins_refused_total{reason=\"token\"} 1\n"),
            "{text}"
        );
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a name and a number");
            assert!(name.starts_with("saal_"), "{line}");
            value.parse::<u64>().expect("a number");
        }
    }
}
