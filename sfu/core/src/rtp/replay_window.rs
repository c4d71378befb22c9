//! Which packets of one stream were seen (RFC 3711, section 3.3.2), and which rollover counter a
//! sequence number has (section 3.3.1). Learns only of packets that were authentic. SRTP asks it of
//! datagrams, and an encoding of packets that came by themselves or as their retransmission.

/// libwebrtc remembers as many: packets that are sent again on their own SSRC come late.
const WINDOW_LEN: u64 = 1024;
const WORD_BITS: u64 = 64;
const WORDS: usize = 16;

/// The memory of one stream.
#[derive(Debug, Clone)]
pub(crate) struct ReplayWindow {
    /// The highest index seen, or `None` before the first packet.
    highest: Option<u64>,
    /// A ring of bits by index modulo [`WINDOW_LEN`].
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// A stream without any packet yet.
    pub(crate) const EMPTY: Self = Self {
        highest: None,
        seen: [0; WORDS],
    };

    /// The index of an RTP packet: the one nearest to the highest seen that ends in these 16
    /// bits. `None` for a packet from before the stream's first round.
    pub(crate) fn index_of(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.highest else {
            return Some(u64::from(sequence));
        };
        let ahead = sequence.wrapping_sub(low_bits(highest));
        if ahead < 1 << 15 {
            Some(highest + u64::from(ahead))
        } else {
            highest.checked_sub(u64::from(ahead.wrapping_neg()))
        }
    }

    /// Whether a packet was neither seen nor is too old to tell.
    pub(crate) fn is_fresh(&self, index: u64) -> bool {
        match self.highest {
            None => true,
            Some(highest) if index > highest => true,
            Some(highest) if highest - index >= WINDOW_LEN => false,
            Some(_) => self.seen[word(index)] & bit(index) == 0,
        }
    }

    /// Remembers a fresh and authentic packet.
    pub(crate) fn insert(&mut self, index: u64) {
        let highest = self.highest.unwrap_or(index);
        if index > highest {
            self.forget(highest, index);
        }
        self.seen[word(index)] |= bit(index);
        self.highest = Some(highest.max(index));
    }

    /// Clears the bits of the indices behind `highest` up to `next`: they meant older ones.
    fn forget(&mut self, highest: u64, next: u64) {
        if next - highest >= WINDOW_LEN {
            self.seen = [0; WORDS];
            return;
        }
        for index in highest + 1..=next {
            self.seen[word(index)] &= !bit(index);
        }
    }
}

fn word(index: u64) -> usize {
    usize::try_from(index / WORD_BITS).map_or(0, |word| word % WORDS)
}

const fn bit(index: u64) -> u64 {
    1 << (index % WORD_BITS)
}

fn low_bits(index: u64) -> u16 {
    let [.., high, low] = index.to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn what_is_fresh_agrees_with_a_set_of_all_packets(
            steps in prop::collection::vec((any::<bool>(), 0_u64..1500), 1..400),
        ) {
            let mut window = ReplayWindow::EMPTY;
            let mut all = HashSet::new();
            let mut highest = 5_000_u64;
            for (forward, distance) in steps {
                let index = if forward { highest + distance % 40 } else { highest - distance };
                let is_known = all.contains(&index);
                let is_old = !all.is_empty() && highest.saturating_sub(index) >= WINDOW_LEN;
                prop_assert_eq!(window.is_fresh(index), !is_known && !is_old);
                if !is_known && !is_old {
                    window.insert(index);
                    if all.is_empty() { highest = index } else { highest = highest.max(index) }
                    all.insert(index);
                }
                highest = highest.max(2_000);
            }
        }

        #[test]
        fn the_nearest_index_is_found(highest in 40_000_u64..1 << 40, distance in -32_768_i64..32_768) {
            let mut window = ReplayWindow::EMPTY;
            window.insert(highest);
            let index = highest.checked_add_signed(distance).unwrap();
            prop_assert_eq!(window.index_of(low_bits(index)), Some(index));
        }
    }

    #[test]
    fn a_sequence_number_that_wraps_raises_the_rollover_counter() {
        let mut window = ReplayWindow::EMPTY;
        window.insert(65_534);
        assert_eq!(window.index_of(1), Some(65_537));
        window.insert(65_537);
        assert_eq!(
            window.index_of(65_535),
            Some(65_535),
            "late, from before the wrap"
        );
    }

    #[test]
    fn a_packet_from_before_the_first_round_has_no_index() {
        let mut window = ReplayWindow::EMPTY;
        window.insert(3);
        assert_eq!(window.index_of(65_000), None);
    }
}
