//! Where a turn's datagrams and events collect until the shell sends them.
//!
//! Datagrams to one destination lie one behind another in a *run*, which the shell hands to the
//! kernel in one call (UDP GSO). All datagrams of a run are equally long except a shorter last one.
//! Buffers are kept from turn to turn: a warm outbox does not allocate.

use crate::event::Event;
use std::net::{IpAddr, SocketAddr};

/// Linux takes at most this many segments in one call (`UDP_MAX_SEGMENTS`, 64 until 6.9).
const RUN_SEGMENTS_MAX: usize = 64;
/// A UDP message is at most 65,535 bytes with its headers; below it stays room for IPv6.
const RUN_BYTES_MAX: usize = 65_000;

/// Buffers grow in steps of this, which is sound once or twice: a turn has a run for each listener.
const BUFFER_STEP: usize = 256;

/// From where to where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// The address of ours that the client reaches; `None` lets the kernel choose.
    pub local: Option<IpAddr>,
    /// The client's address.
    pub remote: SocketAddr,
}

/// What the engine wants sent and told. The shell drains it once a turn.
#[derive(Debug, Default)]
pub struct Outbox {
    runs: Vec<Run>,
    used: usize,
    /// Bytes of all datagrams.
    bytes: usize,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Datagrams to one destination, one behind another.
#[derive(Debug)]
pub struct Run {
    /// Where it goes.
    pub path: Path,
    /// The length of each datagram but the last.
    pub segment_len: usize,
    /// Longer than what is written, so that no byte is cleared before it is written over.
    buffer: Vec<u8>,
    len: usize,
    segments: usize,
    closed: bool,
}

/// Names a run of this turn, so that a peer's next datagram finds it without a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunIndex(usize);

impl Outbox {
    /// Appends one datagram, written by `write` over what an earlier turn left in the buffer, and returns the
    /// run it went into. `last` is what the previous call for this destination returned, from this
    /// turn or an earlier one. `len` is the datagram's length; `write` must write exactly that.
    pub fn append(
        &mut self,
        last: Option<RunIndex>,
        path: Path,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> RunIndex {
        let index = match last {
            Some(RunIndex(index)) if self.takes(index, path, len) => index,
            _ => self.open(path, len),
        };
        let run = &mut self.runs[index];
        self.bytes += len;
        write(run.tail(len));
        run.segments += 1;
        run.closed = len < run.segment_len;
        RunIndex(index)
    }

    /// Appends a datagram that is already written.
    pub fn send(&mut self, last: Option<RunIndex>, path: Path, datagram: &[u8]) -> RunIndex {
        self.append(last, path, datagram.len(), |tail| {
            tail.copy_from_slice(datagram);
        })
    }

    /// The runs of this turn, in the order they were opened.
    pub fn runs(&self) -> &[Run] {
        &self.runs[..self.used]
    }

    /// How many bytes all datagrams have together.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets runs and events, and keeps their memory.
    pub fn clear(&mut self) {
        self.clear_runs();
        self.events.clear();
    }

    /// Forgets runs, which were sent, and keeps their memory.
    pub const fn clear_runs(&mut self) {
        self.used = 0;
        self.bytes = 0;
    }

    fn takes(&self, index: usize, path: Path, len: usize) -> bool {
        index < self.used && {
            let run = &self.runs[index];
            run.path == path
                && !run.closed
                && len <= run.segment_len
                && run.segments < RUN_SEGMENTS_MAX
                && run.len + len <= RUN_BYTES_MAX
        }
    }

    fn open(&mut self, path: Path, len: usize) -> usize {
        let index = self.used;
        self.used += 1;
        if let Some(run) = self.runs.get_mut(index) {
            run.path = path;
            run.segment_len = len;
            run.len = 0;
            run.segments = 0;
            run.closed = false;
        } else {
            self.runs.push(Run {
                path,
                segment_len: len,
                buffer: Vec::new(),
                len: 0,
                segments: 0,
                closed: false,
            });
        }
        index
    }
}

impl Run {
    /// The datagrams, one behind another.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// The datagrams one by one.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes().chunks(self.segment_len.max(1))
    }

    /// Room for one more datagram of this length.
    fn tail(&mut self, len: usize) -> &mut [u8] {
        let start = self.len;
        self.len += len;
        if self.buffer.len() < self.len {
            self.buffer
                .resize(self.len.next_multiple_of(BUFFER_STEP), 0);
        }
        &mut self.buffer[start..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_datagrams_to_one_place_share_a_run_until_a_shorter_one_ends_it() {
        let mut out = Outbox::default();
        let mut last = None;
        for len in [100, 100, 40, 40] {
            last = Some(out.send(last, path(1), &vec![7; len]));
        }
        let lengths: Vec<Vec<usize>> = out
            .runs()
            .iter()
            .map(|run| run.datagrams().map(<[u8]>::len).collect())
            .collect();
        assert_eq!(lengths, [vec![100, 100, 40], vec![40]]);
    }

    #[test]
    fn a_longer_datagram_and_another_place_open_their_own_runs() {
        let mut out = Outbox::default();
        let first = out.send(None, path(1), &[0; 50]);
        let longer = out.send(Some(first), path(1), &[0; 60]);
        let elsewhere = out.send(Some(longer), path(2), &[0; 60]);
        assert_eq!(out.runs().len(), 3);
        assert_ne!(longer, elsewhere);
    }

    #[test]
    fn a_run_of_an_earlier_turn_is_not_continued_for_another_peer() {
        let mut out = Outbox::default();
        let old = out.send(None, path(1), &[1; 50]);
        out.clear();
        out.send(None, path(2), &[2; 50]);
        out.send(Some(old), path(1), &[1; 50]);
        assert_eq!(out.runs().len(), 2);
    }

    #[test]
    fn a_run_never_exceeds_what_the_kernel_takes() {
        let mut out = Outbox::default();
        let mut last = None;
        for _ in 0..200 {
            last = Some(out.send(last, path(1), &[0; 1200]));
        }
        assert!(
            out.runs()
                .iter()
                .all(|run| run.bytes().len() <= RUN_BYTES_MAX)
        );
        assert_eq!(
            out.runs()
                .iter()
                .map(|run| run.datagrams().count())
                .sum::<usize>(),
            200
        );
    }

    fn path(port: u16) -> Path {
        Path {
            local: None,
            remote: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }
}
