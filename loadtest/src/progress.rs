//! What is known while a run goes on, and how whoever waits is told: by a bar on a terminal, by a
//! line every few seconds elsewhere. Knows no participants.

use crate::quantity::float;
use crate::reception::Tally;
use crate::report::Latency;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Where nobody watches, lines are for reading later.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Thousandths of a run: the length of the bar.
const BAR_LEN: u64 = 1_000;

/// What is known while a run goes on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// Peers that will set out.
    pub peers: u32,
    /// Peers in a meeting.
    pub joined: usize,
    /// Peers that failed to join, or to come back.
    pub failed: usize,
    /// The time since all peers were in; `None` before.
    pub elapsed: Option<Duration>,
    /// All counts so far.
    pub total: Tally,
    /// Travel times since this was told last.
    pub latency: Latency,
}

/// Tells it on the standard error output.
pub struct Teller {
    bar: Option<ProgressBar>,
    line_at: Instant,
    length: Duration,
}

impl Teller {
    /// For a run that goes on for `length` after all have joined.
    pub fn new(length: Duration) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30.cyan/blue} {msg}")
                .expect("the template is a valid one");
            ProgressBar::new(BAR_LEN).with_style(style.progress_chars("━╸─"))
        });
        Self {
            bar,
            line_at: Instant::now(),
            length,
        }
    }

    /// Tells how far it is.
    pub fn tell(&mut self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_position(thousandths(progress, self.length));
            bar.set_message(line(progress));
        } else if self.line_at <= Instant::now() {
            self.line_at = Instant::now() + LINE_INTERVAL;
            eprintln!("{}", line(progress));
        }
    }

    /// Leaves the place to the report.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Joining fills the bar once, and the time of the run once more.
fn thousandths(progress: &Progress, length: Duration) -> u64 {
    let (part, whole) = match progress.elapsed {
        None => (
            float(crate::quantity::count(progress.joined + progress.failed)),
            f64::from(progress.peers),
        ),
        Some(elapsed) => (elapsed.as_secs_f64(), length.as_secs_f64()),
    };
    let share = if whole > 0.0 { part / whole } else { 1.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the length of the bar"
    )]
    let position = (share.clamp(0.0, 1.0) * float(BAR_LEN)) as u64;
    position
}

fn line(progress: &Progress) -> String {
    let when = progress
        .elapsed
        .map_or_else(|| "joining".to_owned(), |at| format!("{} s", at.as_secs()));
    let Progress {
        peers,
        joined,
        failed,
        total,
        latency,
        ..
    } = progress;
    let mut line = format!("{when}: {joined} of {peers} in, {failed} failed");
    if total.packets > 0 {
        let Tally { packets, lost, .. } = total;
        line = format!("{line}, {packets} packets received, {lost} lost");
    }
    match latency.p99_ms {
        Some(p99) => format!("{line}, p99 {p99:.1} ms"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_filled_by_who_came_and_then_by_the_time() {
        let mut progress = Progress {
            peers: 4,
            joined: 1,
            failed: 1,
            ..Progress::default()
        };
        let length = Duration::from_secs(10);
        assert_eq!(thousandths(&progress, length), 500);
        progress.elapsed = Some(Duration::from_secs(1));
        assert_eq!(thousandths(&progress, length), 100);
        progress.elapsed = Some(Duration::from_secs(11));
        assert_eq!(thousandths(&progress, length), BAR_LEN);
    }

    #[test]
    fn a_line_tells_media_only_where_there_is_some() {
        let mut progress = Progress {
            peers: 4,
            joined: 3,
            ..Progress::default()
        };
        assert_eq!(line(&progress), "joining: 3 of 4 in, 0 failed");
        progress.total.packets = 7;
        progress.elapsed = Some(Duration::from_secs(2));
        assert_eq!(
            line(&progress),
            "2 s: 3 of 4 in, 0 failed, 7 packets received, 0 lost"
        );
    }
}
