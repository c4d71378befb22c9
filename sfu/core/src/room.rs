//! A meeting on this engine: who is in it, what they publish, and who speaks.

use crate::engine::{PeerKey, TrackKey};
use crate::floor::Floor;
use crate::ids::PeerId;
use crate::links::Links;
use crate::loudest::Loudest;
use crate::uplink::audience::Ear;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often speakers are told (`protocol.md`, 1.9).
pub(crate) const SPEAKERS_INTERVAL: Duration = Duration::from_millis(400);
/// Two levels closer than this look the same on a screen: no need to tell.
const LEVEL_STEP: f32 = 0.01;
/// Only who is louder by 3 dB goes before another, so that two who talk do not swap all the time.
const CLEARLY_LOUDER: f32 = 1.41;

/// One room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) peers: Vec<PeerKey>,
    pub(crate) tracks: Vec<TrackKey>,
    pub(crate) floor: Floor,
    /// The other workers it is on.
    pub(crate) links: Links,
    /// The voices that are forwarded, to each group of neighbours and to those who sit alone.
    pub(crate) loudest: BTreeMap<Ear, Loudest<TrackKey>>,
    speakers: Vec<(PeerId, f32)>,
    speakers_at: Option<Instant>,
}

impl Room {
    /// Whether the window of audio levels ends now. Begins the next one if so.
    pub(crate) fn speakers_due(&mut self, now: Instant) -> bool {
        let due = self
            .speakers_at
            .is_none_or(|at| now.duration_since(at) >= SPEAKERS_INTERVAL);
        if due {
            self.speakers_at = Some(now);
        }
        due
    }

    /// Orders this window's levels, loudest first, one per peer; `None` if they are as before. Those
    /// who are about as loud stay in the order of the last window.
    pub(crate) fn speakers(
        &mut self,
        mut levels: Vec<(PeerId, f32)>,
    ) -> Option<Vec<(PeerId, f32)>> {
        levels.retain(|(_, level)| *level > 0.0);
        levels.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut seen = Vec::with_capacity(levels.len());
        levels.retain(|(peer, _)| {
            !seen.contains(peer) && {
                seen.push(*peer);
                true
            }
        });
        self.settle(&mut levels);
        self.floor.hear(levels.first().map(|(peer, _)| *peer));
        let same = levels.len() == self.speakers.len()
            && levels
                .iter()
                .zip(&self.speakers)
                .all(|(new, old)| new.0 == old.0 && (new.1 - old.1).abs() < LEVEL_STEP);
        if same {
            return None;
        }
        self.speakers.clone_from(&levels);
        Some(levels)
    }

    fn settle(&self, levels: &mut [(PeerId, f32)]) {
        let rank = |(peer, _): &(PeerId, f32)| {
            let place = self.speakers.iter().position(|(known, _)| known == peer);
            place.unwrap_or(self.speakers.len())
        };
        levels.sort_by_key(rank);
        for settled in 1..levels.len() {
            let is_louder = |at: usize, levels: &[(PeerId, f32)]| {
                levels[at].1 > levels[at - 1].1 * CLEARLY_LOUDER
            };
            let mut at = settled;
            while at > 0 && is_louder(at, levels) {
                levels.swap(at, at - 1);
                at -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_comes_first_and_everyone_once() {
        let mut room = Room::default();
        let levels = vec![
            (PeerId(1), 0.2),
            (PeerId(2), 0.5),
            (PeerId(1), 0.4),
            (PeerId(3), 0.0),
        ];
        assert_eq!(
            room.speakers(levels),
            Some(vec![(PeerId(2), 0.5), (PeerId(1), 0.4)])
        );
    }

    #[test]
    fn two_who_are_about_as_loud_keep_their_order() {
        let mut room = Room::default();
        let first = |levels: Option<Vec<(PeerId, f32)>>| levels.unwrap()[0].0;
        let (ada, ben) = (PeerId(1), PeerId(2));
        assert_eq!(first(room.speakers(vec![(ada, 0.3), (ben, 0.4)])), ben);
        assert_eq!(first(room.speakers(vec![(ada, 0.4), (ben, 0.3)])), ben);
        assert_eq!(first(room.speakers(vec![(ada, 0.5), (ben, 0.3)])), ada);
        assert_eq!(first(room.speakers(vec![(ada, 0.4), (ben, 0.5)])), ada);
    }

    #[test]
    fn nothing_is_told_while_nothing_changes() {
        let mut room = Room::default();
        assert_eq!(room.speakers(vec![]), None);
        assert!(room.speakers(vec![(PeerId(1), 0.5)]).is_some());
        assert_eq!(room.speakers(vec![(PeerId(1), 0.505)]), None);
        assert_eq!(
            room.speakers(vec![]),
            Some(vec![]),
            "falling silent is told"
        );
    }
}
