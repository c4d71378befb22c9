//! Frames of sound that can be told apart, sent with or without copies, and which of them arrive.

use super::offer::{OPUS, RED, VP8};
use sfu_core::rtp::Packet;
use sfu_core::rtp::payload::red::{self, Block, Redundant};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const FRAME_LEN: usize = 80;
const OPUS_BYTE: u8 = 0xfc;

/// What a microphone sends.
#[derive(Debug, Default)]
pub(crate) struct Voice {
    /// Each frame is sent again with the one after it, as Chromium does.
    pub(crate) redundant: bool,
    /// When each frame was spoken.
    pub(crate) spoken: Vec<Instant>,
    last: Option<(u32, Vec<u8>)>,
}

impl Voice {
    /// The number of its packets, or of a camera's.
    pub(crate) fn payload_type_of(&self, is_audio: bool) -> u8 {
        match (is_audio, self.redundant) {
            (false, _) => VP8,
            (true, true) => RED,
            (true, false) => OPUS,
        }
    }

    /// The payload of the next frame.
    pub(crate) fn next(&mut self, now: Instant, timestamp: u32) -> Vec<u8> {
        let number = u32::try_from(self.spoken.len()).unwrap();
        self.spoken.push(now);
        let mut frame = vec![OPUS_BYTE; FRAME_LEN];
        frame[1..5].copy_from_slice(&number.to_be_bytes());
        let last = self.last.replace((timestamp, frame.clone()));
        if !self.redundant {
            return frame;
        }
        let block = last.iter().map(|(earlier, frame)| Block {
            payload_type: OPUS,
            offset: timestamp.wrapping_sub(*earlier),
            frame,
        });
        let mut payload = Vec::new();
        red::write(&mut payload, block, OPUS, &frame);
        payload
    }
}

/// What a listener heard of one voice.
#[derive(Debug, Default, Clone)]
pub(crate) struct Heard {
    /// When each frame came first.
    pub(crate) frames: BTreeMap<u32, Instant>,
    /// Packets with copies of earlier frames.
    pub(crate) redundant: u64,
    /// Copies whose time does not fit their frame.
    pub(crate) misplaced: u64,
}

impl Heard {
    pub(crate) fn listen(&mut self, now: Instant, packet: &Packet<'_>) {
        match packet.payload_type {
            OPUS => {
                self.note(now, packet.payload);
            }
            RED => {
                let redundant = Redundant::parse(packet.payload).expect("RED stays RED");
                assert_eq!(redundant.payload_type, OPUS);
                let primary = self.note(now, redundant.primary);
                self.redundant += u64::from(redundant.blocks().len() > 0);
                for block in redundant.blocks() {
                    assert_eq!(block.payload_type, OPUS);
                    let number = self.note(now, block.frame);
                    self.misplaced += u64::from(block.offset != (primary - number) * 960);
                }
            }
            _ => {}
        }
    }

    /// The share of frames, of those spoken in a span of time, that came within `patience`.
    pub(crate) fn share(
        &self,
        voice: &Voice,
        (from, to): (Instant, Instant),
        patience: Duration,
    ) -> f64 {
        let spoken = voice.spoken.iter().enumerate();
        let (mut all, mut in_time) = (0_u32, 0_u32);
        for (number, at) in spoken.filter(|(_, at)| (from..to).contains(*at)) {
            all += 1;
            let came = self.frames.get(&u32::try_from(number).unwrap());
            in_time += u32::from(came.is_some_and(|came| *came <= *at + patience));
        }
        f64::from(in_time) / f64::from(all)
    }

    fn note(&mut self, now: Instant, frame: &[u8]) -> u32 {
        assert_eq!((frame.len(), frame[0]), (FRAME_LEN, OPUS_BYTE));
        let number = u32::from_be_bytes(frame[1..5].try_into().unwrap());
        self.frames.entry(number).or_insert(now);
        number
    }
}
