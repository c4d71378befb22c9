//! Chooses the layer a subscriber gets, and with it the encoding. Knows ranks and sizes and what is
//! being received, not packets: see `layer_filter` and `rewriter`.

use super::available::{Available, best, best_soon, rank};
use super::layer::{Layer, Place};
use crate::command::{Preference, Wanted};
use crate::units::Quality;

/// What is forwarded, as an index into the track's encodings, smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selection {
    /// Nothing, because the subscriber shows nothing or its line carries nothing more.
    Paused,
    /// `current`, until a key frame of `target` comes.
    Switching {
        current: Option<usize>,
        target: usize,
    },
    /// This one.
    Steady(usize),
}

/// What is to be done with one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selected {
    /// Not for this subscriber.
    Drop,
    /// Goes on with the encoding it had.
    Continue,
    /// The first packet of another encoding, or after a pause.
    Switch,
}

/// What the subscriber's line carries of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceiling {
    /// Everything, as far as is known.
    None,
    /// Up to this layer.
    Layer(Layer),
    /// Nothing.
    Nothing,
}

/// The choice for one subscription.
#[derive(Debug)]
pub(crate) struct LayerSelector {
    preference: Preference,
    ceiling: Ceiling,
    selection: Selection,
    /// Whether the current encoding is left out until the key frame of a smaller one comes.
    shed: bool,
    /// What is aimed at within the encoding.
    place: Place,
}

impl LayerSelector {
    /// Wants the best there is until it is told otherwise.
    pub(crate) fn new() -> Self {
        Self {
            preference: Preference::shown(Wanted::Quality(Quality::High)),
            ceiling: Ceiling::None,
            selection: Selection::Switching {
                current: None,
                target: 0,
            },
            shed: false,
            place: Place::HIGHEST,
        }
    }

    /// Replaces what the line carries. Call `retarget` next. Returns whether this pauses the
    /// subscription or ends such a pause.
    pub(crate) fn limit(&mut self, ceiling: Ceiling) -> bool {
        let was_paused = self.is_starved();
        self.ceiling = ceiling;
        was_paused != self.is_starved()
    }

    /// What the line carries.
    pub(crate) const fn ceiling(&self) -> Ceiling {
        self.ceiling
    }

    /// Whether the line carries nothing of the track.
    pub(crate) fn is_starved(&self) -> bool {
        self.ceiling == Ceiling::Nothing
    }

    /// The best layer that the line was last found to carry.
    pub(crate) const fn granted(&self) -> Option<Layer> {
        match self.ceiling {
            Ceiling::Layer(layer) => Some(layer),
            Ceiling::None | Ceiling::Nothing => None,
        }
    }

    /// What the subscriber wants.
    pub(crate) const fn preference(&self) -> &Preference {
        &self.preference
    }

    /// The best encoding that the subscriber can use, whatever its line carries.
    pub(crate) fn best(&self, available: &[Available]) -> usize {
        best(available, self.preference.wanted)
    }

    /// The best encoding that the subscriber can use now or may soon, whatever its line carries.
    pub(crate) fn best_soon(&self, available: &[Available]) -> usize {
        best_soon(available, self.preference.wanted)
    }

    /// The encoding that would serve best if all were sent; `None` if nothing is shown.
    pub(crate) fn wanted(&self, available: &[Available]) -> Option<usize> {
        let rank = || rank(available, self.preference.wanted);
        self.preference.enabled.then(rank)
    }

    /// Replaces what the subscriber wants. Call `retarget` next.
    pub(crate) fn prefer(&mut self, preference: Preference) {
        self.preference = preference;
    }

