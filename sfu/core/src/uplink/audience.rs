//! Who shall hear a track, as one word that is looked at for each packet. Knows neither why somebody
//! shall not, nor who is subscribed.

use crate::command::Neighbours;

/// Where somebody listens: in a group of neighbours, or alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Ear(u8);

/// Those who shall hear a track: one bit for each group, and one for all who sit alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Audience(u64);

impl Ear {
    /// Somebody of that group; `None` sits alone.
    pub(crate) fn of(group: Option<Neighbours>) -> Self {
        Self(group.map_or(0, Neighbours::number))
    }

    /// Whether both are in one physical room, where they hear each other without us.
    pub(crate) fn is_beside(self, other: Self) -> bool {
        self.0 != 0 && self == other
    }
}

impl Audience {
    pub(crate) const EVERYBODY: Self = Self(u64::MAX);

    pub(crate) fn includes(self, ear: Ear) -> bool {
        self.0 & (1 << ear.0) != 0
    }

    #[must_use]
    pub(crate) fn without(self, ear: Ear) -> Self {
        Self(self.0 & !(1 << ear.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_left_out_does_not_hear_and_the_others_do() {
        let groups = [None, Neighbours::new(1), Neighbours::new(Neighbours::MAX)];
        for left_out in groups {
            let audience = Audience::EVERYBODY.without(Ear::of(left_out));
            for group in groups {
                assert_eq!(audience.includes(Ear::of(group)), group != left_out);
            }
        }
    }

    #[test]
    fn people_who_sit_alone_are_nobodys_neighbours() {
        let alone = Ear::of(None);
        assert!(!alone.is_beside(alone));
        assert!(Ear::of(Neighbours::new(3)).is_beside(Ear::of(Neighbours::new(3))));
        assert!(!Ear::of(Neighbours::new(3)).is_beside(Ear::of(Neighbours::new(4))));
    }
}
