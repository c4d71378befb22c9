//! Counts things that live, and waits for the last to go. A count cannot leak: whoever is counted
//! holds a presence, and even a panic drops it.

use tokio::sync::watch;

/// How many of a kind there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Census(watch::Sender<usize>);

/// Being counted; dropping it is leaving.
#[derive(Debug)]
pub(crate) struct Presence(watch::Sender<usize>);

impl Census {
    /// One more.
    pub(crate) fn enter(&self) -> Presence {
        self.0.send_modify(|count| *count += 1);
        Presence(self.0.clone())
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until there is none.
    pub(crate) async fn emptied(&self) {
        let mut counts = self.0.subscribe();
        counts
            .wait_for(|&count| count == 0)
            .await
            .expect("the census holds the sender");
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_one_to_leave_ends_the_wait() {
        let census = Census::default();
        let (first, second) = (census.enter(), census.enter());
        assert_eq!(census.count(), 2);
        drop(first);
        let waiting = tokio::spawn({
            let census = census.clone();
            async move { census.emptied().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(second);
        waiting.await.unwrap();
    }

    #[test]
    fn a_panic_leaves_no_one_counted() {
        let census = Census::default();
        let presence = census.enter();
        let outcome = std::thread::spawn(move || {
            let _presence = presence;
            panic!("as intended");
        })
        .join();
        assert!(outcome.is_err());
        assert_eq!(census.count(), 0);
    }
}
