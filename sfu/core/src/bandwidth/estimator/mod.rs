//! How much one subscriber's line carries, judged by what the subscriber tells of the packets that
//! were sent to it (draft-ietf-rmcat-gcc-02; every constant is explained in the `README.md` of
//! `bandwidth`). Knows sizes and times of packets, not what is in them.
//!
//! # Layout
//! - `sent_packets`: what was sent under which number.
//! - `arrival_groups`, `trendline`: whether a queue builds up.
//! - `queue_delay`: how long it is.
//! - `rate_control`, `loss_control`: what delay and what loss allow.
//! - `remb`: what is made of a client's own estimate, if it tells nothing else.
//! - `throughput`: what is sent, and what arrives.

mod arrival_groups;
mod loss_control;
mod queue_delay;
mod rate_control;
mod remb;
mod sent_packets;
mod throughput;
mod trendline;

pub use trendline::Usage;

use super::probe::{Cluster, ClusterId, Measurement, ProbeResult};
use crate::rtp::SequenceNumber;
use crate::rtp::rtcp::TransportFeedback;
use crate::units::Bitrate;
use arrival_groups::{ArrivalGroups, Grouped};
use loss_control::LossControl;
use queue_delay::QueueDelay;
use rate_control::{Observation, RateControl};
use remb::Remb;
use sent_packets::{News, SentPackets, Told};
use std::time::{Duration, Instant};
use throughput::Throughput;
use trendline::Trendline;

/// What is assumed of a line before anything is known: sound and one good picture. Others start
/// with 600 kbit/s to 2.5 Mbit/s; the first probe follows with the first feedback.
pub const ESTIMATE_START: Bitrate = Bitrate::from_kbps(1000);
/// The least that is ever said: sound alone at its smallest.
pub const ESTIMATE_MIN: Bitrate = Bitrate::from_kbps(30);
/// The most that is ever said: more than a grid of 25 pictures and a screen need. It bounds what a
/// client that lies about arrivals can make a server send.
pub const ESTIMATE_MAX: Bitrate = Bitrate::from_kbps(20_000);
/// Until a feedback tells (libwebrtc's default).
const ROUND_TRIP_START: Duration = Duration::from_millis(200);
/// Longer ones are a suspended client, not a line.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(2);
/// Less than this share of the estimate being sent, its use says little (libwebrtc's 65 %).
const APPLICATION_LIMITED_PERCENT: u64 = 65;
/// A queue below this is jitter, or a frame that is larger than the one before: it is no reason to
/// go down, for it empties by itself between frames.
const QUEUE_TOLERATED: Duration = Duration::from_millis(25);
/// After congestion, the queue it left shall be empty in about this time, so the estimate is lower
/// by the queue's share of it; never by more than half, because a queue may be of somebody else's
/// making.
const DRAIN_TIME: Duration = Duration::from_secs(1);
const DRAIN_PERCENT_MAX: u64 = 50;
/// So long after congestion a queue is taken for its remainder. Later ones are key frames, which
/// pass by themselves.
const DRAIN_UNTIL: Duration = Duration::from_secs(3);
/// With a queue up to this, what is given already may take so many hundredths of what arrived when the
/// queue built up: a tenth less empties 100 ms in a second. A key frame on a line that is used to four
/// fifths would cost the picture otherwise.
const KEPT_QUEUE_MAX: Duration = Duration::from_millis(100);
const KEPT_PERCENT: u64 = 90;
/// Feedback is due every 100 ms; after so much silence beyond the round trip the line may be gone.
const SILENCE: Duration = Duration::from_millis(500);
/// Each such silence leaves so much of the estimate.
const SILENCE_PERCENT: u64 = 80;
/// Silence counts while at least so many packets wait to be told of.
const SILENCE_PACKETS_MIN: u64 = 10;
/// Reference times count modulo 2²⁴.
const REFERENCE_TIMES: i64 = 1 << 24;
/// Ticks of 250 µs in a reference time of 64 ms.
const TICKS_PER_REFERENCE: i64 = 256;

/// The estimate of one line.
#[derive(Debug)]
pub struct Estimator {
    packets: SentPackets,
    groups: ArrivalGroups,
    trendline: Trendline,
    queue: QueueDelay,
    rate: RateControl,
    loss: LossControl,
    sent: Throughput,
    acknowledged: Throughput,
    measurement: Option<Measurement>,
    round_trip: Option<Duration>,
    /// The last reference time, without wraps.
    reference: Option<i64>,
    feedback_at: Option<Instant>,
    silent_since: Instant,
    /// The newest packet that anything was told of.
    told: Option<u64>,
    /// `None` until the client says anything of itself.
    remb: Option<Remb>,
}

impl Estimator {
    /// An estimator that knows nothing yet but a rate to begin with, see [`ESTIMATE_START`].
    pub fn new(now: Instant, start: Bitrate) -> Self {
        Self {
            packets: SentPackets::new(now),
            groups: ArrivalGroups::default(),
            trendline: Trendline::new(),
            queue: QueueDelay::default(),
            rate: RateControl::new(now, start.clamp(ESTIMATE_MIN, ESTIMATE_MAX)),
            loss: LossControl::new(now),
            sent: Throughput::default(),
            acknowledged: Throughput::default(),
            measurement: None,
            round_trip: None,
            reference: None,
            feedback_at: None,
            silent_since: now,
            told: None,
            remb: None,
        }
    }

