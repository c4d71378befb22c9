//! How long packets stand in a queue on the way: their delay beyond the shortest of late. Knows no
//! clock but the difference of two.

use std::time::Duration;

/// The shortest delay is looked for over one to two times this. Two clocks drift apart by 1 ms in
/// that time (50 ppm), and a route that became longer for good is taken for a queue no longer.
const WINDOW_US: i64 = 15_000_000;

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
    }

    /// Ends a feedback: the packet in it that waited least says how long the queue lasts.
    pub(super) fn close(&mut self) {
        let Some((round, shortest)) = self.round.take().zip(self.shortest) else {
            return;
        };
        let shortest = shortest.min(self.shortest_before.unwrap_or(shortest));
        self.delay_us = round - shortest;
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
