//! Which layer each subscription gets: one pure function of the line, of what is wanted and of what
//! is given so far. Knows bitrates and sizes, not packets, and no time: see `steady` for that.

#[cfg(test)]
mod tests;

use crate::units::{Bitrate, Size};

/// A layer above what a subscription has must fit with this much to spare, in hundredths of the
/// steady estimate. Bitrates of layers are averages, and a picture that comes and goes is worse
/// than a smaller one. Keeping what is there needs no such room, so the two never fight.
const UPGRADE_PERCENT: u64 = 93;
/// The smallest picture where there is none may come sooner, in hundredths of what the line carried
/// for half a second: rate control swings by a tenth around a full line within two seconds, and what
/// comes at the top of one swing must not go at the bottom of the next.
const FIRST_PERCENT: u64 = 80;
/// Camera pictures with fewer frames a second than 15 are worth less than smaller ones with more.
/// Frames are counted, and a camera of 15 is seldom counted as less than this.
const MOTION_FRAMES_MIN: u8 = 13;
/// Signs are not readable with fewer frames a second than 20, which are counted as this at least.
const SIGN_FRAMES_MIN: u8 = 18;

/// What may be given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// What the line carries: nothing but sound exceeds it.
    pub estimate: Bitrate,
    /// What it carried all of the last two seconds: what is new must fit into this.
    pub steady: Bitrate,
    /// What it carried all of the last half second: enough for the smallest picture where there is
    /// none, because a step down may have left no room for it while its queue emptied.
    pub brief: Bitrate,
    /// What was given last, and is carried now: out of it, whoever comes before thumbnails has their
    /// smallest picture at once, in place of some, and not only when the line carries more.
    pub given: Bitrate,
}

/// What a picture is for, which says what it may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Sound: it has one layer, and always gets it.
    Audio,
    /// A person: fluent motion first, then size.
    Camera,
    /// A screen with something to read: keeps its resolution and gives up frames.
    ScreenText,
    /// A screen with something that moves: as a camera.
    ScreenMotion,
    /// A person who signs: keeps at least 20 frames a second and gives up resolution.
    SignLanguage,
}

/// Whose turn it is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A shared screen.
    Screen,
    /// What the subscriber pinned, and signs.
    Pinned,
    /// Who speaks.
    Speaker,
    /// Everyone else.
    Thumbnail,
}

impl Priority {
    const ALL: [Self; 4] = [Self::Screen, Self::Pinned, Self::Speaker, Self::Thumbnail];
}

/// One layer that is being received and that the subscriber could use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerRate {
    /// What it takes with all it builds on, as measured.
    pub bitrate: Bitrate,
    /// Its picture.
    pub size: Size,
    /// Frames a second.
    pub frames_per_second: u8,
}

/// One subscription.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// Whose turn it is.
    pub priority: Priority,
    /// Whether the subscriber shows it.
    pub enabled: bool,
    /// The layers to choose from, in any order, none better than the subscriber wants.
    pub layers: &'a [LayerRate],
    /// Which of them it has.
    pub current: Option<usize>,
}

/// What a subscription gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The layer with this index.
    Layer(usize),
    /// Nothing.
    Paused(PauseReason),
}

/// Why a subscription gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PauseReason {
    /// The subscriber does not show it.
    NotShown,
    /// The publisher sends no layer of it.
    NotSent,
    /// The line does not carry it.
    Bandwidth,
}

/// How much an allocation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    /// What is given.
    pub given: Bitrate,
    /// What would be given if the line carried everything.
    pub wanted: Bitrate,
}

