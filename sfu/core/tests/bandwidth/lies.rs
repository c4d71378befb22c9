//! Clients may tell anything of the packets they were sent: the estimate stays within its bounds,
//! and so does what is sent for it.

use crate::sim::beginning;
use proptest::prelude::*;
use sfu_core::bandwidth::Bandwidth;
use sfu_core::bandwidth::estimator::{ESTIMATE_MAX, ESTIMATE_MIN};
use sfu_core::rtp::rtcp::{Rtcp, TransportFeedbackFields, packets, write_transport_feedback};
use sfu_core::rtp::{SequenceNumber, Ssrc};
use sfu_core::units::Bitrate;
use std::time::Duration;

const WANTED: Bitrate = Bitrate::from_kbps(100_000);

/// One feedback: where it begins relative to what was sent, the moment it claims, and how far apart
/// it claims the packets arrived.
#[derive(Debug, Clone)]
struct Lie {
    base: u16,
    moment_ms: u64,
    gaps_us: Vec<Option<u32>>,
}

proptest! {
    #[test]
    fn no_lie_takes_the_estimate_out_of_its_bounds(
        lies in prop::collection::vec(lie(), 1..60),
        pause_ms in 1..400_u64,
    ) {
        let start = beginning();
        let mut bandwidth = Bandwidth::new(start, 1);
        let (mut now, mut number, mut padding) = (start, 0_u16, 0);
        for lie in lies {
            for _ in 0..20 {
                bandwidth.sent(now, SequenceNumber(number), 1200);
                number = number.wrapping_add(1);
            }
            now += Duration::from_millis(pause_ms);
            tell(&mut bandwidth, now, number.wrapping_sub(20).wrapping_add(lie.base), &lie);
            bandwidth.handle_timeout(now, WANTED);
            while bandwidth.pacer().padding_due(now) > 0 {
                bandwidth.sent(now, SequenceNumber(number), 255);
                number = number.wrapping_add(1);
                padding += 255;
            }
            let budget = bandwidth.budget(now, Bitrate::ZERO);
            prop_assert!((ESTIMATE_MIN..=ESTIMATE_MAX).contains(&budget.estimate));
            prop_assert!((ESTIMATE_MIN..=ESTIMATE_MAX).contains(&budget.steady));
            let turn = bandwidth.pacer().turn(now, 0);
            prop_assert!(turn <= 64_000);
        }
        // A probe lasts 30 ms, and there is at most one for each feedback.
        prop_assert!(padding <= 60 * (ESTIMATE_MAX.bytes_in(Duration::from_millis(30)) + 255));
    }
}

#[test]
fn who_claims_that_all_arrived_at_once_gets_no_more_than_the_most() {
    let start = beginning();
    let mut bandwidth = Bandwidth::new(start, 1);
    let (mut now, mut number) = (start, 0_u16);
    for _ in 0..1000 {
        let base = number;
        for _ in 0..5 {
            bandwidth.sent(now, SequenceNumber(number), 1200);
            number = number.wrapping_add(1);
        }
        while bandwidth.pacer().padding_due(now) > 0 {
            bandwidth.sent(now, SequenceNumber(number), 255);
            number = number.wrapping_add(1);
        }
        now += Duration::from_millis(25);
        let lie = Lie {
            base: 0,
            moment_ms: 0,
            gaps_us: vec![Some(0); usize::from(number.wrapping_sub(base))],
        };
        tell(&mut bandwidth, now, base, &lie);
        bandwidth.handle_timeout(now, WANTED);
    }
    assert!(bandwidth.budget(now, Bitrate::ZERO).estimate <= ESTIMATE_MAX);
}

fn tell(bandwidth: &mut Bandwidth, now: std::time::Instant, base: u16, lie: &Lie) {
    let mut at = Duration::from_millis(lie.moment_ms);
    let arrivals: Vec<Option<Duration>> = lie
        .gaps_us
        .iter()
        .map(|gap| {
            gap.map(|gap| {
                at += Duration::from_micros(u64::from(gap));
                at
            })
        })
        .collect();
    let fields = TransportFeedbackFields {
        sender: Ssrc(2),
        media: Ssrc(1),
        base: SequenceNumber(base),
        feedback_count: 0,
    };
    let mut bytes = Vec::new();
    write_transport_feedback(&mut bytes, &fields, &arrivals);
    for packet in packets(&bytes) {
        if let Rtcp::TransportFeedback(feedback) = packet {
            bandwidth.feedback(now, &feedback);
        }
    }
}

fn lie() -> impl Strategy<Value = Lie> {
    // Mostly of packets that were sent, from any moment of the 24 days of reference times.
    let base = prop_oneof![3 => 0..20_u16, 1 => any::<u16>()];
    let moment = prop_oneof![0..10_000_u64, 0..2_000_000_000_u64];
    let gap = prop_oneof![Just(0), 0..5_000_u32, 0..4_000_000_u32];
    let gaps = prop::collection::vec(prop::option::weighted(0.8, gap), 0..100);
    (base, moment, gaps).prop_map(|(base, moment_ms, gaps_us)| Lie {
        base,
        moment_ms,
        gaps_us,
    })
}
