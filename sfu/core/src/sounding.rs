//! Sends each frame of sound in the form that each subscriber takes, and what was lost on the way
//! here as soon as a copy of it comes. How forms are made is in `uplink::redundancy`.
//!
//! What comes with copies goes on as it is, unless somebody loses so much of it that more copies are
//! needed: then all who take them get one more, because each payload is made and kept once for all.
//! A narrow line gets none while it loses nothing.

use crate::downlink::line::Line;
use crate::downlink::loss_watch::LossWatch;
use crate::downlink::repair::LOSSY_PERMILLE;
use crate::engine::{Engine, TrackKey};
use crate::outbox::Outbox;
use crate::rtp::payload::red::Redundant;
use crate::sdp::OfferedCodec;
use crate::stats::Drop;
use crate::uplink::redundancy::{COPIES, COPIES_MAX, Form};
use crate::uplink::track::{Arrival, Track};
use std::time::Instant;

impl Engine {
    /// Sends one packet of sound to everyone, and to some once more what came before it.
    pub(crate) fn forward_sound(
        &mut self,
        now: Instant,
        key: TrackKey,
        arrival: &Arrival,
        payload: &mut [u8],
        out: &mut Outbox,
    ) {
        match arrival.form {
            _ if !self.tracks[key].spec.redundancy => {
                self.send_to_subscribers(now, key, arrival, payload, out);
            }
            Form::Plain => self.send_frame(now, key, arrival, payload, out),
            Form::Redundant => self.send_redundant(now, key, arrival, payload, out),
        }
        self.repeat_sound(now, key, out);
    }

    /// Sends a frame that came without copies: as it is, and with copies of what we sent before.
    fn send_frame(
        &mut self,
        now: Instant,
        key: TrackKey,
        arrival: &Arrival,
        frame: &mut [u8],
        out: &mut Outbox,
    ) {
        self.send_form(now, key, arrival, frame, out);
        if self.tracks[key].is_taken_as(Form::Redundant) {
            self.send_with_copies(now, key, arrival, frame, out);
            self.tracks[key].remember(arrival, frame);
        }
    }

    /// Sends a frame together with copies of those before it, to those who take that.
    fn send_with_copies(
        &mut self,
        now: Instant,
        key: TrackKey,
        arrival: &Arrival,
        frame: &[u8],
        out: &mut Outbox,
    ) {
        let track = &self.tracks[key];
        let copies = if track.has_lossy_listeners(now) {
            COPIES_MAX
        } else {
            COPIES
        };
        let place = (arrival.incoming.sequence, arrival.incoming.timestamp);
        let mut payload = std::mem::take(&mut self.redundant);
        track.redundancy.write(&mut payload, copies, place, frame);
        let arrival = Arrival {
            form: Form::Redundant,
            ..*arrival
        };
        self.send_form(now, key, &arrival, &mut payload, out);
        self.redundant = payload;
    }

    /// Sends a packet that came with copies, after those of its copies that were missing.
    fn send_redundant(
        &mut self,
        now: Instant,
        key: TrackKey,
        arrival: &Arrival,
        payload: &mut [u8],
        out: &mut Outbox,
    ) {
        let codec = self.tracks[key]
            .section
            .as_ref()
            .map(|section| section.payload_type);
        let usable = |it: &Redundant<'_>| Some(it.payload_type) == codec && !it.primary.is_empty();
        let Some(redundant) = Redundant::parse(payload).filter(usable) else {
            return self.stats.drop_because(Drop::UnusablePayload);
        };
        let copies = redundant.blocks().len();
        let primary_at = payload.len() - redundant.primary.len();
        let mut end = primary_at
            - redundant
                .blocks()
                .map(|block| block.frame.len())
                .sum::<usize>();
        for index in 0..copies {
            // Read again each time: what is sent is written to, and the headers stay as they are.
            let parsed = Redundant::parse(payload).and_then(|it| it.blocks().nth(index));
            let block = parsed.expect("it was read before");
            let (offset, payload_type) = (block.offset, block.payload_type);
            let start = end;
            end += block.frame.len();
            // Copies stand in the order of their packets, the last right before the primary.
            let behind = u64::try_from(copies - index).expect("a packet is short");
            if start == end {
                continue;
            }
            let copy = (payload_type, offset, behind);
            if let Some(restored) = self.tracks[key].restore_copy(now, arrival, copy) {
                self.stats.packets_restored += 1;
                self.send_frame(now, key, &restored, &mut payload[start..end], out);
            }
        }
        if self.tracks[key].has_lossy_listeners(now) {
            self.send_with_copies(now, key, arrival, &payload[primary_at..], out);
        } else {
            self.send_form(now, key, arrival, payload, out);
        }
        let frame = &mut payload[primary_at..];
        if self.tracks[key].is_taken_as(Form::Redundant) {
            self.tracks[key].remember(arrival, frame);
        }
        let plain = Arrival {
            form: Form::Plain,
            ..*arrival
        };
        self.send_form(now, key, &plain, frame, out);
    }

    /// Sends a payload to all who get it in this form.
    fn send_form(
        &mut self,
        now: Instant,
        key: TrackKey,
        arrival: &Arrival,
        payload: &mut [u8],
        out: &mut Outbox,
    ) {
        let redundancy = &mut self.tracks[key].redundancy;
        redundancy.count(arrival.form, payload.len());
        self.send_to_subscribers(now, key, arrival, payload, out);
    }
}

/// In which form sound suits a line. Copies nearly double what it takes: 50 of 130 kbit/s on a line of
/// 300, which paid for them with its only picture (`make quality`, row 5). What a full line loses is
/// not made good by sending more.
pub(crate) fn form_on(now: Instant, line: &Line, watch: &LossWatch) -> Form {
    let lost_permille = line.bandwidth.estimator().loss_permille();
    let loses = watch.is_lossy(now) || lost_permille >= LOSSY_PERMILLE;
    if line.bandwidth.is_narrow(now) && (!loses || line.is_full(now)) {
        Form::Plain
    } else {
        Form::Redundant
    }
}

impl Track {
    /// How a subscriber takes this track, and under which payload type. Within redundant payloads
    /// Opus has one payload type for all: the publisher's, if it sends such payloads itself, else
    /// that of the first subscriber who takes them.
    pub(crate) fn form_for(&mut self, offered: &OfferedCodec) -> (Form, u8) {
        let own = self
            .section
            .as_ref()
            .filter(|section| section.red.is_some());
        let own = own.map_or(offered.payload_type, |section| section.payload_type);
        match offered.red.filter(|_| self.spec.redundancy) {
            Some(red)
                if self.redundancy.payload_type.get_or_insert(own) == &offered.payload_type =>
            {
                (Form::Redundant, red)
            }
            _ => (Form::Plain, offered.payload_type),
        }
    }

    /// Whether anybody who takes copies loses so much that one of each frame is too few.
    fn has_lossy_listeners(&self, now: Instant) -> bool {
        let mut listeners = self.subscriptions.iter();
        listeners.any(|it| it.form == Form::Redundant && it.losses.is_lossy(now))
    }

    fn remember(&mut self, arrival: &Arrival, frame: &[u8]) {
        let incoming = &arrival.incoming;
        self.redundancy
            .remember(incoming.sequence, incoming.timestamp, frame);
    }
}
