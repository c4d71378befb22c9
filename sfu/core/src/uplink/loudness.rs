//! How loud a voice is at the moment, so that the loudest can be chosen: up at once, so that nobody's
//! first word is lost, and down slowly, so that a pause for breath costs no place. Who speaks, as
//! people are shown it, is decided by the slower `audio_level`.

/// Silence, as RFC 6464 has it: 127 dB below the loudest.
const SILENCE_DBOV: u8 = 127;
/// How much a held level falls in a step of 50 ms: 20 dB in a second. So the syllables of one voice
/// differ by less than it takes to win a place (`loudest`), and a voice that ended has sunk to the
/// noise of a room after a second and a half.
const RELEASE_DB: u8 = 1;

/// The level of one track, in decibels over silence, 0 to 127.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Loudness {
    peak_db: u8,
    held_db: u8,
}

impl Loudness {
    /// Accounts one packet; 0 is the loudest, 127 is silence (RFC 6464, section 3).
    pub(crate) fn record(&mut self, level_dbov: u8) {
        self.peak_db = self.peak_db.max(SILENCE_DBOV.saturating_sub(level_dbov));
    }

    /// Ends a step and returns the level that counts from here on.
    pub(crate) fn step(&mut self) -> u8 {
        let released = self.held_db.saturating_sub(RELEASE_DB);
        self.held_db = released.max(std::mem::take(&mut self.peak_db));
        self.held_db
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_word_counts_in_full_after_one_step() {
        let mut loudness = Loudness::default();
        assert_eq!(loudness.step(), 0);
        loudness.record(25);
        loudness.record(127);
        assert_eq!(loudness.step(), 102);
    }

    #[test]
    fn a_pause_for_breath_costs_little_and_four_seconds_of_silence_cost_most() {
        let mut loudness = Loudness::default();
        loudness.record(20);
        let mut after = |steps: u32| (0..steps).map(|_| loudness.step()).last().unwrap();
        assert_eq!(after(1), 107);
        assert_eq!(after(6), 101, "300 ms later");
        assert_eq!(after(74), 27, "four seconds later");
    }
}
