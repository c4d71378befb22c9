//! What one subscription needs: the choice of an encoding, the rewriting of its packets, what it takes
//! to send one again, and where packets wait for a narrow line.

pub(crate) mod available;
mod closed_numbers;
pub(crate) mod decode_targets;
pub(crate) mod layer;
pub(crate) mod layer_filter;
mod layer_limits;
pub(crate) mod layer_selector;
#[cfg(test)]
mod layer_tests;
pub(crate) mod line;
pub(crate) mod loss_watch;
pub(crate) mod outgoing;
pub(crate) mod packet_cache;
pub(crate) mod pictures;
pub(crate) mod repair;
pub(crate) mod rewriter;
pub(crate) mod sent_packets;
pub(crate) mod subscription;
pub(crate) mod subscriptions;
pub(crate) mod waiting;