    /// Decides again which encoding to aim at.
    pub(crate) fn retarget(&mut self, available: &[Available]) {
        if !self.preference.enabled || self.is_starved() {
            self.selection = Selection::Paused;
            self.shed = false;
            return;
        }
        let best = self.best(available);
        let (spatial, temporal) = match self.ceiling {
            Ceiling::Layer(ceiling) if ceiling.spatial <= best => {
                (ceiling.spatial, ceiling.temporal)
            }
            Ceiling::Layer(_) | Ceiling::None | Ceiling::Nothing => (best, u8::MAX),
        };
        let step = available.get(spatial);
        let target = step.map_or(0, |step| step.encoding);
        self.place = Place {
            spatial: step
                .filter(|step| !step.is_whole)
                .map_or(u8::MAX, |step| step.spatial),
            temporal,
        };
        self.selection = match self.selection {
            // What was left out cannot be gone on with.
            Selection::Switching {
                current: Some(current),
                ..
            } if self.shed && current <= target => {
                self.shed = false;
                Selection::Switching {
                    current: None,
                    target,
                }
            }
            Selection::Steady(current) if current == target => self.selection,
            Selection::Steady(current)
            | Selection::Switching {
                current: Some(current),
                ..
            } => settle(current, target),
            Selection::Paused | Selection::Switching { current: None, .. } => {
                Selection::Switching {
                    current: None,
                    target,
                }
            }
        };
    }

    /// Leaves out what is forwarded until the key frame comes, if that is of a smaller encoding.
    /// Call after `retarget`. Returns whether it was not left out before.
    pub(crate) fn shed(&mut self) -> bool {
        let was_shed = self.shed;
        self.shed |= matches!(
            self.selection,
            Selection::Switching {
                current: Some(current),
                target,
            } if target < current
        );
        self.shed && !was_shed
    }

    /// Whether the encoding that is forwarded is left out from its next picture on.
    pub(crate) const fn is_shed(&self) -> bool {
        self.shed
    }

    /// Starts over: the next packet forwarded will be the first after a pause.
    pub(crate) fn restart(&mut self) {
        if let Selection::Steady(target) | Selection::Switching { target, .. } = self.selection {
            self.selection = Selection::Switching {
                current: None,
                target,
            };
            self.shed = false;
        }
    }

    /// Decides on one packet. `switchable` says that a decoder can start with it.
    pub(crate) fn select(&mut self, encoding: usize, switchable: bool) -> Selected {
        match self.selection {
            Selection::Steady(current) if current == encoding => Selected::Continue,
            Selection::Switching { target, .. } if target == encoding && switchable => {
                self.selection = Selection::Steady(target);
                self.shed = false;
                Selected::Switch
            }
            // Any smaller picture is better than none while the wanted one is on its way.
            Selection::Switching {
                current: None,
                target,
            } if encoding < target && switchable => {
                self.selection = Selection::Switching {
                    current: Some(encoding),
                    target,
                };
                Selected::Switch
            }
            Selection::Switching {
                current: Some(current),
                ..
            } if current == encoding => Selected::Continue,
            Selection::Paused | Selection::Steady(_) | Selection::Switching { .. } => {
                Selected::Drop
            }
        }
    }

    /// The encoding whose key frame is waited for.
    pub(crate) fn awaited(&self) -> Option<usize> {
        match self.selection {
            Selection::Switching { target, .. } => Some(target),
            Selection::Paused | Selection::Steady(_) => None,
        }
    }

    /// What is aimed at within the encoding.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// The encoding that is forwarded.
    pub(crate) fn current(&self) -> Option<usize> {
        match self.selection {
            Selection::Steady(current) => Some(current),
            Selection::Switching { current, .. } => current,
            Selection::Paused => None,
        }
    }
}

