//! Which encodings of a track are asked for a key frame, of what its subscribers wait for. When each
//! may be asked is decided by `keyframe_requester`.

use super::encoding::Encoding;
use super::keyframe_requester::Urgency;
use super::track::{ENCODINGS_MAX, Track};
use crate::rtp::Ssrc;
use crate::rtp::rtcp::FirEntry;
use crate::units::MediaKind;
use std::time::Instant;

/// A request for a key frame, as its publisher understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Pli(Ssrc),
    Fir(FirEntry),
}

impl Request {
    /// The stream that is asked for one.
    pub(crate) const fn media(self) -> Ssrc {
        match self {
            Self::Pli(media) | Self::Fir(FirEntry { media, .. }) => media,
        }
    }
}

impl Track {
    /// Whether [`Track::keyframe_requests`] may have something to ask.
    pub(crate) fn may_ask(&self) -> bool {
        let is_awaited = |encoding: &Encoding| encoding.keyframes.is_wanted();
        self.spec.kind == MediaKind::Video
            && !self.muted
            && (self.subscriptions.may_wait() || self.encodings.iter().any(is_awaited))
    }

    /// Calls `ask` for each encoding whose key frame somebody waits for and which may be asked.
    pub(crate) fn keyframe_requests(&mut self, now: Instant, mut ask: impl FnMut(Request)) {
        if !self.may_ask() {
            return;
        }
        if self.subscriptions.may_wait() {
            self.look_who_waits();
        }
        let mut asked = [false; ENCODINGS_MAX];
        for (encoding, asked) in self.encodings.iter_mut().zip(&mut asked) {
            *asked = encoding.ssrc.is_some() && encoding.keyframes.take_due(now);
        }
        if !asked.contains(&true) {
            return;
        }
        let fir = self.section.as_ref().is_some_and(|section| section.fir);
        for (encoding, asked) in self.encodings.iter_mut().zip(asked) {
            if let Some(media) = encoding.ssrc
                && (asked || encoding.keyframes.take_along(now))
            {
                let sequence = encoding.keyframes.asked();
                ask(if fir {
                    Request::Fir(FirEntry { media, sequence })
                } else {
                    Request::Pli(media)
                });
            }
        }
    }

    /// Collects who waits for a key frame.
    fn look_who_waits(&mut self) {
        let smallest = self.available.iter().find(|step| step.active);
        let smallest = smallest.map(|step| step.encoding);
        let mut is_awaited = false;
        for subscription in self.subscriptions.iter().filter(|it| it.forwards()) {
            let Some(awaited) = subscription.awaited() else {
                continue;
            };
            is_awaited = true;
            if let Some(current) = subscription.selector.current() {
                // Until then, whoever steps down is sent more than their line carries.
                let steps_down = awaited < current || subscription.has_too_large();
                // What has just been switched on comes with a key frame, unless that was lost.
                let urgency = if steps_down || self.encodings[awaited].keyframes.is_missing() {
                    Urgency::Stuck
                } else {
                    Urgency::Better
                };
                self.encodings[awaited].keyframes.want(urgency);
                continue;
            }
            // Who sees nothing begins with the smallest picture, whose key frame costs least.
            let first = smallest.map_or(awaited, |smallest| smallest.min(awaited));
            self.encodings[awaited].keyframes.want(Urgency::Better);
            self.encodings[first].keyframes.want(Urgency::Stuck);
        }
        self.subscriptions.wait(is_awaited);
    }
}
