//! How loud a microphone is, from the levels in packet headers (RFC 6464), without decoding.
//!
//! A window of 400 ms counts as speech when at least 40 % of its packets are loud; its level is
//! the loudest packet's, lowered when speech filled only part of it, and smoothed over windows so
//! that a pause for breath does not end a turn. The thresholds are those of `protocol.md`, 1.7.

/// Packets at or below this level are loud, in -dBov: 35 means -35 dBov.
const LOUD_DBOV: u8 = 35;
/// A window is speech when this share of its packets is loud, in percent.
const LOUD_SHARE_PERCENT: u32 = 40;
/// Weight of the newest window in the moving average: 2 / (2 + 1) for a span of two windows.
const SMOOTHING: f32 = 2.0 / 3.0;
/// A smoothed level below that of [`LOUD_DBOV`] is silence: 10^(-35/20).
const SILENCE: f32 = 0.0178;

/// One track's level.
#[derive(Debug, Default)]
pub(crate) struct AudioLevelWindow {
    packets: u32,
    loud_packets: u32,
    loudest_dbov: Option<u8>,
    smoothed: f32,
}

impl AudioLevelWindow {
    /// Accounts one packet; 0 is the loudest, 127 is silence.
    pub(crate) fn record(&mut self, level_dbov: u8) {
        self.packets += 1;
        if level_dbov <= LOUD_DBOV {
            self.loud_packets += 1;
            let loudest = self.loudest_dbov.unwrap_or(level_dbov);
            self.loudest_dbov = Some(loudest.min(level_dbov));
        }
    }

    /// Ends the window and returns the level from 0.0 to 1.0; 0.0 is "does not speak".
    pub(crate) fn close(&mut self) -> f32 {
        let speech = self.loud_packets * 100 >= self.packets * LOUD_SHARE_PERCENT;
        let level = match self.loudest_dbov {
            Some(dbov) if speech => 10_f32.powf(-f32::from(dbov) / 20.0),
            _ => 0.0,
        };
        self.packets = 0;
        self.loud_packets = 0;
        self.loudest_dbov = None;
        self.smoothed += (level - self.smoothed) * SMOOTHING;
        if self.smoothed < SILENCE {
            self.smoothed = 0.0;
        }
        self.smoothed
    }
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
            window.record(level);
        }
        window.close()
    }
}
