//! One subscriber's line: how much it carries, how much of it may be used now, and what goes into
//! it. `README.md` in this folder tells the whole, with the reason and source of every constant.
//! Knows packets by their sizes alone.
//!
//! # Layout
//! - [`estimator`]: how much the line carries.
//! - [`probe`]: when and how it is tried whether it carries more.
//! - [`steady`]: what of it can be relied on.
//! - [`backoff`]: what it has just shown not to carry.
//! - [`pacer`]: how much video leaves in one turn.
//! - [`allocator`]: which layer each subscription gets.

pub mod allocator;
pub mod backoff;
pub mod estimator;
pub mod pacer;
pub mod probe;
pub mod steady;

use crate::rtp::SequenceNumber;
use crate::rtp::rtcp::TransportFeedback;
use crate::units::Bitrate;
use allocator::Budget;
use backoff::Backoff;
use estimator::{ESTIMATE_START, Estimator};
use pacer::Pacer;
use probe::{Conditions, Prober};
use std::time::{Duration, Instant};
use steady::SteadyEstimate;

/// A line that was full within this time is taken to be narrow still: when it has become wider, the
/// first to try it is the key frame of the next better picture, which would fill it in one burst.
const NARROW_FOR: Duration = Duration::from_mins(1);

/// Everything that is known of one subscriber's line. Takes 17 kB at the beginning and no more.
#[derive(Debug)]
pub struct Bandwidth {
    estimator: Estimator,
    prober: Prober,
    pacer: Pacer,
    steady: SteadyEstimate,
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
            estimate: self.estimator.estimate(),
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

    /// What may be given to subscriptions.
    pub fn budget(&self, now: Instant) -> Budget {
        let estimate = if self.pacer.has_burst(now) {
            self.estimator.kept()
        } else {
            self.estimator.estimate()
        };
        Budget {
            estimate,
            steady: self.backoff.bound(now, self.steady.rate()),
        }
    }

    /// Whether anything is known that an allocation could go by.
    pub fn is_known(&self) -> bool {
        self.estimator.is_known()
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
        let lately = |at| now.saturating_duration_since(at) < NARROW_FOR;
        let is_narrow = self.full_at.is_some_and(lately);
        self.pacer.set_line(now, estimate, is_narrow);
    }
}
