//! One simulcast stream of a track: what came, when, and on which clock.

use super::keyframe_requester::KeyframeRequester;
use super::layers::Layers;
use super::nack_generator::{Gap, NackGenerator};
use super::opening::{Opener, Opening};
use super::receive_statistics::ReceiveStatistics;
use super::redundancy::Form;
use super::track::Arrival;
use crate::downlink::packet_cache::PacketCache;
use crate::downlink::rewriter::ClockPoint;
use crate::downlink::sent_packets::low_half;
use crate::rtp::{Extender, Packet, ReplayWindow, Ssrc};
use std::time::{Duration, Instant};

/// Silent for so long, an encoding counts as switched off if its siblings are heard. Half a second
/// is the longest stall a viewer may see (`media.md`, 6).
pub(super) const ALIVE: Duration = Duration::from_millis(500);
/// Heard so recently, an encoding proves that the publisher is sending.
pub(super) const FRESH: Duration = Duration::from_millis(250);

/// One encoding.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// Its name; `None` for a track without simulcast.
    pub(crate) rid: Option<String>,
    /// Known once its first packet came.
    pub(crate) ssrc: Option<Ssrc>,
    /// The stream of its retransmissions, known once its first packet came.
    pub(crate) rtx_ssrc: Option<Ssrc>,
    /// The publisher's last sender report.
    pub(crate) clock: Option<ClockPoint>,
    /// When that report came, for the answer's delay field.
    pub(crate) report_at: Option<Instant>,
    pub(crate) keyframes: KeyframeRequester,
    pub(crate) statistics: ReceiveStatistics,
    pub(crate) layers: Layers,
    pub(crate) nacks: NackGenerator,
    /// What came as one frame, or one packet of video.
    cache: PacketCache,
    /// Sound with copies of earlier frames.
    redundant_cache: PacketCache,
    opening: Opening,
    sequence: Extender,
    /// What came, by itself or repaired: twice the same number must never be sent on.
    seen: ReplayWindow,
    heard_at: Option<Instant>,
}

/// A packet's place in its stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Its extended sequence number.
    pub(crate) sequence: u64,
    /// Whether it is the newest so far.
    pub(crate) newest: bool,
    /// Whether too much before it is missing to be repaired.
    pub(crate) gap: Gap,
}

impl Encoding {
    pub(crate) fn new(rid: Option<String>) -> Self {
        Self {
            rid,
            ssrc: None,
            rtx_ssrc: None,
            clock: None,
            report_at: None,
            keyframes: KeyframeRequester::default(),
            statistics: ReceiveStatistics::default(),
            layers: Layers::default(),
            nacks: NackGenerator::default(),
            cache: PacketCache::default(),
            opening: Opening::default(),
            redundant_cache: PacketCache::default(),
            sequence: Extender::default(),
            seen: ReplayWindow::EMPTY,
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

    /// Accounts a packet; `None` if it came before, or is too old to tell. `repaired` says that it
    /// came as a retransmission, which is no arrival to the statistics: senders adapt to what the
    /// line loses, not to what is left of that.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        clock_rate: u32,
        repaired: bool,
    ) -> Option<Place> {
        let before = self.sequence.newest();
        let sequence = self.sequence.extend(packet.sequence);
        if !self.seen.is_fresh(sequence) {
            return None;
        }
        self.seen.insert(sequence);
        let gap = self.nacks.received(now, sequence, repaired);
        if !repaired {
            self.statistics
                .record(now, sequence, packet.timestamp, clock_rate);
        }
        // Padding keeps a probe going on an encoding that shows nothing.
        if !packet.payload.is_empty() {
            self.heard_at = Some(now);
        }
        Some(Place {
            sequence,
            newest: before.is_none_or(|before| sequence > before),
            gap,
        })
    }

    /// Accounts a packet of which only a copy came, within a later one; false if it came before.
    pub(crate) fn restore(&mut self, now: Instant, sequence: u64) -> bool {
        let is_fresh = self.seen.is_fresh(sequence);
        if is_fresh {
            self.seen.insert(sequence);
            self.nacks.received(now, sequence, false);
        }
        is_fresh
    }

    /// Keeps a packet for those who come next.
    pub(crate) fn remember_opening(&mut self, now: Instant, arrival: &Arrival, payload: &[u8]) {
        let sequence = arrival.incoming.sequence;
        if self.opening.keep(arrival, payload.len()) {
            self.cache.keep(now, low_half(sequence), &[], payload);
        }
        self.cache.hold(self.opening.first().map(low_half));
    }

    /// Keeps nothing of what came so far for those who come next.
    pub(crate) fn forget_opening(&mut self) {
        self.opening.clear();
        self.cache.hold(None);
    }

    /// The bytes and the packets of what is kept for those who come next; `None` if that is not
    /// whole.
    pub(crate) fn opening(&self, ticks_between: u32) -> Option<(usize, Vec<Opener>)> {
        let len = self.opening.complete_len()?;
        let packets: Vec<_> = self.opening.packets(ticks_between).collect();
        let is_kept = |it: &Opener| self.cache.packet(low_half(it.sequence)).is_some();
        packets.iter().all(is_kept).then_some((len, packets))
    }

    /// The payloads that were sent in that form.
    pub(crate) fn cache_of(&self, form: Form) -> &PacketCache {
        match form {
            Form::Plain => &self.cache,
            Form::Redundant => &self.redundant_cache,
        }
    }

    /// Where payloads go that are sent in that form; and beside it the layers.
    pub(crate) fn cache_for(&mut self, form: Form) -> (&mut PacketCache, &Layers) {
        let cache = match form {
            Form::Plain => &mut self.cache,
            Form::Redundant => &mut self.redundant_cache,
        };
        (cache, &self.layers)
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
