//! What publishers should send, the engine's side: sums up what the subscriptions of a track want,
//! whatever their lines carry, and tells the signaling side when that changes.
//!
//! A layer that nobody gets, because every line that wants it is too narrow, is sent all the same:
//! only its packets show what it would cost, and without them no line is probed for it.

use crate::downlink::subscription::Subscription;
use crate::engine::{Engine, TrackKey};
use crate::event::{CodecWanted, Event};
use crate::outbox::Outbox;
use crate::renditions::Backup;
use crate::units::{Codec, MediaKind, Quality};
use crate::uplink::demand::Best;
use crate::uplink::track::{ENCODINGS_MAX, Track};
use std::time::Instant;

/// Of encodings of which the publisher says nothing, smallest first.
const USUAL_QUALITIES: [Quality; ENCODINGS_MAX] = [Quality::Low, Quality::Medium, Quality::High];

/// The best encoding that is wanted here, and on other workers.
type Wanted = (Option<usize>, Option<usize>);

/// What a publisher shall send of one rendition, and was told before.
struct Change {
    /// `None` while the publisher has not announced it.
    rendition: Option<TrackKey>,
    before: Best,
    best: Best,
}

impl Engine {
    /// Tells what of a track is wanted, if that changed. Returns whether more shall come of it.
    pub(crate) fn tell_demand(&mut self, now: Instant, key: TrackKey, out: &mut Outbox) -> bool {
        let Some(track) = self.tracks.get(key) else {
            return false;
        };
        let key = track.first.unwrap_or(key);
        let first = &self.tracks[key];
        let codec = match &first.section {
            Some(section) if first.spec.kind == MediaKind::Video => section.codec,
            Some(_) | None => return false,
        };
        let changes = self.update_demand(now, key);
        if changes.is_empty() {
            return false;
        }
        let mut rises = false;
        for Change {
            rendition,
            before,
            best,
        } in changes
        {
            rises |= best > before;
            if let Some(track) = rendition.and_then(|key| self.tracks.get_mut(key)) {
                track.told(now, before, best);
            }
        }
        self.want_of_home(key);
        self.say_what_is_wanted(key, codec, out);
        rises
    }

    /// Looks what is wanted of each rendition of a track, and says of which that changed.
    fn update_demand(&mut self, now: Instant, first: TrackKey) -> Vec<Change> {
        let of_backup = |backup| self.wanted_of(first, backup);
        let backups: Vec<_> = self.tracks[first].backups.iter().map(of_backup).collect();
        let patience = self.config.dynacast_pause_delay;
        let linked = self.linked(self.tracks[first].room);
        let track = &mut self.tracks[first];
        let count = track.available.len();
        let wanted = (track.wanted(), track.spread.best(&linked, None, count));
        self.stats.subscriptions_searched += searched(&track.subscriptions);
        let of_first = (Some(first), &mut track.demand, (wanted, count));
        let of_backups = track.backups.iter_mut().zip(backups);
        let of_backups = of_backups.map(|(it, wanted)| (it.rendition, &mut it.demand, wanted));
        let all = std::iter::once(of_first).chain(of_backups);
        all.filter_map(|(rendition, demand, (wanted, count))| {
            let before = demand.told();
            let best = demand.update(now, wanted, count, patience)?;
            Some(Change {
                rendition,
                before,
                best,
            })
        })
        .collect()
    }

    fn say_what_is_wanted(&self, first: TrackKey, codec: Codec, out: &mut Outbox) {
        let track = &self.tracks[first];
        let mut codecs = vec![CodecWanted {
            codec,
            best: track.quality_of(track.demand.told()),
        }];
        for backup in &track.backups {
            let rendition = backup.rendition.and_then(|key| self.tracks.get(key));
            codecs.push(CodecWanted {
                codec: backup.codec,
                best: rendition.unwrap_or(track).quality_of(backup.demand.told()),
            });
        }
        let Some(publisher) = self.peers.get(track.publisher) else {
            return;
        };
        out.events.push(Event::LayersWanted {
            peer: publisher.id,
            track: track.id,
            codecs,
        });
    }

    /// The best that anybody here and elsewhere wants of a backup codec, and of how many encodings.
    /// Who waits for it says only how much of the first one they want, and gets all of this at first.
    fn wanted_of(&self, first: TrackKey, backup: &Backup) -> (Wanted, usize) {
        let rendition = backup.rendition.and_then(|key| self.tracks.get(key));
        let count = rendition
            .map(|track| track.available.len())
            .filter(|count| *count > 0)
            .unwrap_or(ENCODINGS_MAX);
        let mut waiting = self.tracks[first].subscriptions.iter();
        let is_awaited = waiting.any(|sub| sub.lacks == Some(backup.codec));
        let awaited = is_awaited.then_some(count - 1);
        let linked = self.linked(self.tracks[first].room);
        let spread = &self.tracks[first].spread;
        let elsewhere = spread.best(&linked, Some(backup.codec), count);
        let wanted = rendition.and_then(Track::wanted).max(awaited);
        ((wanted, elsewhere), count)
    }

    /// Tells what is wanted of every track of which that changed.
    pub(crate) fn tell_all_demands(&mut self, now: Instant, out: &mut Outbox) {
        let mut changed: Vec<TrackKey> = Vec::new();
        for (key, track) in &mut self.tracks {
            let backups = &track.backups;
            let is_due = track.demand.is_due(now) || backups.iter().any(|it| it.demand.is_due(now));
            if track.subscriptions.take_changed() || is_due {
                changed.push(track.first.unwrap_or(key));
            }
        }
        for key in changed {
            self.tell_demand(now, key, out);
        }
    }
}

/// How many are gone through in one look.
pub(crate) fn searched(subscriptions: &[Subscription]) -> u64 {
    u64::try_from(subscriptions.len()).unwrap_or(u64::MAX)
}

impl Track {
    /// The best encoding that any subscriber wants; `None` if all are content with nothing.
    fn wanted(&self) -> Option<usize> {
        let wanted = |sub: &Subscription| sub.selector.wanted(&self.available);
        let served = self.subscriptions.iter().filter(|sub| sub.lacks.is_none());
        served.filter_map(wanted).max()
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
