//! What publishers should send, the engine's side: sums up what the subscriptions of a track want,
//! whatever their lines carry, and tells the signaling side when that changes.
//!
//! A layer that nobody gets, because every line that wants it is too narrow, is sent all the same:
//! only its packets show what it would cost, and without them no line is probed for it.

use crate::downlink::subscription::Subscription;
use crate::engine::{Engine, TrackKey};
use crate::event::{CodecWanted, Event};
use crate::outbox::Outbox;
use crate::units::{MediaKind, Quality};
use crate::uplink::demand::Best;
use crate::uplink::track::{ENCODINGS_MAX, Track};
use std::time::Instant;

/// Of encodings of which the publisher says nothing, smallest first.
const USUAL_QUALITIES: [Quality; ENCODINGS_MAX] = [Quality::Low, Quality::Medium, Quality::High];

impl Engine {
    /// Tells what of a track is wanted, if that changed.
    pub(crate) fn tell_demand(&mut self, now: Instant, key: TrackKey, out: &mut Outbox) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        let codec = match &track.section {
            Some(section) if track.spec.kind == MediaKind::Video => section.codec,
            Some(_) | None => return,
        };
        let (wanted, count) = (track.wanted(), track.available.len());
        let patience = self.config.dynacast_pause_delay;
        let Some(best) = track.demand.update(now, wanted, count, patience) else {
            return;
        };
        let Some(publisher) = self.peers.get(track.publisher) else {
            return;
        };
        let best = track.quality_of(best);
        out.events.push(Event::LayersWanted {
            peer: publisher.id,
            track: track.id,
            codecs: vec![CodecWanted { codec, best }],
        });
    }

    /// Tells what is wanted of every track of which that changed.
    pub(crate) fn tell_all_demands(&mut self, now: Instant, out: &mut Outbox) {
        let keys: Vec<TrackKey> = self.tracks.keys().collect();
        for key in keys {
            self.tell_demand(now, key, out);
        }
    }
}

impl Track {
    /// The best encoding that any subscriber wants; `None` if all are content with nothing.
    fn wanted(&self) -> Option<usize> {
        let wanted = |sub: &Subscription| sub.selector.wanted(&self.available);
        self.subscriptions.iter().filter_map(wanted).max()
    }

    /// How the publisher calls its best encoding that should be sent. All that is better than the
    /// best it has is wanted with that: clients do not agree on what the middle one of two is.
    fn quality_of(&self, best: Best) -> Option<Quality> {
        match best {
            Best::Nothing => None,
            Best::Encoding(index) if index + 1 >= self.available.len() => Some(Quality::High),
            Best::Encoding(index) => {
                let announced = self.spec.layers.get(index).map(|layer| layer.quality);
                announced.or(USUAL_QUALITIES.get(index).copied())
            }
        }
    }
}
