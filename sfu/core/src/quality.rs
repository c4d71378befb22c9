//! How well media gets through to and from a peer, as one of three words: from loss, delay and
//! jitter by the E-model of ITU-T G.107, and from the pictures that its line withholds. Decides
//! neither what is sent nor who is told.

use crate::downlink::subscription::Subscription;
use crate::engine::{Engine, PeerKey};
use crate::event::ConnectionQuality;
use crate::rtp::rtcp::ReportBlock;
use crate::units::{Codec, MediaKind};
use std::collections::BTreeMap;
use std::time::Duration;

/// The rating of a line without any fault (G.107, table 3 with all values at their defaults).
const RATING_MAX: f64 = 93.2;
/// Users are satisfied from here on (G.107, annex B).
const EXCELLENT_MIN: f64 = 80.0;
/// Many users are dissatisfied below (G.107, annex B).
const GOOD_MIN: f64 = 60.0;
/// What must be won over a limit before a better word is said, or a line on the limit would change
/// its word every five seconds. Worse is said at once.
const HYSTERESIS: f64 = 2.0;
/// How robust a codec is to loss (Bpl of G.107, section 7.4). G.113 gives 10 for codecs that
/// conceal losses and nothing else; in-band correction and retransmission hide about half of what
/// is left.
const LOSS_ROBUSTNESS: f64 = 20.0;
/// Packets of 20 ms, and as much for coding and playing.
const CODING_DELAY_MS: f64 = 40.0;
/// The buffer against jitter holds about twice its mean (RFC 3550's estimate is a mean deviation).
const JITTER_BUFFER: f64 = 2.0;
/// What it costs if all pictures are withheld: enough to be Poor on an otherwise perfect line.
const ALL_WITHHELD: f64 = 35.0;
/// Fewer packets in a window tell nothing: a silent microphone sends about ten in five seconds.
const EXPECTED_MIN: u32 = 25;
/// A stream cannot have sent more between two reports; its numbers began anew.
const LEAP_MAX: u32 = 1 << 16;

/// What was measured since quality was last told.
#[derive(Debug, Default)]
pub(crate) struct QualityWindow {
    up: Losses,
    down: Losses,
    /// Of sound only: how packets of a picture are spread tells of its size.
    jitter: Option<Duration>,
    /// Steps of size that subscriptions should have by what is shown, and that they lack.
    steps_wanted: usize,
    steps_withheld: usize,
    told: Option<ConnectionQuality>,
}

/// What is lost in one direction. There is an entry for each stream that was reported on in this
/// window, which the streams of the peer bound.
#[derive(Debug, Default)]
struct Losses {
    streams: BTreeMap<u32, Stream>,
    expected: u32,
    /// A packet that was counted and comes late takes one away again.
    lost: i32,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    highest: u32,
    lost: i32,
    is_fresh: bool,
}

impl QualityWindow {
    /// Takes note of what arrived of a stream that the peer sends.
    pub(crate) fn received(&mut self, block: &ReportBlock, codec: Codec) {
        self.up.count(block);
        self.note_jitter(block, codec);
    }

    /// Takes note of what arrived of a stream that is sent to the peer.
    pub(crate) fn sent(&mut self, block: &ReportBlock, codec: Codec) {
        self.down.count(block);
        self.note_jitter(block, codec);
    }

    fn note_jitter(&mut self, block: &ReportBlock, codec: Codec) {
        if codec.kind() == MediaKind::Audio {
            let ticks = f64::from(block.jitter) / f64::from(codec.clock_rate());
            let jitter = Duration::from_secs_f64(ticks);
            self.jitter = self.jitter.max(Some(jitter));
        }
    }

    /// The quality of the window that ends, if it differs from what was told last.
    pub(crate) fn close(&mut self, round_trip: Option<Duration>) -> Option<ConnectionQuality> {
        let share = |part: usize, of: usize| {
            let [part, of] = [part, of].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            f64::from(part) / f64::from(of.max(1))
        };
        let rating = rating(&Measured {
            loss: self.up.close().max(self.down.close()),
            round_trip: round_trip.unwrap_or_default(),
            jitter: self.jitter.take().unwrap_or_default(),
            withheld: share(self.steps_withheld, self.steps_wanted),
        });
        (self.steps_wanted, self.steps_withheld) = (0, 0);
        let quality = word(rating, self.told);
        (self.told.replace(quality) != Some(quality)).then_some(quality)
    }
}

impl Losses {
    fn count(&mut self, block: &ReportBlock) {
        let stream = Stream {
            highest: block.highest_sequence,
            lost: block.cumulative_lost,
            is_fresh: true,
        };
        let Some(before) = self.streams.insert(block.ssrc.0, stream) else {
            return;
        };
        let expected = block.highest_sequence.wrapping_sub(before.highest);
        if expected > LEAP_MAX {
            return;
        }
        let most = expected.cast_signed();
        let lost = block.cumulative_lost.wrapping_sub(before.lost);
        self.expected = self.expected.saturating_add(expected);
        self.lost = self.lost.saturating_add(lost.clamp(-most, most));
    }

