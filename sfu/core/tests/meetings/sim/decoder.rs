//! A decoder that has no pictures but knows on which frames each builds, and looks at every number on
//! the way to it: nothing may be missing, jump or go back.

use super::layered::Truth;
use std::collections::BTreeSet;

/// A packet as a client gets it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    /// Extended.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
    /// The dependency descriptor.
    pub(crate) descriptor: Option<&'a [u8]>,
    /// Picture id and TL0PICIDX, for codecs that have them.
    pub(crate) numbers: Option<(u16, u8)>,
}

/// What was seen of one track.
#[derive(Debug, Default, Clone)]
pub(crate) struct Decoder {
    /// Whatever a decoder would stumble over.
    pub(crate) problems: Vec<String>,
    pub(crate) shown: Vec<Shown>,
    decoded: BTreeSet<(u32, u32)>,
    last: Option<Last>,
    frame_began: bool,
}

/// A picture that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) encoding: u32,
    /// The largest of its sizes that came.
    pub(crate) spatial: u8,
    pub(crate) picture: u32,
}

#[derive(Debug, Clone)]
struct Last {
    sequence: u64,
    timestamp: u32,
    marker: bool,
    truth: Truth,
    number: Option<u16>,
    numbers: Option<(u16, u8)>,
}

impl Decoder {
    /// Takes the next packet; all must come in order. Empty ones only fill numbers.
    pub(crate) fn take(&mut self, packet: &Received<'_>) {
        if let Some(last) = &mut self.last {
            if packet.sequence != last.sequence + 1 {
                let what = format!("sequence {} -> {}", last.sequence, packet.sequence);
                self.problems.push(what);
            }
            last.sequence = packet.sequence;
        }
        let Some(truth) = Truth::of(packet.payload) else {
            if !packet.payload.is_empty() {
                self.problems.push("a payload that nobody sent".to_owned());
            }
            return;
        };
        let number = packet
            .descriptor
            .map(|data| u16::from_be_bytes([data[1], data[2]]));
        let last = self.last.replace(Last {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            truth: truth.clone(),
            number,
            numbers: packet.numbers,
        });
        if let Some(last) = last {
            self.compare(&last, packet, &truth, number);
        }
        if let Some(data) = packet.descriptor {
            let flags = [data[0] & 0x80 != 0, data[0] & 0x40 != 0];
            self.expect(
                flags == [truth.starts, truth.ends],
                "the bits of a descriptor",
            );
        }
        self.assemble(&truth);
        if packet.marker {
            self.shown.push(Shown {
                encoding: truth.frame.0,
                spatial: truth.spatial,
                picture: truth.picture,
            });
        }
    }

    fn compare(&mut self, last: &Last, packet: &Received<'_>, truth: &Truth, number: Option<u16>) {
        let same_encoding = last.truth.frame.0 == truth.frame.0;
        let same_picture = same_encoding && last.truth.picture == truth.picture;
        let step = packet.timestamp.wrapping_sub(last.timestamp);
        self.expect(
            same_picture == (step == 0),
            "one timestamp for each picture",
        );
        self.expect(step < 90_000 * 5, "time goes on");
        self.expect(same_picture != last.marker, "a marker where a picture ends");
        if let (Some(before), Some(after)) = (last.number, number) {
            let step = after.wrapping_sub(before);
            if same_encoding {
                let expected = truth.frame.1.wrapping_sub(last.truth.frame.1);
                self.expect(
                    u32::from(step) == expected,
                    "frame numbers keep their distance",
                );
            } else {
                self.expect(step == 1, "frame numbers go on over a switch");
            }
        }
        if let (Some(before), Some(after)) = (last.numbers, packet.numbers) {
            let step = after.0.wrapping_sub(before.0) & 0x7fff;
            // In VP9 a picture that is left out leaves a gap.
            let fits = if same_encoding && is_vp9(packet) {
                let pictures = truth.picture.wrapping_sub(last.truth.picture);
                u32::from(step) == pictures
            } else {
                step == u16::from(!same_picture)
            };
            self.expect(fits, "picture ids go on");
            let base = !same_picture && truth.temporal == 0;
            let tl0 = after.1.wrapping_sub(before.1);
            self.expect(
                tl0 == u8::from(base),
                "TL0PICIDX counts pictures of layer 0",
            );
        }
    }

    fn assemble(&mut self, truth: &Truth) {
        if truth.starts {
            self.frame_began = true;
            if truth.builds_on.is_empty() {
                self.decoded.clear();
            }
        }
        self.expect(self.frame_began, "a frame from its beginning");
        if truth.ends {
            let (encoding, number) = truth.frame;
            for other in &truth.builds_on {
                if !self.decoded.contains(&(encoding, *other)) {
                    let what = format!("frame {number} of {encoding} builds on {other}: {truth:?}");
                    self.problems.push(what);
                }
            }
            self.decoded.insert(truth.frame);
            self.frame_began = false;
        }
    }

    fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            let at = self.last.as_ref().map(|last| (last.sequence, &last.truth));
            let problem = format!("not so: {what}, at {at:?}");
            self.problems.push(problem);
        }
    }

    /// How often the size changed.
    pub(crate) fn changes(&self) -> usize {
        let size = |shown: &Shown| (shown.encoding, shown.spatial);
        let pairs = self.shown.windows(2);
        pairs
            .filter(|pair| size(&pair[0]) != size(&pair[1]))
            .count()
    }

    /// How many pictures were not shown, of those between the first and the last.
    pub(crate) fn pictures_missing(&self) -> u32 {
        let steps = self
            .shown
            .windows(2)
            .map(|pair| (pair[1].picture - pair[0].picture).saturating_sub(1));
        steps.sum()
    }
}

/// Payloads of VP9 have a bit for layers here where those of VP8 have one for frames that nobody
/// builds on.
fn is_vp9(packet: &Received<'_>) -> bool {
    packet
        .payload
        .first()
        .is_some_and(|first| first & 0x20 != 0)
}
