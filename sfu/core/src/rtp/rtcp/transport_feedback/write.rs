//! Writes arrivals as chunks of statuses and as deltas, in as many packets as that takes.

use super::super::super::Ssrc;
use super::super::super::sequence::SequenceNumber;
use super::super::{append, packet_type, transport_format};
use super::{ONE_BIT_LEN, Symbol, TICKS_PER_REFERENCE, TWO_BITS, TWO_BITS_LEN, Ticks, VECTOR};
use std::time::Duration;

/// So many statuses need at most 940 bytes, which any path carries. More go into a further packet.
const WRITE_STATUSES_MAX: usize = 400;

/// What a feedback says besides the arrivals, see [`TransportFeedback`](super::TransportFeedback).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportFeedbackFields {
    /// Who received the packets.
    pub sender: Ssrc,
    /// Any of the streams.
    pub media: Ssrc,
    /// The first packet that is told of.
    pub base: SequenceNumber,
    /// The number of the first feedback packet; each further one counts on, modulo 256.
    pub feedback_count: u8,
}

/// Appends when packets arrived, one after another from `fields.base` on, as the time since a fixed
/// moment of the caller's choice. Returns how many feedback packets that took: a further one begins
/// where two arrivals are more than eight seconds apart, and after 400 packets. Nothing is told of
/// packets after the last that arrived, which may still come, nor of 400 that are lost on end.
pub fn write_transport_feedback(
    out: &mut Vec<u8>,
    fields: &TransportFeedbackFields,
    arrivals: &[Option<Duration>],
) -> usize {
    let end = arrivals.iter().rposition(Option::is_some);
    let mut rest = &arrivals[..end.map_or(0, |last| last + 1)];
    let mut next = *fields;
    let mut written = 0;
    while !rest.is_empty() {
        let (stretch, more) = rest.split_at(stretch_len(rest));
        if let Some(first) = stretch.iter().flatten().next() {
            write_one(out, &next, Ticks::from_duration(*first), stretch);
            next.feedback_count = next.feedback_count.wrapping_add(1);
            written += 1;
        }
        let len = u16::try_from(stretch.len()).expect("a stretch is at most 400 long");
        next.base = next.base.plus(len);
        rest = more;
    }
    written
}

/// How many of the packets one feedback can tell of: at least one.
fn stretch_len(arrivals: &[Option<Duration>]) -> usize {
    let mut previous: Option<Ticks> = None;
    for (index, arrival) in arrivals.iter().enumerate().take(WRITE_STATUSES_MAX) {
        let Some(arrival) = arrival.map(Ticks::from_duration) else {
            continue;
        };
        if previous.is_some_and(|previous| i16::try_from(arrival.0 - previous.0).is_err()) {
            return index;
        }
        previous = Some(arrival);
    }
    arrivals.len().min(WRITE_STATUSES_MAX)
}

fn write_one(
    out: &mut Vec<u8>,
    fields: &TransportFeedbackFields,
    first: Ticks,
    arrivals: &[Option<Duration>],
) {
    let reference = first.0.div_euclid(TICKS_PER_REFERENCE);
    let mut symbols = [Symbol::Lost; WRITE_STATUSES_MAX];
    let mut previous = reference * TICKS_PER_REFERENCE;
    for (symbol, arrival) in symbols.iter_mut().zip(arrivals) {
        if let Some(arrival) = arrival.map(Ticks::from_duration) {
            let delta = arrival.0 - previous;
            previous = arrival.0;
            *symbol = if u8::try_from(delta).is_ok() {
                Symbol::Small
            } else {
                Symbol::Large
            };
        }
    }
    let count = u16::try_from(arrivals.len()).expect("a stretch is at most 400 long");
    let kind = packet_type::TRANSPORT_FEEDBACK;
    append(out, kind, transport_format::TRANSPORT_WIDE, |out| {
        out.extend_from_slice(&fields.sender.0.to_be_bytes());
        out.extend_from_slice(&fields.media.0.to_be_bytes());
        out.extend_from_slice(&fields.base.0.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&reference.to_be_bytes()[5..]);
        out.push(fields.feedback_count);
        write_chunks(out, &symbols[..arrivals.len()]);
        write_deltas(out, reference * TICKS_PER_REFERENCE, arrivals);
    });
}

