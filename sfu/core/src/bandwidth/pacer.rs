//! How many bytes of video may leave for one subscriber in one turn. Counts bytes and holds no
//! packets: see `downlink::waiting`. A turn's packets leave together, so that runs of equal packets
//! stay long.

use super::probe::{Cluster, ClusterId};
use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// Video leaves a narrow line at up to so many hundredths of the estimate. What is sent faster than
/// the line carries waits there all the same, with the sound behind it, and is taken for congestion:
/// key frames of 126 kB on 2 Mbit/s, estimated at 2.1, did so at 120. libwebrtc's senders use 250.
const PACE_PERCENT: u64 = 100;
/// What may leave in one turn: so much time at the pace, which is how long sound waits behind it,
const TURN_TIME: Duration = Duration::from_millis(20);
/// but at least two packets of 1200 bytes,
const TURN_BYTES_MIN: u64 = 2_400;
/// and at most what one segmented send takes.
const TURN_BYTES_MAX: u64 = 64_000;
/// Everything that waits leaves within this time, whatever the estimate: a picture that is later
/// than its sound by more is worse than a queue on the way. Key frames of cameras are a third of a
/// second of their bitrate.
const WAITING_MAX: Duration = Duration::from_millis(500);
/// What takes longer than this to leave is a key frame,
const BURST_TIME: Duration = Duration::from_millis(100);
/// and for so long it counts as one: the line is used to its limit until all of it has left.
const BURST_FOR: Duration = Duration::from_secs(3);
/// How far ahead a probe's packets are sent, so that they need not be looked at all the time.
const PROBE_STEP: Duration = Duration::from_millis(5);

/// The pace of one subscriber.
#[derive(Debug)]
pub struct Pacer {
    pace: Bitrate,
    /// Whether the estimate is what the line carries, and not merely what was needed of it so far.
    is_narrow: bool,
    /// Bytes that left before their time.
    ahead_bytes: u64,
    updated_at: Instant,
    /// When so much last waited as is a key frame.
    burst_at: Option<Instant>,
    probe: Option<Probe>,
}

#[derive(Debug)]
struct Probe {
    cluster: Cluster,
    started_at: Instant,
    sent_bytes: u64,
}

impl Pacer {
    /// A pacer for a line of this estimate, of which nothing worse is known.
    pub fn new(now: Instant, estimate: Bitrate) -> Self {
        Self {
            pace: estimate.percent(PACE_PERCENT),
            is_narrow: false,
            ahead_bytes: 0,
            updated_at: now,
            burst_at: None,
            probe: None,
        }
    }

    /// The line changed. On one that is not narrow nothing waits: it may carry far more than the
    /// estimate, and then waiting would cost time for nothing.
    pub fn set_line(&mut self, now: Instant, estimate: Bitrate, is_narrow: bool) {
        self.catch_up(now, self.pace);
        if is_narrow && !self.is_narrow {
            // Where the line was not yet known to be narrow, what left is in its queue, which the
            // estimate takes into account.
            self.ahead_bytes = 0;
        }
        self.pace = estimate.percent(PACE_PERCENT);
        self.is_narrow = is_narrow;
    }

    /// Whether a packet of video may leave at once, if none waits before it. Sound is not asked for:
    /// it always leaves.
    pub fn is_free(&mut self, now: Instant) -> bool {
        if !self.is_narrow {
            return true;
        }
        self.catch_up(now, self.pace);
        self.ahead_bytes < turn_bytes(self.pace)
    }

    /// How many bytes of what waits may leave together now, with so many waiting.
    pub fn turn(&mut self, now: Instant, waiting_bytes: u64) -> u64 {
        if !self.is_narrow {
            return TURN_BYTES_MAX;
        }
        if waiting_bytes > self.pace.bytes_in(BURST_TIME) {
            self.burst_at = Some(now);
        }
        let pace = self.pace.max(Bitrate::of(waiting_bytes, WAITING_MAX));
        self.catch_up(now, pace);
        if self.ahead_bytes > 0 {
            return 0;
        }
        turn_bytes(pace)
    }

    /// Whether a key frame waits, or did a moment ago.
    pub fn has_burst(&self, now: Instant) -> bool {
        let lately = |at| now.saturating_duration_since(at) < BURST_FOR;
        self.burst_at.is_some_and(lately)
    }

    /// Counts a packet that leaves, of sound as well. Returns the probe it is part of.
    pub fn sent(&mut self, size: usize) -> Option<ClusterId> {
        let bytes = u64::try_from(size).expect("a size fits");
        self.ahead_bytes = self.ahead_bytes.saturating_add(bytes);
        let probe = self.probe.as_mut()?;
        probe.sent_bytes += bytes;
        let id = probe.cluster.id;
        if probe.sent_bytes >= probe.cluster.bytes {
            self.probe = None;
        }
        Some(id)
    }

    /// Begins a probe: what is sent from here on belongs to it, and padding fills it up.
    pub fn start_probe(&mut self, now: Instant, cluster: Cluster) {
        self.probe = Some(Probe {
            cluster,
            started_at: now,
            sent_bytes: 0,
        });
    }

    /// Whether a probe waits to be sent, wholly or in part.
    pub const fn is_probing(&self) -> bool {
        self.probe.is_some()
    }

    /// How many bytes of padding, or of repeated packets, a probe needs now.
    pub fn padding_due(&self, now: Instant) -> u64 {
        let Some(probe) = &self.probe else { return 0 };
        let passed = now.saturating_duration_since(probe.started_at) + PROBE_STEP;
        let due = probe.cluster.rate.bytes_in(passed).min(probe.cluster.bytes);
        due.saturating_sub(probe.sent_bytes)
    }

