//! One simulcast stream of a track: what came, when, and on which clock.

use super::keyframe_requester::KeyframeRequester;
use super::receive_statistics::ReceiveStatistics;
use crate::downlink::rewriter::ClockPoint;
use crate::rtp::{Extender, Packet, Ssrc};
use std::time::{Duration, Instant};

/// Silent for so long, an encoding counts as switched off if its siblings are heard. Half a second
/// is the longest stall a viewer may see (`media.md`, 6).
const ALIVE: Duration = Duration::from_millis(500);
/// Heard so recently, an encoding proves that the publisher is sending.
const FRESH: Duration = Duration::from_millis(250);

/// One encoding.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// Its name; `None` for a track without simulcast.
    pub(crate) rid: Option<String>,
    /// Known once its first packet came.
    pub(crate) ssrc: Option<Ssrc>,
    /// The publisher's last sender report.
    pub(crate) clock: Option<ClockPoint>,
    /// When that report came, for the answer's delay field.
    pub(crate) report_at: Option<Instant>,
    pub(crate) keyframes: KeyframeRequester,
    pub(crate) statistics: ReceiveStatistics,
    sequence: Extender,
    heard_at: Option<Instant>,
}

impl Encoding {
    pub(crate) fn new(rid: Option<String>) -> Self {
        Self {
            rid,
            ssrc: None,
            clock: None,
            report_at: None,
            keyframes: KeyframeRequester::default(),
            statistics: ReceiveStatistics::default(),
            sequence: Extender::default(),
            heard_at: None,
        }
    }

    /// Gives the encoding a stream; a new one starts its numbers afresh.
    pub(crate) fn bind(&mut self, ssrc: Ssrc) {
        let rid = self.rid.take();
        *self = Self {
            ssrc: Some(ssrc),
            ..Self::new(rid)
        };
    }

    /// Accounts a packet and returns its extended sequence number.
    pub(crate) fn receive(&mut self, now: Instant, packet: &Packet<'_>, clock_rate: u32) -> u64 {
        let sequence = self.sequence.extend(packet.sequence);
        self.statistics
            .record(now, sequence, packet.timestamp, clock_rate);
        // Padding keeps a probe going on an encoding that shows nothing.
        if !packet.payload.is_empty() {
            self.heard_at = Some(now);
        }
        sequence
    }

    /// Takes note of a sender report.
    pub(crate) fn report(&mut self, now: Instant, clock: ClockPoint) {
        self.clock = Some(clock);
        self.report_at = Some(now);
    }

    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        self.heard_within(now, ALIVE)
    }

    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        self.heard_within(now, FRESH)
    }

    fn heard_within(&self, now: Instant, time: Duration) -> bool {
        self.heard_at
            .is_some_and(|at| now.duration_since(at) <= time)
    }
}
