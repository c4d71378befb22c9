//! What each subscriber gets of what its line carries: the engine's side of `bandwidth`. Which
//! layers fit is decided by the allocator, when to switch to them by `downlink::layer_selector`.

use crate::bandwidth::allocator::{
    Grant, LayerRate, PauseReason, Priority, Purpose, Request, allocate,
};
use crate::downlink::layer::Layer;
use crate::downlink::layer_selector::Ceiling;
use crate::downlink::repair::{PADDING, Repair};
use crate::downlink::subscription::Subscription;
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::event::Event;
use crate::outbox::Outbox;
use crate::rtp::rtcp::TransportFeedback;
use crate::units::MediaKind;
use crate::uplink::rungs::Rung;
use crate::uplink::track::Track;
use std::time::Instant;

/// Packets of padding in one step: a probe of 20 Mbit/s. It bounds the work of one step.
const PADDING_MAX: usize = 64;
/// Whose picture is wanted at least this large is looked at; the others are thumbnails.
const STAGE_PIXELS_MIN: u64 = 640 * 360;
/// One subscription of a peer, as the allocator shall see it.
struct Wish {
    peer: PeerKey,
    track: TrackKey,
    subscription: usize,
    purpose: Purpose,
    priority: Priority,
    enabled: bool,
    /// The layer of each rate.
    layers: Vec<Layer>,
    rates: Vec<LayerRate>,
    current: Option<usize>,
}

impl Engine {
    /// Takes what a subscriber tells of the packets it was sent.
    pub(crate) fn learn_arrivals(
        &mut self,
        now: Instant,
        from: PeerKey,
        feedback: &TransportFeedback<'_>,
    ) {
        if let Some(line) = &mut self.peers[from].line {
            line.bandwidth.feedback(now, feedback);
        }
    }

    /// Decides again what everyone gets.
    pub(crate) fn allocate(&mut self, now: Instant, out: &mut Outbox) {
        for track in self.tracks.values_mut() {
            for encoding in &mut track.encodings {
                encoding.rate.close(now);
            }
        }
        let mut wishes: Vec<Wish> = Vec::new();
        for (key, track) in &self.tracks {
            wishes.extend(track.wishes(key));
        }
        // Stable, so that the order of the tracks decides among equals.
        wishes.sort_by_key(|wish| wish.peer);
        for of_one in wishes.chunk_by(|one, other| one.peer == other.peer) {
            self.allocate_one(now, of_one, out);
        }
    }

    fn allocate_one(&mut self, now: Instant, wishes: &[Wish], out: &mut Outbox) {
        let peer = &mut self.peers[wishes[0].peer];
        let Some(line) = &mut peer.line else { return };
        let requests: Vec<Request<'_>> = wishes.iter().map(Wish::request).collect();
        let mut grants = Vec::with_capacity(requests.len());
        line.wanted = allocate(line.bandwidth.budget(), &requests, &mut grants).wanted;
        let (is_new, is_known) = (line.is_new(now), line.bandwidth.is_known());
        for (wish, grant) in wishes.iter().zip(&grants) {
            if wish.purpose == Purpose::Audio {
                continue;
            }
            let ceiling = match grant {
                // Everyone's smallest picture comes first, and is what makes the line known.
                _ if is_new => {
                    Ceiling::Layer(wish.layers.first().copied().unwrap_or(Layer::LOWEST))
                }
                _ if !is_known => Ceiling::None,
                Grant::Layer(layer) => Ceiling::Layer(wish.layers[*layer]),
                Grant::Paused(PauseReason::Bandwidth) => Ceiling::Nothing,
                Grant::Paused(PauseReason::NotShown | PauseReason::NotSent) => Ceiling::None,
            };
            let track = &mut self.tracks[wish.track];
            let selector = &mut track.subscriptions[wish.subscription].selector;
            let told = selector.limit(ceiling);
            selector.retarget(&track.available);
            if told {
                out.events.push(Event::StreamState {
                    peer: peer.id,
                    track: track.id,
                    paused: selector.is_starved(),
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
        let subscription = &mut tracks[track].subscriptions[index];
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

impl Wish {
    fn request(&self) -> Request<'_> {
        Request {
            purpose: self.purpose,
            priority: self.priority,
            enabled: self.enabled,
            layers: &self.rates,
            current: self.current,
        }
    }
}

impl Track {
    /// What its subscribers want of it, those whose packets are numbered.
    fn wishes(&self, key: TrackKey) -> impl Iterator<Item = Wish> {
        self.subscriptions
            .iter()
            .enumerate()
            .filter(|(_, subscription)| {
                subscription.payload_type.is_some() && subscription.transport_cc.is_some()
            })
            .map(move |(index, subscription)| {
                let best = subscription.selector.best(&self.available);
                let (layers, rates): (Vec<Layer>, Vec<LayerRate>) = self
                    .rungs(best)
                    .map(|rung| (rung.layer, rate_of(&rung)))
                    .unzip();
                let current = subscription.selector.layer();
                let pixels = rates.last().map_or(0, |layer| {
                    u64::from(layer.size.width) * u64::from(layer.size.height)
                });
                Wish {
                    peer: subscription.peer,
                    track: key,
                    subscription: index,
                    purpose: match self.spec.kind {
                        MediaKind::Audio => Purpose::Audio,
                        MediaKind::Video => Purpose::Camera,
                    },
                    priority: if pixels >= STAGE_PIXELS_MIN {
                        Priority::Speaker
                    } else {
                        Priority::Thumbnail
                    },
                    enabled: subscription.selector.is_enabled() && !self.muted,
                    current: current.and_then(|it| layers.iter().position(|of| *of == it)),
                    layers,
                    rates,
                }
            })
    }
}

fn rate_of(rung: &Rung) -> LayerRate {
    LayerRate {
        bitrate: rung.bitrate,
        size: rung.size,
        frames_per_second: rung.frames_per_second,
    }
}
