//! What a report says, row by row, for a person. Decides what is worth a row; counts nothing.

use crate::budget::percent;
use crate::course::ServerUse;
use crate::crowd::Churned;
use crate::quantity::float;
use crate::report::Report;
use std::fmt;

/// A name, which is empty where a row goes on with what the last one was about, and what is said.
pub type Row = (&'static str, String);

impl Report {
    /// Everything, in order.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = vec![
            ("meetings", self.rooms.to_string()),
            ("peers joined", format!("{} of {}", self.joined, self.peers)),
            ("peers failed", self.failed.to_string()),
        ];
        for (reason, times) in &self.failures {
            rows.push(("", format!("{times} × {reason}")));
        }
        rows.push(("time to join", self.join.to_string()));
        if let Some(churn) = &self.churn {
            let Churned {
                left,
                vanished,
                resumed,
                came_back,
                back,
            } = churn;
            rows.push((
                "went and came back",
                format!("{left} left, {vanished} vanished, {resumed} resumed; {came_back} back"),
            ));
            rows.push(("time to come back", back.to_string()));
        }
        rows.push(("measured for", format!("{:.1} s", self.seconds)));
        if self.packets_received + self.packets_sent + self.tracks_expected > 0 {
            self.add_media_rows(&mut rows);
        }
        if let Some(server) = &self.server {
            server.add_rows(&mut rows);
        }
        rows
    }

    fn add_media_rows(&self, rows: &mut Vec<Row>) {
        if self.tracks_expected > 0 {
            let tracks = format!("{} of {}", self.tracks_received, self.tracks_expected);
            rows.push(("tracks received", tracks));
        }
        if self.first_media.max_ms > 0 {
            rows.push(("first media after", self.first_media.to_string()));
        }
        rows.push(("packets received", self.packets_received.to_string()));
        let lost = format!("{} ({})", self.packets_lost, percent(self.loss));
        rows.push(("packets lost", lost));
        if let Some(dropped @ 1..) = self.dropped_here {
            let reason = format!("{dropped} drops were here: too many peers for this machine");
            rows.push(("", reason));
        }
        rows.push(("packets sent", self.packets_sent.to_string()));
        if self.key_frames > 0 {
            rows.push(("key frames received", self.key_frames.to_string()));
        }
        rows.push(("received", megabits(self.kbps_in)));
        if self.kbps_out > 0 {
            rows.push(("sent", megabits(self.kbps_out)));
        }
        if let (Some(p50), Some(p99)) = (self.latency.p50_ms, self.latency.p99_ms) {
            let latency = format!("{p50:.1} ms median, {p99:.1} ms for 99 %");
            rows.push(("latency", latency));
        }
    }
}

impl ServerUse {
    fn add_rows(&self, rows: &mut Vec<Row>) {
        rows.push(("server CPU", format!("{:.3} cores", self.cores)));
        for (name, cores) in &self.cores_by_thread {
            rows.push(("", format!("{cores:.3} of them {name}")));
        }
        let joining = format!("{:.3} cores", self.cores_joining);
        rows.push(("  while joining", joining));
        if let Some(micros) = self.us_per_packet {
            rows.push(("  a packet", format!("{micros:.2} µs")));
        }
        let [first, most, last] = self.memory_bytes.map(|bytes| float(bytes) / 1e6);
        rows.push((
            "server memory",
            format!(
                "{first:.1} MB at the start, {most:.1} MB at most, {last:.1} MB at the end{}",
                growth(self.memory_growth)
            ),
        ));
        let [first, most, last] = self.descriptors;
        rows.push((
            "server's open files",
            format!(
                "{first} at the start, {most} at most, {last} at the end{}",
                growth(self.descriptors_growth)
            ),
        ));
    }
}

fn growth(growth: Option<f64>) -> String {
    growth.map_or_else(String::new, |growth| {
        format!(
            "; {:+.2} % from the middle to the last third",
            growth * 100.0
        )
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.rows() {
            writeln!(f, "{name:<20}{value}")?;
        }
        Ok(())
    }
}

fn megabits(kbps: u64) -> String {
    format!("{}.{:01} Mbit/s", kbps / 1000, kbps % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_media_says_nothing_of_packets() {
        let text = Report::default().to_string();
        assert!(!text.contains("packets"), "{text}");
    }

    #[test]
    fn what_the_server_used_is_told_by_its_threads() {
        let server = ServerUse {
            cores: 0.5,
            cores_by_thread: [("media".to_owned(), 0.4)].into(),
            memory_growth: Some(0.0123),
            ..ServerUse::default()
        };
        let report = Report {
            server: Some(server),
            ..Report::default()
        };
        let text = report.to_string();
        assert!(text.contains("0.400 of them media"), "{text}");
        assert!(text.contains("+1.23 % from the middle"), "{text}");
    }
}
