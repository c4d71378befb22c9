//! Who has the floor in a room: whose picture grows before those of the others on a narrow line.
//! Knows who was loudest in each window of the audio levels, not how loud.

use crate::ids::PeerId;

/// Windows of 400 ms in a row in which somebody must be the loudest to take the floor from somebody
/// else. A cough or a "yes" between takes no picture away; a sentence does.
const WINDOWS_TO_TAKE: u8 = 3;

/// The floor of one room.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    /// Kept through silence: who spoke last is likely looked at still.
    holder: Option<PeerId>,
    /// Who was the loudest last, and for how many windows in a row.
    rival: Option<(PeerId, u8)>,
}

impl Floor {
    /// Who has it; `None` until somebody speaks.
    pub(crate) const fn holder(&self) -> Option<PeerId> {
        self.holder
    }

    /// Takes who was the loudest in the window that ended, if anybody spoke.
    pub(crate) fn hear(&mut self, loudest: Option<PeerId>) {
        let Some(loudest) = loudest else {
            self.rival = None;
            return;
        };
        let before = self.rival.filter(|(rival, _)| *rival == loudest);
        let windows = before.map_or(0, |(_, windows)| windows).saturating_add(1);
        self.rival = Some((loudest, windows));
        if self.holder.is_none() || windows >= WINDOWS_TO_TAKE {
            self.holder = Some(loudest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Option<PeerId> = Some(PeerId(1));
    const BEN: Option<PeerId> = Some(PeerId(2));

    #[test]
    fn the_first_to_speak_has_the_floor_at_once_and_keeps_it_in_silence() {
        let mut floor = Floor::default();
        floor.hear(ADA);
        assert_eq!(floor.holder(), ADA);
        (0..100).for_each(|_| floor.hear(None));
        assert_eq!(floor.holder(), ADA);
    }

    #[test]
    fn a_word_between_takes_nothing_and_a_sentence_does() {
        let mut floor = Floor::default();
        for loudest in [ADA, BEN, BEN, ADA, BEN, None, BEN, BEN] {
            floor.hear(loudest);
            assert_eq!(floor.holder(), ADA);
        }
        floor.hear(BEN);
        assert_eq!(floor.holder(), BEN, "the third window in a row");
    }
}
