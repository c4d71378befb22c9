//! Counts what of a stream arrived, for receiver reports (RFC 3550, sections 6.4.1 and A.3, A.8).
//! Knows extended sequence numbers and arrival times, nothing of pictures.

use std::time::Instant;

/// What one SSRC brought so far.
#[derive(Debug, Default)]
pub(crate) struct ReceiveStatistics {
    first: Option<u64>,
    highest: u64,
    received: u64,
    expected_at_report: u64,
    received_at_report: u64,
    jitter: f64,
    last_transit: Option<f64>,
    started_at: Option<Instant>,
}

/// The figures of one report block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Share lost since the last report, in 256ths.
    pub(crate) fraction_lost: u8,
    /// Packets lost since the beginning, at most 2^23 - 1.
    pub(crate) cumulative_lost: u32,
    /// Highest sequence number with its wraps.
    pub(crate) highest_sequence: u32,
    /// Spread of the arrival times, in ticks of the RTP clock.
    pub(crate) jitter: u32,
}

impl ReceiveStatistics {
    /// Accounts one packet. `clock_rate` is in ticks per second.
    pub(crate) fn record(&mut self, now: Instant, sequence: u64, timestamp: u32, clock_rate: u32) {
        let started_at = *self.started_at.get_or_insert(now);
        let first = *self.first.get_or_insert(sequence);
        self.first = Some(first.min(sequence));
        self.highest = self.highest.max(sequence);
        self.received += 1;
        let arrival = now.duration_since(started_at).as_secs_f64() * f64::from(clock_rate);
        let transit = arrival - f64::from(timestamp);
        if let Some(last) = self.last_transit {
            let difference = (transit - last).abs();
            // A jump of over ten seconds is a new time base or a wrap, and no jitter.
            if difference < f64::from(clock_rate) * 10.0 {
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
        self.last_transit = Some(transit);
    }

    /// Spread of the arrival times, in ticks of the RTP clock.
    pub(crate) fn jitter(&self) -> u32 {
        ticks(self.jitter)
    }

    /// The figures since the last call; `None` before the first packet.
    pub(crate) fn report(&mut self) -> Option<Figures> {
        let first = self.first?;
        let expected = self.highest - first + 1;
        let expected_now = expected.saturating_sub(self.expected_at_report);
        let received_now = self.received.saturating_sub(self.received_at_report);
        let lost_now = expected_now.saturating_sub(received_now);
        self.expected_at_report = expected;
        self.received_at_report = self.received;
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0);
        Some(Figures {
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: low_bits(expected.saturating_sub(self.received).min(0x007f_ffff)),
            highest_sequence: low_bits(self.highest),
            jitter: ticks(self.jitter),
        })
    }
}

fn low_bits(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("masked to 32 bits")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "jitter is positive and below ten seconds of ticks"
)]
fn ticks(jitter: f64) -> u32 {
    jitter as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;
    use std::time::Duration;

    #[test]
    fn every_fourth_packet_lost_is_a_quarter() {
        let mut statistics = ReceiveStatistics::default();
        let start = start();
        for sequence in 0..100_u64 {
            if sequence % 4 != 1 {
                statistics.record(start, sequence, 0, 90_000);
            }
        }
        let figures = statistics.report().unwrap();
        assert_eq!(figures.fraction_lost, 64);
        assert_eq!(figures.cumulative_lost, 25);
        assert_eq!(figures.highest_sequence, 99);
    }

    #[test]
    fn a_second_report_speaks_of_the_time_since_the_first() {
        let mut statistics = ReceiveStatistics::default();
        let start = start();
        statistics.record(start, 10, 0, 90_000);
        statistics.record(start, 12, 0, 90_000);
        statistics.report();
        statistics.record(start, 13, 0, 90_000);
        let figures = statistics.report().unwrap();
        assert_eq!(figures.fraction_lost, 0);
        assert_eq!(figures.cumulative_lost, 1);
    }

    #[test]
    fn packets_that_come_as_they_were_sent_have_no_jitter() {
        let mut statistics = ReceiveStatistics::default();
        let start = start();
        for frame in 0..50_u32 {
            let at = start + Duration::from_millis(u64::from(frame) * 20);
            statistics.record(at, u64::from(frame), frame * 960, 48_000);
        }
        assert_eq!(statistics.report().unwrap().jitter, 0);
    }

    #[test]
    fn nothing_received_is_nothing_reported() {
        assert_eq!(ReceiveStatistics::default().report(), None);
    }
}
