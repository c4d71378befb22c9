//! What each subscriber gets of what its line carries: the engine's side of `bandwidth`. What is
//! wanted is collected in `wishes`, which layers fit is decided by the allocator, when to switch to
//! them by `downlink::layer_selector`.

use crate::bandwidth::allocator::{Grant, PauseReason, Purpose, Request, allocate};
use crate::downlink::layer_selector::Ceiling;
use crate::downlink::line::{Changes, Line};
use crate::downlink::repair::{PADDING, Repair};
use crate::downlink::subscription::Subscription;
use crate::engine::{Engine, PeerKey};
use crate::event::Event;
use crate::outbox::Outbox;
use crate::rtp::rtcp::TransportFeedback;
use crate::sounding::form_on;
use crate::units::Bitrate;
use crate::uplink::track::Track;
use crate::wishes::{Wish, prefer_stage};
use rand::Rng as _;
use std::time::Instant;

/// Packets of padding in one step: a probe of 20 Mbit/s. It bounds the work of one step.
const PADDING_MAX: usize = 64;

impl Engine {
    /// Takes what a subscriber tells of the packets it was sent.
    pub(crate) fn learn_arrivals(
        &mut self,
        now: Instant,
        from: PeerKey,
        feedback: &TransportFeedback<'_>,
        out: &mut Outbox,
    ) {
        let Some(line) = &mut self.peers[from].line else {
            return;
        };
        line.feedback(now, feedback);
        // Each moment in which more is sent than the line carries is queue for seconds.
        if line.is_overdrawn(now) {
            self.allocate_again(now, from, out);
        }
    }

    /// Takes a subscriber's own estimate: all that some clients tell of their line.
    pub(crate) fn learn_own_estimate(&mut self, now: Instant, from: PeerKey, rate: Bitrate) {
        if !self.config.congestion_control {
            return;
        }
        let luck = self.rng.random();
        let line = self.peers[from]
            .line
            .get_or_insert_with(|| Box::new(Line::new(now, luck)));
        line.bandwidth.remb(now, rate);
    }

    /// Decides again what everyone gets.
    pub(crate) fn allocate(&mut self, now: Instant, out: &mut Outbox) {
        for track in self.tracks.values_mut() {
            for encoding in &mut track.encodings {
                encoding.layers.close_rates(now);
            }
            track.redundancy.close_rates(now);
        }
        self.look_again_where_changed();
        let mut wishes: Vec<Wish> = Vec::new();
        for (key, track) in &self.tracks {
            let has_floor = self.has_floor(track);
            let is_due = |peer: PeerKey| {
                let line = self.peers[peer].line.as_ref();
                line.is_some_and(|line| !line.is_at_ease(now))
            };
            wishes.extend(track.wishes(key, has_floor, is_due));
        }
        // Stable, so that the order of the tracks decides among equals.
        wishes.sort_by_key(|wish| (wish.peer, wish.rank));
        for of_one in wishes.chunk_by_mut(|one, other| one.peer == other.peer) {
            prefer_stage(of_one);
            self.allocate_one(now, of_one, out);
        }
    }

    /// Whoever is subscribed to a track of which somebody may want something else has its line looked
    /// at.
    fn look_again_where_changed(&mut self) {
        for track in self.tracks.values_mut() {
            if track.subscriptions.take_unsettled() {
                for subscription in &track.subscriptions {
                    if let Some(line) = &mut self.peers[subscription.peer].line {
                        line.look_again();
                    }
                }
            }
        }
    }

    /// Decides again what one subscriber gets.
    pub(crate) fn allocate_again(&mut self, now: Instant, peer: PeerKey, out: &mut Outbox) {
        let room = self.rooms.get(&self.peers[peer].room);
        let mut wishes: Vec<Wish> = Vec::new();
        for &key in room.into_iter().flat_map(|room| &room.tracks) {
            let track = &self.tracks[key];
            wishes.extend(track.wishes(key, self.has_floor(track), |it| it == peer));
        }
        if !wishes.is_empty() {
            wishes.sort_by_key(|wish| wish.rank);
            prefer_stage(&mut wishes);
            self.allocate_one(now, &wishes, out);
        }
    }

    /// Whether a track is of who speaks, or spoke last.
    fn has_floor(&self, track: &Track) -> bool {
        let room = self.rooms.get(&track.room);
        let holder = room.and_then(|room| room.floor.holder());
        let publisher = track.publisher_among(&self.peers);
        holder.is_some() && holder == publisher.map(|(peer, _)| peer)
    }

