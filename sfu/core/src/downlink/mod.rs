//! What one subscription needs: the choice of an encoding and the rewriting of its packets.

pub(crate) mod layer_selector;
pub(crate) mod rewriter;
pub(crate) mod subscription;
