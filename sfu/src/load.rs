//! How busy a worker is: the processor time its thread spends, and a guess at what the rooms that it
//! was just given will add. Knows nothing of what the time is spent on.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// All of a core.
pub(crate) const WHOLE_PERMILLE: u32 = 1000;
/// What a new room counts for until it is measured: a meeting of four, whose cameras and
/// microphones are some 3,000 packets a second at 3 µs each.
const ROOM_PERMILLE: u32 = 10;
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
}

impl Load {
    /// What was measured, in permille of a core, over the last few seconds.
    pub(crate) fn permille(&self) -> u32 {
        self.measured.load(Ordering::Relaxed)
    }

    /// What is to be expected, in steps that make a difference.
    pub(crate) fn steps(&self) -> u32 {
        let guessed = self.guessed.load(Ordering::Relaxed);
        (self.permille() + guessed) / STEP_PERMILLE
    }

    /// A room was placed here.
    pub(crate) fn expect_room(&self) {
        self.guessed.fetch_add(ROOM_PERMILLE, Ordering::Relaxed);
    }

    /// Tells what was measured, which makes up for a part of what was guessed.
    pub(crate) fn tell(&self, permille: u32) {
        self.measured.store(permille, Ordering::Relaxed);
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
    permille: u32,
}

impl LoadMeter {
    /// Begins with nothing spent.
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            at: now,
            cpu: Duration::ZERO,
            permille: 0,
        }
    }

    /// Takes the processor time that the thread has had in all; returns the load in permille of a
    /// core: half of it is the time since the last call, and half what was before, so that one
    /// keyframe storm is no verdict.
    pub(crate) fn note(&mut self, now: Instant, cpu: Duration) -> u32 {
        let time = now.saturating_duration_since(self.at).as_micros();
        if time == 0 {
            return self.permille;
        }
        let spent = cpu.saturating_sub(self.cpu).as_micros();
        let lately = (spent * u128::from(WHOLE_PERMILLE) / time).min(u128::from(WHOLE_PERMILLE));
        let lately = u32::try_from(lately).expect("it is at most a thousand");
        self.permille = u32::midpoint(self.permille, lately);
        (self.at, self.cpu) = (now, cpu);
        self.permille
    }

    /// Whether there is still something that an idle thread must see fade.
    pub(crate) const fn is_idle(&self) -> bool {
        self.permille == 0
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
        let mut permille = 0;
        for second in 1..=10 {
            permille = meter.note(begin + SECOND * second, SECOND * second / 2);
        }
        assert!((490..=500).contains(&permille), "{permille}");
    }

    #[test]
    fn a_thread_that_sleeps_is_idle_after_a_while() {
        let begin = Instant::now();
        let mut meter = LoadMeter::new(begin);
        assert_eq!(meter.note(begin + SECOND, SECOND), WHOLE_PERMILLE / 2);
        for second in 2..=11 {
            meter.note(begin + SECOND * second, SECOND);
        }
        assert!(meter.is_idle());
    }

    #[test]
    fn rooms_count_until_they_are_measured() {
        let load = Load::default();
        assert_eq!(load.steps(), 0);
        for _ in 0..10 {
            load.expect_room();
        }
        assert_eq!(load.steps(), 5);
        for _ in 0..20 {
            load.tell(0);
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
