//! Which voices are forwarded where more sound is published than anybody can follow: the loudest,
//! and those who were among them until somebody is clearly louder. Knows levels, not packets.
//!
//! Choosing by level alone would swap people with every syllable. So whoever has a place keeps it
//! while nobody needs it, and loses it only to a voice that is clearly louder; whoever just got one
//! may finish a word. A place that is held by silence goes at once, to whoever speaks.

use std::time::{Duration, Instant};

/// How often is chosen. A new voice waits for this and a tick of the engine: 75 ms, within the
/// 200 ms after which a first syllable would be missed.
pub(crate) const CHOICE_INTERVAL: Duration = Duration::from_millis(50);
/// What counts as a voice: -50 dBov. Speech into a distant microphone has -45 dBov, the noise of an
/// office -60 dBov.
const VOICE_DB: u8 = 127 - 50;
/// Clearly louder: more than the syllables of one voice differ in what `uplink::loudness` holds. It is
/// two and a half times the amplitude.
const MARGIN_DB: u8 = 8;
/// Whoever speaks keeps a new place for so long: about a word.
const PLACE_MIN: Duration = Duration::from_secs(1);

/// One voice that could be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Voice<K> {
    pub(crate) key: K,
    /// Decibels over silence.
    pub(crate) level_db: u8,
}

/// Those who are forwarded, in the order in which they got their places.
#[derive(Debug)]
pub(crate) struct Loudest<K> {
    places: Vec<Place<K>>,
}

#[derive(Debug)]
struct Place<K> {
    key: K,
    level_db: u8,
    since: Instant,
    spoke_at: Option<Instant>,
}

impl<K> Default for Loudest<K> {
    fn default() -> Self {
        Self { places: Vec::new() }
    }
}

impl<K: Copy + PartialEq> Loudest<K> {
    /// Chooses at most `places_max` of the voices, whose order decides among equals.
    pub(crate) fn choose(&mut self, now: Instant, voices: &[Voice<K>], places_max: usize) {
        self.refresh(now, voices);
        let mut waiting: Vec<Voice<K>> = voices
            .iter()
            .copied()
            .filter(|voice| !self.includes(voice.key))
            .collect();
        waiting.sort_by_key(|voice| std::cmp::Reverse(voice.level_db));
        for voice in waiting {
            if self.places.len() < places_max {
                self.places.push(Place::new(now, voice));
            } else if let Some(weakest) = self.weakest_below(now, voice) {
                self.places[weakest] = Place::new(now, voice);
            } else {
                return; // The others who wait are softer.
            }
        }
    }

    /// Whether that voice has a place.
    pub(crate) fn includes(&self, key: K) -> bool {
        self.places.iter().any(|place| place.key == key)
    }

    /// Takes places from those who are gone, and notes how loud the others are.
    fn refresh(&mut self, now: Instant, voices: &[Voice<K>]) {
        self.places.retain_mut(|place| {
            let voice = voices.iter().find(|voice| voice.key == place.key);
            if let Some(voice) = voice {
                place.hear(now, voice.level_db);
            }
            voice.is_some()
        });
    }

    /// The place that a voice may take, if there is one.
    fn weakest_below(&self, now: Instant, voice: Voice<K>) -> Option<usize> {
        if voice.level_db < VOICE_DB {
            return None;
        }
        let free = |place: &Place<K>| {
            place.level_db < VOICE_DB || now.duration_since(place.since) >= PLACE_MIN
        };
        let places = self.places.iter().enumerate();
        let (index, weakest) = places
            .filter(|(_, place)| free(place))
            .min_by_key(|(_, place)| (place.level_db, place.spoke_at))?;
        (voice.level_db >= weakest.level_db.saturating_add(MARGIN_DB)).then_some(index)
    }
}

impl<K> Place<K> {
    fn new(now: Instant, voice: Voice<K>) -> Self {
        let mut place = Self {
            key: voice.key,
            level_db: 0,
            since: now,
            spoke_at: None,
        };
        place.hear(now, voice.level_db);
        place
    }

