//! How many bytes may leave for one subscriber in one turn. Counts bytes and holds no packets; it
//! never splits what one turn may send, so that runs of equal packets stay long.

use super::probe::{Cluster, ClusterId};
use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// Video leaves at up to so many hundredths of the estimate: a key frame, which is five to ten
/// times a usual frame, is not held back for long, and a queue on the way stays short. libwebrtc's
/// senders use 250; what is forwarded here was paced by its publisher already.
const PACE_PERCENT: u64 = 200;
/// What may leave in one turn: so much time at the pace,
const TURN_TIME: Duration = Duration::from_millis(20);
/// but at least five packets of 1200 bytes, the usual frame of a top layer (`media.md`, 3), so that
/// a frame stays one run,
const TURN_BYTES_MIN: u64 = 6_000;
/// and at most what one segmented send takes.
const TURN_BYTES_MAX: u64 = 64_000;
/// Video waits no longer: rather a queue on the way than a conversation that lags.
const WAITING_MAX: Duration = Duration::from_millis(250);
/// How far ahead a probe's packets are sent, so that they need not be looked at all the time.
const PROBE_STEP: Duration = Duration::from_millis(5);

/// The pace of one subscriber.
#[derive(Debug)]
pub struct Pacer {
    pace: Bitrate,
    /// Bytes that left before their time.
    ahead_bytes: u64,
    updated_at: Instant,
    probe: Option<Probe>,
}

#[derive(Debug)]
struct Probe {
    cluster: Cluster,
    started_at: Instant,
    sent_bytes: u64,
}

impl Pacer {
    /// A pacer for a line of this estimate.
    pub fn new(now: Instant, estimate: Bitrate) -> Self {
        Self {
            pace: estimate.percent(PACE_PERCENT),
            ahead_bytes: 0,
            updated_at: now,
            probe: None,
        }
    }

    /// The line changed.
    pub fn set_estimate(&mut self, now: Instant, estimate: Bitrate) {
        self.catch_up(now, self.pace);
        self.pace = estimate.percent(PACE_PERCENT);
    }

    /// How many bytes of video may leave together now, with so many waiting. Sound is not asked
    /// for: it always leaves.
    pub fn turn(&mut self, now: Instant, waiting_bytes: u64) -> u64 {
        let pace = self.pace.max(Bitrate::of(waiting_bytes, WAITING_MAX));
        self.catch_up(now, pace);
        if self.ahead_bytes > 0 {
            return 0;
        }
        pace.bytes_in(TURN_TIME)
            .clamp(TURN_BYTES_MIN, TURN_BYTES_MAX)
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

    /// When to ask again: while a probe is under way, or with video waiting.
    pub fn next_timeout(&self, waiting_bytes: u64) -> Option<Instant> {
        let probe_at = self.probe.as_ref().map(|_| self.updated_at + PROBE_STEP);
        let pace = self.pace.max(Bitrate::of(waiting_bytes, WAITING_MAX));
        let paced_at =
            (waiting_bytes > 0).then(|| self.updated_at + time_of(self.ahead_bytes, pace));
        match (probe_at, paced_at) {
            (Some(probe_at), Some(paced_at)) => Some(probe_at.min(paced_at)),
            (at, None) | (None, at) => at,
        }
    }

    fn catch_up(&mut self, now: Instant, pace: Bitrate) {
        let passed = now.saturating_duration_since(self.updated_at);
        self.updated_at = now;
        self.ahead_bytes = self.ahead_bytes.saturating_sub(pace.bytes_in(passed));
    }
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
    fn a_frame_leaves_together_and_the_next_one_when_it_is_paid_for() {
        let now = start();
        let mut pacer = Pacer::new(now, ESTIMATE);
        assert_eq!(pacer.turn(now, 0), TURN_BYTES_MIN);
        (0..5).for_each(|_| assert_eq!(pacer.sent(1200), None));
        assert_eq!(pacer.turn(now, 0), 0);
        let paid_at = now + Duration::from_millis(30);
        assert_eq!(pacer.turn(paid_at, 0), TURN_BYTES_MIN);
    }

    #[test]
    fn what_waits_leaves_within_a_quarter_of_a_second_whatever_the_estimate() {
        let mut now = start();
        let mut pacer = Pacer::new(now, Bitrate::from_kbps(30));
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
        assert!(ticks <= 50, "{ticks} ticks of 5 ms");
    }

    #[test]
    fn sound_counts_but_is_never_asked_to_wait() {
        let now = start();
        let mut pacer = Pacer::new(now, ESTIMATE);
        (0..100).for_each(|_| assert_eq!(pacer.sent(120), None));
        assert_eq!(pacer.turn(now, 0), 0, "video pays for it");
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

    #[test]
    fn the_next_turn_is_told_when_something_waits() {
        let now = start();
        let mut pacer = Pacer::new(now, ESTIMATE);
        assert_eq!(pacer.next_timeout(0), None);
        pacer.turn(now, 6_000);
        (0..5).for_each(|_| assert_eq!(pacer.sent(1200), None));
        let at = pacer.next_timeout(1200).unwrap();
        assert!(pacer.turn(at, 1200) > 0);
    }
}
