//! What a client is told of the others, as `livekit-client` keeps it: people by their identity, and
//! whoever is told to have left is removed by it, whichever of their stays that was.

use livekit_protocol::ParticipantInfo;
use livekit_protocol::participant_info::State;
use std::collections::{BTreeMap, BTreeSet};

/// What a client believes of the others.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct View(BTreeMap<String, Other>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Other {
    sid: String,
    version: u32,
    tracks: BTreeSet<String>,
}

impl View {
    /// Takes note of what is said of somebody.
    pub(crate) fn learn(&mut self, info: &ParticipantInfo) {
        if info.state == i32::from(State::Disconnected) {
            self.0.remove(&info.identity);
            return;
        }
        let known = self.0.get(&info.identity);
        if known.is_some_and(|known| known.sid == info.sid && known.version > info.version) {
            return;
        }
        let other = Other {
            sid: info.sid.clone(),
            version: info.version,
            tracks: info.tracks.iter().map(|track| track.sid.clone()).collect(),
        };
        self.0.insert(info.identity.clone(), other);
    }

    /// Who is there, by their sid, and what they publish.
    pub(crate) fn seen(&self) -> BTreeMap<String, (String, BTreeSet<String>)> {
        let others = self.0.iter();
        others
            .map(|(identity, other)| (identity.clone(), (other.sid.clone(), other.tracks.clone())))
            .collect()
    }

    /// The tracks of all others.
    pub(crate) fn tracks(&self) -> Vec<String> {
        let tracks = self.0.values().flat_map(|other| other.tracks.iter());
        tracks.cloned().collect()
    }
}
