//! Lets the participants of a run in at a steady pace, and keeps who came and why others did not.
//! Knows nothing of what they do.

use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep_until;

/// How often progress is told.
pub(crate) const TOLD_EVERY: Duration = Duration::from_secs(1);

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
    /// Starts the attempts one after the other, so many a second, and waits for the last.
    pub(crate) async fn let_in<A>(
        &mut self,
        joins_per_second: u32,
        attempts: impl Iterator<Item = A>,
        mut tell: impl FnMut(&Self),
    ) where
        A: Future<Output = anyhow::Result<P>> + Send + 'static,
    {
        let started_at = Instant::now();
        let mut told_at = started_at;
        let pace = Duration::from_secs(1) / joins_per_second.max(1);
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
            self.tell_if_due(&mut told_at, &mut tell);
        }
        while let Some(joined) = joining.join_next().await {
            self.note(joined);
            self.tell_if_due(&mut told_at, &mut tell);
        }
    }

    fn note(&mut self, joined: Result<anyhow::Result<P>, JoinError>) {
        match joined {
            Ok(Ok(peer)) => self.peers.push(peer),
            Ok(Err(error)) => self.refused.push(format!("{error:#}")),
            Err(_) => self.refused.push("the load test itself failed".to_owned()),
        }
    }

    fn tell_if_due(&self, told_at: &mut Instant, tell: &mut impl FnMut(&Self)) {
        if told_at.elapsed() >= TOLD_EVERY {
            *told_at = Instant::now();
            tell(self);
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
        attendance.let_in(1000, attempts, |_| {}).await;
        attendance.peers.sort_unstable();
        assert_eq!(attendance.peers, [0, 1, 3]);
        assert_eq!(attendance.refused, ["no place for 2"]);
    }
}