    /// The share that was lost, and the beginning of the next window.
    fn close(&mut self) -> f64 {
        self.streams
            .retain(|_, stream| std::mem::take(&mut stream.is_fresh));
        let lost = std::mem::take(&mut self.lost).max(0);
        let expected = std::mem::take(&mut self.expected);
        if expected < EXPECTED_MIN {
            return 0.0;
        }
        f64::from(lost) / f64::from(expected)
    }
}

/// One window's figures.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measured {
    /// The share of packets lost, in the worse direction.
    loss: f64,
    round_trip: Duration,
    jitter: Duration,
    /// The share of wanted picture sizes that the line does not carry.
    withheld: f64,
}

/// The transmission rating R, from 93.2 downwards.
fn rating(measured: &Measured) -> f64 {
    let loss_percent = measured.loss * 100.0;
    // G.107, equation 7-29, with losses as random as they come.
    let loss_impairment = 95.0 * loss_percent / (loss_percent + LOSS_ROBUSTNESS);
    let delay_ms = measured.round_trip.as_secs_f64() * 500.0
        + measured.jitter.as_secs_f64() * 1000.0 * JITTER_BUFFER
        + CODING_DELAY_MS;
    // The delay curve of G.107, section 7.3, in the two lines that Cole and Rosenbluth fitted
    // (Voice over IP performance monitoring, 2001).
    let delay_impairment = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    RATING_MAX - loss_impairment - delay_impairment - ALL_WITHHELD * measured.withheld
}

fn word(rating: f64, told: Option<ConnectionQuality>) -> ConnectionQuality {
    let limit = |min: f64, quality| {
        let must_improve = told.is_some_and(|told| told < quality);
        if must_improve { min + HYSTERESIS } else { min }
    };
    if rating >= limit(EXCELLENT_MIN, ConnectionQuality::Excellent) {
        ConnectionQuality::Excellent
    } else if rating >= limit(GOOD_MIN, ConnectionQuality::Good) {
        ConnectionQuality::Good
    } else {
        ConnectionQuality::Poor
    }
}

impl Engine {
    /// Takes note of a subscriber's report on what it is sent. What was lost or delayed on the way
    /// from the publisher already is not the subscriber's line.
    pub(crate) fn note_loss(&mut self, from: PeerKey, report: &ReportBlock) {
        let peer = &mut self.peers[from];
        let track = peer
            .downlink
            .get(&report.ssrc.0)
            .and_then(|key| self.tracks.get(*key));
        let Some((track, section)) = track.zip(track.and_then(|track| track.section.as_ref()))
        else {
            return;
        };
        let of_report = |subscription: &&Subscription| {
            subscription.peer == from && subscription.rewriter.ssrc == report.ssrc
        };
        let Some(subscription) = track.subscriptions.iter().find(of_report) else {
            return;
        };
        let current = subscription.selector.current();
        let encoding = current.and_then(|index| track.encodings.get(index));
        let jitter_before = encoding.map_or(0, |encoding| encoding.statistics.jitter());
        let unsent = subscription.rewriter.unsent().cast_signed();
        let own = ReportBlock {
            cumulative_lost: report.cumulative_lost.wrapping_sub(unsent),
            jitter: report.jitter.saturating_sub(jitter_before),
            ..*report
        };
        peer.quality.sent(&own, section.codec);
    }

