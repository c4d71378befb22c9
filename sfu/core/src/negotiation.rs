//! Which media section carries what: sections of an offer are claimed by published tracks, free
//! ones are given to subscriptions that wait. Knows typed sections, no SDP text and no packets.
//!
//! The client is always the offerer. A subscription that finds no free section waits; the client
//! is then asked for another offer.

use crate::engine::TrackKey;
use crate::sdp::{Msid, Section};
use crate::units::MediaKind;
use crate::uplink::SendingSection;
use std::time::{Duration, Instant};

/// Changes of one burst are answered by one renegotiation. Short against the 150 ms of other
/// servers, because it delays the first picture; long enough for a meeting's tracks to gather.
const COALESCE: Duration = Duration::from_millis(20);
/// An offer that was asked for and did not come is asked for again (`protocol.md`, 1.9).
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// What a media section is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Use {
    /// Nothing: a subscription may take it.
    Free,
    /// Data channels.
    Application,
    /// The client sends a track that was announced.
    Publishing(TrackKey),
    /// The client sends something that no announcement matches yet.
    Unclaimed(Offered),
    /// We send a track.
    Subscribed(TrackKey),
    /// We sent a track that ended. The client notices the next one only after an answer in which
    /// the section was inactive (W3C webrtc-pc, 4.4.1.7: `track` fires on a change of direction).
    Releasing,
}

/// A section in which the client sends, and what it calls the track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) sending: SendingSection,
    pub(crate) msid: Option<Msid>,
}

/// A peer's sections and what waits for one.
#[derive(Debug, Default)]
pub(crate) struct Negotiation {
    /// One per section of the last offer, in its order.
    pub(crate) sections: Vec<Placed>,
    /// Announced tracks that no section carries yet.
    pub(crate) announced: Vec<TrackKey>,
    /// Subscriptions that no section carries yet, oldest first.
    pub(crate) waiting: Vec<(TrackKey, MediaKind)>,
    /// Counts the answers (RFC 8866, section 5.2).
    pub(crate) version: u64,
    remote_ufrag: Option<String>,
    ask_at: Option<Instant>,
}

/// A section in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) mid: String,
    /// `None` for data channels.
    pub(crate) kind: Option<MediaKind>,
    /// Whether the client is ready to receive in it.
    pub(crate) receives: bool,
    pub(crate) used: Use,
}

/// How many more sections a client must offer, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) audio: u32,
    pub(crate) video: u32,
}

impl Negotiation {
    /// Takes note of the client's ufrag; whether another one before it shows an ICE restart.
    pub(crate) fn restarts(&mut self, ufrag: &str) -> bool {
        let before = self.remote_ufrag.replace(ufrag.to_owned());
        before.is_some_and(|before| before != ufrag)
    }

    /// A change wants another offer.
    pub(crate) fn ask_soon(&mut self, now: Instant) {
        if !self.sections.is_empty() {
            let at = now + COALESCE;
            self.ask_at = Some(self.ask_at.map_or(at, |already| already.min(at)));
        }
    }

    /// An offer came and was answered: asks again only if something is left to be placed.
    pub(crate) fn answered(&mut self, now: Instant) {
        self.ask_at = None;
        if !self.waiting.is_empty() {
            self.ask_soon(now);
        }
    }

    /// Whether [`Negotiation::take_due`] has something to ask.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.ask_at.is_some_and(|at| at <= now)
    }

    /// What to ask of the client now, if anything.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Needed> {
        if !self.is_due(now) {
            return None;
        }
        self.ask_at = (!self.waiting.is_empty()).then_some(now + ASK_AGAIN);
        Some(Needed {
            audio: self.lacking(MediaKind::Audio),
            video: self.lacking(MediaKind::Video),
        })
    }

    /// The announced track a section carries: the one it names, or else the only one of its kind,
    /// because some clients name it differently in the section (`protocol.md`, 1.7).
    pub(crate) fn claim<'a>(
        &mut self,
        msid: Option<&Msid>,
        spec_of: impl Fn(TrackKey) -> Option<&'a crate::command::TrackSpec>,
        kind: MediaKind,
    ) -> Option<TrackKey> {
        let named = |key: &TrackKey| {
            let spec = spec_of(*key);
            spec.is_some_and(|spec| {
                spec.kind == kind && msid.is_some_and(|msid| spec.client_ids.contains(&msid.track))
            })
        };
        let of_kind = |key: &TrackKey| spec_of(*key).is_some_and(|spec| spec.kind == kind);
        let position = self.announced.iter().position(named).or_else(|| {
            let mut candidates = self
                .announced
                .iter()
                .enumerate()
                .filter(|(_, key)| of_kind(key));
            match (candidates.next(), candidates.next()) {
                (Some((only, _)), None) => Some(only),
                _ => None,
            }
        })?;
        Some(self.announced.remove(position))
    }

    /// Takes a track out of everything: its section and the queues.
    pub(crate) fn release(&mut self, now: Instant, key: TrackKey) {
        self.announced.retain(|track| *track != key);
        self.waiting.retain(|(track, _)| *track != key);
        let mut released = false;
        for section in &mut self.sections {
            if section.used == Use::Subscribed(key) {
                section.used = Use::Releasing;
                released = true;
            } else if section.used == Use::Publishing(key) {
                section.used = Use::Free;
            }
        }
        if released {
            self.ask_soon(now);
        }
    }

    /// Enters the offer's sections; those known before keep their use.
    pub(crate) fn place(&mut self, sections: &[Section]) {
        for (index, section) in sections.iter().enumerate() {
            let receives = section.direction.receives() && !section.rejected;
            match self.sections.get_mut(index) {
                Some(placed) => placed.receives = receives,
                None => self.sections.push(Placed {
                    mid: section.mid.clone(),
                    kind: section.kind.media(),
                    receives,
                    used: if section.kind.media().is_some() {
                        Use::Free
                    } else {
                        Use::Application
                    },
                }),
            }
        }
    }

    /// Whether an offer still has the sections of the one before it, in the same places
    /// (RFC 8829, section 5.2.2).
    pub(crate) fn continues(&self, sections: &[Section]) -> bool {
        sections.len() >= self.sections.len()
            && self.sections.iter().zip(sections).all(|(placed, section)| {
                placed.mid == section.mid && placed.kind == section.kind.media()
            })
    }

    fn lacking(&self, kind: MediaKind) -> u32 {
        let waiting = self
            .waiting
            .iter()
            .filter(|(_, waiting)| *waiting == kind)
            .count();
        let free = self.sections.iter().filter(|placed| {
            placed.kind == Some(kind) && placed.receives && placed.used == Use::Free
        });
        u32::try_from(waiting.saturating_sub(free.count())).unwrap_or(u32::MAX)
    }
}
