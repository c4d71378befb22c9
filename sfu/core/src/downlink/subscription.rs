//! One track on its way to one peer: which encoding, under which numbers, in which section.

use super::layer_selector::{LayerSelector, Selected};
use super::loss_watch::LossWatch;
use super::repair::{Again, Repair};
use super::rewriter::{Incoming, Rewriter, Rewritten};
use super::sent_packets::{Intervals, Refused, SentPacket, SentPackets};
use crate::engine::PeerKey;
use crate::rtp::{HeaderFields, SequenceNumber};
use crate::uplink::audience::Ear;
use crate::uplink::redundancy::Form;
use std::time::Instant;

/// What one subscriber gets of a track. It forwards once it is bound to a media section.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) peer: PeerKey,
    /// Where the subscriber listens.
    pub(crate) ear: Ear,
    /// The media stream the client files it under.
    pub(crate) stream: String,
    /// The payload type of the section it is bound to; `None` until an answer names it.
    pub(crate) payload_type: Option<u8>,
    /// Whether its peer is connected. What is forwarded before is lost, and a key frame with it.
    pub(crate) is_open: bool,
    /// How the subscriber takes sound.
    pub(crate) form: Form,
    pub(crate) selector: LayerSelector,
    pub(crate) rewriter: Rewriter,
    pub(crate) repair: Repair,
    /// The header extension of transport-wide numbers; `None` if the subscriber does not tell of
    /// packets by them.
    pub(crate) transport_cc: Option<u8>,
    pub(crate) sent: SentPackets,
    /// How much of it is lost on the way.
    pub(crate) losses: LossWatch,
    /// The last sender report: the middle of its NTP time, and when it left.
    pub(crate) reported: Option<(u32, Instant)>,
}

impl Subscription {
    pub(crate) fn new(peer: PeerKey, ear: Ear, stream: String, rewriter: Rewriter) -> Self {
        Self {
            peer,
            ear,
            stream,
            payload_type: None,
            is_open: false,
            form: Form::Plain,
            selector: LayerSelector::new(),
            rewriter,
            repair: Repair::Never,
            transport_cc: None,
            sent: SentPackets::default(),
            losses: LossWatch::default(),
            reported: None,
        }
    }

    /// The packet as this subscriber shall get it, with its payload type; `None` if not at all.
    /// `switchable` says that a decoder can start with it.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        switchable: bool,
    ) -> Option<(u8, Rewritten)> {
        let payload_type = self.payload_type.filter(|_| self.is_open)?;
        match self.selector.select(incoming.encoding, switchable) {
            Selected::Drop => return None,
            Selected::Switch => self.rewriter.switch(now, incoming),
            Selected::Continue => {}
        }
        Some((payload_type, self.rewriter.rewrite(now, incoming)?))
    }

    /// Takes note of a packet that was sent, for reports and for sending it again.
    pub(crate) fn sent(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        rewritten: &Rewritten,
        marker: bool,
        payload_len: usize,
    ) {
        self.rewriter.sent(payload_len);
        if self.is_repairable() {
            self.sent.remember(now, incoming, rewritten, marker);
        }
    }

    /// The packet that the subscriber misses, if it may be sent again now. Counts as sent again.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        number: SequenceNumber,
        intervals: Intervals,
    ) -> Result<SentPacket, Refused> {
        let packet = self.sent.ask(now, number, intervals)?;
        self.losses.asked(now);
        Ok(packet)
    }

    /// Whether the subscriber may ask for packets again.
    pub(crate) fn is_repairable(&self) -> bool {
        self.repair != Repair::Never
    }

    /// Writes a packet that was sent before, to be sent again; its payload goes into `out`.
    pub(crate) fn again(
        &mut self,
        packet: &SentPacket,
        payload: &[u8],
        extensions: &[(u8, &[u8])],
        out: &mut Vec<u8>,
    ) -> Option<Again> {
        let fields = HeaderFields {
            marker: packet.marker,
            payload_type: self.payload_type?,
            sequence: packet.rewritten.sequence,
            timestamp: packet.rewritten.timestamp,
            ssrc: self.rewriter.ssrc,
        };
        self.repair
            .write(packet, (fields, extensions), payload, out)
    }

    /// Whether this encoding is forwarded, or waited for.
    pub(crate) fn wants(&self, encoding: usize) -> bool {
        let selected = [self.selector.current(), self.selector.awaited()];
        self.forwards() && selected.contains(&Some(encoding))
    }

    /// Whether anything can be sent at all.
    pub(crate) fn forwards(&self) -> bool {
        self.payload_type.is_some() && self.is_open
    }
}
