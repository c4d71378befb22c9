//! With which other workers this engine shares a room. Knows no tracks.

use crate::command::Command;
use crate::relay::Workers;

/// Commands that wait until the tracks of the other workers are known: a thousand people who come to a
/// thousand tracks. Whoever asks beyond gets nothing until they ask again.
const HELD_MAX: usize = 65_536;

/// The other workers of one room.
#[derive(Debug, Default)]
pub(crate) struct Links {
    linked: Workers,
    /// Those who were asked for their tracks and have not told them all.
    unanswered: Workers,
    /// What was asked about tracks that nobody here knows yet.
    held: Vec<Command>,
}

impl Links {
    pub(crate) fn linked(&self) -> Workers {
        self.linked
    }

    /// Begins to share the room with a worker; false if it was shared already.
    pub(crate) fn link(&mut self, worker: u8) -> bool {
        let is_new = !self.linked.contains(worker);
        self.linked.insert(worker);
        is_new
    }

    /// The worker was asked for its tracks.
    pub(crate) fn ask(&mut self, worker: u8) {
        self.unanswered.insert(worker);
    }

    /// The worker has no peers of the room any more.
    pub(crate) fn unlink(&mut self, worker: u8) {
        self.linked.remove(worker);
        self.unanswered.remove(worker);
    }

    /// The worker told all its tracks.
    pub(crate) fn answered(&mut self, worker: u8) {
        self.unanswered.remove(worker);
    }

    /// Whether a track that nobody here knows may be one that is about to be told.
    pub(crate) fn waits(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// Keeps a command until then; false if too many wait already.
    pub(crate) fn hold(&mut self, command: Command) -> bool {
        let fits = self.held.len() < HELD_MAX;
        if fits {
            self.held.push(command);
        }
        fits
    }

    /// What waited, once nothing is left to wait for.
    pub(crate) fn release(&mut self) -> Vec<Command> {
        if self.waits() {
            return Vec::new();
        }
        std::mem::take(&mut self.held)
    }

    /// Of all who share a room, the one with the lowest number tells what concerns all.
    pub(crate) fn is_first(&self, own: u8) -> bool {
        self.linked.iter().next().is_none_or(|first| own < first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{PeerId, TrackId};

    #[test]
    fn what_waits_is_released_by_the_last_answer_or_departure() {
        let mut links = Links::default();
        for worker in [1, 2] {
            assert!(links.link(worker));
            links.ask(worker);
        }
        assert!(!links.link(1));
        let command = Command::Unsubscribe {
            peer: PeerId(1),
            track: TrackId(1),
        };
        assert!(links.hold(command.clone()));
        links.answered(1);
        assert_eq!(links.release(), []);
        links.unlink(2);
        assert_eq!(links.release(), [command]);
        assert_eq!(links.release(), []);
    }

    #[test]
    fn exactly_one_of_those_who_share_a_room_is_the_first() {
        let share = |own: u8| {
            let mut links = Links::default();
            for other in [3, 5, 9].into_iter().filter(|it| *it != own) {
                links.link(other);
            }
            links.is_first(own)
        };
        assert_eq!([3, 5, 9].map(share), [true, false, false]);
        assert!(Links::default().is_first(9));
    }
}
