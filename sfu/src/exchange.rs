//! Carries what engines tell each other from worker to worker: one batch a turn, shared by all who
//! get it. Knows neither rooms nor packets.

use crate::inbox::Inbox;
use sfu_core::RelayBatch;
use std::sync::Arc;

/// One worker's way to the others.
#[derive(Debug)]
pub(crate) struct Exchange {
    own: u8,
    workers: Vec<Arc<Inbox>>,
}

impl Exchange {
    /// `workers` are all of them, in the order of their numbers.
    pub(crate) const fn new(own: u8, workers: Vec<Arc<Inbox>>) -> Self {
        Self { own, workers }
    }

    /// Gives a batch to those it is for, and tells how many packets were dropped because a worker lags.
    pub(crate) fn pass(&self, batch: RelayBatch) -> u64 {
        let to = batch.to();
        let batch = Arc::new(batch);
        let numbered = (0..=u8::MAX).zip(&self.workers);
        let others = numbered.filter(|(number, _)| *number != self.own && to.contains(*number));
        others
            .map(|(number, inbox)| inbox.relay(number, &batch))
            .sum()
    }

    /// Tells all others that this worker's engine begins anew.
    pub(crate) fn restarted(&self) {
        self.pass(RelayBatch::restarted(self.own));
    }
}
