//! How loud a microphone is, from the levels in packet headers (RFC 6464), without decoding.
//!
//! A window of 400 ms counts as speech when at least 40 % of its time is loud; its level is that
//! of the loudest packet, lowered by the share of the window that was not loud, and smoothed over
//! windows so that a pause for breath does not end a turn. The thresholds are those of
//! `protocol.md`, 1.7. Time is counted, not packets: whoever sends nothing in silence (DTX) sends
//! few packets that are not loud.

use crate::room::SPEAKERS_INTERVAL;

/// Packets at or below this level are loud, in -dBov: 35 means -35 dBov.
const LOUD_DBOV: u8 = 35;
/// A window is speech when this share of its time is loud, in percent.
const LOUD_SHARE_PERCENT: u128 = 40;
/// Weight of the newest window in the moving average: 2 / (2 + 1) for a span of two windows.
const SMOOTHING: f32 = 2.0 / 3.0;
/// A smoothed level below that of [`LOUD_DBOV`] is silence: 10^(-35/20).
const SILENCE: f32 = 0.0178;
/// Ticks of the RTP clock in a millisecond: Opus always has 48 kHz (RFC 7587, section 4.1).
const TICKS_PER_MS: u32 = 48;
/// How long a packet plays whose predecessor is not near: what every client sends.
const USUAL_MS: u32 = 20;
/// No packet plays longer (RFC 7587, section 6.1): what is further apart has silence between.
const PACKET_MS_MAX: u32 = 120;

/// One track's level.
#[derive(Debug, Default)]
pub(crate) struct AudioLevelWindow {
    loud_ms: u32,
    loudest_dbov: Option<u8>,
    last_timestamp: Option<u32>,
    smoothed: f32,
}

impl AudioLevelWindow {
    /// Accounts one packet; 0 is the loudest, 127 is silence.
    pub(crate) fn record(&mut self, level_dbov: u8, timestamp: u32) {
        let last = self.last_timestamp.replace(timestamp);
        if level_dbov <= LOUD_DBOV {
            let since = last.map(|last| timestamp.wrapping_sub(last) / TICKS_PER_MS);
            let near = since.filter(|since| (1..=PACKET_MS_MAX).contains(since));
            self.loud_ms += near.unwrap_or(USUAL_MS);
            let loudest = self.loudest_dbov.unwrap_or(level_dbov);
            self.loudest_dbov = Some(loudest.min(level_dbov));
        }
    }

    /// Ends the window and returns the level from 0.0 to 1.0; 0.0 is "does not speak".
    pub(crate) fn close(&mut self) -> f32 {
        let window_ms = SPEAKERS_INTERVAL.as_millis();
        let loud_ms = u128::from(std::mem::take(&mut self.loud_ms)).min(window_ms);
        let speech = loud_ms * 100 >= window_ms * LOUD_SHARE_PERCENT;
        let level = match self.loudest_dbov.take() {
            Some(dbov) if speech => {
                10_f32.powf(-f32::from(dbov) / 20.0) * share(loud_ms, window_ms)
            }
            _ => 0.0,
        };
        self.smoothed += (level - self.smoothed) * SMOOTHING;
        if self.smoothed < SILENCE {
            self.smoothed = 0.0;
        }
        self.smoothed
    }
}

/// A part of a whole, both of some hundred milliseconds.
fn share(part_ms: u128, whole_ms: u128) -> f32 {
    let short = |ms: u128| f32::from(u16::try_from(ms).unwrap_or(u16::MAX));
    short(part_ms) / short(whole_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_speech_rises_to_its_level() {
        let mut window = AudioLevelWindow::default();
        let levels: Vec<f32> = (0..6).map(|_| window_of(&mut window, &[20; 20])).collect();
        assert!(
            levels.windows(2).all(|pair| pair[0] < pair[1]),
            "{levels:?}"
        );
        assert!(
            (levels[5] - 0.1).abs() < 0.01,
            "-20 dBov is a tenth: {levels:?}"
        );
    }

    #[test]
    fn a_short_knock_is_not_speech() {
        let mut window = AudioLevelWindow::default();
        let mut levels = [127; 20];
        levels[3] = 0;
        assert!(window_of(&mut window, &levels) < f32::EPSILON);
    }

    #[test]
    fn speech_that_fills_half_of_the_window_is_half_as_loud() {
        let (mut whole, mut half) = <(AudioLevelWindow, AudioLevelWindow)>::default();
        let mut levels = [20; 20];
        let loud = window_of(&mut whole, &levels);
        levels[10..].fill(127);
        assert!((window_of(&mut half, &levels) * 2.0 - loud).abs() < 0.001);
    }

    #[test]
    fn one_loud_packet_among_the_few_of_silence_is_not_speech() {
        let mut window = AudioLevelWindow::default();
        window.record(10, 0);
        window.record(127, 400 * TICKS_PER_MS);
        assert!(window.close() < f32::EPSILON);
    }

    #[test]
    fn long_packets_count_for_the_time_they_play() {
        let (mut short, mut long) = <(AudioLevelWindow, AudioLevelWindow)>::default();
        let level = window_of(&mut short, &[20; 20]);
        for packet in 0..7 {
            long.record(20, packet * 60 * TICKS_PER_MS);
        }
        assert!((long.close() - level).abs() < 0.01);
    }

    #[test]
    fn silence_after_speech_ends_within_three_seconds() {
        let mut window = AudioLevelWindow::default();
        for _ in 0..10 {
            window_of(&mut window, &[5; 20]);
        }
        let silent_after = (1..100).find(|_| window.close() < f32::EPSILON).unwrap();
        assert!(silent_after * 400 < 3000, "{silent_after} windows");
    }

    fn window_of(window: &mut AudioLevelWindow, levels: &[u8]) -> f32 {
        for &level in levels {
            let timestamp = window.last_timestamp.unwrap_or(0);
            window.record(level, timestamp.wrapping_add(20 * TICKS_PER_MS));
        }
        window.close()
    }
}
