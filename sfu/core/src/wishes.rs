//! What each subscriber wants of each track, and whose turn it is. What they get of it is decided
//! by the allocator.

use crate::bandwidth::allocator::{LayerRate, Priority, Purpose, Request};
use crate::command::{Preference, Wanted};
use crate::downlink::layer::Layer;
use crate::engine::{PeerKey, TrackKey};
use crate::units::{MediaKind, Size};
use crate::uplink::rungs::Rung;
use crate::uplink::track::Track;

/// A tile of so many times the area of every other one is what its viewer looks at. In a grid all
/// tiles are alike, and nobody is preferred for a row that is a little shorter.
const STAGE_TIMES: u64 = 2;

/// One subscription of a peer, as the allocator shall see it.
pub(crate) struct Wish {
    pub(crate) peer: PeerKey,
    pub(crate) track: TrackKey,
    /// Its place among the track's subscriptions.
    pub(crate) subscription: usize,
    pub(crate) purpose: Purpose,
    priority: Priority,
    /// Whose turn it is among those of one priority, as the subscriber says itself: 1 comes first.
    pub(crate) rank: u32,
    enabled: bool,
    /// The area of its tile in pixels, where the subscriber says how large that is.
    tile: Option<u64>,
    /// The layer of each rate, smallest first.
    pub(crate) layers: Vec<Layer>,
    rates: Vec<LayerRate>,
    current: Option<usize>,
}

impl Wish {
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            purpose: self.purpose,
            priority: self.priority,
            enabled: self.enabled,
            layers: &self.rates,
            current: self.current,
        }
    }

    /// The smallest size, with all its frames.
    pub(crate) fn smallest(&self) -> Layer {
        let size = self.layers.first().map(|layer| layer.spatial);
        let of_size = |layer: &&Layer| Some(layer.spatial) == size;
        let fastest = self.layers.iter().rev().find(of_size);
        fastest.copied().unwrap_or(Layer::LOWEST)
    }
}

/// Puts the one picture that is shown much larger than all others before them: it is what its
/// viewer chose to look at.
pub(crate) fn prefer_stage(wishes: &mut [Wish]) {
    let mut tiles: Vec<(u64, usize)> = wishes
        .iter()
        .enumerate()
        .filter(|(_, wish)| wish.enabled && wish.priority != Priority::Screen)
        .filter_map(|(index, wish)| Some((wish.tile?, index)))
        .collect();
    tiles.sort_unstable_by(|one, other| other.cmp(one));
    if let [(largest, index), (next, _), ..] = tiles[..]
        && largest >= next.saturating_mul(STAGE_TIMES)
    {
        let wish = &mut wishes[index];
        wish.priority = wish.priority.min(Priority::Pinned);
    }
}

impl Track {
    /// What those of its subscribers want of it who are due. `has_floor` says that it is of who speaks.
    pub(crate) fn wishes(
        &self,
        key: TrackKey,
        has_floor: bool,
        is_due: impl Fn(PeerKey) -> bool,
    ) -> impl Iterator<Item = Wish> {
        self.subscriptions
            .iter()
            .enumerate()
            .filter(move |(_, subscription)| {
                subscription.payload_type.is_some()
                    && self.audience.includes(subscription.ear)
                    && is_due(subscription.peer)
            })
            .map(move |(index, subscription)| {
                let selector = &subscription.selector;
                let preference = selector.preference();
                let (layers, mut rates): (Vec<Layer>, Vec<LayerRate>) = self
                    .rungs(selector.best_soon(&self.available))
                    .filter(|rung| is_of_use(rung, preference.frames_max))
                    .map(|rung| (rung.layer, rate_of(&rung)))
                    .unzip();
                if let (true, Some(rate)) = (self.spec.redundancy, rates.first_mut()) {
                    rate.bitrate = self.redundancy.rate(subscription.form, rate.bitrate);
                }
                // What waits for its key frame was given already, and what is left out until then is
                // not had any more.
                let forwarded = subscription.layer(&self.available);
                let given = forwarded.filter(|_| !selector.is_shed());
                let given = given.or(selector.granted());
                Wish {
                    peer: subscription.peer,
                    track: key,
                    subscription: index,
                    purpose: match self.spec.kind {
                        MediaKind::Audio => Purpose::Audio,
                        MediaKind::Video => self.spec.purpose,
                    },
                    priority: priority(self.spec.purpose, preference, has_floor),
                    rank: preference.rank.unwrap_or(u32::MAX),
                    enabled: preference.enabled && !self.muted,
                    tile: match preference.wanted {
                        Wanted::Size(size) => Some(area(size)),
                        Wanted::Quality(_) => None,
                    },
                    current: given.and_then(|it| layers.iter().position(|of| *of == it)),
                    layers,
                    rates,
                }
            })
    }
}

/// Frames that the subscriber does not show are not paid for. The slowest layer of a size is all
/// there is of it.
fn is_of_use(rung: &Rung, frames_max: Option<u8>) -> bool {
    rung.layer.temporal == 0 || frames_max.is_none_or(|max| rung.frames_per_second <= max)
}

fn rate_of(rung: &Rung) -> LayerRate {
    LayerRate {
        bitrate: rung.bitrate,
        size: rung.size,
        frames_per_second: rung.frames_per_second,
    }
}

/// Whose turn a picture has. Signs are somebody's speech, and are never behind anyone's face.
fn priority(purpose: Purpose, preference: &Preference, has_floor: bool) -> Priority {
    match purpose {
        Purpose::ScreenText | Purpose::ScreenMotion => Priority::Screen,
        Purpose::SignLanguage => Priority::Pinned,
        Purpose::Audio | Purpose::Camera if preference.rank.is_some() => Priority::Pinned,
        Purpose::Audio | Purpose::Camera if has_floor => Priority::Speaker,
        Purpose::Audio | Purpose::Camera => Priority::Thumbnail,
    }
}

fn area(size: Size) -> u64 {
    u64::from(size.width) * u64::from(size.height)
}
