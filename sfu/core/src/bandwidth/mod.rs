//! One subscriber's line: how much it carries, how much of it may be used now, and what goes into
//! it. `README.md` in this folder tells the whole, with the reason and source of every constant.
//! Knows packets by their sizes alone.
//!
//! # Layout
//! - [`estimator`]: how much the line carries.
//! - [`probe`]: when and how it is tried whether it carries more.
//! - [`steady`]: what of it can be relied on.
//! - [`shown`]: what it has been seen to carry of late.
//! - `steps`: what both count in.
//! - [`backoff`]: what it has just shown not to carry.
//! - [`pacer`]: how much video leaves in one turn.
//! - [`allocator`]: which layer each subscription gets.

pub mod allocator;
pub mod backoff;
pub mod estimator;
pub mod pacer;
pub mod probe;
pub mod shown;
pub mod steady;
mod steps;

use crate::rtp::SequenceNumber;
use crate::rtp::rtcp::TransportFeedback;
use crate::units::Bitrate;
use allocator::Budget;
use backoff::{Backoff, OTHER_LINE_PERCENT};
use estimator::{ESTIMATE_MIN, ESTIMATE_START, Estimator};
use pacer::Pacer;
use probe::{Conditions, Prober};
use shown::ShownRate;
use std::time::{Duration, Instant};
use steady::SteadyEstimate;

/// A line that was full within this time is taken to be narrow still: when it has become wider, the
/// first to try it is the key frame of the next better picture, which would fill it in one burst.
const NARROW_FOR: Duration = Duration::from_mins(1);

/// Of a line that was ever full no more is given anew than so many hundredths of what it has shown of
/// late; for more it is probed first. Its estimate may be of a time before it became narrower, which
/// does not show while less is sent: a picture three times as large would then cost half a second of
/// sound and two seconds of pictures (`make quality`, row 4). It is what the estimate itself may be
/// ahead of what arrives, and room for a layer that came and went meanwhile.
const AHEAD_PERCENT: u64 = 125;

/// Everything that is known of one subscriber's line. Takes 3 kB at the beginning and 26 kB at most.
#[derive(Debug)]
pub struct Bandwidth {
    estimator: Estimator,
    prober: Prober,
    pacer: Pacer,
    steady: SteadyEstimate,
    shown: ShownRate,
    backoff: Backoff,
    /// When it was last seen to be full.
    full_at: Option<Instant>,
}

impl Bandwidth {
    /// A line of which nothing is known yet. `luck` is any number, another one for each subscriber.
    pub fn new(now: Instant, luck: u32) -> Self {
        Self {
            estimator: Estimator::new(now, ESTIMATE_START),
            prober: Prober::new(now, luck),
            pacer: Pacer::new(now, ESTIMATE_START),
            steady: SteadyEstimate::new(now, ESTIMATE_START),
            shown: ShownRate::new(now),
            backoff: Backoff::default(),
            full_at: None,
        }
    }

    /// Takes note of a packet that is sent, of sound, video or padding; `size` is in bytes on the
    /// wire. Numbers count up by one.
    pub fn sent(&mut self, now: Instant, number: SequenceNumber, size: usize) {
        let cluster = self.pacer.sent(size);
        self.estimator.sent(now, number, size, cluster);
    }

    /// Takes note that a packet was sent again under the same number: when it arrives says nothing
    /// from here on.
    pub fn repeated(&mut self, number: SequenceNumber) {
        self.estimator.repeated(number);
    }

    /// Takes what the subscriber tells of packets.
    pub fn feedback(&mut self, now: Instant, feedback: &TransportFeedback<'_>) {
        let was_known = self.is_known();
        if let Some(result) = self.estimator.feedback(now, feedback) {
            self.prober.handle_result(now, &result);
            self.shown.record(now, result.rate);
            let another = self.steady.rate().percent(OTHER_LINE_PERCENT);
            if !result.saturated && result.rate >= another {
                self.steady = SteadyEstimate::new(now, self.estimator.estimate());
            }
        }
        if let Some(arrived) = self.estimator.arrived_rate() {
            self.shown.record(now, arrived);
        }
        if !was_known && self.is_known() {
            // What was assumed of the line is no measure of how steady it is.
            self.steady = SteadyEstimate::new(now, self.estimator.estimate());
        }
        self.settle(now);
    }

