//! How busy a worker is: the processor time its thread spends, and a guess at what the rooms that it
//! was just given will add. Knows nothing of what the time is spent on.

use crate::metrics::Sent;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// All of a core.
pub(crate) const WHOLE_PERMILLE: u32 = 1000;
/// What a new room counts for until it is measured: a meeting of six, whose cameras and microphones are
/// some 7,000 packets a second at 3 µs each. It makes a difference by itself, so that rooms which begin
/// together are spread evenly.
const ROOM_PERMILLE: u32 = STEP_PERMILLE;
/// Of what rooms were guessed to add, so much is left a second later: people need some seconds until
/// they are in and send, and by then the load is measured.
const GUESS_KEPT: (u32, u32) = (3, 4);
/// Workers whose loads differ by less are as good as each other, so that the number of their peers
/// decides and not what the last second happened to be like.
const STEP_PERMILLE: u32 = 20;

/// One worker's load, as other threads see it.
#[derive(Debug, Default)]
pub(crate) struct Load {
    measured: AtomicU32,
    guessed: AtomicU32,
    packets: AtomicU64,
    bytes: AtomicU64,
}

/// What a worker did lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Processor time, in permille of a core.
    pub(crate) permille: u32,
    /// Datagrams sent in a second.
    pub(crate) packets: u64,
    /// Bytes of them.
    pub(crate) bytes: u64,
}

impl Work {
    /// Whether there is nothing left that an idle thread must see fade.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Load {
    /// What was measured over the last few seconds, with what new rooms are expected to add.
    pub(crate) fn expected(&self) -> Work {
        let measured = self.measured.load(Ordering::Relaxed);
        Work {
            permille: measured + self.guessed.load(Ordering::Relaxed),
            packets: self.packets.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// The processor time that is to be expected, in steps that make a difference.
    pub(crate) fn steps(&self) -> u32 {
        self.expected().permille / STEP_PERMILLE
    }

    /// A room was placed here.
    pub(crate) fn expect_room(&self) {
        self.guessed.fetch_add(ROOM_PERMILLE, Ordering::Relaxed);
    }

    /// Tells what was measured, which makes up for a part of what was guessed.
    pub(crate) fn tell(&self, work: Work) {
        self.measured.store(work.permille, Ordering::Relaxed);
        self.packets.store(work.packets, Ordering::Relaxed);
        self.bytes.store(work.bytes, Ordering::Relaxed);
        let (kept, of) = GUESS_KEPT;
        let fade = |guessed| Some(guessed * kept / of);
        let faded = self
            .guessed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fade);
        debug_assert!(faded.is_ok(), "it always has a value to fade to");
    }
}

/// Measures on the worker's own thread.
#[derive(Debug)]
pub(crate) struct LoadMeter {
    at: Instant,
    cpu: Duration,
    sent: Sent,
    work: Work,
}

impl LoadMeter {
    /// Begins with nothing spent.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            at: now,
            cpu: Duration::ZERO,
            sent: Sent::default(),
            work: Work::default(),
        }
    }

    /// Takes the processor time that the thread has had in all, and what it has sent. Half of the
    /// processor time it returns is that since the last call, and half what was before, so that one
    /// keyframe storm is no verdict.
    pub(crate) fn note(&mut self, now: Instant, cpu: Duration, sent: Sent) -> Work {
        let time = now.saturating_duration_since(self.at).as_micros();
        if time == 0 {
            return self.work;
        }
        let busy = cpu.saturating_sub(self.cpu).as_micros();
        let lately = (busy * u128::from(WHOLE_PERMILLE) / time).min(u128::from(WHOLE_PERMILLE));
        let lately = u32::try_from(lately).expect("it is at most a thousand");
        let a_second = |count: u64| {
            let rate = u128::from(count) * 1_000_000 / time;
            u64::try_from(rate).unwrap_or(u64::MAX)
        };
        self.work = Work {
            permille: u32::midpoint(self.work.permille, lately),
            packets: a_second(sent.datagrams - self.sent.datagrams),
            bytes: a_second(sent.bytes - self.sent.bytes),
        };
        (self.at, self.cpu, self.sent) = (now, cpu, sent);
        self.work
    }

    /// The processor time up to the last measurement.
    pub(crate) const fn cpu(&self) -> Duration {
        self.cpu
    }
}

/// The processor time that the calling thread has had; zero where the system does not tell.
pub(crate) fn thread_cpu_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn half_of_the_time_on_the_processor_is_half_a_core_after_a_few_seconds() {
        let begin = Instant::now();
        let mut meter = LoadMeter::new(begin);
        let mut sent = Sent::default();
        let mut work = Work::default();
        for second in 1..=10 {
            sent.count_run(50, 4000);
            work = meter.note(begin + SECOND * second, SECOND * second / 2, sent);
        }
        assert!((490..=500).contains(&work.permille), "{work:?}");
        assert_eq!((work.packets, work.bytes), (50, 4000));
    }

    #[test]
    fn a_thread_that_sleeps_is_idle_after_a_while() {
        let begin = Instant::now();
        let mut meter = LoadMeter::new(begin);
        let first = meter.note(begin + SECOND, SECOND, Sent::default());
        assert_eq!(first.permille, WHOLE_PERMILLE / 2);
        let later =
            (2..=11).map(|second| meter.note(begin + SECOND * second, SECOND, Sent::default()));
        assert!(later.last().unwrap().is_nothing());
    }

    #[test]
    fn rooms_count_until_they_are_measured() {
        let load = Load::default();
        assert_eq!(load.steps(), 0);
        for _ in 0..10 {
            load.expect_room();
        }
        assert_eq!(load.steps(), 10);
        for _ in 0..20 {
            load.tell(Work::default());
        }
        assert_eq!(load.steps(), 0);
    }

    #[test]
    fn a_thread_that_works_has_had_processor_time() {
        let before = thread_cpu_time();
        let sum = (0..3_000_000_u64).fold(0, |sum, it| std::hint::black_box(sum ^ it));
        std::hint::black_box(sum);
        assert!(thread_cpu_time() > before);
    }
}
