//! A track of a spread room: where it comes from if not from here, and which other workers send it on.
//! Knows no engine but by its number.

use super::audience::Ear;
use super::demand::Best;
use super::track::{ENCODINGS_MAX, Track};
use crate::engine::PeerKey;
use crate::ids::PeerId;
use crate::peer::Peer;
use crate::relay::{Rendition, Workers};
use crate::rtp::Ssrc;
use crate::units::{Codec, MediaKind};
use slotmap::SlotMap;

/// What a track has to do with other workers. In a room of one worker, nothing.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    /// `None` if its publisher is here.
    pub(crate) origin: Option<Origin>,
    /// Who sends its encodings on.
    to: Option<Box<[Workers; ENCODINGS_MAX]>>,
    /// What other workers said they want; of the first rendition alone. A worker that said nothing
    /// wants all of the first rendition, as every demand begins.
    wants: Vec<Want>,
}

/// The publisher of a track that comes from another worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) worker: u8,
    pub(crate) peer: PeerId,
    pub(crate) ear: Ear,
}

#[derive(Debug, Clone, Copy)]
struct Want {
    worker: u8,
    backup: Option<Codec>,
    best: Best,
}

impl Spread {
    /// What a worker wants of a rendition.
    fn of(&self, worker: u8, backup: Option<Codec>) -> Best {
        let is_it = |want: &&Want| want.worker == worker && want.backup == backup;
        let said = self.wants.iter().find(is_it).map(|want| want.best);
        said.unwrap_or(match backup {
            None => Best::Encoding(ENCODINGS_MAX),
            Some(_) => Best::Nothing,
        })
    }

    /// A worker says what it wants of each rendition.
    pub(crate) fn want(&mut self, worker: u8, wants: &[(Option<Codec>, Best)]) {
        self.forget(worker);
        let wants = wants.iter().map(|&(backup, best)| Want {
            worker,
            backup,
            best,
        });
        self.wants.extend(wants);
    }

    /// A worker begins anew, or is gone.
    pub(crate) fn forget(&mut self, worker: u8) {
        self.wants.retain(|want| want.worker != worker);
    }

    /// The best of so many encodings of a rendition that any of these workers wants.
    pub(crate) fn best(
        &self,
        workers: &Workers,
        backup: Option<Codec>,
        count: usize,
    ) -> Option<usize> {
        if self.origin.is_some() {
            return None; // They ask its home.
        }
        let top = count.checked_sub(1)?;
        let wanted = workers.iter().map(|worker| self.of(worker, backup)).max()?;
        match wanted {
            Best::Nothing => None,
            Best::Encoding(best) => Some(best.min(top)),
        }
    }

    /// Which of these workers should have each of so many encodings of a rendition. Sound goes to all:
    /// each of them decides by it who speaks, and who is heard.
    pub(crate) fn targets(
        &self,
        workers: &Workers,
        (kind, backup): (MediaKind, Option<Codec>),
        count: usize,
    ) -> [Workers; ENCODINGS_MAX] {
        let mut to = [Workers::NONE; ENCODINGS_MAX];
        for worker in workers.iter() {
            let best = match kind {
                MediaKind::Audio => Best::Encoding(0),
                MediaKind::Video => self.of(worker, backup),
            };
            for (encoding, to) in to.iter_mut().enumerate().take(count) {
                // The layers of a single encoding come together.
                let is_wanted = match best {
                    Best::Nothing => false,
                    Best::Encoding(_) => count == 1 || best.includes(encoding),
                };
                if is_wanted {
                    to.insert(worker);
                }
            }
        }
        to
    }

    /// Replaces those who send it on.
    pub(crate) fn aim(&mut self, to: [Workers; ENCODINGS_MAX]) {
        let is_any = to.iter().any(|workers| !workers.is_empty());
        self.to = is_any.then(|| Box::new(to));
    }

    /// Who sends an encoding on; `None` if nobody does.
    pub(crate) fn to(&self, encoding: usize) -> Option<Workers> {
        let to = self.to.as_ref()?.get(encoding)?;
        (!to.is_empty()).then_some(*to)
    }
}

impl Track {
    /// As other workers know it.
    pub(crate) fn rendition(&self) -> Rendition {
        Rendition {
            track: self.id,
            backup: self.spec.codec.filter(|_| self.first.is_some()),
        }
    }

    /// Who publishes it, and where they sit; `None` if they are gone.
    pub(crate) fn publisher_among(&self, peers: &SlotMap<PeerKey, Peer>) -> Option<(PeerId, Ear)> {
        let of_here = || peers.get(self.publisher).map(|peer| (peer.id, peer.ear));
        let of_elsewhere = self.spread.origin.map(|it| (it.peer, it.ear));
        of_elsewhere.or_else(of_here)
    }

    /// An encoding begins a stream, and its numbers afresh.
    pub(crate) fn begin_stream(&mut self, encoding: usize, ssrc: Ssrc) {
        let Some(stream) = self.encodings.get_mut(encoding) else {
            return;
        };
        stream.bind(ssrc);
        self.redundancy.forget();
        for subscription in &mut self.subscriptions {
            subscription.sent.forget(encoding);
            if subscription.selector.current() == Some(encoding) {
                subscription.selector.restart();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: Best = Best::Encoding(0);

    #[test]
    fn a_worker_that_said_nothing_wants_all_of_the_first_rendition_and_no_other() {
        let (spread, workers) = (Spread::default(), workers(&[1]));
        assert_eq!(spread.best(&workers, None, 3), Some(2));
        assert_eq!(spread.best(&workers, Some(Codec::Vp8), 3), None);
        assert_eq!(spread.best(&Workers::NONE, None, 3), None);
        let from_there = Spread {
            origin: Some(Origin {
                worker: 1,
                peer: PeerId(1),
                ear: Ear::default(),
            }),
            ..Spread::default()
        };
        assert_eq!(from_there.best(&workers, None, 3), None);
    }

    #[test]
    fn each_worker_gets_what_it_wants_and_what_is_smaller() {
        let (mut spread, workers) = (Spread::default(), workers(&[1, 2, 3]));
        spread.want(1, &[(None, LOW)]);
        spread.want(2, &[(None, Best::Nothing)]);
        let to = spread.targets(&workers, (MediaKind::Video, None), 3);
        let listed = to.map(|to| to.iter().collect::<Vec<_>>());
        assert_eq!(listed, [vec![1, 3], vec![3], vec![3]]);
        spread.forget(2);
        let to = spread.targets(&workers, (MediaKind::Video, None), 3);
        assert_eq!(to[2].iter().collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn layers_of_one_encoding_come_together_and_sound_always() {
        let (mut spread, workers) = (Spread::default(), workers(&[1, 2]));
        spread.want(1, &[(None, LOW)]);
        spread.want(2, &[(None, Best::Nothing)]);
        let pictures = spread.targets(&workers, (MediaKind::Video, None), 1);
        assert_eq!(pictures[0].iter().collect::<Vec<_>>(), [1]);
        let sound = spread.targets(&workers, (MediaKind::Audio, None), 1);
        assert_eq!(sound[0].len(), 2);
    }

    fn workers(numbers: &[u8]) -> Workers {
        numbers.iter().copied().collect()
    }
}
