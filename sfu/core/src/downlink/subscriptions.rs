//! Who is subscribed to a track, and whether anybody may want something else than when that was last
//! looked at: a look goes through all of them, and in a large room little changes between two.
//!
//! Whoever may change one is believed to have, but for the path of a packet, which says so itself.

use super::subscription::Subscription;
use std::ops::{Deref, DerefMut};

/// The subscriptions of one track, in the order they came.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    all: Vec<Subscription>,
    /// Whether somebody may want another encoding than before.
    changed: bool,
    /// Whether somebody may wait for a key frame.
    waiting: bool,
    /// Whether somebody may be due something else of its line than was found last.
    unsettled: bool,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            changed: true,
            waiting: true,
            unsettled: true,
        }
    }
}

impl Subscriptions {
    pub(crate) fn push(&mut self, subscription: Subscription) {
        self.touch();
        self.all.push(subscription);
    }

    pub(crate) fn pop(&mut self) -> Option<Subscription> {
        self.touch();
        self.all.pop()
    }

    pub(crate) fn insert(&mut self, index: usize, subscription: Subscription) {
        self.touch();
        self.all.insert(index, subscription);
    }

    pub(crate) fn remove(&mut self, index: usize) -> Subscription {
        self.touch();
        self.all.remove(index)
    }

    pub(crate) fn retain(&mut self, stays: impl FnMut(&Subscription) -> bool) {
        let before = self.all.len();
        self.all.retain(stays);
        if self.all.len() != before {
            self.touch();
        }
    }

    /// For those who forward, report and repair: it changes nothing of what anybody wants.
    pub(crate) fn quietly(&mut self) -> &mut [Subscription] {
        &mut self.all
    }

    /// Whether what is wanted must be looked at again. Counts as looked at.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether it must be looked who waits for a key frame.
    pub(crate) const fn may_wait(&self) -> bool {
        self.waiting
    }

    /// Says whether anybody waits for a key frame.
    pub(crate) const fn wait(&mut self, waiting: bool) {
        self.waiting = waiting;
    }

    /// Whether it must be looked again at what lines carry of it. Counts as looked at.
    pub(crate) const fn take_unsettled(&mut self) -> bool {
        std::mem::replace(&mut self.unsettled, false)
    }

    /// Somebody may be due something else of its line.
    pub(crate) const fn unsettle(&mut self) {
        self.unsettled = true;
    }

    fn touch(&mut self) {
        self.changed = true;
        self.waiting = true;
        self.unsettled = true;
    }
}

impl Deref for Subscriptions {
    type Target = [Subscription];

    fn deref(&self) -> &[Subscription] {
        &self.all
    }
}

impl DerefMut for Subscriptions {
    fn deref_mut(&mut self) -> &mut [Subscription] {
        self.touch();
        &mut self.all
    }
}

impl IntoIterator for Subscriptions {
    type Item = Subscription;
    type IntoIter = std::vec::IntoIter<Subscription>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'a> IntoIterator for &'a Subscriptions {
    type Item = &'a Subscription;
    type IntoIter = std::slice::Iter<'a, Subscription>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

impl<'a> IntoIterator for &'a mut Subscriptions {
    type Item = &'a mut Subscription;
    type IntoIter = std::slice::IterMut<'a, Subscription>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downlink::rewriter::Rewriter;
    use crate::engine::PeerKey;
    use crate::rtp::Ssrc;
    use crate::uplink::audience::Ear;

    #[test]
    fn what_may_have_changed_is_looked_at_once() {
        let mut subscriptions = one();
        assert!(subscriptions.take_changed());
        assert!(!subscriptions.take_changed());
        subscriptions[0].lacks = None;
        assert!(subscriptions.take_changed());
        subscriptions.retain(|_| false);
        assert!(subscriptions.take_changed());
        subscriptions.retain(|_| false);
        assert!(!subscriptions.take_changed());
    }

    #[test]
    fn forwarding_and_looking_change_nothing() {
        let mut subscriptions = one();
        subscriptions.take_changed();
        subscriptions.wait(false);
        subscriptions.quietly()[0].reported = None;
        assert!(subscriptions.iter().all(|one| one.lacks.is_none()));
        assert!(!subscriptions.take_changed() && !subscriptions.may_wait());
    }

    #[test]
    fn whoever_comes_may_wait_for_a_key_frame() {
        let mut subscriptions = one();
        subscriptions.wait(false);
        let newcomer = one().pop().expect("there is one");
        subscriptions.push(newcomer);
        assert!(subscriptions.may_wait());
    }

    fn one() -> Subscriptions {
        let rewriter = Rewriter::new(Ssrc(1), 0, 90_000);
        let mut subscriptions = Subscriptions::default();
        subscriptions.push(Subscription::new(
            PeerKey::default(),
            Ear::of(None),
            String::new(),
            rewriter,
        ));
        subscriptions
    }
}
