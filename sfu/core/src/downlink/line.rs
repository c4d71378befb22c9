//! One subscriber's line: numbers what is sent over it, and knows how much it carries. What of that
//! each subscription gets is decided in `allocating`.

use crate::bandwidth::Bandwidth;
use crate::bandwidth::allocator::{Allocation, Budget};
use crate::downlink::waiting::Waiting;
use crate::rtp::SequenceNumber;
use crate::rtp::extension::transport_sequence_bytes;
use crate::rtp::rtcp::TransportFeedback;
use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// What IPv6, UDP and the tag of SRTP add to a packet, at most.
const OVERHEAD_BYTES: usize = 40 + 8 + 16;
/// A subscriber that has told of nothing by then never will.
const KNOWN_AFTER: Duration = Duration::from_secs(2);
/// With a queue of so long, a picture that is too large for the line is rather left out than shown
/// late: its packets would only keep the smaller one waiting that is on its way already. It is four
/// times what a line has without being full, and half of what home routers hold.
const BACKED_UP: Duration = Duration::from_millis(100);
/// A line with a queue longer than this loses packets because it is full: more of them do not help.
const FULL_QUEUE: Duration = Duration::from_millis(50);
/// What it lost then is told of within so long, when the queue may be empty already.
const FULL_FOR: Duration = Duration::from_secs(1);
/// A line that carries so many hundredths of all that is wanted
const EASE_PERCENT: u64 = 120;
/// need not be looked at again for so long, unless something changes: what a track takes changes
/// slowly, and a line that carries less is looked at with the feedback that says so.
const EASE_TIME: Duration = Duration::from_millis(400);
/// What a payload has around it on the line: with an RTP header and its extension besides.
pub(crate) const PAYLOAD_OVERHEAD_BYTES: usize = OVERHEAD_BYTES + 20;

/// The line of one peer.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) bandwidth: Bandwidth,
    /// What would be sent if it carried everything.
    pub(crate) wanted: Bitrate,
    /// What the last allocation gave.
    given: Bitrate,
    next_number: u16,
    started_at: Instant,
    /// When it last had a queue.
    queued_at: Option<Instant>,
    /// Until when nothing need be decided anew.
    at_ease_until: Option<Instant>,
    /// Video that waits for its turn.
    pub(crate) waiting: Waiting,
}

/// Which way an allocation moved.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Changes {
    /// Something got more.
    pub(crate) raised: bool,
    /// Something got less, for want of bandwidth.
    pub(crate) lowered: bool,
}

/// The header extension of the next packet: its id, and the packet's number over all streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered {
    id: u8,
    data: [u8; 2],
}

impl Numbered {
    /// That of a packet that is sent again just as it was.
    pub(crate) fn again(id: u8, number: u16) -> Self {
        let data = transport_sequence_bytes(SequenceNumber(number));
        Self { id, data }
    }

    /// The number itself.
    pub(crate) fn number(self) -> u16 {
        u16::from_be_bytes(self.data)
    }

    /// As `write_header` wants it.
    pub(crate) fn extension(&self) -> (u8, &[u8]) {
        (self.id, &self.data)
    }
}

impl Line {
    pub(crate) fn new(now: Instant, luck: u32) -> Self {
        Self {
            bandwidth: Bandwidth::new(now, luck),
            wanted: Bitrate::ZERO,
            given: Bitrate::ZERO,
            next_number: 0,
            started_at: now,
            queued_at: None,
            at_ease_until: None,
            waiting: Waiting::default(),
        }
    }

    /// Whether video that comes now must wait for its turn.
    pub(crate) fn holds(&mut self, now: Instant) -> bool {
        !self.waiting.is_empty() || !self.bandwidth.pacer().is_free(now)
    }

    /// How many bytes of what waits may leave now.
    pub(crate) fn turn(&mut self, now: Instant) -> u64 {
        self.bandwidth.pacer().turn(now, self.waiting.bytes())
    }

    /// When to ask for the next turn.
    pub(crate) fn next_turn_at(&self) -> Instant {
        self.bandwidth.next_turn_at(self.waiting.bytes())
    }

    /// Whether so much waits before it, or on it, that what is too much for it is better not sent.
    pub(crate) fn is_backed_up(&self) -> bool {
        self.bandwidth.estimator().queue_delay() >= BACKED_UP
    }

    /// Takes what the subscriber tells of packets.
    pub(crate) fn feedback(&mut self, now: Instant, feedback: &TransportFeedback<'_>) {
        self.bandwidth.feedback(now, feedback);
        if self.bandwidth.estimator().queue_delay() >= FULL_QUEUE {
            self.queued_at = Some(now);
        }
    }

    /// Whether what is lost on it, or was lost a moment ago, is what was too much for it.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        let lately = |at| now.saturating_duration_since(at) < FULL_FOR;
        self.queued_at.is_some_and(lately)
    }

    /// What may be given away.
    pub(crate) fn budget(&self, now: Instant) -> Budget {
        self.bandwidth.budget(now, self.given)
    }

    /// Takes note of what an allocation made of it.
    pub(crate) fn settle(&mut self, now: Instant, allocation: &Allocation, changes: Changes) {
        let before = std::mem::replace(&mut self.given, allocation.given);
        self.wanted = allocation.wanted;
        let backoff = self.bandwidth.backoff();
        if changes.lowered {
            backoff.lowered(now, before);
        } else if changes.raised {
            backoff.raised(now);
        }
        let budget = self.budget(now);
        let enough = allocation.wanted.percent(EASE_PERCENT);
        let carries_all = allocation.given == allocation.wanted
            && budget.estimate.min(budget.steady) >= enough
            && self.bandwidth.is_known();
        self.at_ease_until = carries_all.then(|| now + EASE_TIME);
    }

    /// Whether it gives all that is wanted of it, and the next look at that can wait.
    pub(crate) fn is_at_ease(&self, now: Instant) -> bool {
        self.at_ease_until.is_some_and(|until| now < until) && !self.is_backed_up()
    }

    /// Something is wanted that was not when it was last looked at.
    pub(crate) const fn look_again(&mut self) {
        self.at_ease_until = None;
    }

    /// Whether the last allocation gave more than it carries.
    pub(crate) fn is_overdrawn(&self, now: Instant) -> bool {
        self.budget(now).estimate < self.given
    }

    /// Whether it is not known yet, but may be soon.
    pub(crate) fn is_new(&self, now: Instant) -> bool {
        !self.bandwidth.is_known() && now.duration_since(self.started_at) < KNOWN_AFTER
    }

    /// The number of the next packet, under the id that the subscriber offered.
    pub(crate) fn number(&self, id: u8) -> Numbered {
        Numbered {
            id,
            data: transport_sequence_bytes(SequenceNumber(self.next_number)),
        }
    }

    /// A packet was sent again just as it was, with its number if it had one.
    pub(crate) fn repeated(&mut self, number: Option<u16>) {
        if let Some(number) = number {
            self.bandwidth.repeated(SequenceNumber(number));
        }
    }

    /// The packet with that number was sent.
    pub(crate) fn sent(&mut self, now: Instant, header_len: usize, payload_len: usize) {
        let number = SequenceNumber(self.next_number);
        self.next_number = self.next_number.wrapping_add(1);
        let size = header_len + payload_len + OVERHEAD_BYTES;
        self.bandwidth.sent(now, number, size);
    }
}
