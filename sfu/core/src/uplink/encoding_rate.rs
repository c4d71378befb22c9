//! How many bits and frames per second a layer takes, smoothed so that a key frame is no jump. Knows
//! bytes and the time, not what is encoded.

use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// The rate is taken anew this often.
const STEP: Duration = Duration::from_millis(100);
/// The mean goes over so many steps: two seconds, in which a key frame is a tenth of the bits.
const STEPS: u64 = 20;

/// The rates of one layer.
#[derive(Debug, Default)]
pub(crate) struct EncodingRate {
    bytes: u64,
    frames: u64,
    since: Option<Instant>,
    mean_bps: u64,
    /// Thousandths of a frame per second.
    mean_millihertz: u64,
    steps: u64,
    /// The mean before the publisher last stopped sending the layer.
    before: Option<Bitrate>,
}

impl EncodingRate {
    /// Counts a packet's bytes, as they will be on a subscriber's line.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes += u64::try_from(bytes).expect("a packet is small");
    }

    /// Counts a frame, at whichever of its packets.
    pub(crate) fn count_frame(&mut self) {
        self.frames += 1;
    }

    /// Ends a step, if it lasted long enough.
    pub(crate) fn close(&mut self, now: Instant) {
        if self.before.is_some() && self.steps == 0 && self.bytes == 0 {
            self.since = Some(now); // It has not come yet.
            return;
        }
        let passed = now.duration_since(*self.since.get_or_insert(now));
        if passed < STEP {
            return;
        }
        let sample = Bitrate::of(std::mem::take(&mut self.bytes), passed).as_bps();
        let frames = std::mem::take(&mut self.frames);
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        let millihertz = frames * 1_000_000_000 / micros;
        self.since = Some(now);
        self.steps = (self.steps + 1).min(STEPS);
        self.mean_bps = (self.mean_bps * (self.steps - 1) + sample) / self.steps;
        self.mean_millihertz = (self.mean_millihertz * (self.steps - 1) + millihertz) / self.steps;
    }

    /// The layer will not be sent for a while.
    pub(crate) fn remember(&mut self) {
        if self.steps >= STEPS / 2 {
            self.before = Some(Bitrate::from_bps(self.mean_bps));
        }
    }

    /// The layer will be sent again.
    pub(crate) fn begin_anew(&mut self) {
        *self = Self {
            before: self.before,
            since: self.since,
            ..Self::default()
        };
    }

    /// Frames per second; `None` until the mean means something.
    pub(crate) fn frames_per_second(&self) -> Option<u8> {
        let rounded = (self.mean_millihertz + 500) / 1000;
        (self.steps >= STEPS / 2).then(|| u8::try_from(rounded).unwrap_or(u8::MAX))
    }

    /// The mean; until it means something, what the layer took before it was last stopped or what
    /// the publisher `announced`, if that is more.
    pub(crate) fn rate(&self, announced: Bitrate) -> Bitrate {
        let mean = Bitrate::from_bps(self.mean_bps);
        if self.steps < STEPS / 2 {
            mean.max(self.before.unwrap_or(announced))
        } else {
            mean
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    #[test]
    fn a_layer_that_comes_again_is_expected_to_take_what_it_took() {
        let mut rate = EncodingRate::default();
        let mut now = start();
        let mut pass = |rate: &mut EncodingRate, steps: usize, bytes: usize| {
            for _ in 0..steps {
                rate.count(bytes);
                now += STEP;
                rate.close(now);
            }
            rate.rate(Bitrate::from_kbps(2000)).as_bps() / 1000
        };
        pass(&mut rate, 1, 0);
        assert_eq!(pass(&mut rate, 40, 12_500), 1000);
        rate.remember();
        pass(&mut rate, 100, 0);
        rate.begin_anew();
        assert_eq!(pass(&mut rate, 30, 0), 1000, "it has not come yet");
        assert_eq!(pass(&mut rate, 5, 6250), 1000, "a moment says little");
        assert_eq!(pass(&mut rate, 10, 6250), 500);
    }

    #[test]
    fn a_key_frame_is_no_jump_and_the_first_second_is_what_was_announced() {
        let mut rate = EncodingRate::default();
        let mut now = start();
        let announced = Bitrate::from_kbps(2000);
        rate.close(now);
        for step in 0..40 {
            rate.count(if step == 30 { 62_500 } else { 12_500 });
            for _ in 0..3 - step % 2 {
                rate.count_frame();
            }
            now += STEP;
            rate.close(now);
            let expected = match step {
                0..9 => 2000..=2000,
                9..30 => 1000..=1000,
                _ => 1100..=1200,
            };
            let kbps = rate.rate(announced).as_bps() / 1000;
            assert!(expected.contains(&kbps), "{kbps} kbit/s at step {step}");
        }
        assert!(
            rate.frames_per_second()
                .is_some_and(|frames| (24..=26).contains(&frames))
        );
    }
}
