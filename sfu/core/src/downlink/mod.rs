//! What one subscription needs: the choice of an encoding, the rewriting of its packets, and what
//! it takes to send one again.

pub(crate) mod layer;
pub(crate) mod layer_selector;
pub(crate) mod line;
pub(crate) mod loss_watch;
pub(crate) mod packet_cache;
pub(crate) mod repair;
pub(crate) mod rewriter;
pub(crate) mod sent_packets;
pub(crate) mod subscription;