    /// Takes note of a packet that is sent; `size` is in bytes on the wire. Numbers count up by one
    /// over all packets that carry one. `cluster` names the probe that the packet belongs to.
    pub fn sent(
        &mut self,
        now: Instant,
        number: SequenceNumber,
        size: usize,
        cluster: Option<ClusterId>,
    ) {
        self.packets.sent(now, number, size, cluster);
        let bytes = u64::try_from(size).expect("a size fits");
        self.sent.add(self.packets.micros(now), bytes);
    }

    /// Takes note that a packet was sent again under the same number.
    pub fn repeated(&mut self, number: SequenceNumber) {
        self.packets.repeated(number);
    }

    /// Measures the arrival of a probe; one at a time.
    pub fn measure(&mut self, cluster: Cluster) {
        self.measurement = Some(Measurement::new(cluster));
    }

    /// Takes what the subscriber tells. Returns what a probe has shown, once it is known.
    pub fn feedback(
        &mut self,
        now: Instant,
        feedback: &TransportFeedback<'_>,
    ) -> Option<ProbeResult> {
        let offset = self.reference_offset(feedback.reference_time);
        let mut newest_sent_at = None;
        for (number, arrival) in feedback.statuses() {
            let Some(told) = self.packets.told(now, number, arrival.is_some()) else {
                continue;
            };
            self.told = self.told.max(Some(told.number));
            match told.news {
                News::Arrived => self.loss.arrived(),
                News::ArrivedAfterAll => self.loss.arrived_after_all(),
                News::Lost => self.loss.lost(),
            }
            // Of what was sent twice, nobody knows which arrived.
            if let Some(arrival) = arrival.filter(|_| !told.is_repeated) {
                newest_sent_at = newest_sent_at.max(Some(told.sent_at));
                self.arrived(&told, arrival.as_micros() + offset);
            }
        }
        if let Some(sent_at) = newest_sent_at {
            self.note_round_trip(self.packets.age(now, sent_at));
        }
        (self.feedback_at, self.silent_since) = (Some(now), now);
        self.sent.advance_to(self.packets.micros(now));
        self.queue.close();
        self.update(now);
        self.take_probe_result()
    }

    /// Takes the client's own estimate (draft-alvestrand-rmcat-remb-03). It counts only while no
    /// transport-wide feedback has come: it follows more slowly.
    pub fn remb(&mut self, now: Instant, rate: Bitrate) {
        self.remb
            .get_or_insert_with(|| Remb::new(now))
            .take(now, rate);
    }

    /// Takes the share of packets that the client says were lost, in 256ths (RFC 3550, section
    /// 6.4.1). It counts only for a client that gives its own estimate and nothing better.
    pub fn reported_loss(&mut self, now: Instant, fraction: u8) {
        if let Some(remb) = &mut self.remb {
            remb.lost(now, fraction);
        }
    }