    /// Takes the subscriber's own estimate (draft-alvestrand-rmcat-remb-03), for clients that give
    /// no other feedback.
    pub fn remb(&mut self, now: Instant, rate: Bitrate) {
        self.estimator.remb(now, rate);
        self.settle(now);
    }

    /// Takes the share of packets that a report of the subscriber says were lost, in 256ths.
    pub fn reported_loss(&mut self, now: Instant, fraction: u8) {
        self.estimator.reported_loss(now, fraction);
        self.settle(now);
    }

    /// An allocation changed: something was given more, or taken away for want of bandwidth.
    pub const fn backoff(&mut self) -> &mut Backoff {
        &mut self.backoff
    }

    /// What is due by the clock, every 25 ms or so. `wanted` is how much would be sent if the line
    /// carried everything, see [`allocator::Allocation`].
    pub fn handle_timeout(&mut self, now: Instant, wanted: Bitrate) {
        self.estimator.handle_timeout(now);
        self.settle(now);
        // Without feedback nobody would tell what a probe has shown.
        if !self.estimator.has_feedback() {
            return;
        }
        let conditions = Conditions {
            estimate: self.trusted(now, self.estimator.estimate()),
            wanted,
            usage: self.estimator.usage(),
            queue_delay: self.estimator.queue_delay(),
            congested_at: self.estimator.congested_at(),
        };
        if let Some(cluster) = self.prober.next(now, &conditions) {
            self.estimator.measure(cluster);
            self.pacer.start_probe(now, cluster);
        }
    }

    /// What may be given to subscriptions, which were `given` so much last.
    pub fn budget(&self, now: Instant, given: Bitrate) -> Budget {
        let estimate = if self.pacer.has_burst(now) {
            self.estimator.kept()
        } else {
            self.estimator.estimate()
        };
        let bound = |rate| self.trusted(now, self.backoff.bound(now, rate));
        Budget {
            estimate,
            steady: bound(self.steady.rate()),
            brief: bound(self.steady.brief()),
            given,
        }
    }

    /// What of a rate may be used without trying first.
    fn trusted(&self, now: Instant, rate: Bitrate) -> Bitrate {
        if self.full_at.is_some() && self.estimator.has_feedback() {
            let shown = self.shown.rate(now).percent(AHEAD_PERCENT);
            rate.min(shown.max(ESTIMATE_MIN))
        } else {
            rate
        }
    }

    /// Whether anything is known that an allocation could go by.
    pub fn is_known(&self) -> bool {
        self.estimator.is_known()
    }

    /// Whether the line was full of late, so that the estimate is what it carries and not merely what
    /// was needed of it so far.
    pub fn is_narrow(&self, now: Instant) -> bool {
        let lately = |at| now.saturating_duration_since(at) < NARROW_FOR;
        self.full_at.is_some_and(lately)
    }

    /// Whether a probe waits to be sent.
    pub const fn is_probing(&self) -> bool {
        self.pacer.is_probing()
    }

    /// What is known of the line.
    pub const fn estimator(&self) -> &Estimator {
        &self.estimator
    }

    /// What may leave now.
    pub const fn pacer(&mut self) -> &mut Pacer {
        &mut self.pacer
    }

    /// When the next turn of what waits is, with so many bytes waiting.
    pub fn next_turn_at(&self, waiting_bytes: u64) -> Instant {
        self.pacer.next_turn_at(waiting_bytes)
    }

    fn settle(&mut self, now: Instant) {
        let estimate = self.estimator.estimate();
        self.steady.record(now, estimate);
        if self.estimator.is_full() || self.prober.is_saturated() {
            self.full_at = Some(now);
        }
        self.pacer.set_line(now, estimate, self.is_narrow(now));
    }
}