fn write_chunks(out: &mut Vec<u8>, mut symbols: &[Symbol]) {
    while let Some(&first) = symbols.first() {
        let run = symbols
            .iter()
            .take_while(|&&symbol| symbol == first)
            .count();
        let vector = &symbols[..symbols.len().min(usize::from(ONE_BIT_LEN))];
        let fits_one_bit = !vector.contains(&Symbol::Large);
        let vector_len = if fits_one_bit {
            vector.len()
        } else {
            vector.len().min(usize::from(TWO_BITS_LEN))
        };
        let (chunk, len) = if run >= vector_len {
            let run_len = u16::try_from(run).expect("a stretch is at most 400 long");
            (first.bits() << 13 | run_len, run)
        } else {
            let vector = &vector[..vector_len];
            (vector_chunk(vector, fits_one_bit), vector_len)
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        symbols = &symbols[len..];
    }
}

fn vector_chunk(symbols: &[Symbol], fits_one_bit: bool) -> u16 {
    let (head, width, len) = if fits_one_bit {
        (VECTOR, 1, ONE_BIT_LEN)
    } else {
        (VECTOR | TWO_BITS, 2, TWO_BITS_LEN)
    };
    let padded = symbols.iter().chain(std::iter::repeat(&Symbol::Lost));
    let bits = padded
        .take(usize::from(len))
        .fold(0, |bits, symbol| bits << width | symbol.bits());
    head | bits
}

fn write_deltas(out: &mut Vec<u8>, reference: i64, arrivals: &[Option<Duration>]) {
    let mut previous = reference;
    for arrival in arrivals.iter().flatten() {
        let arrival = Ticks::from_duration(*arrival).0;
        let delta = i16::try_from(arrival - previous).expect("stretches end before that");
        previous = arrival;
        match u8::try_from(delta) {
            Ok(small) => out.push(small),
            Err(_) => out.extend_from_slice(&delta.to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Rtcp, packets};
    use super::super::TransportFeedback;
    use super::*;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    const FIELDS: TransportFeedbackFields = TransportFeedbackFields {
        sender: Ssrc(1),
        media: Ssrc(2),
        base: SequenceNumber(65_530),
        feedback_count: 255,
    };

    fn read(bytes: &[u8]) -> Vec<TransportFeedback<'_>> {
        packets(bytes)
            .map(|packet| {
                let Rtcp::TransportFeedback(feedback) = packet else {
                    panic!("{packet:?}");
                };
                feedback
            })
            .collect()
    }

    #[test]
    fn the_bytes_are_those_of_the_draft() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let mut out = Vec::new();
        let arrivals = [ms(70), None, ms(71), ms(171), None];
        assert_eq!(write_transport_feedback(&mut out, &FIELDS, &arrivals), 1);
        let expected = [
            0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, // header, sender, media
            0xff, 0xfa, 0, 4, 0, 0, 1, 255, // base, count, reference, feedback count
            0xd1, 0x80, // two-bit vector: small, lost, small, large
            24, 4, 0x01, 0x90, 0, 0, // deltas and padding
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn runs_of_lost_packets_take_one_chunk() {
        let mut arrivals = vec![Some(Duration::ZERO); 20];
        arrivals.extend([None; 100]);
        arrivals.push(Some(Duration::from_millis(5)));
        let mut out = Vec::new();
        write_transport_feedback(&mut out, &FIELDS, &arrivals);
        assert_eq!(out[20..26], [0x20, 20, 0x00, 100, 0x20, 1]);
    }

    #[test]
    fn arrivals_far_apart_and_long_stretches_are_split() {
        let mut arrivals = vec![Some(Duration::from_secs(9)), None, Some(Duration::ZERO)];
        arrivals.extend([Some(Duration::from_secs(1)); 401]);
        let mut out = Vec::new();
        assert_eq!(write_transport_feedback(&mut out, &FIELDS, &arrivals), 3);
        let read = read(&out);
        let counts: Vec<_> = read.iter().map(|feedback| feedback.status_count).collect();
        assert_eq!(counts, [2, 400, 2]);
        let numbers: Vec<_> = read
            .iter()
            .map(|feedback| feedback.feedback_count)
            .collect();
        assert_eq!(numbers, [255, 0, 1]);
    }

    #[test]
    fn without_an_arrival_nothing_is_written() {
        let mut out = Vec::new();
        assert_eq!(write_transport_feedback(&mut out, &FIELDS, &[None; 900]), 0);
        assert_eq!(out, []);
    }

    #[test]
    fn reserved_symbols_missing_deltas_and_too_many_statuses_are_refused() {
        let mut out = Vec::new();
        write_transport_feedback(&mut out, &FIELDS, &[Some(Duration::ZERO); 3]);
        assert_eq!(read(&out).len(), 1);
        for (at, value) in [(20, 0x60), (15, 9), (14, 0x21)] {
            let mut broken = out.clone();
            broken[at] = value;
            let mut packets = packets(&broken);
            assert_eq!(packets.next(), None, "byte {at}");
            assert!(packets.error().is_some(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn arrivals_are_read_back_to_250_microseconds(
            micros in vec(option::weighted(0.7, 0..20_000_000_u64), 0..900),
            sorted: bool,
        ) {
            let mut arrivals: Vec<_> =
                micros.into_iter().map(|arrival| arrival.map(Duration::from_micros)).collect();
            if sorted {
                arrivals.sort();
            }
            let mut out = Vec::new();
            let written = write_transport_feedback(&mut out, &FIELDS, &arrivals);
            let read = read(&out);
            prop_assert_eq!(read.len(), written);
            let mut expected = arrivals.iter().enumerate().filter_map(|(index, arrival)| {
                let number = FIELDS.base.plus(u16::try_from(index).unwrap());
                Some((number, Ticks::from_duration((*arrival)?)))
            });
            for feedback in read {
                for (number, arrival) in feedback.statuses() {
                    if let Some(arrival) = arrival {
                        prop_assert_eq!(expected.next(), Some((number, arrival)));
                    }
                }
            }
            prop_assert_eq!(expected.next(), None);
        }
    }
}