    /// Notices silence. To be called every 25 ms or so.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.sent.advance_to(self.packets.micros(now));
        if let Some(remb) = &mut self.remb {
            remb.handle_timeout(now);
        }
        let untold = self.packets.newest().zip(self.told);
        let waiting = untold.is_some_and(|(newest, told)| newest - told >= SILENCE_PACKETS_MIN);
        if !waiting {
            self.silent_since = now;
        }
        let silent = now.saturating_duration_since(self.silent_since);
        if self.feedback_at.is_some() && silent > SILENCE + self.round_trip() {
            self.silent_since = now;
            self.rate.shrink(now, SILENCE_PERCENT);
        }
    }

    /// How much the line carries.
    pub fn estimate(&self) -> Bitrate {
        if let (None, Some(remb)) = (self.feedback_at, &self.remb) {
            return remb.limit();
        }
        let target = self.rate.target();
        let target = self.loss.limit().map_or(target, |limit| target.min(limit));
        target.percent(100 - self.drain_percent()).max(ESTIMATE_MIN)
    }

    /// How much may go on being sent: after a step down for a short queue more than the estimate,
    /// which is lower than the line for a while so that the queue empties. What is kept lets it empty
    /// too if it is less than the line carried a moment ago.
    pub fn kept(&self) -> Bitrate {
        let estimate = self.estimate();
        let congested_at = self.rate.decreased_at();
        let lately = congested_at
            .zip(self.feedback_at)
            .is_some_and(|(at, now)| now.saturating_duration_since(at) < DRAIN_UNTIL);
        if !lately || self.queue.delay() >= KEPT_QUEUE_MAX || self.loss.limit().is_some() {
            return estimate;
        }
        let arrived = self.rate.arrived_at_decrease();
        estimate.max(arrived.percent(KEPT_PERCENT))
    }

    /// What arrives, once enough is told of it.
    pub(super) fn arrived_rate(&self) -> Option<Bitrate> {
        self.acknowledged.rate()
    }

    /// Whether much less is sent than the line would carry, so that its use says little of it.
    pub fn is_application_limited(&self) -> bool {
        let enough = self.estimate().percent(APPLICATION_LIMITED_PERCENT);
        self.sent.rate().is_none_or(|sent| sent < enough)
    }

    /// How the line takes what is sent.
    pub const fn usage(&self) -> Usage {
        self.trendline.usage()
    }

    /// How long packets stand in a queue.
    pub fn queue_delay(&self) -> Duration {
        self.queue.delay()
    }

    /// From sending a packet to being told of it, with the receiver's wait for its next feedback.
    pub fn round_trip(&self) -> Duration {
        self.round_trip.unwrap_or(ROUND_TRIP_START)
    }

    /// Packets lost of late, in thousandths.
    pub const fn loss_permille(&self) -> u64 {
        self.loss.loss()
    }

    /// When the estimate last went down because the line did not carry it.
    pub fn congested_at(&self) -> Option<Instant> {
        let remb = self.remb.as_ref().and_then(Remb::lowered_at);
        let measured = self.rate.decreased_at().max(self.loss.decreased_at());
        if self.has_feedback() { measured } else { remb }
    }

    /// Whether the line has shown where it ends, so that the estimate is what it carries and not
    /// merely what was sent over it.
    pub const fn is_full(&self) -> bool {
        self.rate.is_capacity_known() || self.loss.limit().is_some()
    }

    /// Whether there has been feedback for long enough to judge by.
    pub fn is_known(&self) -> bool {
        if self.has_feedback() {
            self.acknowledged.rate().is_some()
        } else {
            self.remb.is_some()
        }
    }

    /// Whether transport-wide feedback comes at all.
    pub const fn has_feedback(&self) -> bool {
        self.feedback_at.is_some()
    }

    fn drain_percent(&self) -> u64 {
        let (Some(congested_at), Some(feedback_at)) = (self.rate.decreased_at(), self.feedback_at)
        else {
            return 0;
        };
        if feedback_at.saturating_duration_since(congested_at) > DRAIN_UNTIL {
            return 0;
        }
        let queue = self.queue.delay().saturating_sub(QUEUE_TOLERATED);
        let share = queue.as_millis() * 100 / DRAIN_TIME.as_millis();
        u64::try_from(share)
            .unwrap_or(u64::MAX)
            .min(DRAIN_PERCENT_MAX)
    }

    fn arrived(&mut self, told: &Told, arrived_at: i64) {
        self.acknowledged.add(arrived_at, told.size);
        self.queue.receive(told.sent_at, arrived_at);
        match self.groups.receive(told.sent_at, arrived_at) {
            Grouped::Same => {}
            Grouped::Complete(deltas) => self.trendline.update(&deltas),
            Grouped::Jumped => {
                self.trendline = Trendline::new();
                self.queue.restart();
            }
        }
        let of_probe = self
            .measurement
            .as_mut()
            .filter(|measurement| Some(measurement.id()) == told.cluster);
        if let Some(measurement) = of_probe {
            measurement.arrived(told.sent_at, arrived_at, told.size);
        }
    }

    fn update(&mut self, now: Instant) {
        let queued = self.queue.delay() >= QUEUE_TOLERATED;
        let usage = match self.usage() {
            Usage::Over if !queued => Usage::Under,
            usage @ (Usage::Under | Usage::Normal | Usage::Over) => usage,
        };
        // The slope is drawn through twenty groups, which come the later the longer the queue.
        let usage = if self.queue.is_rising() {
            Usage::Over
        } else {
            usage
        };
        let seen = Observation {
            usage,
            acknowledged: self.acknowledged.rate(),
            round_trip: self.round_trip(),
            application_limited: self.is_application_limited(),
            queued,
        };
        self.rate.update(now, &seen);
        self.loss
            .update(now, self.rate.target(), seen.round_trip, queued);
    }

    fn take_probe_result(&mut self) -> Option<ProbeResult> {
        let result = self.measurement.as_ref()?.result()?;
        self.measurement = None;
        // What a queue holds up is no measure of what fits besides it.
        if self.usage() != Usage::Over {
            self.rate.raise_to(result.rate);
            self.loss.raise_to(result.rate, self.rate.target());
        }
        Some(result)
    }

    /// What is to be added to arrivals, in microseconds, because reference times wrapped.
    fn reference_offset(&mut self, reference: u32) -> i64 {
        let reference = i64::from(reference);
        let last = self.reference.unwrap_or(reference);
        let half = REFERENCE_TIMES / 2;
        let moved = (reference - last + half).rem_euclid(REFERENCE_TIMES) - half;
        let unwrapped = last + moved;
        self.reference = Some(unwrapped);
        (unwrapped - reference) * TICKS_PER_REFERENCE * 250
    }

    fn note_round_trip(&mut self, sample: Duration) {
        let sample = sample.min(ROUND_TRIP_MAX);
        // RFC 6298, section 2.3: an eighth of the new.
        let smoothed = self.round_trip.map_or(sample, |old| (old * 7 + sample) / 8);
        self.round_trip = Some(smoothed);
    }
}
