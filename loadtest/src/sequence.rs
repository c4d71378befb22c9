//! Counts what one RTP stream lost, by its sequence numbers. Knows no packets, only numbers.

/// How far back a late packet still fills its gap: five seconds of a 200 packets/s stream. Later
/// ones count as lost, because no call could have used them.
const REORDER_WINDOW: usize = 1024;

/// The received and missing sequence numbers of one stream (RFC 3550, appendix A.1).
#[derive(Debug, Clone)]
pub struct SequenceLog {
    first: u64,
    highest: u64,
    highest_on_wire: u16,
    received: u64,
    seen: Box<[bool; REORDER_WINDOW]>,
}

impl SequenceLog {
    /// A stream whose first packet carried `first`.
    pub fn starting_at(first: u16) -> Self {
        let mut seen = Box::new([false; REORDER_WINDOW]);
        let extended = u64::from(first);
        seen[slot(extended)] = true;
        Self {
            first: extended,
            highest: extended,
            highest_on_wire: first,
            received: 1,
            seen,
        }
    }

    /// Notes one packet. A repeated packet, one from before the first, and one that comes later
    /// than the reorder window change nothing.
    pub fn note(&mut self, sequence: u16) {
        let step = sequence.wrapping_sub(self.highest_on_wire).cast_signed();
        if step > 0 {
            self.advance(u64::from(step.unsigned_abs()), sequence);
            return;
        }
        let age = u64::from(step.unsigned_abs());
        let Some(extended) = self.highest.checked_sub(age) else {
            return;
        };
        let in_window = usize::try_from(age).is_ok_and(|age| age < REORDER_WINDOW);
        if extended < self.first || !in_window || self.seen[slot(extended)] {
            return;
        }
        self.seen[slot(extended)] = true;
        self.received += 1;
    }

    /// How many different packets came.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How many numbers between the first and the highest never came.
    pub fn lost(&self) -> u64 {
        (self.highest - self.first + 1) - self.received
    }

    fn advance(&mut self, step: u64, sequence: u16) {
        let skipped = usize::try_from(step)
            .unwrap_or(REORDER_WINDOW)
            .min(REORDER_WINDOW);
        for skipped in (self.highest + 1..).take(skipped) {
            self.seen[slot(skipped)] = false;
        }
        self.highest += step;
        self.highest_on_wire = sequence;
        self.seen[slot(self.highest)] = true;
        self.received += 1;
    }
}

fn slot(extended: u64) -> usize {
    usize::try_from(extended % REORDER_WINDOW as u64).expect("a remainder below the window")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_without_gaps_lost_nothing() {
        let log = log_of(7, &[8, 9, 10]);
        assert_eq!((log.received(), log.lost()), (4, 0));
    }

    #[test]
    fn a_gap_is_lost() {
        let log = log_of(7, &[8, 12]);
        assert_eq!((log.received(), log.lost()), (3, 3));
    }

    #[test]
    fn the_wrap_of_the_sequence_number_is_no_loss() {
        let log = log_of(65_534, &[65_535, 0, 1]);
        assert_eq!((log.received(), log.lost()), (4, 0));
    }

    #[test]
    fn a_gap_over_the_wrap_is_counted_once() {
        let log = log_of(65_534, &[2]);
        assert_eq!((log.received(), log.lost()), (2, 3));
    }

    #[test]
    fn a_late_packet_fills_its_gap() {
        let log = log_of(10, &[12, 13, 11]);
        assert_eq!((log.received(), log.lost()), (4, 0));
    }

    #[test]
    fn a_repeated_packet_hides_no_loss() {
        let log = log_of(10, &[12, 12, 12, 10]);
        assert_eq!((log.received(), log.lost()), (2, 1));
    }

    #[test]
    fn a_packet_from_before_the_first_is_not_counted() {
        let log = log_of(10, &[9, 11]);
        assert_eq!((log.received(), log.lost()), (2, 0));
    }

    #[test]
    fn a_gap_wider_than_the_window_is_lost_whole() {
        let log = log_of(0, &[5000]);
        assert_eq!((log.received(), log.lost()), (2, 4999));
    }

    #[test]
    fn several_turns_of_the_sequence_number_are_added_up() {
        let mut log = SequenceLog::starting_at(0);
        for number in 1..200_000_u32 {
            log.note(u16::try_from(number % 65_536).unwrap());
        }
        assert_eq!((log.received(), log.lost()), (200_000, 0));
    }

    fn log_of(first: u16, rest: &[u16]) -> SequenceLog {
        let mut log = SequenceLog::starting_at(first);
        for sequence in rest {
            log.note(*sequence);
        }
        log
    }
}
