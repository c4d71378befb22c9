//! When each packet of a connection came, for transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1). Knows no media.

use std::time::Duration;

/// Packets that wait to be reported: half a second of 16 Mbit/s, and what one report describes in
/// 1200 bytes. Further ones are left out, which a sender takes for lost.
const WAITING_MAX: usize = 800;
/// Status symbols in one chunk of two-bit symbols (section 3.1.4).
const SYMBOLS_PER_CHUNK: usize = 7;
const NOT_RECEIVED: u16 = 0;
const SMALL_DELTA: u16 = 1;
const LARGE_DELTA: u16 = 2;
/// Deltas are told in steps of 250 µs, reference times in steps of 64 ms.
const DELTA_STEP_MICROS: i64 = 250;
const REFERENCE_STEP_MICROS: i64 = 64_000;

/// Packets that were not reported yet.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Extended number and time of arrival, in microseconds.
    waiting: Vec<(i64, i64)>,
    /// The highest extended number so far.
    highest: Option<i64>,
    reports: u8,
}

impl Arrivals {
    /// Notes a packet by its number on the wire and the wall clock.
    pub(super) fn note(&mut self, number: u16, at: Duration) {
        let extended = self.extend(number);
        let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push((extended, micros));
        }
    }

    /// Appends a report of what came since the last one; false if nothing did.
    pub(super) fn write_report(&mut self, sender: u32, media: u32, out: &mut Vec<u8>) -> bool {
        self.waiting.sort_unstable();
        self.waiting.dedup_by_key(|(number, _)| *number);
        let Some(&(first, first_at)) = self.waiting.first() else {
            return false;
        };
        let within = |(number, _): &(i64, i64)| number - first < 0x4000;
        self.waiting.retain(within);
        let reference = first_at.div_euclid(REFERENCE_STEP_MICROS);
        let mut symbols = Vec::with_capacity(self.waiting.len());
        let mut deltas = Vec::with_capacity(self.waiting.len());
        let mut told = reference * REFERENCE_STEP_MICROS;
        let mut next = first;
        for &(number, at) in &self.waiting {
            let missing = usize::try_from(number - next).expect("numbers are sorted");
            symbols.resize(symbols.len() + missing, NOT_RECEIVED);
            next = number + 1;
            let steps = (at - told).div_euclid(DELTA_STEP_MICROS);
            told += steps * DELTA_STEP_MICROS;
            if let Ok(small) = u8::try_from(steps) {
                symbols.push(SMALL_DELTA);
                deltas.push(small);
            } else {
                let bound = steps.clamp(i16::MIN.into(), i16::MAX.into());
                let large = i16::try_from(bound).expect("clamped");
                symbols.push(LARGE_DELTA);
                deltas.extend(large.to_be_bytes());
            }
        }
        self.waiting.clear();
        let head = Head {
            sender,
            media,
            first,
            reference,
            reports: self.reports,
        };
        self.reports = self.reports.wrapping_add(1);
        head.write(&symbols, &deltas, out);
        true
    }

    fn extend(&mut self, number: u16) -> i64 {
        let highest = *self.highest.get_or_insert(i64::from(number));
        let low = u16::try_from(highest & 0xFFFF).expect("16 bits");
        let extended = highest + i64::from(number.wrapping_sub(low).cast_signed());
        self.highest = Some(highest.max(extended));
        extended
    }
}

struct Head {
    sender: u32,
    media: u32,
    first: i64,
    reference: i64,
    reports: u8,
}

impl Head {
    fn write(&self, symbols: &[u16], deltas: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0x8F, 205, 0, 0]); // Format 15, transport-layer feedback.
        out.extend(self.sender.to_be_bytes());
        out.extend(self.media.to_be_bytes());
        out.extend(low_u16(self.first).to_be_bytes());
        let count = u16::try_from(symbols.len()).expect("within 0x4000");
        out.extend(count.to_be_bytes());
        let reference = u32::try_from(self.reference & 0xFF_FFFF).expect("24 bits");
        out.extend(&reference.to_be_bytes()[1..]);
        out.push(self.reports);
        for chunk in symbols.chunks(SYMBOLS_PER_CHUNK) {
            let bits = (0..SYMBOLS_PER_CHUNK).fold(0, |bits, index| {
                bits << 2 | chunk.get(index).copied().unwrap_or(NOT_RECEIVED)
            });
            out.extend((0xC000 | bits).to_be_bytes());
        }
        out.extend_from_slice(deltas);
        let padding = (start + 4 * (out.len() - start).div_ceil(4)) - out.len();
        if padding > 0 {
            out[start] |= 0x20;
            out.resize(out.len() + padding - 1, 0);
            out.push(u8::try_from(padding).expect("at most 3"));
        }
        let words = u16::try_from((out.len() - start) / 4 - 1).expect("a datagram");
        out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }
}

fn low_u16(number: i64) -> u16 {
    u16::try_from(number & 0xFFFF).expect("16 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
    use rtc::shared::marshal::Unmarshal;

    fn report(arrivals: &mut Arrivals) -> TransportLayerCc {
        let mut bytes = Vec::new();
        assert!(arrivals.write_report(1, 2, &mut bytes));
        TransportLayerCc::unmarshal(&mut &bytes[..]).unwrap()
    }

    #[test]
    fn another_implementation_reads_the_same_times() {
        let mut arrivals = Arrivals::default();
        for (number, micros) in [(65_535, 64_000_000), (1, 64_001_000), (0, 64_000_500)] {
            arrivals.note(number, Duration::from_micros(micros));
        }
        let read = report(&mut arrivals);
        assert_eq!(read.base_sequence_number, 65_535);
        assert_eq!(read.packet_status_count, 3);
        assert_eq!(read.reference_time, 1_000);
        let deltas: Vec<i64> = read.recv_deltas.iter().map(|delta| delta.delta).collect();
        assert_eq!(deltas, [0, 500, 500]);
    }

    #[test]
    fn gaps_and_long_pauses_are_told() {
        let mut arrivals = Arrivals::default();
        arrivals.note(10, Duration::from_millis(640));
        arrivals.note(12, Duration::from_millis(1_640));
        let read = report(&mut arrivals);
        assert_eq!(read.packet_status_count, 3);
        let deltas: Vec<i64> = read.recv_deltas.iter().map(|delta| delta.delta).collect();
        assert_eq!(deltas, [0, 1_000_000]);
    }

    #[test]
    fn each_packet_is_reported_once_and_reports_are_counted() {
        let mut arrivals = Arrivals::default();
        arrivals.note(1, Duration::from_millis(1));
        assert_eq!(report(&mut arrivals).fb_pkt_count, 0);
        assert!(!arrivals.write_report(1, 2, &mut Vec::new()));
        arrivals.note(2, Duration::from_millis(2));
        assert_eq!(report(&mut arrivals).fb_pkt_count, 1);
    }
}
