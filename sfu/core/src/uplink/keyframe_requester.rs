//! Decides when a publisher is asked for a key frame. Knows nothing of who needs it, but what key
//! frames cost: the pictures between them get the fewer bits, the more of them there are.

use std::time::{Duration, Instant};

/// At most one request per encoding in this time, however many ask (`media.md`: a storm of requests
/// took another system from 30 to 11 frames a second). It is also the repeat time, because a
/// request can be lost.
pub(crate) const REQUEST_INTERVAL: Duration = Duration::from_millis(500);
/// Whoever shows nothing, or a broken picture, waits no longer for a key frame to be asked for.
const URGENT_WAIT_MAX: Duration = Duration::from_secs(1);
/// Whoever only waits for a better picture waits no longer.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// Other pictures must bring so many times the bytes of a key frame before the next but one, so
/// that key frames are an eighth of the stream at most when many people want them. With cameras
/// at 1.7 Mbit/s, whose key frames have 50 kB, that is one every two seconds.
const SHARE: u64 = 8;

/// Of one encoding: whether somebody waits for a key frame, and whether one can be afforded.
#[derive(Debug, Default)]
pub(crate) struct KeyframeRequester {
    wanted: Option<Urgency>,
    requested_at: Option<Instant>,
    /// How often was asked, over a wrap.
    requests: u8,
    /// The timestamp and the bytes of the last key frame.
    last: Option<(u32, u64)>,
    /// What other pictures must still bring to pay for key frames, in bytes.
    debt: u64,
    /// Whether the encoding starts again and its first key frame has not come.
    missing: bool,
}

/// How badly a key frame is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// For a better picture than the one that is shown.
    Better,
    /// For any picture at all.
    Stuck,
}

impl KeyframeRequester {
    /// Somebody waits for a key frame.
    pub(crate) fn want(&mut self, urgency: Urgency) {
        self.wanted = self.wanted.max(Some(urgency));
    }

    /// Whether somebody waits for a key frame.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// The encoding starts again: it owes nothing, and begins with a key frame.
    pub(crate) fn begin_anew(&mut self) {
        *self = Self {
            requested_at: self.requested_at,
            requests: self.requests,
            missing: true,
            ..Self::default()
        };
    }

    /// Whether the key frame is missing with which the encoding should have begun.
    pub(crate) const fn is_missing(&self) -> bool {
        self.missing
    }

    /// A key frame came: who waited has it.
    pub(crate) fn came(&mut self, timestamp: u32) {
        self.wanted = None;
        self.missing = false;
        if self.last.is_none_or(|(last, _)| last != timestamp) {
            self.last = Some((timestamp, 0));
        }
    }

    /// Whether the last key frame has this timestamp.
    pub(crate) fn has_last(&self, timestamp: u32) -> bool {
        self.last.is_some_and(|(last, _)| last == timestamp)
    }

    /// Accounts what a packet brought.
    pub(crate) fn count(&mut self, timestamp: u32, bytes: usize) {
        let bytes = u64::try_from(bytes).expect("a packet is small");
        match &mut self.last {
            Some((last, size)) if *last == timestamp => {
                *size += bytes;
                self.debt += bytes * SHARE;
            }
            Some(_) | None => self.debt = self.debt.saturating_sub(bytes),
        }
    }

