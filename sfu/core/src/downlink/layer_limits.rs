//! Which frames of an encoding a subscriber gets, by the payload descriptors of VP8 and VP9: all up to
//! a spatial and a temporal layer. Decides when more layers can be had without a frame missing that
//! they build on. Knows nothing of numbers on the way out: see `rewriter`.

use super::layer::Place;
use super::layer_filter::Verdict;
use crate::rtp::payload::{Picture, PictureId, vp8, vp9};

/// Pictures whose limits are remembered: two seconds, more than a repair takes.
const PICTURES: usize = 64;

/// What one subscriber follows of an encoding.
#[derive(Debug)]
pub(crate) struct LayerLimits {
    limit: Place,
    awaits_keyframe: bool,
    newest: Option<PictureId>,
    /// The limit of each of the last pictures, by their numbers.
    limits: [Place; PICTURES],
}

/// A way up to more frames a second: whoever has one temporal layer can have another from this
/// picture on.
struct Climb {
    from: u8,
    to: u8,
}

impl LayerLimits {
    /// Nothing yet: the first picture must be a key frame.
    pub(crate) const fn new() -> Self {
        Self {
            limit: Place::LOWEST,
            awaits_keyframe: false,
            newest: None,
            limits: [Place::LOWEST; PICTURES],
        }
    }

    /// The layers that are forwarded.
    pub(crate) const fn place(&self) -> Place {
        self.limit
    }

    pub(crate) const fn awaits_keyframe(&self) -> bool {
        self.awaits_keyframe
    }

    /// Decides on a packet's frame; all frames of one picture keep to one limit.
    pub(crate) fn judge(&mut self, wanted: Place, picture: &Picture) -> Verdict {
        let limit = if let Some(id) = picture.id() {
            self.limit_of(wanted, id, picture)
        } else {
            self.begin(wanted, picture);
            self.limit
        };
        let place = Place::of_picture(picture);
        Verdict {
            taken: place.spatial <= limit.spatial && place.temporal <= limit.temporal,
            ends_picture: picture.ends_frame(false) && place.spatial == limit.spatial,
        }
    }

    fn limit_of(&mut self, wanted: Place, id: PictureId, picture: &Picture) -> Place {
        let ahead = self.newest.map_or(1, |newest| id.distance_from(newest));
        let slot = usize::from(id.value()) % PICTURES;
        if ahead > 0 {
            self.begin(wanted, picture);
            self.newest = Some(id);
            // What was passed over is judged by what held then, if it comes.
            let passed_over = usize::try_from(ahead).expect("it is ahead");
            for passed in 0..passed_over.min(PICTURES) {
                self.limits[(slot + PICTURES - passed) % PICTURES] = self.limit;
            }
        }
        self.limits[slot]
    }

    /// A picture newer than all before it: the place to change the limit.
    fn begin(&mut self, wanted: Place, picture: &Picture) {
        if picture.is_keyframe_start() {
            self.limit = wanted;
        }
        self.limit.spatial = self.limit.spatial.min(wanted.spatial);
        self.limit.temporal = self.limit.temporal.min(wanted.temporal);
        if let Some(climb) = Climb::of(picture)
            && self.limit.temporal >= climb.from
        {
            self.limit.temporal = self.limit.temporal.max(climb.to.min(wanted.temporal));
        }
        self.awaits_keyframe = self.limit.spatial < wanted.spatial;
    }
}

impl Climb {
    fn of(picture: &Picture) -> Option<Self> {
        match picture {
            Picture::Vp8(descriptor) => Self::of_vp8(descriptor),
            Picture::Vp9(descriptor) => Self::of_vp9(descriptor),
        }
    }

    fn of_vp8(descriptor: &vp8::Descriptor) -> Option<Climb> {
        let (temporal, sync) = descriptor.temporal?;
        // It builds on layer 0 alone (RFC 7741, section 4.2). Those between are not had by then, so
        // the way up goes by one layer at a time.
        (sync && temporal > 0).then(|| Climb {
            from: temporal - 1,
            to: temporal,
        })
    }

    fn of_vp9(descriptor: &vp9::Descriptor) -> Option<Climb> {
        let layers = descriptor.layers?;
        // No later picture of a higher layer builds on one before this (RFC 9628, section 4.2).
        layers.switch_up.then_some(Climb {
            from: layers.temporal,
            to: u8::MAX,
        })
    }
}
