//! Sound with and without copies of earlier frames (RFC 2198): the frames of one track that went
//! last, and the payloads made of them. Knows neither subscribers nor which frames were lost.
//!
//! Clients differ: Chromium sends and takes redundant sound, Firefox neither. So each packet may be
//! needed in the other form too, and is made into it once for all who need that.

use super::encoding_rate::EncodingRate;
use crate::downlink::line::PAYLOAD_OVERHEAD_BYTES;
use crate::rtp::payload::red::{self, BLOCK_LEN_MAX, Block};
use crate::units::Bitrate;
use std::time::Instant;

/// Earlier frames that are sent again with each one: as many as Chromium sends by itself.
pub(crate) const COPIES: u64 = 1;
/// The same while somebody who gets them loses much: any two losses in a row are survived then.
pub(crate) const COPIES_MAX: u64 = 2;

/// Frames of one packet together: more does not fit a datagram of 1,200 bytes. Music may be so large,
/// and goes without copies then.
const FRAMES_LEN_MAX: usize = 1100;

/// How a packet carries sound, or is to carry it. Video has one form only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Form {
    /// One frame of the codec.
    #[default]
    Plain,
    /// A frame, and before it copies of earlier ones.
    Redundant,
}

/// What a track's next redundant payload is made of.
#[derive(Debug, Default)]
pub(crate) struct Redundancy {
    /// The payload type of Opus at those who get redundant sound: it stands in each payload, so it
    /// is the same for all. Whoever has another one gets plain frames.
    pub(crate) payload_type: Option<u8>,
    /// The newest frame stands last.
    frames: Vec<Frame>,
    /// What each form takes.
    plain_rate: EncodingRate,
    redundant_rate: EncodingRate,
}

#[derive(Debug)]
struct Frame {
    sequence: u64,
    timestamp: u32,
    bytes: Vec<u8>,
}

impl Redundancy {
    /// Writes a frame, with copies of so many right before it, in place of what is in `out`.
    pub(crate) fn write(
        &self,
        out: &mut Vec<u8>,
        copies: u64,
        (sequence, timestamp): (u64, u32),
        frame: &[u8],
    ) {
        out.clear();
        let payload_type = self.payload_type.unwrap_or_default();
        let is_next_to = |earlier: &&Frame| {
            let behind = sequence.checked_sub(earlier.sequence);
            behind.is_some_and(|behind| (1..=copies).contains(&behind))
        };
        let all: usize = self.frames.iter().map(|earlier| earlier.bytes.len()).sum();
        let has_room = frame.len() + all <= FRAMES_LEN_MAX;
        let blocks = self
            .frames
            .iter()
            .filter(|_| has_room)
            .filter(is_next_to)
            .map(|earlier| Block {
                payload_type,
                offset: timestamp.wrapping_sub(earlier.timestamp),
                frame: &earlier.bytes,
            });
        red::write(out, blocks, payload_type, frame);
    }

    /// Remembers a frame. One that comes late is of no use to those that follow.
    pub(crate) fn remember(&mut self, sequence: u64, timestamp: u32, frame: &[u8]) {
        let newest = self.frames.last().map(|newest| newest.sequence);
        if frame.len() > BLOCK_LEN_MAX || newest.is_some_and(|newest| sequence <= newest) {
            return;
        }
        if self.frames.len() < usize::try_from(COPIES_MAX).expect("a small number") {
            self.frames.push(Frame {
                sequence,
                timestamp,
                bytes: Vec::with_capacity(BLOCK_LEN_MAX),
            });
        } else {
            self.frames.rotate_left(1);
        }
        let last = self.frames.last_mut().expect("there is room for some");
        last.sequence = sequence;
        last.timestamp = timestamp;
        last.bytes.clear();
        last.bytes.extend_from_slice(frame);
    }

    /// Counts a payload that is sent in a form, once for all who get it.
    pub(crate) fn count(&mut self, form: Form, payload_len: usize) {
        let rate = match form {
            Form::Plain => &mut self.plain_rate,
            Form::Redundant => &mut self.redundant_rate,
        };
        rate.count(payload_len + PAYLOAD_OVERHEAD_BYTES);
    }

