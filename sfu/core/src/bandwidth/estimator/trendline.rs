//! Whether a queue builds up on the way: the slope of the delay over the last groups of packets,
//! against a threshold that adapts to the link's jitter (draft-ietf-rmcat-gcc-02, section 5.3 and
//! 5.4, with libwebrtc's trendline in place of the Kalman filter). Knows no rates.

use super::arrival_groups::Deltas;

/// Groups a slope is drawn through (libwebrtc).
const SAMPLES: usize = 20;
/// How much of the smoothed delay is the old one (libwebrtc).
const SMOOTHING: f64 = 0.9;
/// Makes the slope comparable to the threshold in milliseconds, with `DELTAS_MAX` (libwebrtc).
const GAIN: f64 = 4.0;
/// So many groups lend the slope its full weight (libwebrtc).
const DELTAS_MAX: u32 = 60;
/// Milliseconds (gcc-02, section 5.4: `del_var_th(0)`).
const THRESHOLD_START: f64 = 12.5;
/// Milliseconds (gcc-02, section 5.4).
const THRESHOLD_MIN: f64 = 6.0;
const THRESHOLD_MAX: f64 = 600.0;
/// Per millisecond: how fast the threshold follows a steeper slope, so that flows with a queue of
/// their own making do not starve this one (gcc-02, section 5.4: `K_u`, with libwebrtc's value).
const THRESHOLD_UP: f64 = 0.0087;
/// Per millisecond: how fast it comes back (gcc-02, section 5.4: `K_d`, with libwebrtc's value).
const THRESHOLD_DOWN: f64 = 0.039;
/// A slope that is so far above, in milliseconds, is a change of route (gcc-02, section 5.4).
const OUTLIER: f64 = 15.0;
/// Longest step of the threshold, in milliseconds (libwebrtc).
const THRESHOLD_STEP_MAX: f64 = 100.0;
/// So long, in milliseconds, the slope must be too steep (gcc-02, section 5.4: `overuse_time_th`).
const OVERUSE_TIME: f64 = 10.0;

/// How the link takes what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// A queue is emptying.
    Under,
    /// Delay stays as it is.
    Normal,
    /// A queue is building up.
    Over,
}

/// The slope and the verdict on it.
#[derive(Debug)]
pub(super) struct Trendline {
    /// Arrival by the receiver's clock in microseconds, smoothed delay in milliseconds.
    samples: [(i64, f64); SAMPLES],
    len: usize,
    next: usize,
    accumulated: f64,
    smoothed: f64,
    deltas: u32,
    threshold: f64,
    threshold_at: Option<i64>,
    overuse: Overuse,
    previous_slope: f64,
    usage: Usage,
}

/// Since when the slope is too steep.
#[derive(Debug, Default)]
struct Overuse {
    time: f64,
    groups: u32,
}

impl Trendline {
    pub(super) const fn new() -> Self {
        Self {
            samples: [(0, 0.0); SAMPLES],
            len: 0,
            next: 0,
            accumulated: 0.0,
            smoothed: 0.0,
            deltas: 0,
            threshold: THRESHOLD_START,
            threshold_at: None,
            overuse: Overuse {
                time: 0.0,
                groups: 0,
            },
            previous_slope: 0.0,
            usage: Usage::Normal,
        }
    }

    pub(super) const fn usage(&self) -> Usage {
        self.usage
    }

    /// Takes the next group.
    pub(super) fn update(&mut self, deltas: &Deltas) {
        self.deltas = (self.deltas + 1).min(DELTAS_MAX);
        self.accumulated += millis(deltas.arrived - deltas.sent);
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        self.samples[self.next] = (deltas.arrived_at, self.smoothed);
        self.next = (self.next + 1) % SAMPLES;
        self.len = (self.len + 1).min(SAMPLES);
        let slope = if self.len == SAMPLES {
            self.slope().unwrap_or(self.previous_slope)
        } else {
            0.0
        };
        let steepness = f64::from(self.deltas) * slope * GAIN;
        self.judge(steepness, slope, millis(deltas.sent));
        self.adapt(steepness, deltas.arrived_at);
    }