fn settle(current: usize, target: usize) -> Selection {
    if current == target {
        Selection::Steady(current)
    } else {
        Selection::Switching {
            current: Some(current),
            target,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downlink::available::tests::three;
    use crate::units::Size;

    #[test]
    fn a_switch_waits_for_a_key_frame_and_goes_on_with_the_old_until_then() {
        let mut selector = steady_on_high();
        selector.prefer(Preference::shown(size(100, 100)));
        selector.retarget(&three());
        assert_eq!(selector.awaited(), Some(0));
        assert_eq!(selector.select(2, false), Selected::Continue);
        assert_eq!(selector.select(0, false), Selected::Drop);
        assert_eq!(selector.select(0, true), Selected::Switch);
        assert_eq!(selector.select(2, true), Selected::Drop);
        assert_eq!(selector.awaited(), None);
    }

    #[test]
    fn a_new_subscriber_sees_the_first_key_frame_that_comes() {
        let mut selector = LayerSelector::new();
        selector.retarget(&three());
        assert_eq!(selector.select(0, false), Selected::Drop);
        assert_eq!(selector.select(0, true), Selected::Switch);
        assert_eq!(selector.awaited(), Some(2), "still on its way up");
        assert_eq!(selector.select(1, true), Selected::Drop);
        assert_eq!(selector.select(2, true), Selected::Switch);
    }

    #[test]
    fn nothing_is_forwarded_while_nothing_is_shown() {
        let mut selector = steady_on_high();
        selector.prefer(Preference {
            enabled: false,
            ..Preference::shown(size(1, 1))
        });
        selector.retarget(&three());
        assert_eq!(selector.select(2, true), Selected::Drop);
        assert_eq!(selector.awaited(), None);
        selector.prefer(Preference::shown(size(1280, 720)));
        selector.retarget(&three());
        assert_eq!(
            selector.select(2, false),
            Selected::Drop,
            "it starts with a key frame"
        );
        assert_eq!(selector.select(2, true), Selected::Switch);
    }

    #[test]
    fn changing_the_mind_back_before_the_switch_changes_nothing() {
        let mut selector = steady_on_high();
        selector.prefer(Preference::shown(size(100, 100)));
        selector.retarget(&three());
        selector.prefer(Preference::shown(size(1280, 720)));
        selector.retarget(&three());
        assert_eq!(selector.awaited(), None);
        assert_eq!(selector.select(2, false), Selected::Continue);
    }

    #[test]
    fn a_line_that_carries_less_than_is_wanted_decides() {
        let mut selector = steady_on_high();
        assert!(!selector.limit(up_to(1)));
        selector.retarget(&three());
        assert_eq!(selector.awaited(), Some(1));
        assert_eq!(selector.select(1, true), Selected::Switch);
        assert!(selector.limit(Ceiling::Nothing), "it pauses");
        selector.retarget(&three());
        assert_eq!(selector.select(1, true), Selected::Drop);
        assert_eq!(selector.awaited(), None, "no key frame is asked for");
        assert!(!selector.limit(Ceiling::Nothing), "it is paused already");
        assert!(selector.limit(up_to(0)), "it goes on");
        selector.retarget(&three());
        assert_eq!(selector.select(0, true), Selected::Switch);
    }

    #[test]
    fn what_is_shed_on_the_way_down_is_not_gone_on_with() {
        let mut selector = steady_on_high();
        assert!(!selector.shed(), "nothing smaller is on its way");
        selector.limit(up_to(1));
        selector.retarget(&three());
        assert!(selector.shed());
        assert!(!selector.shed(), "it is already");
        assert!(selector.is_shed());
        assert_eq!(selector.awaited(), Some(1), "asked for at once");
        selector.limit(up_to(2));
        selector.retarget(&three());
        assert!(!selector.is_shed());
        assert_eq!(selector.select(2, false), Selected::Drop);
        assert_eq!(selector.select(2, true), Selected::Switch);
    }

    fn steady_on_high() -> LayerSelector {
        let mut selector = LayerSelector::new();
        selector.retarget(&three());
        assert_eq!(selector.select(2, true), Selected::Switch);
        selector
    }

    fn up_to(spatial: usize) -> Ceiling {
        Ceiling::Layer(Layer {
            spatial,
            temporal: 0,
        })
    }

    fn size(width: u32, height: u32) -> Wanted {
        Wanted::Size(Size { width, height })
    }
}