    /// Ends a step of measuring, if it lasted long enough.
    pub(crate) fn close_rates(&mut self, now: Instant) {
        self.plain_rate.close(now);
        self.redundant_rate.close(now);
    }

    /// What a form takes; what `came` from the publisher, while that is not known.
    pub(crate) fn rate(&self, form: Form, came: Bitrate) -> Bitrate {
        match form {
            Form::Plain => self.plain_rate.rate(came),
            Form::Redundant => self.redundant_rate.rate(came),
        }
    }

    /// Forgets all frames: the numbers that follow are of another stream.
    pub(crate) fn forget(&mut self) {
        self.frames.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::payload::red::Redundant;

    #[test]
    fn each_frame_carries_the_two_before_it() {
        let mut redundancy = after(&[(1, 0), (2, 960), (3, 1920)]);
        assert_eq!(copies(&redundancy, 4, 2880), [(1920, 2), (960, 3)]);
        redundancy.remember(4, 2880, &[4]);
        assert_eq!(copies(&redundancy, 5, 3840), [(1920, 3), (960, 4)]);
    }

    #[test]
    fn where_little_is_lost_only_the_frame_right_before_is_copied() {
        let redundancy = after(&[(1, 0), (2, 960)]);
        let mut out = Vec::new();
        redundancy.write(&mut out, COPIES, (3, 1920), &[3]);
        let read = Redundant::parse(&out).unwrap();
        assert_eq!(
            read.blocks()
                .map(|block| block.frame[0])
                .collect::<Vec<_>>(),
            [2]
        );
    }

    #[test]
    fn what_was_lost_on_the_way_here_leaves_no_wrong_copy_in_its_place() {
        let redundancy = after(&[(1, 0), (2, 960)]);
        assert_eq!(copies(&redundancy, 4, 2880), [(1920, 2)]);
        assert_eq!(copies(&redundancy, 5, 3840), []);
    }

    #[test]
    fn a_late_frame_carries_none_of_its_successors() {
        let mut redundancy = after(&[(1, 0), (3, 1920)]);
        assert_eq!(copies(&redundancy, 2, 960), [(960, 1)]);
        redundancy.remember(2, 960, &[2]);
        assert_eq!(copies(&redundancy, 4, 2880), [(960, 3)], "1 is too old");
    }

    #[test]
    fn a_frame_before_a_silence_is_too_old_for_its_header_and_left_out() {
        let redundancy = after(&[(1, 0)]);
        assert_eq!(copies(&redundancy, 2, 48_000), []);
    }

    #[test]
    fn frames_too_large_for_one_datagram_go_alone() {
        let mut redundancy = after(&[(1, 0)]);
        redundancy.remember(2, 960, &[2; 700]);
        let mut out = Vec::new();
        redundancy.write(&mut out, COPIES_MAX, (3, 1920), &[3; 600]);
        assert_eq!(out.len(), 601);
        redundancy.write(&mut out, COPIES_MAX, (3, 1920), &[3; 300]);
        assert_eq!(Redundant::parse(&out).unwrap().blocks().count(), 2);
    }

    fn after(frames: &[(u64, u32)]) -> Redundancy {
        let mut redundancy = Redundancy {
            payload_type: Some(111),
            ..Redundancy::default()
        };
        for &(sequence, timestamp) in frames {
            let byte = u8::try_from(sequence).unwrap();
            redundancy.remember(sequence, timestamp, &[byte]);
        }
        redundancy
    }

    /// How old each copy is, and the number of its frame.
    fn copies(redundancy: &Redundancy, sequence: u64, timestamp: u32) -> Vec<(u32, u8)> {
        let mut out = vec![0xff];
        redundancy.write(&mut out, COPIES_MAX, (sequence, timestamp), &[9, 9]);
        let read = Redundant::parse(&out).unwrap();
        assert_eq!((read.payload_type, read.primary), (111, &[9, 9][..]));
        read.blocks()
            .map(|block| (block.offset, block.frame[0]))
            .collect()
    }
}
