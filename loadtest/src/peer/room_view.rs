//! What one peer knows of the others' tracks, from the server's notices. Decides which tracks it
//! should be receiving; knows no media.

use livekit_protocol::ParticipantInfo;
use livekit_protocol::participant_info::State;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Tracks of one room that a peer follows; further ones are not expected.
const TRACKS_MAX: usize = 4_000;

/// The tracks that should arrive, with the time when the peer heard of each.
#[derive(Debug, Default)]
pub(super) struct RoomView {
    own_sid: String,
    /// Track sid → (participant sid, heard of at).
    tracks: BTreeMap<String, (String, Instant)>,
    /// Tracks that the peer does not want.
    hidden: BTreeSet<String>,
}

impl RoomView {
    /// Sets whose notices are about the peer itself.
    pub(super) fn joined_as(&mut self, sid: &str) {
        sid.clone_into(&mut self.own_sid);
    }

    /// Takes one participant's state in place of what was known of them.
    pub(super) fn note(&mut self, now: Instant, participant: &ParticipantInfo) {
        if participant.sid == self.own_sid {
            return;
        }
        let gone = participant.state() == State::Disconnected;
        let sent = |sid: &str| {
            participant
                .tracks
                .iter()
                .any(|track| track.sid == sid && !track.muted)
        };
        self.tracks
            .retain(|sid, (owner, _)| *owner != participant.sid || (!gone && sent(sid)));
        let tracks = participant
            .tracks
            .iter()
            .filter(|track| !gone && !track.muted);
        for track in tracks {
            if self.tracks.len() < TRACKS_MAX {
                let owner = participant.sid.clone();
                self.tracks.entry(track.sid.clone()).or_insert((owner, now));
            }
        }
    }

    /// Notes that tracks are wanted, or not.
    pub(super) fn show(&mut self, tracks: &[String], is_shown: bool) {
        for track in tracks {
            if is_shown {
                self.hidden.remove(track);
            } else if self.tracks.contains_key(track) {
                self.hidden.insert(track.clone());
            }
        }
    }

    /// The tracks by sid, with the time when the peer heard of each.
    pub(super) fn tracks(&self) -> BTreeMap<String, Instant> {
        self.tracks
            .iter()
            .filter(|(sid, _)| !self.hidden.contains(*sid))
            .map(|(sid, (_, heard_at))| (sid.clone(), *heard_at))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use livekit_protocol::TrackInfo;

    #[test]
    fn tracks_of_others_are_expected_and_own_ones_are_not() {
        let mut view = RoomView::default();
        view.joined_as("PA_me");
        view.note(Instant::now(), &participant("PA_me", &["TR_mine"]));
        view.note(Instant::now(), &participant("PA_a", &["TR_1", "TR_2"]));
        assert_eq!(sids(&view), ["TR_1", "TR_2"]);
    }

    #[test]
    fn a_track_that_is_no_longer_announced_is_not_expected() {
        let mut view = RoomView::default();
        view.note(Instant::now(), &participant("PA_a", &["TR_1", "TR_2"]));
        view.note(Instant::now(), &participant("PA_a", &["TR_2"]));
        assert_eq!(sids(&view), ["TR_2"]);
    }

    #[test]
    fn who_leaves_takes_the_tracks_along() {
        let mut view = RoomView::default();
        view.note(Instant::now(), &participant("PA_a", &["TR_1"]));
        view.note(Instant::now(), &participant("PA_b", &["TR_2"]));
        let mut gone = participant("PA_a", &["TR_1"]);
        gone.set_state(State::Disconnected);
        view.note(Instant::now(), &gone);
        assert_eq!(sids(&view), ["TR_2"]);
    }

    #[test]
    fn a_track_that_is_not_shown_is_not_expected() {
        let mut view = RoomView::default();
        view.note(Instant::now(), &participant("PA_a", &["TR_1", "TR_2"]));
        let second = ["TR_2".to_owned()];
        view.show(&second, false);
        assert_eq!(sids(&view), ["TR_1"]);
        view.show(&second, true);
        assert_eq!(sids(&view), ["TR_1", "TR_2"]);
    }

    #[test]
    fn a_muted_track_is_not_expected() {
        let mut view = RoomView::default();
        let mut quiet = participant("PA_a", &["TR_1"]);
        quiet.tracks[0].muted = true;
        view.note(Instant::now(), &quiet);
        assert!(view.tracks().is_empty());
    }

    fn participant(sid: &str, tracks: &[&str]) -> ParticipantInfo {
        let track = |sid: &&str| TrackInfo {
            sid: (*sid).to_owned(),
            ..TrackInfo::default()
        };
        ParticipantInfo {
            sid: sid.to_owned(),
            tracks: tracks.iter().map(track).collect(),
            ..ParticipantInfo::default()
        }
    }

    fn sids(view: &RoomView) -> Vec<String> {
        view.tracks().into_keys().collect()
    }
}
