//! Datagrams on their way, in the order in which they arrive: a heap of timers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Ten seconds of 20 Mbit/s, some 30 MB. What comes on top is refused, as a full router would.
const LEN_MAX: usize = 20_000;

/// Things that fall due.
#[derive(Debug)]
pub struct Pending<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry<T> {
    due: Instant,
    /// Those due at the same time leave as they entered.
    number: u64,
    content: T,
}

impl<T> Pending<T> {
    /// Nothing on its way.
    pub fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            entered: 0,
        }
    }

    /// Keeps it until it is due; false if there is no room.
    pub fn insert(&mut self, due: Instant, content: T) -> bool {
        if self.heap.len() >= LEN_MAX {
            return false;
        }
        let number = self.entered;
        self.entered += 1;
        self.heap.push(Reverse(Entry {
            due,
            number,
            content,
        }));
        true
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.due)
    }

    /// The next one that is due at `now`.
    pub fn take_due(&mut self, now: Instant) -> Option<T> {
        if self.next_due()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.content)
    }
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_due_first_leaves_first_and_equals_leave_as_they_came() {
        let now = Instant::now();
        let later = now + Duration::from_millis(1);
        let mut pending = Pending::new();
        for (due, name) in [(later, "c"), (now, "a"), (now, "b"), (later, "d")] {
            assert!(pending.insert(due, name));
        }
        assert_eq!(pending.next_due(), Some(now));
        let due = |pending: &mut Pending<_>, at| -> Vec<&str> {
            std::iter::from_fn(|| pending.take_due(at)).collect()
        };
        assert_eq!(due(&mut pending, now), ["a", "b"]);
        assert_eq!(due(&mut pending, later), ["c", "d"]);
        assert_eq!(pending.next_due(), None);
    }

    #[test]
    fn a_full_heap_takes_no_more_until_something_left() {
        let now = Instant::now();
        let mut pending = Pending::new();
        for _ in 0..LEN_MAX {
            assert!(pending.insert(now, ()));
        }
        assert!(!pending.insert(now, ()));
        pending.take_due(now);
        assert!(pending.insert(now, ()));
    }
}