    /// When the next turn is, with so many bytes waiting.
    pub fn next_turn_at(&self, waiting_bytes: u64) -> Instant {
        if !self.is_narrow {
            return self.updated_at;
        }
        let pace = self.pace.max(Bitrate::of(waiting_bytes, WAITING_MAX));
        self.updated_at + time_of(self.ahead_bytes, pace)
    }

    fn catch_up(&mut self, now: Instant, pace: Bitrate) {
        let passed = now.saturating_duration_since(self.updated_at);
        self.updated_at = now;
        self.ahead_bytes = self.ahead_bytes.saturating_sub(pace.bytes_in(passed));
    }
}

fn turn_bytes(pace: Bitrate) -> u64 {
    pace.bytes_in(TURN_TIME)
        .clamp(TURN_BYTES_MIN, TURN_BYTES_MAX)
}

fn time_of(bytes: u64, rate: Bitrate) -> Duration {
    Duration::from_micros(bytes.saturating_mul(8_000_000) / rate.as_bps().max(1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bandwidth::estimator::Usage;
    use crate::bandwidth::probe::{Conditions, Prober};
    use crate::test_clock::start;

    const ESTIMATE: Bitrate = Bitrate::from_kbps(800);

    #[test]
    fn on_a_line_that_was_never_full_nothing_waits() {
        let now = start();
        let mut pacer = Pacer::new(now, ESTIMATE);
        (0..500).for_each(|_| {
            assert!(pacer.is_free(now));
            assert_eq!(pacer.sent(1200), None);
        });
        assert_eq!(pacer.turn(now, 9000), TURN_BYTES_MAX);
        assert_eq!(pacer.next_turn_at(9000), now);
    }

    #[test]
    fn a_frame_leaves_in_turns_on_a_narrow_line() {
        let now = start();
        let mut pacer = narrow(now, ESTIMATE);
        let together = (0..20).take_while(|_| {
            let is_free = pacer.is_free(now);
            assert_eq!(pacer.sent(1200), None);
            is_free
        });
        assert_eq!(together.count(), 2);
        assert_eq!(pacer.turn(now, 20_000), 0);
        let at = pacer.next_turn_at(20_000);
        let expected = time_of(3600, ESTIMATE.percent(PACE_PERCENT));
        assert_eq!(at, now + expected);
        assert_eq!(pacer.turn(at, 20_000), TURN_BYTES_MIN);
    }

    #[test]
    fn what_waits_leaves_within_half_a_second_whatever_the_estimate() {
        let mut now = start();
        let mut pacer = narrow(now, Bitrate::from_kbps(30));
        let mut waiting: u64 = 60_000;
        let mut ticks = 0;
        while waiting > 0 {
            let turn = pacer.turn(now, 60_000).min(waiting);
            for _ in 0..turn.div_ceil(1200) {
                pacer.sent(1200);
            }
            waiting -= turn;
            now += Duration::from_millis(5);
            ticks += 1;
        }
        assert!(ticks <= 100, "{ticks} ticks of 5 ms");
    }

    #[test]
    fn a_key_frame_is_told_from_the_frames_that_follow_it() {
        let now = start();
        let mut pacer = narrow(now, ESTIMATE);
        pacer.turn(now, 6_000);
        assert!(!pacer.has_burst(now));
        pacer.turn(now, 20_000);
        assert!(pacer.has_burst(now + BURST_FOR / 2));
        assert!(!pacer.has_burst(now + BURST_FOR));
    }

    #[test]
    fn sound_counts_but_is_never_asked_to_wait() {
        let now = start();
        let mut pacer = narrow(now, ESTIMATE);
        (0..100).for_each(|_| assert_eq!(pacer.sent(120), None));
        assert!(!pacer.is_free(now), "video pays for it");
    }

    #[test]
    fn what_left_before_a_line_was_known_to_be_narrow_is_not_paid_for() {
        let now = start();
        let mut pacer = Pacer::new(now, ESTIMATE);
        (0..500).for_each(|_| assert_eq!(pacer.sent(1200), None));
        pacer.set_line(now, ESTIMATE, true);
        assert!(pacer.is_free(now));
    }

    #[test]
    fn a_probe_is_filled_up_at_its_rate_and_media_counts_in_it() {
        let now = start();
        let mut pacer = Pacer::new(now, ESTIMATE);
        let conditions = Conditions {
            estimate: ESTIMATE,
            wanted: ESTIMATE.percent(900),
            usage: Usage::Normal,
            queue_delay: Duration::ZERO,
            congested_at: None,
        };
        let cluster = Prober::new(now, 1).next(now, &conditions).unwrap();
        assert_eq!(pacer.padding_due(now), 0);
        pacer.start_probe(now, cluster);
        assert_eq!(pacer.padding_due(now), 1000, "1.6 Mbit/s for 5 ms");
        assert_eq!(pacer.sent(400), Some(cluster.id));
        assert_eq!(pacer.padding_due(now), 600);
        let mut padding = 0;
        let mut at = now;
        while pacer.padding_due(at) > 0 {
            while pacer.padding_due(at) > 0 {
                assert_eq!(pacer.sent(200), Some(cluster.id));
                padding += 200;
            }
            at += Duration::from_millis(5);
        }
        assert_eq!(padding + 400, cluster.bytes, "30 ms of it");
        assert_eq!(pacer.sent(200), None, "it is over");
    }

    fn narrow(now: Instant, estimate: Bitrate) -> Pacer {
        let mut pacer = Pacer::new(now, estimate);
        pacer.set_line(now, estimate, true);
        pacer
    }
}
