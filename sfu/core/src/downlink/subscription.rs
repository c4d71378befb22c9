//! One track on its way to one peer: which encoding, under which numbers, in which section.

use super::layer_selector::{LayerSelector, Selected};
use super::rewriter::{Incoming, Rewriter, Rewritten};
use crate::engine::PeerKey;
use std::time::Instant;

/// What one subscriber gets of a track. It forwards once it is bound to a media section.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) peer: PeerKey,
    /// The media stream the client files it under.
    pub(crate) stream: String,
    /// The payload type of the section it is bound to; `None` until an answer names it.
    pub(crate) payload_type: Option<u8>,
    pub(crate) selector: LayerSelector,
    pub(crate) rewriter: Rewriter,
}

impl Subscription {
    pub(crate) fn new(peer: PeerKey, stream: String, rewriter: Rewriter) -> Self {
        Self {
            peer,
            stream,
            payload_type: None,
            selector: LayerSelector::new(),
            rewriter,
        }
    }

    /// The packet as this subscriber shall get it, with its payload type; `None` if not at all.
    /// `switchable` says that a decoder can start with it.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        switchable: bool,
    ) -> Option<(u8, Rewritten)> {
        let payload_type = self.payload_type?;
        match self.selector.select(incoming.encoding, switchable) {
            Selected::Drop => return None,
            Selected::Switch => self.rewriter.switch(now, incoming),
            Selected::Continue => {}
        }
        Some((payload_type, self.rewriter.rewrite(now, incoming)?))
    }
}