    fn allocate_one(&mut self, now: Instant, wishes: &[Wish], out: &mut Outbox) {
        let peer = &mut self.peers[wishes[0].peer];
        let Some(line) = &mut peer.line else { return };
        let requests: Vec<Request<'_>> = wishes.iter().map(Wish::request).collect();
        let mut grants = Vec::with_capacity(requests.len());
        let allocation = allocate(line.budget(now), &requests, &mut grants);
        line.settle(now, &allocation, changes(&requests, &grants));
        let (is_new, is_known) = (line.is_new(now), line.bandwidth.is_known());
        let is_backed_up = line.is_backed_up();
        for (wish, grant) in wishes.iter().zip(&grants) {
            if wish.purpose == Purpose::Audio {
                let subscriptions = &mut self.tracks[wish.track].subscriptions;
                let subscription = &mut subscriptions.quietly()[wish.subscription];
                subscription.send_as(form_on(now, line, &subscription.losses));
                continue;
            }
            let ceiling = match grant {
                // Everyone's smallest picture comes first, and is what makes the line known.
                _ if is_new => Ceiling::Layer(wish.smallest()),
                _ if !is_known => Ceiling::None,
                Grant::Layer(layer) => Ceiling::Layer(wish.layers[*layer]),
                Grant::Paused(PauseReason::Bandwidth) => Ceiling::Nothing,
                Grant::Paused(PauseReason::NotShown | PauseReason::NotSent) => Ceiling::None,
            };
            let track = &mut self.tracks[wish.track];
            let subscriptions = &mut track.subscriptions;
            let place = wish.subscription;
            let told = subscriptions[place].selector.ceiling() != ceiling && {
                let selector = &mut subscriptions[place].selector;
                let told = selector.limit(ceiling);
                selector.retarget(&track.available);
                told
            };
            // The line may be backed up only after the grant fell, and nobody must look again then.
            let subscription = &mut subscriptions.quietly()[place];
            let is_starved = subscription.selector.is_starved();
            // What is missing of it, or still waits, would only keep waiting what is wanted now.
            if (is_backed_up && subscription.selector.shed()) || (told && is_starved) {
                subscription.sent.leave_off();
                line.waiting.leave_off(wish.track);
            }
            if told {
                out.events.push(Event::StreamState {
                    peer: peer.id,
                    track: track.id,
                    paused: is_starved.then_some(PauseReason::Bandwidth),
                });
            }
        }
    }

    /// What is due on every line. Returns whether a probe is under way anywhere.
    pub(crate) fn tick_lines(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let mut probing = Vec::new();
        for (key, peer) in &mut self.peers {
            if let Some(line) = &mut peer.line {
                line.bandwidth.handle_timeout(now, line.wanted);
                if line.bandwidth.is_probing() {
                    probing.push(key);
                }
            }
        }
        for key in &probing {
            self.send_padding(now, *key, out);
        }
        !probing.is_empty()
    }

    /// Fills a probe up with padding, on the retransmissions of any of the peer's pictures: their
    /// numbers are no one else's, and clients expect padding there.
    fn send_padding(&mut self, now: Instant, key: PeerKey, out: &mut Outbox) {
        let Self {
            peers,
            tracks,
            rooms,
            stats,
            ..
        } = self;
        let peer = &mut peers[key];
        let (Some(line), Some(room)) = (&mut peer.line, rooms.get(&peer.room)) else {
            return;
        };
        let found = room.tracks.iter().find_map(|track| {
            let has_rtx = |sub: &Subscription| {
                sub.peer == key
                    && sub.transport_cc.is_some()
                    && matches!(sub.repair, Repair::Rtx(_))
            };
            let index = tracks[*track].subscriptions.iter().position(has_rtx)?;
            Some((*track, index))
        });
        let Some((track, index)) = found else { return };
        let subscription = &mut tracks[track].subscriptions.quietly()[index];
        let timestamp = subscription.rewriter.newest_timestamp();
        let (Repair::Rtx(rtx), Some(id)) = (&mut subscription.repair, subscription.transport_cc)
        else {
            return;
        };
        for _ in 0..PADDING_MAX {
            if line.bandwidth.pacer().padding_due(now) == 0 {
                break;
            }
            let number = line.number(id);
            let padding = rtx.padding(timestamp, &[number.extension()]);
            let header = &padding.header[..padding.header_len];
            if !peer
                .transport
                .send_rtp(header, &PADDING, padding.rollover, out)
            {
                break;
            }
            line.sent(now, header.len(), PADDING.len());
            stats.padding_sent += 1;
        }
    }
}

/// Which way an allocation moved: whether something got more, and whether something got less for
/// want of bandwidth.
fn changes(requests: &[Request<'_>], grants: &[Grant]) -> Changes {
    let mut changes = Changes::default();
    let pictures = requests.iter().zip(grants);
    for (request, grant) in pictures.filter(|(it, _)| it.purpose != Purpose::Audio) {
        // Layers are in order, smallest first.
        match (grant, request.current) {
            (Grant::Layer(now), Some(before)) => {
                changes.raised |= *now > before;
                changes.lowered |= *now < before;
            }
            (Grant::Layer(_), None) => changes.raised = true,
            (Grant::Paused(PauseReason::Bandwidth), Some(_)) => changes.lowered = true,
            (Grant::Paused(_), _) => {}
        }
    }
    changes
}