/// Replaces `grants` by one grant per request, in their order.
///
/// Sound comes first and always. Then every picture gets its smallest layer, in order of priority
/// and, within one, of the requests; then pictures grow, again in order of priority, those of one
/// priority by turns of one layer each.
pub fn allocate(budget: Budget, requests: &[Request<'_>], grants: &mut Vec<Grant>) -> Allocation {
    grants.clear();
    grants.extend(requests.iter().map(without_video));
    let mut purse = Purse {
        budget,
        given: Bitrate::ZERO,
    };
    for request in requests {
        if let (Purpose::Audio, true, Some(layer)) =
            (request.purpose, request.enabled, request.layers.first())
        {
            purse.given = purse.given.plus(layer.bitrate);
        }
    }
    let sound = purse.given;
    for priority in Priority::ALL {
        improve(priority, requests, grants, &mut purse);
    }
    for priority in Priority::ALL {
        while improve(priority, requests, grants, &mut purse) {}
    }
    let wanted = requests
        .iter()
        .filter(|request| is_video(request))
        .filter_map(best)
        .fold(sound, |sum, layer| sum.plus(layer.bitrate));
    Allocation {
        given: purse.given,
        wanted,
    }
}

/// What is given so far, and out of what.
struct Purse {
    budget: Budget,
    given: Bitrate,
}

fn is_video(request: &Request<'_>) -> bool {
    request.purpose != Purpose::Audio && request.enabled
}

fn without_video(request: &Request<'_>) -> Grant {
    if !request.enabled {
        Grant::Paused(PauseReason::NotShown)
    } else if request.layers.is_empty() {
        Grant::Paused(PauseReason::NotSent)
    } else if request.purpose == Purpose::Audio {
        Grant::Layer(0)
    } else {
        Grant::Paused(PauseReason::Bandwidth)
    }
}

/// Takes each picture of a priority one layer up, if that fits; whether one did. What does not fit
/// once does not fit later either, because more is given by then.
fn improve(
    priority: Priority,
    requests: &[Request<'_>],
    grants: &mut [Grant],
    purse: &mut Purse,
) -> bool {
    let mut improved = false;
    let ours = requests
        .iter()
        .zip(grants)
        .filter(|(request, _)| is_video(request) && request.priority == priority);
    for (request, grant) in ours {
        let given = match *grant {
            Grant::Layer(index) => Some(index),
            Grant::Paused(_) => None,
        };
        let Some(next) = next_layer(request, given) else {
            continue;
        };
        let before = given.map_or(Bitrate::ZERO, |index| request.layers[index].bitrate);
        let after = purse.given.minus(before).plus(request.layers[next].bitrate);
        if after <= limit(request, next, &purse.budget) {
            *grant = Grant::Layer(next);
            purse.given = after;
            improved = true;
        }
    }
    improved
}

/// How much may be given in all if this layer is part of it.
fn limit(request: &Request<'_>, layer: usize, budget: &Budget) -> Bitrate {
    let worth = |index: usize| request.layers.get(index).map(|layer| worth(request, layer));
    let is_new = request
        .current
        .is_none_or(|current| worth(layer) > worth(current));
    if is_new {
        let relied_on = |rate: Bitrate, percent| rate.min(budget.estimate).percent(percent);
        let steady = relied_on(budget.steady, UPGRADE_PERCENT);
        if request.current.is_none() && is_cheapest(request, layer) {
            let first = steady.max(relied_on(budget.brief, FIRST_PERCENT));
            if request.priority < Priority::Thumbnail {
                first.max(relied_on(budget.given, 100))
            } else {
                first
            }
        } else {
            steady
        }
    } else {
        budget.estimate
    }
}

fn is_cheapest(request: &Request<'_>, layer: usize) -> bool {
    let bitrate = request.layers[layer].bitrate;
    request.layers.iter().all(|other| bitrate <= other.bitrate)
}

/// The cheapest layer that is worth more than the given one; of equally cheap ones the best. So a
/// layer that costs more than a better one is never chosen.
fn next_layer(request: &Request<'_>, given: Option<usize>) -> Option<usize> {
    let floor = given.map(|index| worth(request, &request.layers[index]));
    let usable = |layer: &LayerRate| is_usable(request, layer);
    request
        .layers
        .iter()
        .enumerate()
        .filter(|(_, layer)| {
            usable(layer) && floor.is_none_or(|floor| worth(request, layer) > floor)
        })
        .min_by_key(|(_, layer)| (layer.bitrate, std::cmp::Reverse(worth(request, layer))))
        .map(|(index, _)| index)
}

fn best<'a>(request: &Request<'a>) -> Option<&'a LayerRate> {
    request
        .layers
        .iter()
        .filter(|layer| is_usable(request, layer))
        .max_by_key(|layer| worth(request, layer))
}

/// Signs with too few frames are no use, unless the publisher sends nothing better.
fn is_usable(request: &Request<'_>, layer: &LayerRate) -> bool {
    request.purpose != Purpose::SignLanguage
        || layer.frames_per_second >= SIGN_FRAMES_MIN
        || request
            .layers
            .iter()
            .all(|other| other.frames_per_second < SIGN_FRAMES_MIN)
}

/// What a layer is worth to its purpose: the greater, the better.
fn worth(request: &Request<'_>, layer: &LayerRate) -> (bool, u64, u8) {
    let pixels = u64::from(layer.size.width) * u64::from(layer.size.height);
    let frames = layer.frames_per_second;
    let fluent = match request.purpose {
        Purpose::Camera | Purpose::ScreenMotion => frames >= MOTION_FRAMES_MIN,
        Purpose::Audio | Purpose::ScreenText | Purpose::SignLanguage => true,
    };
    (fluent, pixels, frames)
}
