//! What a run was like over time, and what the server used in it. Decides how often to look; knows
//! no participants.

use crate::process::Usage;
use crate::progress::Progress;
use crate::quantity::{count, float};
use anyhow::Context;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a plot can show. When there are more, every other one is forgotten, and from then on one
/// moment of two is noted.
const SAMPLES_MAX: usize = 1_000;
/// Asking for memory walks over all of it and holds its owner up a little, so it is done once a
/// second at most, and about so many times in a long run.
const LOOK_INTERVAL_MIN: Duration = Duration::from_secs(1);
const LOOKS: u32 = 200;
/// A third of a run is judged by at least so many looks.
const LOOKS_PER_THIRD_MIN: usize = 3;

/// One moment of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since the run began.
    pub at_s: f64,
    /// Whether all had joined.
    pub is_measured: bool,
    /// Participants who were in.
    pub joined: u64,
    /// Participants who had failed.
    pub failed: u64,
    /// Packets received so far.
    pub packets: u64,
    /// Packets lost so far.
    pub lost: u64,
    /// Travel time since the last sample that half of the packets kept.
    pub p50_ms: Option<f64>,
    /// Travel time since the last sample that 99 of 100 packets kept.
    pub p99_ms: Option<f64>,
    /// What the server used, if it is watched and was looked at.
    pub server: Option<ServerSample>,
}

/// What the server used up to a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ServerSample {
    /// Seconds of processor time so far.
    pub cpu_s: f64,
    /// Its share of memory (PSS).
    pub memory_bytes: u64,
    /// Open files and sockets.
    pub descriptors: u64,
}

/// What the server used in a whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServerUse {
    /// Cores that it kept busy while participants joined.
    pub cores_joining: f64,
    /// Cores that it kept busy after all had joined.
    pub cores: f64,
    /// The same by the names of its threads.
    pub cores_by_thread: BTreeMap<String, f64>,
    /// Processor time for each packet that participants received after all had joined.
    pub us_per_packet: Option<f64>,
    /// Memory at the start, at most, and at the end.
    pub memory_bytes: [u64; 3],
    /// Open files and sockets at the start, at most, and at the end.
    pub descriptors: [u64; 3],
    /// How much more memory the last third of the run had than the middle one: 0.02 is 2 %.
    pub memory_growth: Option<f64>,
    /// The same of open files and sockets.
    pub descriptors_growth: Option<f64>,
}

/// Notes what a run is like.
pub struct Course {
    started_at: Instant,
    server: Option<u32>,
    looked_at: Option<Instant>,
    /// One moment in so many is noted.
    one_in: u32,
    passed: u32,
    samples: Vec<Sample>,
    first: Option<Look>,
    opened: Option<Look>,
    last: Option<Look>,
}

/// One look at the server.
#[derive(Clone)]
struct Look {
    at: Instant,
    packets: u64,
    usage: Usage,
}

impl Course {
    /// Begins now. `server` is the process to watch, if it runs on this machine.
    pub fn start(server: Option<u32>) -> anyhow::Result<Self> {
        let mut course = Self {
            started_at: Instant::now(),
            server,
            looked_at: None,
            one_in: 1,
            passed: 0,
            // Nobody is in yet, which is where plots begin.
            samples: vec![Sample::default()],
            first: None,
            opened: None,
            last: None,
        };
        if let Some(pid) = server {
            let usage = Usage::of(pid);
            let usage = usage.with_context(|| format!("--server-pid {pid} cannot be watched"))?;
            course.samples[0].server = Some(ServerSample::of(&usage));
            course.keep(Look {
                at: course.started_at,
                packets: 0,
                usage,
            });
        }
        Ok(course)
    }

    /// Notes one moment.
    pub fn note(&mut self, progress: &Progress) {
        let now = Instant::now();
        let opens = self.opened.is_none() && progress.elapsed.is_some();
        let server = (opens || self.look_due(now)).then(|| self.look(now, progress.total.packets));
        if opens {
            self.opened.clone_from(&self.last);
        }
        self.passed += 1;
        if self.passed < self.one_in && !opens {
            return;
        }
        self.passed = 0;
        self.samples.push(Sample {
            at_s: (now - self.started_at).as_secs_f64(),
            is_measured: progress.elapsed.is_some(),
            joined: count(progress.joined),
            failed: count(progress.failed),
            packets: progress.total.packets,
            lost: progress.total.lost,
            p50_ms: progress.latency.p50_ms,
            p99_ms: progress.latency.p99_ms,
            server: server.flatten(),
        });
        if self.samples.len() >= SAMPLES_MAX {
            let mut number = 0;
            self.samples.retain(|_| {
                number += 1;
                number % 2 == 0
            });
            self.one_in *= 2;
        }
    }

    /// What was noted, and what the server used.
    pub fn finish(self) -> (Vec<Sample>, Option<ServerUse>) {
        let server = self.server_use();
        (self.samples, server)
    }

    fn look_due(&self, now: Instant) -> bool {
        let interval = LOOK_INTERVAL_MIN.max((now - self.started_at) / LOOKS);
        self.looked_at.is_none_or(|at| now - at >= interval)
    }

    /// A server that has ended is told by those who lost it, not here.
    fn look(&mut self, now: Instant, packets: u64) -> Option<ServerSample> {
        let usage = Usage::of(self.server?).ok()?;
        let sample = ServerSample::of(&usage);
        self.keep(Look {
            at: now,
            packets,
            usage,
        });
        Some(sample)
    }

