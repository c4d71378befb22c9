//! Who sits in one physical room with whom: read from an attribute of each participant, told to the
//! media plane as the number of a group. Decides nothing about sound.

use super::Room;
use crate::effect::Effect;
use sfu_core::Command;
use sfu_core::command::Neighbours;
use sfu_core::ids::PeerId;
use std::collections::BTreeMap;

/// The attribute that names a participant's group.
pub(super) const NEIGHBOURS: &str = "saal.neighbours";
/// Characters of such a name: a chamber's, not a story.
pub(super) const NAME_CHARS_MAX: usize = 64;

impl Room {
    /// Tells the media plane if somebody's group is another one than it knows. A room has more
    /// groups than it takes people to fill; whoever names one too many is heard as if alone.
    pub(super) fn sit_down(&mut self, peer: PeerId, effects: &mut Vec<Effect>) {
        let Some(participant) = self.participants.get(&peer) else {
            return;
        };
        let named = group_name(&participant.attributes);
        let group = named.and_then(|name| self.group(peer, name));
        if participant.neighbours != group {
            effects.push(Effect::Media(Command::Seat { peer, group }));
            let participant = self.participants.get_mut(&peer);
            participant.expect("found a few lines above").neighbours = group;
        }
    }

    /// The number of a group: that of those who named it before, or else a free one.
    fn group(&self, peer: PeerId, name: &str) -> Option<Neighbours> {
        let others = self
            .participants
            .iter()
            .filter(|(other, _)| **other != peer);
        let seated = others.filter_map(|(_, them)| Some((them.neighbours?, them)));
        let of_name = |attributes| group_name(attributes) == Some(name);
        let known = seated.clone().find(|(_, them)| of_name(&them.attributes));
        known.map(|(group, _)| group).or_else(|| {
            let taken = |group: &Neighbours| seated.clone().any(|(other, _)| other == *group);
            let groups = (1..=Neighbours::MAX).filter_map(Neighbours::new);
            groups.into_iter().find(|group| !taken(group))
        })
    }
}

/// Whether the attributes name no group, or one that is not too long.
pub(super) fn fits(attributes: &BTreeMap<String, String>) -> bool {
    group_name(attributes).is_none_or(|name| name.chars().nth(NAME_CHARS_MAX).is_none())
}

fn group_name(attributes: &BTreeMap<String, String>) -> Option<&str> {
    let name = attributes.get(NEIGHBOURS)?.trim();
    (!name.is_empty()).then_some(name)
}
