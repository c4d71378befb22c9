//! How long packets stand in a queue on the way: their delay beyond the shortest of late. Knows no
//! clock but the difference of two.

use std::time::Duration;

/// The shortest delay is looked for over one to two times this. Two clocks drift apart by 1 ms in
/// that time (50 ppm), and a route that became longer for good is taken for a queue no longer.
const WINDOW_US: i64 = 15_000_000;

/// A queue that grew by so much is one that the line cannot keep up with: jitter is less.
const RISE_US: i64 = 75_000;
/// And for no longer: a queue that stands is of others' making, and the slope decides.
const RISEN_US: i64 = 500_000;
/// If it falls by so much from one feedback to the next, it empties: a full one stays as it is.
const FALL_US: i64 = 10_000;
/// Up to here it is none to count from.
const NONE_US: i64 = 25_000;
/// While so much was sent: the packets of a burst wait for each other too, but were sent at once.
const RISING_US: i64 = 120_000;

/// The delay of late.
#[derive(Debug, Default)]
pub(super) struct QueueDelay {
    /// The shortest delay in this window and in the one before, in microseconds of both clocks'
    /// difference.
    shortest: Option<i64>,
    shortest_before: Option<i64>,
    window_from: i64,
    /// The shortest delay in the feedback that is being read.
    round: Option<i64>,
    delay_us: i64,
    /// When the newest packet that arrived was sent.
    sent_at: i64,
    /// The delay from which it has risen since, and when that was.
    rises_from: Option<(i64, i64)>,
}

impl QueueDelay {
    /// Takes a packet that arrived; times in microseconds, each by its own clock.
    pub(super) fn receive(&mut self, sent_at: i64, arrived_at: i64) {
        if sent_at - self.window_from > WINDOW_US {
            self.window_from = sent_at;
            self.shortest_before = self.shortest.take();
        }
        let delay = arrived_at - sent_at;
        self.shortest = Some(self.shortest.map_or(delay, |shortest| shortest.min(delay)));
        self.round = Some(self.round.map_or(delay, |round| round.min(delay)));
        self.sent_at = self.sent_at.max(sent_at);
    }

    /// Ends a feedback: the packet in it that waited least says how long the queue lasts.
    pub(super) fn close(&mut self) {
        let Some((round, shortest)) = self.round.take().zip(self.shortest) else {
            return;
        };
        let shortest = shortest.min(self.shortest_before.unwrap_or(shortest));
        let before = std::mem::replace(&mut self.delay_us, round - shortest);
        let falls = self.delay_us <= before - FALL_US;
        if falls || self.delay_us <= NONE_US || self.rises_from.is_none() {
            self.rises_from = Some((self.delay_us, self.sent_at));
        }
    }

    /// Whether the queue has grown by much, and not at once, and does not empty.
    pub(super) fn is_rising(&self) -> bool {
        self.rises_from.is_some_and(|(delay_us, since)| {
            let time = self.sent_at - since;
            self.delay_us - delay_us >= RISE_US && (RISING_US..RISEN_US).contains(&time)
        })
    }

    /// How long the queue is.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.delay_us).unwrap_or(0))
    }

    /// Starts over, because a clock jumped.
    pub(super) fn restart(&mut self) {
        *self = Self {
            window_from: self.window_from,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_what_the_luckiest_packet_of_a_feedback_waited() {
        let mut queue = QueueDelay::default();
        queue.receive(0, 7_000_000);
        queue.close();
        assert_eq!(queue.delay(), Duration::ZERO);
        for waited in [90_000, 30_000, 60_000] {
            queue.receive(100_000, 7_100_000 + waited);
        }
        queue.close();
        assert_eq!(queue.delay(), Duration::from_millis(30));
    }

    #[test]
    fn a_queue_that_grows_from_feedback_to_feedback_is_told_from_one_that_jumped() {
        for (delays_ms, expected) in [
            ([0, 30, 60, 90], true),
            ([0, 0, 50, 110], true),
            ([0, 0, 0, 110], false),
            ([0, 100, 200, 195], true),
            ([0, 0, 0, 200], false),
            ([0, 200, 190, 180], false),
            ([0, 10, 20, 30], false),
            ([0, 90, 60, 130], false),
        ] {
            let mut queue = QueueDelay::default();
            for (round, delay_ms) in (0..).zip(delays_ms) {
                let sent_at = round * 60_000;
                queue.receive(sent_at, sent_at + delay_ms * 1000);
                queue.close();
            }
            assert_eq!(queue.is_rising(), expected, "{delays_ms:?}");
        }
    }

    #[test]
    fn a_queue_that_only_stands_is_not_held_against_the_line_for_long() {
        let mut queue = QueueDelay::default();
        let rising = (0..40).filter(|round| {
            let sent_at = round * 60_000;
            let delay = if *round > 2 { 150_000 } else { 0 };
            queue.receive(sent_at, sent_at + delay);
            queue.close();
            queue.is_rising()
        });
        assert_eq!(rising.count(), 7, "of 37");
    }

    #[test]
    fn a_longer_route_is_a_queue_for_two_windows_at_most() {
        let mut queue = QueueDelay::default();
        queue.receive(0, 0);
        queue.close();
        for second in 1..40 {
            let sent_at = second * 1_000_000;
            queue.receive(sent_at, sent_at + 50_000);
            queue.close();
            // A window ends with the first packet after it.
            let expected = if second <= 31 { 50 } else { 0 };
            let delay = queue.delay();
            assert_eq!(delay, Duration::from_millis(expected), "{second} s");
        }
    }
}
