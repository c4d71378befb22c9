//! When each packet of a transport arrived, by its transport-wide sequence number
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1). Reading is here, writing in
//! `write`; what arrivals mean for a rate is decided elsewhere.

mod write;

pub use write::{TransportFeedbackFields, write_transport_feedback};

use super::super::Ssrc;
use super::super::big_endian::{u16_at, u24_at};
use super::super::sequence::SequenceNumber;
use super::ssrc_at;
use std::time::Duration;

const CHUNKS_AT: usize = 16;
/// A feedback of more statuses is refused. They take next to no bytes, so that one datagram could
/// ask for millions of steps, and no sender sends as many packets between two feedbacks.
const READ_STATUSES_MAX: u16 = 8192;
/// Reference times count in steps of 64 ms, which is this many ticks.
const TICKS_PER_REFERENCE: i64 = 256;

/// A moment in steps of 250 µs since the sender's reference time was zero. Reference times wrap
/// after 12 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

impl Ticks {
    /// The moment in microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0 * 250
    }

    fn from_duration(since_zero: Duration) -> Self {
        let ticks = since_zero.as_micros() / 250;
        Self(i64::try_from(ticks).expect("a clock does not run for a million years"))
    }
}

/// One feedback packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportFeedback<'a> {
    /// Who received the packets.
    pub sender: Ssrc,
    /// Any of the streams.
    pub media: Ssrc,
    /// The first packet it tells of.
    pub base: SequenceNumber,
    /// How many packets it tells of.
    pub status_count: u16,
    /// What the arrivals are counted from, in steps of 64 ms, modulo 2²⁴.
    pub reference_time: u32,
    /// Counts the feedback packets, so that a lost one is noticed.
    pub feedback_count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let status_count = u16_at(body, 10)?;
        if status_count > READ_STATUSES_MAX {
            return None;
        }
        let mut left = status_count;
        let mut chunks_end = CHUNKS_AT;
        let mut deltas_len = 0;
        while left > 0 {
            let chunk = Chunk(u16_at(body, chunks_end)?);
            chunks_end += 2;
            let known = chunk.len().min(left);
            for index in 0..known {
                deltas_len += match chunk.symbol(index) {
                    Symbol::Lost => 0,
                    Symbol::Small => 1,
                    Symbol::Large => 2,
                    Symbol::Reserved => return None,
                };
            }
            left -= known;
        }
        Some(Self {
            sender: ssrc_at(body, 0)?,
            media: ssrc_at(body, 4)?,
            base: SequenceNumber(u16_at(body, 8)?),
            status_count,
            reference_time: u24_at(body, 12)?,
            feedback_count: *body.get(15)?,
            chunks: body.get(CHUNKS_AT..chunks_end)?,
            deltas: body.get(chunks_end..chunks_end + deltas_len)?,
        })
    }

    /// Each packet it tells of, in the order of their numbers, and when it arrived if it did.
    pub fn statuses(&self) -> Statuses<'a> {
        Statuses {
            next: self.base,
            left: self.status_count,
            time: i64::from(self.reference_time) * TICKS_PER_REFERENCE,
            chunks: self.chunks,
            index: 0,
            deltas: self.deltas,
        }
    }
}

/// Walks through the packets of a feedback.
#[derive(Debug, Clone)]
pub struct Statuses<'a> {
    next: SequenceNumber,
    left: u16,
    time: i64,
    chunks: &'a [u8],
    /// The place within the first chunk.
    index: u16,
    deltas: &'a [u8],
}

impl Iterator for Statuses<'_> {
    type Item = (SequenceNumber, Option<Ticks>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut chunk = Chunk(u16_at(self.chunks, 0)?);
        while self.index == chunk.len() {
            self.chunks = &self.chunks[2..];
            self.index = 0;
            chunk = Chunk(u16_at(self.chunks, 0)?);
        }
        let symbol = chunk.symbol(self.index);
        self.index += 1;
        let number = self.next;
        self.next = number.plus(1);
        let delta = match symbol {
            Symbol::Lost | Symbol::Reserved => return Some((number, None)),
            Symbol::Small => {
                let (&delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                i64::from(delta)
            }
            Symbol::Large => {
                let (&delta, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                i64::from(i16::from_be_bytes(delta))
            }
        };
        self.time += delta;
        Some((number, Some(Ticks(self.time))))
    }
}

/// What is told of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Lost = 0,
    /// Arrived, with a delta of one byte.
    Small = 1,
    /// Arrived, with a delta of two bytes.
    Large = 2,
    Reserved = 3,
}

impl Symbol {
    const fn of_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::Lost,
            1 => Self::Small,
            2 => Self::Large,
            _ => Self::Reserved,
        }
    }

    const fn bits(self) -> u16 {
        match self {
            Self::Lost => 0,
            Self::Small => 1,
            Self::Large => 2,
            Self::Reserved => 3,
        }
    }
}

/// A run of one symbol, or a vector of 14 one-bit or 7 two-bit symbols.
#[derive(Debug, Clone, Copy)]
struct Chunk(u16);

const VECTOR: u16 = 0x8000;
const TWO_BITS: u16 = 0x4000;
const ONE_BIT_LEN: u16 = 14;
const TWO_BITS_LEN: u16 = 7;

impl Chunk {
    const fn len(self) -> u16 {
        match (self.0 & VECTOR != 0, self.0 & TWO_BITS != 0) {
            (false, _) => self.0 & 0x1fff,
            (true, false) => ONE_BIT_LEN,
            (true, true) => TWO_BITS_LEN,
        }
    }

    /// The symbol at `index`, which is less than `len`.
    const fn symbol(self, index: u16) -> Symbol {
        match (self.0 & VECTOR != 0, self.0 & TWO_BITS != 0) {
            (false, _) => Symbol::of_bits(self.0 >> 13),
            (true, false) => Symbol::of_bits(self.0 >> (ONE_BIT_LEN - 1 - index) & 1),
            (true, true) => Symbol::of_bits(self.0 >> (2 * (TWO_BITS_LEN - 1 - index))),
        }
    }
}