    /// Takes note of the sizes that each subscriber wants and its line does not carry.
    pub(crate) fn note_withheld(&mut self) {
        for track in self.tracks.values() {
            for subscription in &track.subscriptions {
                let selector = &subscription.selector;
                let Some(peer) = self.peers.get_mut(subscription.peer) else {
                    continue;
                };
                if subscription.payload_type.is_none() || !selector.preference().enabled {
                    continue;
                }
                let wanted = selector.best(&track.available) + 1;
                let given = if selector.is_starved() {
                    0
                } else {
                    selector.current().map_or(wanted, |current| current + 1)
                };
                peer.quality.steps_wanted += wanted;
                peer.quality.steps_withheld += wanted.saturating_sub(given);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConnectionQuality::{Excellent, Good, Poor};
    use super::*;
    use crate::rtp::Ssrc;

    const FAULTLESS: Measured = Measured {
        loss: 0.0,
        round_trip: Duration::from_millis(50),
        jitter: Duration::from_millis(2),
        withheld: 0.0,
    };

    #[test]
    fn loss_costs_what_the_e_model_says() {
        for (percent, expected, quality) in [
            (0.0, 91.5, Excellent),
            (2.0, 82.9, Excellent),
            (5.0, 72.5, Good),
            (10.0, 59.9, Poor),
            (30.0, 34.5, Poor),
        ] {
            let rating = rating(&Measured {
                loss: percent / 100.0,
                ..FAULTLESS
            });
            assert!((rating - expected).abs() < 0.1, "{percent} %: {rating}");
            assert_eq!(word(rating, None), quality, "{percent} %");
        }
    }

    #[test]
    fn delay_is_forgiven_up_to_a_third_of_a_second_and_then_not() {
        for (ms, quality) in [(300, Excellent), (500, Good), (650, Good), (750, Poor)] {
            let round_trip = Duration::from_millis(ms);
            let rating = rating(&Measured {
                round_trip,
                ..FAULTLESS
            });
            assert_eq!(word(rating, None), quality, "{ms} ms: {rating}");
        }
    }

    #[test]
    fn jitter_costs_the_delay_of_its_buffer() {
        for (ms, quality) in [(5, Excellent), (50, Excellent), (100, Good), (200, Poor)] {
            let jitter = Duration::from_millis(ms);
            let rating = rating(&Measured {
                jitter,
                ..FAULTLESS
            });
            assert_eq!(word(rating, None), quality, "{ms} ms: {rating}");
        }
    }

    #[test]
    fn one_step_of_three_withheld_is_good_and_everything_withheld_is_poor() {
        for (withheld, quality) in [(0.1, Excellent), (1.0 / 3.0, Good), (1.0, Poor)] {
            let rating = rating(&Measured {
                withheld,
                ..FAULTLESS
            });
            assert_eq!(word(rating, None), quality, "{withheld}: {rating}");
        }
    }

    #[test]
    fn a_line_on_the_limit_says_one_word_and_not_another_every_time() {
        assert_eq!(word(79.9, Some(Excellent)), Good);
        assert_eq!(word(80.5, Some(Good)), Good);
        assert_eq!(word(82.0, Some(Good)), Excellent);
        assert_eq!(word(61.0, Some(Poor)), Poor);
        assert_eq!(word(62.0, Some(Poor)), Good);
    }

    #[test]
    fn each_word_is_told_once() {
        let mut window = QualityWindow::default();
        assert_eq!(window.close(None), Some(Excellent));
        let mut report = Report::default();
        window.received(&report.next(200, 0), Codec::Vp8);
        window.received(&report.next(200, 40), Codec::Vp8);
        assert_eq!(window.close(None), Some(Poor));
        window.received(&report.next(200, 40), Codec::Vp8);
        assert_eq!(window.close(None), None, "still poor");
        window.received(&report.next(200, 0), Codec::Vp8);
        assert_eq!(window.close(None), Some(Excellent));
    }

    #[test]
    fn the_worse_direction_counts_and_packets_weigh_alike() {
        let (mut window, mut camera, mut screen) = Default::default();
        let reports = |window: &mut QualityWindow, camera: &mut Report, screen: &mut Report| {
            window.received(&camera.next(1000, 0), Codec::Vp8);
            window.sent(&screen.next(1000, 50), Codec::Vp8);
        };
        reports(&mut window, &mut camera, &mut screen);
        reports(&mut window, &mut camera, &mut screen);
        assert_eq!(window.close(None), Some(Good), "5 % downwards, 0 % upwards");
    }

    #[test]
    fn a_few_packets_lost_of_a_silent_microphone_tell_nothing() {
        let mut window = QualityWindow::default();
        let mut report = Report::default();
        window.sent(&report.next(5, 0), Codec::Opus);
        window.sent(&report.next(12, 6), Codec::Opus);
        assert_eq!(window.close(None), Some(Excellent));
    }

    #[test]
    fn reports_that_lie_or_begin_anew_are_not_counted() {
        let mut window = QualityWindow::default();
        let block = |highest_sequence, cumulative_lost| ReportBlock {
            cumulative_lost,
            highest_sequence,
            ..Report::default().next(0, 0)
        };
        for (highest, lost) in [
            (1000, 0),
            (5, 900),
            (u32::MAX, i32::MAX),
            (200, i32::MIN),
            (500, i32::MAX),
        ] {
            window.sent(&block(highest, lost), Codec::Vp8);
        }
        let (expected, lost) = (window.down.expected, window.down.lost);
        let most = expected.cast_signed();
        assert!(
            lost.abs() <= most && expected <= 600,
            "{lost} of {expected}"
        );
        window.close(None);
        window.close(None);
        assert!(
            window.down.streams.is_empty(),
            "streams that end are forgotten"
        );
    }

    /// A stream's reports.
    #[derive(Default)]
    struct Report {
        highest: u32,
        lost: i32,
    }

    impl Report {
        fn next(&mut self, packets: u32, lost: i32) -> ReportBlock {
            self.highest += packets;
            self.lost += lost;
            ReportBlock {
                ssrc: Ssrc(7),
                fraction_lost: 0,
                cumulative_lost: self.lost,
                highest_sequence: self.highest,
                jitter: 0,
                last_sender_report: 0,
                delay_since_last_sender_report: 0,
            }
        }
    }
}
