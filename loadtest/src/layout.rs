//! How large a participant shows whom, and what the server is told about it. Decides the sizes;
//! whoever holds the signal connection sends them.

use livekit_protocol::participant_info::State;
use livekit_protocol::{ParticipantInfo, TrackType, UpdateTrackSettings};
use std::collections::BTreeMap;

/// Pictures that one participant tells about; further ones stay as the server sends them.
const PICTURES_MAX: usize = 2_000;

/// An arrangement of the others' pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// Nothing is said, and servers send the largest picture of everyone.
    Everything,
    /// The first picture fills the screen, the others are in a strip of small ones.
    Speaker,
    /// Nine pictures of medium size; further ones are not shown.
    Grid,
    /// Twenty-five small pictures; further ones are not shown.
    Tiles,
    /// No picture is shown: a phone in a pocket.
    Sound,
}

/// A picture's size in pixels; `None` where it is not shown.
type Size = Option<(u32, u32)>;

/// Three by three, and five by five.
const GRID_LEN: usize = 9;
const TILES_LEN: usize = 25;

const LARGE: Size = Some((1280, 720));
const MEDIUM: Size = Some((640, 360));
const SMALL: Size = Some((320, 180));

impl Layout {
    /// How many of so many pictures are shown.
    pub(crate) fn shown(self, pictures: u32) -> u32 {
        let places = match self {
            Self::Everything | Self::Speaker => return pictures,
            Self::Grid => GRID_LEN,
            Self::Tiles => TILES_LEN,
            Self::Sound => 0,
        };
        pictures.min(u32::try_from(places).unwrap_or(u32::MAX))
    }

    /// The size of the picture in this place; `None` says nothing about it.
    fn size(self, place: usize) -> Option<Size> {
        match self {
            Self::Everything => None,
            Self::Speaker => Some(if place == 0 { LARGE } else { SMALL }),
            Self::Grid => Some(if place < GRID_LEN { MEDIUM } else { None }),
            Self::Tiles => Some(if place < TILES_LEN { SMALL } else { None }),
            Self::Sound => Some(None),
        }
    }
}

/// The pictures of the others as one participant shows them.
#[derive(Debug)]
pub(crate) struct Gallery {
    layout: Layout,
    own_sid: String,
    /// Participant and track, in the order in which they came.
    pictures: Vec<(String, String)>,
    told: BTreeMap<String, Size>,
}

impl Gallery {
    /// Nobody is shown yet.
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            layout,
            own_sid: String::new(),
            pictures: Vec::new(),
            told: BTreeMap::new(),
        }
    }

    /// Sets whose pictures are one's own.
    pub(crate) fn joined_as(&mut self, sid: &str) {
        sid.clone_into(&mut self.own_sid);
    }

    /// Takes the state of others, and returns what the server must be told because of it.
    pub(crate) fn note(&mut self, others: &[ParticipantInfo]) -> Vec<UpdateTrackSettings> {
        if self.layout == Layout::Everything {
            return Vec::new();
        }
        for other in others {
            if other.sid != self.own_sid {
                self.note_one(other);
            }
        }
        let mut settings = Vec::new();
        for (place, (_, track)) in self.pictures.iter().enumerate() {
            let Some(size) = self.layout.size(place) else {
                continue;
            };
            if self.told.insert(track.clone(), size) != Some(size) {
                settings.push(setting(track, size));
            }
        }
        settings
    }

    fn note_one(&mut self, other: &ParticipantInfo) {
        let is_gone = other.state() == State::Disconnected;
        let sends = |track: &str| !is_gone && other.tracks.iter().any(|own| own.sid == track);
        let told = &mut self.told;
        self.pictures.retain(|(owner, track)| {
            let stays = *owner != other.sid || sends(track);
            if !stays {
                told.remove(track);
            }
            stays
        });
        let tracks = other.tracks.iter().filter(|track| {
            !is_gone && track.r#type() == TrackType::Video && !told.contains_key(&track.sid)
        });
        for track in tracks {
            let is_known = self.pictures.iter().any(|(_, known)| *known == track.sid);
            if !is_known && self.pictures.len() < PICTURES_MAX {
                self.pictures.push((other.sid.clone(), track.sid.clone()));
            }
        }
    }
}

fn setting(track: &str, size: Size) -> UpdateTrackSettings {
    let (width, height) = size.unwrap_or_default();
    UpdateTrackSettings {
        track_sids: vec![track.to_owned()],
        disabled: size.is_none(),
        width,
        height,
        ..UpdateTrackSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use livekit_protocol::TrackInfo;

    fn person(sid: &str, tracks: &[(&str, TrackType)]) -> ParticipantInfo {
        let track = |(sid, kind): &(&str, TrackType)| TrackInfo {
            sid: (*sid).to_owned(),
            r#type: (*kind).into(),
            ..TrackInfo::default()
        };
        ParticipantInfo {
            sid: sid.to_owned(),
            state: State::Active.into(),
            tracks: tracks.iter().map(track).collect(),
            ..ParticipantInfo::default()
        }
    }

    fn camera(sid: &str, track: &str) -> ParticipantInfo {
        person(sid, &[(track, TrackType::Video)])
    }

    fn told(settings: &[UpdateTrackSettings]) -> Vec<(String, bool, u32)> {
        let one = |setting: &UpdateTrackSettings| {
            (
                setting.track_sids[0].clone(),
                setting.disabled,
                setting.height,
            )
        };
        settings.iter().map(one).collect()
    }

    #[test]
    fn the_first_is_large_and_the_others_are_small() {
        let mut gallery = Gallery::new(Layout::Speaker);
        gallery.joined_as("me");
        let others = [camera("me", "mine"), camera("a", "A"), camera("b", "B")];
        let settings = gallery.note(&others);
        let expected = [("A".to_owned(), false, 720), ("B".to_owned(), false, 180)];
        assert_eq!(told(&settings), expected);
        assert!(gallery.note(&others).is_empty(), "said once");
    }

    #[test]
    fn when_the_large_one_leaves_the_next_is_made_large() {
        let mut gallery = Gallery::new(Layout::Speaker);
        gallery.note(&[camera("a", "A"), camera("b", "B")]);
        let mut gone = camera("a", "A");
        gone.set_state(State::Disconnected);
        assert_eq!(told(&gallery.note(&[gone])), [("B".to_owned(), false, 720)]);
    }

    #[test]
    fn who_has_no_place_in_the_grid_is_not_shown() {
        let mut gallery = Gallery::new(Layout::Grid);
        let others: Vec<_> = (0..10)
            .map(|place| camera(&format!("p{place}"), &format!("t{place}")))
            .collect();
        let settings = gallery.note(&others);
        assert_eq!(
            settings.iter().filter(|setting| setting.disabled).count(),
            1
        );
        assert!(settings[9].disabled);
    }

    #[test]
    fn microphones_have_no_size_and_everything_needs_no_word() {
        let sound = person("a", &[("S", TrackType::Audio)]);
        assert!(Gallery::new(Layout::Sound).note(&[sound]).is_empty());
        let mut everything = Gallery::new(Layout::Everything);
        assert!(everything.note(&[camera("a", "A")]).is_empty());
    }
}