    /// The line of least squares; `None` if all arrived at once.
    fn slope(&self) -> Option<f64> {
        let samples = &self.samples[..self.len];
        // The slot that is written next holds the oldest.
        let oldest = self.samples[self.next % self.len].0;
        let count = f64::from(u32::try_from(self.len).expect("at most 20"));
        let (sum_x, sum_y) = samples.iter().fold((0.0, 0.0), |(x, y), sample| {
            (x + millis(sample.0 - oldest), y + sample.1)
        });
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (numerator, denominator) = samples.iter().fold((0.0, 0.0), |(n, d), sample| {
            let x = millis(sample.0 - oldest) - mean_x;
            (n + x * (sample.1 - mean_y), d + x * x)
        });
        (denominator > 0.0).then(|| numerator / denominator)
    }

    fn judge(&mut self, steepness: f64, slope: f64, sent_delta: f64) {
        if steepness > self.threshold {
            // Of the first such group it is not known when it became too steep.
            self.overuse.time += if self.overuse.groups == 0 {
                sent_delta / 2.0
            } else {
                sent_delta
            };
            self.overuse.groups += 1;
            let lasts = self.overuse.time > OVERUSE_TIME && self.overuse.groups > 1;
            if lasts && slope >= self.previous_slope {
                self.overuse = Overuse::default();
                self.usage = Usage::Over;
            }
        } else {
            self.overuse = Overuse::default();
            self.usage = if steepness < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.previous_slope = slope;
    }

    fn adapt(&mut self, steepness: f64, arrived_at: i64) {
        let step = self.threshold_at.map_or(0.0, |at| millis(arrived_at - at));
        self.threshold_at = Some(arrived_at);
        let height = steepness.abs();
        if height > self.threshold + OUTLIER {
            return;
        }
        let speed = if height < self.threshold {
            THRESHOLD_DOWN
        } else {
            THRESHOLD_UP
        };
        let step = step.clamp(0.0, THRESHOLD_STEP_MAX);
        let moved = self.threshold + speed * (height - self.threshold) * step;
        self.threshold = moved.clamp(THRESHOLD_MIN, THRESHOLD_MAX);
    }
}

/// Microseconds as milliseconds. Differences of more than half an hour mean nothing anyway.
fn millis(micros: i64) -> f64 {
    let micros = micros.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    f64::from(i32::try_from(micros).expect("clamped to 32 bits")) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_delay_is_overuse_a_shrinking_one_the_opposite_a_constant_one_neither() {
        for (gained_us, expected) in [
            (2_000, Usage::Over),
            (-2_000, Usage::Under),
            (0, Usage::Normal),
        ] {
            assert_eq!(after(40, |_| gained_us).usage(), expected);
        }
    }

    #[test]
    fn jitter_without_a_trend_is_no_overuse() {
        let mut trendline = Trendline::new();
        let mut random: u32 = 1;
        let mut delay = 0;
        for index in 0..3000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let next = i64::from(random >> 16) % 8_000;
            trendline.update(&Deltas {
                sent: 20_000,
                arrived: 20_000 + next - delay,
                arrived_at: index * 20_000 + next,
            });
            delay = next;
            assert_ne!(trendline.usage(), Usage::Over, "after {index} groups");
        }
    }

    #[test]
    fn the_threshold_stays_within_its_bounds() {
        for gained_us in [2_999_999, -2_999_999, 0] {
            let threshold = after(500, |_| gained_us).threshold;
            assert!((THRESHOLD_MIN..=THRESHOLD_MAX).contains(&threshold));
        }
        let threshold =
            after(500, |index| if index % 2 == 0 { 900_000 } else { -900_000 }).threshold;
        assert!((THRESHOLD_MIN..=THRESHOLD_MAX).contains(&threshold));
    }

    #[test]
    fn groups_that_all_arrive_at_once_have_no_slope_and_do_no_harm() {
        let mut trendline = Trendline::new();
        for _ in 0..100 {
            trendline.update(&Deltas {
                sent: 20_000,
                arrived: 0,
                arrived_at: 5,
            });
        }
        assert!(trendline.previous_slope.is_finite());
    }

    fn after(groups: i64, gained_us: impl Fn(i64) -> i64) -> Trendline {
        let mut trendline = Trendline::new();
        let mut arrived_at = 0;
        for index in 0..groups {
            let arrived = 20_000 + gained_us(index);
            arrived_at += arrived;
            trendline.update(&Deltas {
                sent: 20_000,
                arrived,
                arrived_at,
            });
        }
        trendline
    }
}
