//! Which packets of the forwarded encoding a subscriber gets, by whatever the stream tells of its
//! layers. Which layers are aimed at is decided by `layer_selector`.

use super::decode_targets::{DecodeTargets, Dependencies};
use super::layer::Place;
use super::layer_limits::LayerLimits;
use super::rewriter::Incoming;
use crate::rtp::payload::Picture;

/// What is followed of an encoding.
#[derive(Debug)]
pub(crate) enum LayerFilter {
    /// All of it: it has no layers.
    Everything,
    /// What its payload descriptors tell.
    Limits(LayerLimits),
    /// What its dependency descriptors tell.
    Targets(DecodeTargets),
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether the subscriber gets it.
    pub(crate) taken: bool,
    /// Whether nothing more of its picture follows for this subscriber.
    pub(crate) ends_picture: bool,
}

const TAKEN: Verdict = Verdict {
    taken: true,
    ends_picture: false,
};

impl LayerFilter {
    /// Begins anew with the first packet of a key frame.
    pub(crate) fn restart(&mut self, first: &Incoming) {
        *self = match (&first.frame, &first.picture) {
            (Some(_), _) => Self::Targets(DecodeTargets::new()),
            (None, Some(picture)) if picture.has_layers() => Self::Limits(LayerLimits::new()),
            (None, Some(_) | None) => Self::Everything,
        };
    }

    /// Decides on a packet. One that says nothing of layers, as padding does, goes on.
    pub(crate) fn judge(
        &mut self,
        wanted: Place,
        incoming: &Incoming,
        dependencies: Option<&Dependencies>,
    ) -> Verdict {
        match self {
            Self::Everything => TAKEN,
            Self::Limits(limits) => incoming
                .picture
                .as_ref()
                .map_or(TAKEN, |picture: &Picture| limits.judge(wanted, picture)),
            Self::Targets(targets) => {
                incoming
                    .frame
                    .as_ref()
                    .zip(dependencies)
                    .map_or(TAKEN, |(frame, dependencies)| {
                        targets.judge(wanted, (frame, incoming.timestamp), dependencies)
                    })
            }
        }
    }

    /// The layers that are forwarded; `None` if there are none to choose from.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Everything => None,
            Self::Limits(limits) => Some(limits.place()),
            Self::Targets(targets) => targets.place(),
        }
    }

    /// Whether what is aimed at begins only with a key frame.
    pub(crate) const fn awaits_keyframe(&self) -> bool {
        match self {
            Self::Everything => false,
            Self::Limits(limits) => limits.awaits_keyframe(),
            Self::Targets(targets) => targets.awaits_keyframe(),
        }
    }
}
