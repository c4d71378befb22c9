//! One track on its way to one peer: which encoding, under which numbers, in which section.

use super::available::Available;
use super::decode_targets::Dependencies;
use super::layer::Layer;
use super::layer_filter::LayerFilter;
use super::layer_selector::{LayerSelector, Selected};
use super::loss_watch::LossWatch;
use super::repair::{Again, Repair};
use super::rewriter::{Incoming, Rewriter, Rewritten};
use super::sent_packets::{Intervals, Refused, SentPacket, SentPackets};
use crate::engine::PeerKey;
use crate::rtp::{HeaderFields, SequenceNumber};
use crate::units::Codec;
use crate::uplink::audience::Ear;
use crate::uplink::redundancy::Form;
use std::time::Instant;

/// A packet as a subscriber shall get it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forwarded {
    pub(crate) payload_type: u8,
    pub(crate) rewritten: Rewritten,
    /// Whether it only fills the place of one that is left out, and has no payload.
    pub(crate) is_filler: bool,
    /// How it carries sound.
    pub(crate) form: Form,
    /// Its number on the line, once it has one.
    pub(crate) number: Option<u16>,
    /// Whether nothing more of its picture follows.
    pub(crate) ends_picture: bool,
}

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
    /// The codec it waits for, because its client decodes none of those that are sent.
    pub(crate) lacks: Option<Codec>,
    /// Whether its peer is connected. What is forwarded before is lost, and a key frame with it.
    pub(crate) is_open: bool,
    /// How the subscriber gets sound.
    pub(crate) form: Form,
    /// How it could get it as well, and under which payload type.
    pub(crate) other_form: Option<(Form, u8)>,
    pub(crate) selector: LayerSelector,
    /// What of the selected encoding is forwarded.
    pub(crate) filter: LayerFilter,
    pub(crate) rewriter: Rewriter,
    pub(crate) repair: Repair,
    /// The header extension of transport-wide numbers; `None` if the subscriber does not tell of
    /// packets by them.
    pub(crate) transport_cc: Option<u8>,
    /// The header extension of dependency descriptors, if the subscriber reads them.
    pub(crate) dependency_id: Option<u8>,
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
            lacks: None,
            is_open: false,
            form: Form::Plain,
            other_form: None,
            selector: LayerSelector::new(),
            filter: LayerFilter::Everything,
            rewriter,
            repair: Repair::Never,
            transport_cc: None,
            dependency_id: None,
            sent: SentPackets::default(),
            losses: LossWatch::default(),
            reported: None,
        }
    }

    /// What this subscriber shall get of a packet, if anything. `switchable` says that a decoder can
    /// start with it.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        switchable: bool,
        dependencies: Option<&Dependencies>,
    ) -> Option<Forwarded> {
        let payload_type = self.payload_type.filter(|_| self.is_open)?;
        match self.selector.select(incoming.encoding, switchable) {
            Selected::Drop => return None,
            Selected::Switch => {
                self.rewriter.switch(now, incoming);
                self.filter.restart(incoming);
            }
            // What is left out is left out from the beginning of a picture.
            Selected::Continue if self.selector.is_shed() && self.begins_later(incoming) => {
                return None;
            }
            Selected::Continue => {}
        }
        let wanted = self.selector.place();
        let verdict = self.filter.judge(wanted, incoming, dependencies);
        let rewritten = if verdict.taken {
            self.rewriter.rewrite(now, incoming)?
        } else {
            self.rewriter.leave_out(now, incoming)?
        };
        Some(Forwarded {
            payload_type,
            rewritten,
            is_filler: !verdict.taken,
            form: self.form,
            number: None,
            ends_picture: verdict.ends_picture,
        })
    }

    /// Sends sound in that form from here on, if the subscriber takes it.
    pub(crate) fn send_as(&mut self, form: Form) {
        let Some((other, payload_type)) = self.other_form.filter(|(other, _)| *other == form)
        else {
            return;
        };
        let before = self.payload_type.replace(payload_type);
        self.other_form = before.map(|payload_type| (self.form, payload_type));
        self.form = other;
    }

    /// Whether the subscriber takes sound in that form.
    pub(crate) fn takes(&self, form: Form) -> bool {
        self.form == form || self.other_form.is_some_and(|(other, _)| other == form)
    }

    fn payload_type_of(&self, form: Form) -> Option<u8> {
        let other = self.other_form.filter(|(other, _)| *other == form);
        other.map_or(self.payload_type, |(_, payload_type)| Some(payload_type))
    }

    /// Whether a packet is of a later picture than all that were forwarded.
    fn begins_later(&self, incoming: &Incoming) -> bool {
        let timestamp = self.rewriter.timestamp(incoming.timestamp);
        let ahead = timestamp.wrapping_sub(self.rewriter.newest_timestamp());
        ahead.cast_signed() > 0
    }

    /// The layer that is forwarded.
    pub(crate) fn layer(&self, available: &[Available]) -> Option<Layer> {
        let encoding = self.selector.current()?;
        let place = self.filter.place();
        let is_it = |step: &Available| {
            step.encoding == encoding
                && (step.is_whole || place.is_none_or(|place| place.spatial == step.spatial))
        };
        let spatial = available.iter().position(is_it)?;
        let highest = available[spatial].temporal_max;
        Some(Layer {
            spatial,
            temporal: place.map_or(highest, |place| place.temporal.min(highest)),
        })
    }

    /// Whether what is forwarded of the encoding is larger than what is aimed at.
    pub(crate) fn has_too_large(&self) -> bool {
        let aim = self.selector.place().spatial;
        self.filter.place().is_some_and(|place| place.spatial > aim)
    }

    /// The encoding whose key frame is waited for.
    pub(crate) fn awaited(&self) -> Option<usize> {
        let within = || {
            self.selector
                .current()
                .filter(|_| self.filter.awaits_keyframe())
        };
        self.selector.awaited().or_else(within)
    }

    /// Takes note of a packet that was sent, for reports and for sending it again.
    pub(crate) fn sent(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        forwarded: &Forwarded,
        marker: bool,
        payload_len: usize,
    ) {
        self.rewriter.sent(payload_len);
        if self.is_repairable() {
            self.sent.remember(now, incoming, forwarded, marker);
        }
    }

    /// The packet that the subscriber misses, if it may be sent again now. Counts as sent again.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        number: SequenceNumber,
        intervals: Intervals,
    ) -> Result<SentPacket, Refused> {
        self.sent.ask(now, number, intervals)
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
        let fields = self.fields(packet, self.payload_type_of(packet.form)?);
        self.repair
            .write(packet, (fields, extensions), payload, out)
    }

    /// Writes a packet that waited until now, to be sent for the first time.
    pub(crate) fn first(
        &self,
        packet: &SentPacket,
        payload: &[u8],
        extensions: &[(u8, &[u8])],
        out: &mut Vec<u8>,
    ) -> Option<Again> {
        let fields = self.fields(packet, self.payload_type?);
        Repair::Same.write(packet, (fields, extensions), payload, out)
    }

    /// The header of a packet as it is sent.
    pub(crate) fn fields(&self, packet: &SentPacket, payload_type: u8) -> HeaderFields {
        HeaderFields {
            marker: packet.marker,
            payload_type,
            sequence: packet.rewritten.sequence,
            timestamp: packet.rewritten.timestamp,
            ssrc: self.rewriter.ssrc,
        }
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
