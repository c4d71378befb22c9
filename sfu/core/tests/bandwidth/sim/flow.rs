//! One subscriber: sound, pictures in layers as the allocator grants them, probes, and a receiver
//! that gives transport-wide feedback.

use super::Link;
use sfu_core::bandwidth::Bandwidth;
use sfu_core::bandwidth::allocator::{Grant, LayerRate, Priority, Purpose, Request, allocate};
use sfu_core::rtp::rtcp::{Rtcp, TransportFeedbackFields, packets, write_transport_feedback};
use sfu_core::rtp::{SequenceNumber, Ssrc};
use sfu_core::units::{Bitrate, Size};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

const FEEDBACK_EVERY: Duration = Duration::from_millis(100);
const SOUND_EVERY: Duration = Duration::from_millis(20);
const SOUND_BYTES: usize = 100;
const FRAME_EVERY: Duration = Duration::from_micros(33_333);
const PACKET_BYTES: usize = 1200;
const PADDING_BYTES: usize = 255;
const TICK: Duration = Duration::from_millis(25);

/// How feedback is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feedback {
    Honest,
    /// Each comes twice.
    Doubled,
    /// Every third one is lost.
    Gaps,
    /// None comes.
    Silent,
}

pub(crate) struct Flow {
    index: usize,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) feedback: Feedback,
    layers: Vec<LayerRate>,
    pub(crate) current: Option<usize>,
    /// When the layer changed, and to which.
    pub(crate) changes: Vec<(Duration, Option<usize>)>,
    pub(crate) sent_bytes: u64,
    pub(crate) padding_bytes: u64,
    /// Sizes of the packets of a frame that has just come,
    fresh: VecDeque<usize>,
    /// and of those that wait for their turn.
    waiting: VecDeque<usize>,
    next_number: u16,
    sound_at: Duration,
    frame_at: Duration,
    tick_at: Duration,
    wanted: Bitrate,
    given: Bitrate,
    sent_packets: u64,
    arrived: BTreeMap<u64, Duration>,
    newest: u64,
    told: u64,
    feedback_at: Duration,
    feedback_count: u8,
    on_the_way: VecDeque<(Duration, Vec<u8>)>,
}

impl Flow {
    pub(crate) fn new(index: usize, start: Instant, layers_kbps: &[u64]) -> Self {
        let layers = layers_kbps
            .iter()
            .zip(1..)
            .map(|(&kbps, rank)| LayerRate {
                bitrate: Bitrate::from_kbps(kbps),
                size: Size {
                    width: 320 * rank,
                    height: 180 * rank,
                },
                frames_per_second: 30,
            })
            .collect();
        let stagger = Duration::from_millis(7) * u32::try_from(index).unwrap();
        Self {
            index,
            bandwidth: Bandwidth::new(start, 7 * u32::try_from(index).unwrap()),
            feedback: Feedback::Honest,
            layers,
            current: None,
            changes: Vec::new(),
            sent_bytes: 0,
            padding_bytes: 0,
            fresh: VecDeque::new(),
            waiting: VecDeque::new(),
            // Numbers wrap in every story that lasts a minute.
            next_number: 60_000,
            sound_at: stagger,
            frame_at: stagger,
            tick_at: stagger,
            wanted: Bitrate::ZERO,
            given: Bitrate::ZERO,
            sent_packets: 0,
            arrived: BTreeMap::new(),
            newest: 0,
            told: 0,
            feedback_at: stagger,
            feedback_count: 0,
            on_the_way: VecDeque::new(),
        }
    }

    /// Begins at a moment.
    pub(crate) fn skip_to(&mut self, at: Duration) {
        (self.sound_at, self.frame_at, self.tick_at, self.feedback_at) = (at, at, at, at);
    }

    /// Everything a subscriber's engine does up to `at`.
    pub(crate) fn send(&mut self, start: Instant, at: Duration, link: &mut Link) {
        let now = start + at;
        while self.on_the_way.front().is_some_and(|(due, _)| *due <= at) {
            let (_, bytes) = self.on_the_way.pop_front().unwrap();
            self.read(now, &bytes);
        }
        if at >= self.tick_at {
            self.tick_at += TICK;
            self.bandwidth.handle_timeout(now, self.wanted);
            self.allocate(now, at);
        }
        if at >= self.sound_at {
            self.sound_at += SOUND_EVERY;
            self.send_one(now, at, SOUND_BYTES, link);
        }
        if at >= self.frame_at {
            self.frame_at += FRAME_EVERY;
            self.make_frame();
        }
        self.let_leave(now, at, link);
        while self.bandwidth.pacer().padding_due(now) > 0 {
            self.padding_bytes += u64::try_from(PADDING_BYTES).unwrap();
            self.send_one(now, at, PADDING_BYTES, link);
        }
    }