    /// Whether to ask now. Counts as asked.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let Some(urgency) = self.wanted else {
            return false;
        };
        let wait_max = match urgency {
            Urgency::Better => WAIT_MAX,
            Urgency::Stuck => URGENT_WAIT_MAX,
        };
        // One key frame may be owed: a second one soon after it is what single people cause.
        let affordable = self.last.is_none_or(|(_, size)| self.debt <= size * SHARE);
        let due = self.requested_at.is_none_or(|at| {
            let waited = now.duration_since(at);
            waited >= wait_max || (waited >= REQUEST_INTERVAL && affordable)
        });
        self.ask(now, due)
    }

    /// Whether to ask along with another encoding of the track: many an encoder makes key frames of
    /// all its encodings at once, so that a request for one costs as much as for all.
    pub(crate) fn take_along(&mut self, now: Instant) -> bool {
        let rested = |at: Instant| now.duration_since(at) >= REQUEST_INTERVAL;
        let due = self.wanted.is_some() && self.requested_at.is_none_or(rested);
        self.ask(now, due)
    }

    /// The number of the last request, which tells it from those before it: each is a new one,
    /// because the key frame that answered the last one may have been lost (RFC 5104, section
    /// 4.3.1.2).
    pub(crate) const fn asked(&self) -> u8 {
        self.requests
    }

    fn ask(&mut self, now: Instant, due: bool) -> bool {
        if due {
            self.requested_at = Some(now);
            self.requests = self.requests.wrapping_add(1);
            self.wanted = None;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    #[test]
    fn nobody_is_asked_while_nobody_waits() {
        assert!(!KeyframeRequester::default().take_due(start()));
    }

    #[test]
    fn a_hundred_wishes_in_half_a_second_are_one_request() {
        let mut requester = KeyframeRequester::default();
        let begin = start();
        let asked = (0..100_u64)
            .filter(|step| {
                requester.want(Urgency::Stuck);
                requester.take_due(begin + Duration::from_millis(step * 4))
            })
            .count();
        assert_eq!(asked, 1);
    }

    #[test]
    fn a_wish_that_was_granted_is_not_asked_for_again() {
        let mut requester = KeyframeRequester::default();
        let begin = start();
        requester.want(Urgency::Stuck);
        assert!(requester.take_due(begin));
        requester.want(Urgency::Stuck);
        requester.came(1);
        assert!(!requester.take_due(begin + REQUEST_INTERVAL));
    }

    #[test]
    fn a_wish_during_the_pause_is_granted_after_it() {
        let mut requester = KeyframeRequester::default();
        let begin = start();
        requester.want(Urgency::Better);
        assert!(requester.take_due(begin));
        requester.want(Urgency::Better);
        assert!(!requester.take_due(begin + Duration::from_millis(499)));
        assert!(requester.take_due(begin + Duration::from_millis(500)));
    }

    #[test]
    fn an_encoding_that_starts_again_owes_nothing_and_is_asked_no_sooner() {
        let mut requester = KeyframeRequester::default();
        let begin = start();
        for step in 0..2_u32 {
            requester.want(Urgency::Better);
            assert!(requester.take_due(begin + REQUEST_INTERVAL * step));
            requester.came(step);
            requester.count(step, 50_000);
        }
        requester.begin_anew();
        assert!(requester.is_missing());
        requester.want(Urgency::Better);
        assert!(!requester.take_due(begin + REQUEST_INTERVAL));
        requester.want(Urgency::Better);
        assert!(requester.take_due(begin + REQUEST_INTERVAL * 2));
        requester.came(3);
        assert!(!requester.is_missing());
    }

    #[test]
    fn two_big_key_frames_make_the_third_wait_until_they_are_paid_for() {
        let requests = requests_in_ten_seconds(50_000, Urgency::Better);
        assert!((5..=7).contains(&requests.len()), "{requests:?}");
        assert_eq!(requests[..2], [0, 500], "in ms");
    }

    #[test]
    fn small_key_frames_cost_no_wait() {
        assert_eq!(requests_in_ten_seconds(5000, Urgency::Better).len(), 20);
    }

    #[test]
    fn the_wait_is_bounded_and_shorter_for_who_sees_nothing() {
        assert_eq!(requests_in_ten_seconds(5_000_000, Urgency::Better).len(), 5);
        assert_eq!(requests_in_ten_seconds(5_000_000, Urgency::Stuck).len(), 11);
    }

    /// When a key frame of that size is asked for, in ms, if somebody always waits for the next and
    /// other pictures take 1.6 Mbit/s.
    fn requests_in_ten_seconds(key_frame: usize, urgency: Urgency) -> Vec<u32> {
        let mut requester = KeyframeRequester::default();
        let begin = start();
        let mut requests = Vec::new();
        for step in 0..1000 {
            requester.want(urgency);
            let ms = step * 10;
            if requester.take_due(begin + Duration::from_millis(ms.into())) {
                requests.push(ms);
                requester.came(step);
                requester.count(step, key_frame);
            } else {
                requester.count(step, 2000);
            }
        }
        requests
    }
}
