//! Gathers packets that were sent together and tells how the gaps between such groups changed on
//! the way (draft-ietf-rmcat-gcc-02, section 5.2 and 5.3). Knows no rates.

/// Packets sent within this time are one group (gcc-02, section 5.2: `burst_time`).
const SENT_TOGETHER_US: i64 = 5_000;
/// Packets that arrive within this time of each other, having gained on the way, left a queue in
/// one go, as Wi-Fi and mobile links release them (gcc-02, section 5.2).
const ARRIVED_TOGETHER_US: i64 = 5_000;
/// So long a group may go on growing that way (libwebrtc's 100 ms).
const GROUP_US_MAX: i64 = 100_000;
/// Between sending and arrival no gap changes by more; it is a clock that jumped (libwebrtc's 3 s).
const CHANGE_US_MAX: i64 = 3_000_000;

/// How far one group followed another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deltas {
    /// Microseconds between them when they were sent.
    pub(super) sent: i64,
    /// Microseconds between them when they arrived.
    pub(super) arrived: i64,
    /// When the later one arrived, by the receiver's clock.
    pub(super) arrived_at: i64,
}

/// What came of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouped {
    /// It belongs to the group before it.
    Same,
    /// It begins a group, and the one before is complete.
    Complete(Deltas),
    /// The clocks jumped: what was known of delays is void.
    Jumped,
}

/// The last two groups.
#[derive(Debug, Default)]
pub(super) struct ArrivalGroups {
    current: Option<Group>,
    previous: Option<Group>,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: i64,
    last_sent: i64,
    first_arrived: i64,
    last_arrived: i64,
}

impl ArrivalGroups {
    /// Takes a packet that arrived; times in microseconds, each by its own clock.
    pub(super) fn receive(&mut self, sent_at: i64, arrived_at: i64) -> Grouped {
        let fresh = Group {
            first_sent: sent_at,
            last_sent: sent_at,
            first_arrived: arrived_at,
            last_arrived: arrived_at,
        };
        let Some(current) = &mut self.current else {
            self.current = Some(fresh);
            return Grouped::Same;
        };
        if sent_at < current.first_sent {
            return Grouped::Same; // It was overtaken on the way; its group is complete.
        }
        let change = (arrived_at - current.last_arrived) - (sent_at - current.last_sent);
        if change.abs() > CHANGE_US_MAX {
            *self = Self {
                current: Some(fresh),
                previous: None,
            };
            return Grouped::Jumped;
        }
        if current.takes(sent_at, arrived_at, change) {
            current.last_sent = current.last_sent.max(sent_at);
            current.last_arrived = current.last_arrived.max(arrived_at);
            return Grouped::Same;
        }
        let complete = *current;
        let before = self.previous.replace(complete);
        self.current = Some(fresh);
        before.map_or(Grouped::Same, |before| complete.after(&before))
    }
}

impl Group {
    fn takes(&self, sent_at: i64, arrived_at: i64, change: i64) -> bool {
        let sent_together = sent_at - self.first_sent <= SENT_TOGETHER_US;
        let released_together = change < 0
            && arrived_at - self.last_arrived <= ARRIVED_TOGETHER_US
            && arrived_at - self.first_arrived < GROUP_US_MAX;
        sent_together || released_together
    }

    fn after(&self, before: &Self) -> Grouped {
        let deltas = Deltas {
            sent: self.last_sent - before.last_sent,
            arrived: self.last_arrived - before.last_arrived,
            arrived_at: self.last_arrived,
        };
        // A group that arrived before the one sent before it says nothing of a queue.
        if deltas.arrived < 0 {
            Grouped::Same
        } else {
            Grouped::Complete(deltas)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_one_group_and_the_gap_is_between_its_last_packets() {
        let mut groups = ArrivalGroups::default();
        let mut complete = Vec::new();
        for (sent, arrived) in [
            (0, 50_000),
            (4_000, 55_000),
            (33_000, 83_000),
            (34_000, 90_000),
            (66_000, 116_000),
        ] {
            if let Grouped::Complete(deltas) = groups.receive(sent, arrived) {
                complete.push(deltas);
            }
        }
        let expected = Deltas {
            sent: 30_000,
            arrived: 35_000,
            arrived_at: 90_000,
        };
        assert_eq!(complete, [expected]);
    }

    #[test]
    fn packets_that_a_link_releases_in_one_go_are_one_group() {
        let mut groups = ArrivalGroups::default();
        for index in 0..8 {
            let grouped = groups.receive(index * 10_000, 200_000 + index * 100);
            assert_eq!(grouped, Grouped::Same, "{index}");
        }
    }

    #[test]
    fn a_clock_that_jumps_starts_over() {
        let mut groups = ArrivalGroups::default();
        groups.receive(0, 0);
        groups.receive(20_000, 20_000);
        assert_eq!(groups.receive(40_000, 9_000_000_000), Grouped::Jumped);
        assert_eq!(groups.receive(60_000, 9_000_020_000), Grouped::Same);
        assert_eq!(groups.receive(80_000, -4_000_000), Grouped::Jumped);
    }
}
