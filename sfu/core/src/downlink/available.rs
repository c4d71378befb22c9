//! Which of the sizes in which a track is sent would serve a subscriber best. Knows what is being
//! received and what is shown, not what lines carry: see `layer_selector`.

use crate::command::{LayerSpec, Wanted};
use crate::units::Size;

/// What the selector must know of a size in which a track is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Available {
    /// The encoding that has it.
    pub(crate) encoding: usize,
    /// Its spatial layer in that encoding.
    pub(crate) spatial: u8,
    /// Whether the encoding has no other size, whatever spatial layers it has.
    pub(crate) is_whole: bool,
    /// The highest temporal layer that comes.
    pub(crate) temporal_max: u8,
    /// Whether packets are coming.
    pub(crate) active: bool,
    /// Whether none come, but soon may: the publisher was told to send it again.
    pub(crate) waking: bool,
    /// What the publisher announced of it.
    pub(crate) layer: Option<LayerSpec>,
}

/// The best active encoding that is not better than wanted; the smallest active one if all are
/// better; the wanted one if none is active.
pub(super) fn best(available: &[Available], wanted: Wanted) -> usize {
    best_of(available, wanted, |encoding| encoding.active)
}

/// As `best`, but counts on what may soon come.
pub(super) fn best_soon(available: &[Available], wanted: Wanted) -> usize {
    best_of(available, wanted, |encoding| {
        encoding.active || encoding.waking
    })
}

fn best_of(available: &[Available], wanted: Wanted, counts: fn(&Available) -> bool) -> usize {
    let ceiling = rank(available, wanted);
    let counts = |index: &usize| available.get(*index).is_some_and(counts);
    (0..=ceiling)
        .rev()
        .find(counts)
        .or_else(|| (ceiling..available.len()).find(counts))
        .unwrap_or(ceiling)
}

/// The index of the encoding that would serve best if all were active.
pub(super) fn rank(available: &[Available], wanted: Wanted) -> usize {
    let top = available.len().saturating_sub(1);
    let fits = |encoding: &Available| match (wanted, encoding.layer) {
        (Wanted::Quality(quality), Some(layer)) => layer.quality >= quality,
        (Wanted::Size(size), Some(layer)) => fills(layer.size, size),
        (_, None) => false,
    };
    available.iter().position(fits).unwrap_or(top)
}

/// Compares long with long and short with short side, because a phone turns its picture.
fn fills(layer: Size, wanted: Size) -> bool {
    let sides = |size: Size| (size.width.max(size.height), size.width.min(size.height));
    let ((layer_long, layer_short), (long, short)) = (sides(layer), sides(wanted));
    let enough = |have: u32, need: u32| {
        u64::from(have) * u64::from(UPSCALE_PERCENT) >= u64::from(need) * 100
    };
    enough(layer_long, long) && enough(layer_short, short)
}

/// A picture may be shown up to a tenth larger than it is sent: nobody sees that, and the next
/// encoding costs three to four times the bits.
const UPSCALE_PERCENT: u32 = 110;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::units::{Bitrate, Quality};

    #[test]
    fn a_tile_gets_the_smallest_picture_that_fills_it() {
        for (tile, expected) in [
            ((160, 90), 0),
            ((320, 180), 0),
            ((350, 190), 0),
            ((400, 225), 1),
        ] {
            assert_eq!(best(&three(), size(tile.0, tile.1)), expected, "{tile:?}");
        }
        assert_eq!(
            best(&three(), size(4000, 3000)),
            2,
            "more than there is gets all there is"
        );
        assert_eq!(best(&three(), size(180, 320)), 0, "a phone held upright");
    }

    #[test]
    fn a_silent_encoding_is_replaced_by_the_next_smaller_one() {
        let mut encodings = three();
        encodings[2].active = false;
        assert_eq!(best(&encodings, Wanted::Quality(Quality::High)), 1);
        encodings[0].active = false;
        encodings[1].active = false;
        encodings[2].active = true;
        assert_eq!(
            best(&encodings, Wanted::Quality(Quality::Low)),
            2,
            "the only one there is"
        );
    }

    #[test]
    fn what_may_soon_come_is_counted_on_only_by_who_plans() {
        let mut encodings = three();
        encodings[2].active = false;
        encodings[2].waking = true;
        assert_eq!(best(&encodings, Wanted::Quality(Quality::High)), 1);
        assert_eq!(best_soon(&encodings, Wanted::Quality(Quality::High)), 2);
        assert_eq!(best_soon(&encodings, Wanted::Quality(Quality::Low)), 0);
    }

    fn size(width: u32, height: u32) -> Wanted {
        Wanted::Size(Size { width, height })
    }

    pub(in crate::downlink) fn three() -> Vec<Available> {
        let layer = |quality, width, height| Available {
            encoding: match quality {
                Quality::Low => 0,
                Quality::Medium => 1,
                Quality::High => 2,
            },
            spatial: 0,
            is_whole: true,
            temporal_max: 0,
            active: true,
            waking: false,
            layer: Some(LayerSpec {
                quality,
                size: Size { width, height },
                bitrate: Bitrate::from_bps(0),
            }),
        };
        vec![
            layer(Quality::Low, 320, 180),
            layer(Quality::Medium, 640, 360),
            layer(Quality::High, 1280, 720),
        ]
    }
}