    fn hear(&mut self, now: Instant, level_db: u8) {
        self.level_db = level_db;
        if level_db >= VOICE_DB {
            self.spoke_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;
    use proptest::prelude::*;

    const LOUD: u8 = 127 - 20;
    const SOFT: u8 = 127 - 70;

    #[test]
    fn while_there_are_places_even_silence_has_one() {
        let mut loudest = Loudest::default();
        loudest.choose(start(), &voices(&[0, 0, 0]), 3);
        assert_eq!(chosen(&loudest, 3), [true, true, true]);
    }

    #[test]
    fn a_voice_takes_the_place_of_whoever_is_silent_for_longest() {
        let (mut loudest, now) = (Loudest::default(), start());
        loudest.choose(now, &voices(&[SOFT, LOUD, SOFT]), 2);
        loudest.choose(now, &voices(&[LOUD, SOFT, SOFT]), 2);
        assert_eq!(chosen(&loudest, 3), [true, true, false], "nobody needs it");
        loudest.choose(now + CHOICE_INTERVAL, &voices(&[SOFT, SOFT, LOUD]), 2);
        assert!(chosen(&loudest, 3)[2], "at once");
        assert_eq!(chosen(&loudest, 3), [true, false, true]);
    }

    #[test]
    fn noise_takes_nobodys_place() {
        let (mut loudest, now) = (Loudest::default(), start());
        loudest.choose(now, &voices(&[0, 0, 0]), 2);
        loudest.choose(now, &voices(&[0, 0, VOICE_DB - 1]), 2);
        assert_eq!(chosen(&loudest, 3), [true, true, false]);
    }

    #[test]
    fn a_voice_that_is_hardly_louder_waits() {
        let (mut loudest, now) = (Loudest::default(), start());
        loudest.choose(now, &voices(&[LOUD, LOUD, 0]), 2);
        let later = now + PLACE_MIN * 2;
        loudest.choose(later, &voices(&[LOUD, LOUD, LOUD + MARGIN_DB - 1]), 2);
        assert_eq!(chosen(&loudest, 3), [true, true, false]);
        loudest.choose(later, &voices(&[LOUD, LOUD, LOUD + MARGIN_DB]), 2);
        assert!(chosen(&loudest, 3)[2]);
    }

    #[test]
    fn whoever_speaks_in_a_new_place_may_finish_a_word() {
        let (mut loudest, now) = (Loudest::default(), start());
        loudest.choose(now, &voices(&[LOUD, 0]), 1);
        let shouting = voices(&[LOUD, LOUD + 2 * MARGIN_DB]);
        loudest.choose(now + PLACE_MIN / 2, &shouting, 1);
        assert_eq!(chosen(&loudest, 2), [true, false]);
        loudest.choose(now + PLACE_MIN, &shouting, 1);
        assert_eq!(chosen(&loudest, 2), [false, true]);
    }

    #[test]
    fn the_place_of_somebody_who_left_is_given_again() {
        let (mut loudest, now) = (Loudest::default(), start());
        loudest.choose(now, &voices(&[LOUD, LOUD, SOFT]), 2);
        loudest.choose(now, &voices(&[LOUD, LOUD, SOFT])[1..], 2);
        assert_eq!(chosen(&loudest, 3), [false, true, true]);
    }

    proptest! {
        #[test]
        fn no_more_have_places_than_there_are_and_fewer_only_if_there_are_fewer(
            steps in proptest::collection::vec(
                proptest::collection::vec(0_u8..128, 0..20), 1..30),
            places_max in 1_usize..8,
        ) {
            let (mut loudest, mut now) = (Loudest::default(), start());
            for levels in steps {
                now += CHOICE_INTERVAL;
                loudest.choose(now, &voices(&levels), places_max);
                let count = chosen(&loudest, levels.len()).iter().filter(|it| **it).count();
                prop_assert_eq!(count, levels.len().min(places_max));
                prop_assert_eq!(count, loudest.places.len());
            }
        }
    }

    fn voices(levels: &[u8]) -> Vec<Voice<usize>> {
        let voice = |(key, &level_db)| Voice { key, level_db };
        levels.iter().enumerate().map(voice).collect()
    }

    fn chosen(loudest: &Loudest<usize>, count: usize) -> Vec<bool> {
        (0..count).map(|key| loudest.includes(key)).collect()
    }
}
