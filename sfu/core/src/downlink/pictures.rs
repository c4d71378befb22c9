//! Keeps the numbers of pictures and frames without gaps for a subscriber, over switches of encodings
//! and, for VP8, over pictures that are left out. Knows numbers, not what they are of.

use super::closed_numbers::ClosedNumbers;
use crate::rtp::payload::{Picture, PictureId, vp8, vp9};

/// Extended numbers begin here, so that some are left for pictures from before the first.
const FIRST: u64 = 1 << 16;

/// The numbers of a picture on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Renumbered {
    /// Where in the payload they stand.
    pub(crate) codec: PictureCodec,
    /// Picture id.
    pub(crate) id: u16,
    /// TL0PICIDX.
    pub(crate) tl0: u8,
}

/// Whose descriptor the numbers stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureCodec {
    Vp8,
    Vp9,
}

impl Renumbered {
    /// Writes the numbers into a payload as the publisher sent it; `None` if it has none.
    pub(crate) fn write(self, payload: &mut [u8]) -> Option<()> {
        let picture = match self.codec {
            PictureCodec::Vp8 => Picture::Vp8(vp8::Descriptor::parse(payload)?),
            PictureCodec::Vp9 => Picture::Vp9(vp9::Descriptor::parse(payload)?),
        };
        picture.numbers().rewrite(payload, self.id, self.tl0);
        Some(())
    }
}

/// Picture ids and TL0PICIDX (RFC 7741 and RFC 9628, section 4.2).
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    ids: ClosedNumbers,
    /// The newest that came, and what it is extended to.
    newest: Option<(PictureId, u64)>,
    /// The number of the newest that went out.
    last_out: Option<u64>,
    tl0_offset: u8,
    last_tl0: u8,
}

impl Pictures {
    /// Continues with another encoding from this picture on.
    pub(crate) fn switch(&mut self, picture: &Picture) {
        if let Some(id) = picture.id() {
            // At first the publisher's own numbers will do.
            let first = FIRST + u64::from(id.value());
            self.newest = Some((id, first));
            let next = self.last_out.map_or(first, |last| last + 1);
            self.ids.restart(first, next);
        }
        if self.last_out.is_some() {
            let tl0 = picture.tl0_pic_idx().unwrap_or(0);
            self.tl0_offset = self.last_tl0.wrapping_add(1).wrapping_sub(tl0);
        }
    }

    /// The numbers that the subscriber shall see.
    pub(crate) fn rewrite(&mut self, picture: &Picture) -> Option<Renumbered> {
        let extended = self.extend(picture.id()?);
        let out = self.ids.place(extended)?;
        let tl0 = picture
            .tl0_pic_idx()
            .unwrap_or(0)
            .wrapping_add(self.tl0_offset);
        if self.last_out.is_none_or(|last| out > last) {
            self.last_out = Some(out);
            self.last_tl0 = tl0;
        }
        Some(Renumbered {
            codec: match picture {
                Picture::Vp8(_) => PictureCodec::Vp8,
                Picture::Vp9(_) => PictureCodec::Vp9,
            },
            id: u16::try_from(out & 0x7fff).expect("masked to 15 bits"),
            tl0,
        })
    }

    /// A frame of this picture is left out. In VP8 that is all of the picture, and a missing number
    /// would keep decoders waiting. In VP9 pictures name each other by the distance of their
    /// numbers, which therefore stay.
    pub(crate) fn leave_out(&mut self, picture: &Picture) {
        let (Picture::Vp8(_), Some(id)) = (picture, picture.id()) else {
            return;
        };
        let extended = self.extend(id);
        if self.ids.newest() < Some(extended) {
            self.ids.leave_out(extended);
        }
    }

    fn extend(&mut self, id: PictureId) -> u64 {
        let Some((newest, extended)) = self.newest else {
            let first = FIRST + u64::from(id.value());
            self.newest = Some((id, first));
            self.ids.restart(first, first);
            return first;
        };
        let distance = id.distance_from(newest);
        let here = extended.saturating_add_signed(i64::from(distance));
        if distance > 0 {
            self.newest = Some((id, here));
        }
        here
    }
}

/// The numbers of dependency descriptors. Frames that are left out leave a gap, as they may
/// (AV1 RTP specification, appendix A.4): frames name each other by the distance of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    offset: u16,
    last_out: Option<u16>,
}

impl Frames {
    /// Continues with another encoding from this frame on.
    pub(crate) fn switch(&mut self, number: u16) {
        if let Some(last) = self.last_out {
            self.offset = last.wrapping_add(1).wrapping_sub(number);
        }
    }

    /// The number that the subscriber shall see.
    pub(crate) fn rewrite(&mut self, number: u16) -> u16 {
        let out = number.wrapping_add(self.offset);
        let newer = |last: u16| out.wrapping_sub(last).cast_signed() > 0;
        if self.last_out.is_none_or(newer) {
            self.last_out = Some(out);
        }
        out
    }
}
