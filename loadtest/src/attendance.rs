//! Lets the participants of a run in at a steady pace, and keeps who came and why others did not.
//! Knows nothing of what they do.

use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep_until;

/// How often progress is told: a run of some seconds is to have a course that can be plotted.
pub(crate) const TOLD_EVERY: Duration = Duration::from_millis(500);

/// Who came to a run.
pub(crate) struct Attendance<P> {
    /// Participants who joined.
    pub(crate) peers: Vec<P>,
    /// Why each other one did not.
    pub(crate) refused: Vec<String>,
}

impl<P> Default for Attendance<P> {
    fn default() -> Self {
        Self {
            peers: Vec::new(),
            refused: Vec::new(),
        }
    }
}

impl<P: Send + 'static> Attendance<P> {
    /// Starts the attempts one after the other, so far apart, and waits for the last.
    pub(crate) async fn let_in<A>(
        &mut self,
        pace: Duration,
        attempts: impl Iterator<Item = A>,
        mut tell: impl AsyncFnMut(&Self),
    ) where
        A: Future<Output = anyhow::Result<P>> + Send + 'static,
    {
        let started_at = Instant::now();
        let mut told_at = started_at;
        let mut joining = JoinSet::new();
        for (number, attempt) in (0..).zip(attempts) {
            let due = started_at + pace * number;
            while Instant::now() < due {
                tokio::select! {
                    () = sleep_until(due.into()) => {}
                    Some(joined) = joining.join_next() => self.note(joined),
                }
            }
            joining.spawn(attempt);
            self.tell_if_due(&mut told_at, &mut tell).await;
        }
        while let Some(joined) = joining.join_next().await {
            self.note(joined);
            self.tell_if_due(&mut told_at, &mut tell).await;
        }
    }

    fn note(&mut self, joined: Result<anyhow::Result<P>, JoinError>) {
        match joined {
            Ok(Ok(peer)) => self.peers.push(peer),
            Ok(Err(error)) => self.refused.push(format!("{error:#}")),
            Err(_) => self.refused.push("the load test itself failed".to_owned()),
        }
    }

    async fn tell_if_due(&self, told_at: &mut Instant, tell: &mut impl AsyncFnMut(&Self)) {
        if told_at.elapsed() >= TOLD_EVERY {
            *told_at = Instant::now();
            tell(self).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_and_why_others_do_not_is_kept() {
        let mut attendance = Attendance::default();
        let attempts = (0..4).map(|number| async move {
            anyhow::ensure!(number != 2, "no place for {number}");
            Ok(number)
        });
        attendance
            .let_in(Duration::from_millis(1), attempts, async |_| {})
            .await;
        attendance.peers.sort_unstable();
        assert_eq!(attendance.peers, [0, 1, 3]);
        assert_eq!(attendance.refused, ["no place for 2"]);
    }
}