    /// Frames leave at once, or in turns where the line is narrow.
    fn let_leave(&mut self, now: Instant, at: Duration, link: &mut Link) {
        while let Some(size) = self.fresh.pop_front() {
            if self.waiting.is_empty() && self.bandwidth.pacer().is_free(now) {
                self.send_one(now, at, size, link);
            } else {
                self.waiting.push_back(size);
            }
        }
        if self.waiting.is_empty() {
            return;
        }
        let waiting = u64::try_from(self.waiting.iter().sum::<usize>()).unwrap();
        let mut turn = self.bandwidth.pacer().turn(now, waiting);
        while let Some(&size) = self.waiting.front().filter(|_| turn > 0) {
            self.waiting.pop_front();
            self.send_one(now, at, size, link);
            turn = turn.saturating_sub(u64::try_from(size).unwrap());
        }
    }

    pub(crate) fn arrive(&mut self, at: Duration, number: u16) {
        // Numbers from before the wrap are the smaller ones.
        let behind = self.next_number.wrapping_sub(1).wrapping_sub(number);
        let extended = self.sent_packets - 1 - u64::from(behind);
        self.newest = self.newest.max(extended);
        self.arrived.insert(extended, at);
    }

    /// What the receiver tells, once it is due.
    pub(crate) fn tell(&mut self, at: Duration, one_way: Duration) {
        if at < self.feedback_at {
            return;
        }
        self.feedback_at += FEEDBACK_EVERY;
        let told = self.told;
        let arrivals: Vec<Option<Duration>> = (told..=self.newest)
            .map(|number| {
                self.arrived
                    .get(&number)
                    .copied()
                    .filter(|arrival| *arrival <= at)
            })
            .collect();
        let Some(last) = arrivals.iter().rposition(Option::is_some) else {
            return;
        };
        self.told = told + u64::try_from(last).unwrap() + 1;
        self.arrived = self.arrived.split_off(&self.told);
        let fields = TransportFeedbackFields {
            sender: Ssrc(2),
            media: Ssrc(1),
            base: SequenceNumber(u16::try_from((told + 60_000) % 65_536).unwrap()),
            feedback_count: self.feedback_count,
        };
        self.feedback_count = self.feedback_count.wrapping_add(1);
        let mut bytes = Vec::new();
        write_transport_feedback(&mut bytes, &fields, &arrivals);
        let vanishes = self.feedback == Feedback::Silent
            || self.feedback == Feedback::Gaps && self.feedback_count.is_multiple_of(3);
        if vanishes {
            return;
        }
        if self.feedback == Feedback::Doubled {
            self.on_the_way.push_back((at + one_way, bytes.clone()));
        }
        self.on_the_way.push_back((at + one_way, bytes));
    }

    pub(crate) fn estimate_kbps(&self) -> u64 {
        self.bandwidth.estimator().estimate().as_bps() / 1000
    }

    fn read(&mut self, now: Instant, bytes: &[u8]) {
        for packet in packets(bytes) {
            if let Rtcp::TransportFeedback(feedback) = packet {
                self.bandwidth.feedback(now, &feedback);
            }
        }
    }

    fn allocate(&mut self, now: Instant, at: Duration) {
        let sound = [LayerRate {
            bitrate: Bitrate::from_kbps(40),
            size: Size {
                width: 0,
                height: 0,
            },
            frames_per_second: 0,
        }];
        let requests = [
            Request {
                purpose: Purpose::Audio,
                priority: Priority::Speaker,
                enabled: true,
                layers: &sound,
                current: None,
            },
            Request {
                purpose: Purpose::Camera,
                priority: Priority::Speaker,
                enabled: true,
                layers: &self.layers,
                current: self.current,
            },
        ];
        let mut grants = Vec::new();
        let allocation = allocate(
            self.bandwidth.budget(now, Bitrate::ZERO),
            &requests,
            &mut grants,
        );
        self.wanted = allocation.wanted;
        let before = std::mem::replace(&mut self.given, allocation.given);
        let granted = match grants[1] {
            Grant::Layer(index) => Some(index),
            Grant::Paused(_) => None,
        };
        if granted > self.current {
            self.bandwidth.backoff().raised(now);
        } else if granted < self.current {
            self.bandwidth.backoff().lowered(now, before);
        }
        if granted != self.current {
            self.current = granted;
            self.changes.push((at, granted));
        }
    }

    fn make_frame(&mut self) {
        let Some(layer) = self.current else { return };
        let bits = self.layers[layer].bitrate.as_bps();
        let mut bytes = usize::try_from(bits / 30 / 8).unwrap();
        while bytes > 0 {
            let size = bytes.min(PACKET_BYTES);
            self.fresh.push_back(size);
            bytes -= size;
        }
    }

    fn send_one(&mut self, now: Instant, at: Duration, size: usize, link: &mut Link) {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.sent_packets += 1;
        self.sent_bytes += u64::try_from(size).unwrap();
        self.bandwidth.sent(now, SequenceNumber(number), size);
        link.enter(at, self.index, number, size);
    }
}
