//! What publishers need not send: tells them which layers and codecs anybody wants.

use super::Room;
use crate::effect::Effect;
use crate::wire::notice;
use sfu_core::event::CodecWanted;
use sfu_core::ids::{PeerId, TrackId};

impl Room {
    /// What is wanted of a track has changed. Clients that do not adapt leave it unread.
    pub(super) fn layers_wanted(
        &mut self,
        peer: PeerId,
        track: TrackId,
        codecs: Vec<CodecWanted>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(publication) = self.tracks.get_mut(&track) else {
            return;
        };
        if publication.publisher != peer {
            return;
        }
        publication.wanted = codecs;
        self.tell_wanted(peer, track, effects);
    }

    /// Only changes are told, and somebody who was away may have missed some.
    pub(super) fn repeat_wanted(&self, peer: PeerId, effects: &mut Vec<Effect>) {
        let own = self.participants.get(&peer).map(|them| &them.tracks);
        for &track in own.into_iter().flatten() {
            self.tell_wanted(peer, track, effects);
        }
    }

    fn tell_wanted(&self, peer: PeerId, track: TrackId, effects: &mut Vec<Effect>) {
        let wanted = self.tracks.get(&track).map(|known| &known.wanted);
        if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
            self.send(peer, notice::layers_wanted(track, wanted), effects);
        }
    }
}