    fn keep(&mut self, look: Look) {
        self.looked_at = Some(look.at);
        self.first.get_or_insert_with(|| look.clone());
        self.last = Some(look);
    }

    fn server_use(&self) -> Option<ServerUse> {
        let (first, last) = (self.first.as_ref()?, self.last.as_ref()?);
        let opened = self.opened.as_ref().unwrap_or(last);
        let measured = || {
            let samples = self.samples.iter().filter(|sample| sample.is_measured);
            samples.filter_map(|sample| Some((sample.at_s, sample.server?)))
        };
        let of_all = |value: fn(&ServerSample) -> u64, first: u64, last: u64| {
            let looks = self.samples.iter().filter_map(|sample| sample.server);
            let most = looks
                .map(|look| value(&look))
                .fold(first.max(last), u64::max);
            [first, most, last]
        };
        let packets = last.packets - opened.packets;
        let cpu = cpu_between(opened, last);
        Some(ServerUse {
            cores_joining: cores(cpu_between(first, opened), opened.at - first.at),
            cores: cores(cpu, last.at - opened.at),
            cores_by_thread: cores_by_thread(opened, last),
            us_per_packet: (packets > 0).then(|| cpu.as_secs_f64() * 1e6 / float(packets)),
            memory_bytes: of_all(
                |look| look.memory_bytes,
                first.usage.memory,
                last.usage.memory,
            ),
            descriptors: of_all(
                |look| look.descriptors,
                first.usage.descriptors,
                last.usage.descriptors,
            ),
            memory_growth: growth(measured().map(|(at, look)| (at, float(look.memory_bytes)))),
            descriptors_growth: growth(measured().map(|(at, look)| (at, float(look.descriptors)))),
        })
    }
}

impl ServerSample {
    fn of(usage: &Usage) -> Self {
        Self {
            cpu_s: usage.cpu_time().as_secs_f64(),
            memory_bytes: usage.memory,
            descriptors: usage.descriptors,
        }
    }
}

fn cpu_between(from: &Look, to: &Look) -> Duration {
    let (from, to) = (from.usage.cpu_time(), to.usage.cpu_time());
    to.saturating_sub(from)
}

fn cores(cpu: Duration, time: Duration) -> f64 {
    if time.is_zero() {
        0.0
    } else {
        cpu.as_secs_f64() / time.as_secs_f64()
    }
}

fn cores_by_thread(from: &Look, to: &Look) -> BTreeMap<String, f64> {
    let by_thread = to.usage.cpu.iter().map(|(name, cpu)| {
        let before = from.usage.cpu.get(name).copied().unwrap_or_default();
        (
            name.clone(),
            cores(cpu.saturating_sub(before), to.at - from.at),
        )
    });
    by_thread.collect()
}

/// The average of the last third by that of the middle one, less 1; `None` if there is too little
/// of either. The first third is for filling up what is kept.
fn growth(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let values: Vec<(f64, f64)> = values.collect();
    let (start, end) = (values.first()?.0, values.last()?.0);
    let average = |from: f64, to: f64| {
        let third = values.iter().filter(|(at, _)| from <= *at && *at <= to);
        let third: Vec<f64> = third.map(|(_, value)| *value).collect();
        let sum: f64 = third.iter().sum();
        (third.len() >= LOOKS_PER_THIRD_MIN).then(|| sum / float(count(third.len())))
    };
    let third = (end - start) / 3.0;
    let middle = average(start + third, end - third)?;
    Some(average(end - third, end)? / middle - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_compares_the_last_third_with_the_middle_one() {
        let at = |second: u32, value: f64| (f64::from(second), value);
        let rising = (0..30).map(|second| at(second, if second < 20 { 100.0 } else { 103.0 }));
        let growth_of_rising = growth(rising).unwrap();
        assert!(
            (growth_of_rising - 0.03).abs() < 0.002,
            "{growth_of_rising}"
        );
        let filled = (0..30).map(|second| at(second, if second < 9 { 10.0 } else { 100.0 }));
        assert!(growth(filled).unwrap().abs() < 1e-9);
    }

    #[test]
    fn too_short_a_run_has_no_growth() {
        assert_eq!(growth((0..6).map(|at| (f64::from(at), 1.0))), None);
        assert_eq!(growth(std::iter::empty()), None);
    }

    #[test]
    fn a_long_run_is_noted_more_seldom_and_not_at_more_length() {
        let mut course = Course::start(None).unwrap();
        for packets in 0..5_000 {
            let mut progress = Progress::default();
            progress.total.packets = packets;
            course.note(&progress);
        }
        let (samples, server) = course.finish();
        assert!((SAMPLES_MAX / 4..SAMPLES_MAX).contains(&samples.len()));
        assert!(samples.last().unwrap().packets > 4_980);
        assert_eq!(server, None);
    }

    #[test]
    fn a_watched_process_has_memory_and_descriptors() {
        let mut course = Course::start(Some(std::process::id())).unwrap();
        let measured = Progress {
            elapsed: Some(Duration::ZERO),
            ..Progress::default()
        };
        course.note(&measured);
        let (samples, server) = course.finish();
        let server = server.unwrap();
        assert!(server.memory_bytes[1] >= server.memory_bytes[0]);
        assert!(server.descriptors[2] >= 3);
        assert_eq!(server.us_per_packet, None);
        assert!(samples[0].server.is_some());
    }

    #[test]
    fn who_cannot_be_watched_is_told_before_the_run() {
        assert!(Course::start(Some(u32::MAX)).is_err());
    }
}
