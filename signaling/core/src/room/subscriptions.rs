//! Who receives what: what a participant wants, what they may have, and how much of it.

use super::Room;
use super::participants::Participant;
use super::publications::Publication;
use crate::effect::Effect;
use crate::wire::client::{groups_streams, takes_unknown_messages};
use crate::wire::notice;
use crate::wire::track::stream_group;
use livekit_protocol::participant_info::State;
use livekit_protocol::{
    SubscriptionError, TrackSource, UpdateSubscription, UpdateTrackSettings, VideoQuality,
};
use sfu_core::Command;
use sfu_core::command::{Preference, Wanted};
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::{MediaKind, Quality, Size};
use std::collections::BTreeMap;

/// A client names each track of its meeting once: a thousand people with four tracks each. What a
/// request names beyond is not looked at.
const NAMED_TRACKS_MAX: usize = 4000;

/// Whether somebody gets a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Receives,
    /// They want it, and its publisher does not let them.
    Denied,
    /// They do not want it, or there is nothing to have.
    Not,
}

impl Room {
    /// Brings all subscriptions of a participant in line.
    pub(super) fn subscribe_to_all(&mut self, subscriber: PeerId, effects: &mut Vec<Effect>) {
        let tracks: Vec<TrackId> = self.tracks.keys().copied().collect();
        for track in tracks {
            self.settle(subscriber, track, effects);
        }
    }

    /// Brings everybody's subscription of a track in line. Those whose media is not connected yet
    /// get it when it is: until then a client has other offers to make.
    pub(super) fn offer_to_all(&mut self, track: TrackId, effects: &mut Vec<Effect>) {
        let connected = |them: &Participant| them.state == State::Active;
        let subscribers: Vec<PeerId> = self
            .participants
            .iter()
            .filter(|(_, them)| connected(them) || them.subscriptions.contains(&track))
            .map(|(&peer, _)| peer)
            .collect();
        for subscriber in subscribers {
            self.settle(subscriber, track, effects);
        }
    }

    /// A client asks for tracks, or to be spared them.
    pub(super) fn choose_tracks(
        &mut self,
        peer: PeerId,
        request: UpdateSubscription,
        effects: &mut Vec<Effect>,
    ) {
        let of_participants = request.participant_tracks.into_iter();
        let sids = request
            .track_sids
            .into_iter()
            .chain(of_participants.flat_map(|named| named.track_sids));
        for sid in sids.take(NAMED_TRACKS_MAX) {
            let track = TrackId::parse(&sid).filter(|track| self.tracks.contains_key(track));
            if let Some(track) = track {
                if let Some(participant) = self.participants.get_mut(&peer) {
                    participant.choices.insert(track, request.subscribe);
                }
                self.settle(peer, track, effects);
            } else if request.subscribe {
                let failed = notice::subscription_failed(sid, SubscriptionError::SeTrackNotfound);
                self.send(peer, failed, effects);
            }
        }
    }

    /// A client that came back names every track it chose otherwise than it chooses in general, so
    /// whatever else it chose before is over.
    pub(super) fn choose_all_tracks(
        &mut self,
        peer: PeerId,
        request: UpdateSubscription,
        effects: &mut Vec<Effect>,
    ) {
        let Some(participant) = self.participants.get_mut(&peer) else {
            return;
        };
        let former = if request.subscribe == participant.auto_subscribe {
            BTreeMap::new()
        } else {
            std::mem::take(&mut participant.choices)
        };
        self.choose_tracks(peer, request, effects);
        for track in former.into_keys() {
            self.settle(peer, track, effects);
        }
    }

    /// A client says how much it can use of tracks.
    pub(super) fn prefer(
        &mut self,
        peer: PeerId,
        request: &UpdateTrackSettings,
        effects: &mut Vec<Effect>,
    ) {
        let preference = preference(request);
        for sid in request.track_sids.iter().take(NAMED_TRACKS_MAX) {
            self.prefer_track(peer, sid, preference, effects);
        }
    }

    /// A client that came back names the tracks it shows nowhere.
    pub(super) fn disable_tracks(
        &mut self,
        peer: PeerId,
        sids: &[String],
        effects: &mut Vec<Effect>,
    ) {
        let nothing = Preference {
            enabled: false,
            ..Preference::shown(Wanted::Quality(Quality::High))
        };
        for sid in sids.iter().take(NAMED_TRACKS_MAX) {
            self.prefer_track(peer, sid, nothing, effects);
        }
    }

    fn prefer_track(
        &mut self,
        peer: PeerId,
        sid: &str,
        preference: Preference,
        effects: &mut Vec<Effect>,
    ) {
        let track = TrackId::parse(sid).filter(|track| self.tracks.contains_key(track));
        let (Some(track), Some(participant)) = (track, self.participants.get_mut(&peer)) else {
            return;
        };
        let before = participant.preferences.insert(track, preference);
        if participant.subscriptions.contains(&track) && before != Some(preference) {
            effects.push(Effect::Media(Command::Prefer {
                peer,
                track,
                preference,
            }));
        }
    }

    /// Brings one subscription in line with what its subscriber wants and may have.
    fn settle(&mut self, subscriber: PeerId, track: TrackId, effects: &mut Vec<Effect>) {
        let (Some(publication), Some(participant)) =
            (self.tracks.get(&track), self.participants.get(&subscriber))
        else {
            return;
        };
        let publisher = publication.publisher;
        let receives = participant.subscriptions.contains(&track);
        let was_denied = participant.denied.contains(&track);
        let verdict = self.verdict(subscriber, participant, track, publication);
        match verdict {
            Verdict::Receives if !receives => self.subscribe(subscriber, track, effects),
            Verdict::Denied | Verdict::Not if receives => {
                self.unsubscribe(subscriber, track, effects);
            }
            Verdict::Receives | Verdict::Denied | Verdict::Not => {}
        }
        let is_denied = verdict == Verdict::Denied;
        if is_denied != was_denied {
            self.note_denied(subscriber, track, is_denied);
            let notice = notice::subscription_permission(publisher, track, !is_denied);
            self.send(subscriber, notice, effects);
        }
    }

    fn verdict(
        &self,
        peer: PeerId,
        participant: &Participant,
        track: TrackId,
        publication: &Publication,
    ) -> Verdict {
        let publisher = self.participants.get(&publication.publisher);
        let Some(publisher) = publisher.filter(|them| them.is_visible()) else {
            return Verdict::Not;
        };
        let choice = participant.choices.get(&track).copied();
        let wanted = choice.unwrap_or(participant.auto_subscribe)
            && publication.publisher != peer
            && publication.is_ready()
            && participant.grants.can_subscribe;
        if !wanted {
            Verdict::Not
        } else if publisher.rule.allows(peer, &participant.identity, track) {
            Verdict::Receives
        } else {
            Verdict::Denied
        }
    }

    fn subscribe(&mut self, subscriber: PeerId, track: TrackId, effects: &mut Vec<Effect>) {
        let publication = self.tracks.get_mut(&track).expect("the caller found it");
        let publisher = publication.publisher;
        let is_first = !std::mem::replace(&mut publication.is_received, true);
        let kind = publication.kind;
        let source = TrackSource::try_from(publication.description.source);
        let participant = self
            .participants
            .get_mut(&subscriber)
            .expect("the caller found them");
        participant.subscriptions.insert(track);
        let group = source
            .ok()
            .and_then(stream_group)
            .filter(|_| groups_streams(&participant.client));
        let stream = match group {
            Some(group) => format!("{publisher}|{group}"),
            None => format!("{publisher}|{track}"),
        };
        effects.push(Effect::Media(Command::Subscribe {
            peer: subscriber,
            track,
            stream,
        }));
        if let Some(preference) = initial_preference(participant, track, kind) {
            effects.push(Effect::Media(Command::Prefer {
                peer: subscriber,
                track,
                preference,
            }));
        }
        if is_first {
            self.tell_received(publisher, track, effects);
        }
    }

    fn tell_received(&self, publisher: PeerId, track: TrackId, effects: &mut Vec<Effect>) {
        let publisher_client = self.participants.get(&publisher).map(|them| &them.client);
        if publisher_client.is_some_and(takes_unknown_messages) {
            self.send(publisher, notice::track_subscribed(track), effects);
        }
    }

    fn unsubscribe(&mut self, subscriber: PeerId, track: TrackId, effects: &mut Vec<Effect>) {
        if let Some(participant) = self.participants.get_mut(&subscriber) {
            participant.subscriptions.remove(&track);
            participant.told.paused.remove(&track);
            effects.push(Effect::Media(Command::Unsubscribe {
                peer: subscriber,
                track,
            }));
        }
    }

    fn note_denied(&mut self, subscriber: PeerId, track: TrackId, is_denied: bool) {
        if let Some(participant) = self.participants.get_mut(&subscriber) {
            if is_denied {
                participant.denied.insert(track);
                participant.told.denied.insert(track);
            } else {
                participant.denied.remove(&track);
            }
        }
    }

    /// Whether a participant receives any track of another.
    pub(super) fn receives_from(&self, subscriber: &Participant, publisher: PeerId) -> bool {
        let tracks = self.participants.get(&publisher).map(|them| &them.tracks);
        tracks.is_some_and(|tracks| {
            tracks
                .iter()
                .any(|track| subscriber.subscriptions.contains(track))
        })
    }
}

/// What a client said earlier still holds. One that will say how large it shows each picture gets
/// the smallest until it does.
fn initial_preference(
    participant: &Participant,
    track: TrackId,
    kind: MediaKind,
) -> Option<Preference> {
    let smallest = Preference::shown(Wanted::Quality(Quality::Low));
    let adapts = participant.adaptive_stream && kind == MediaKind::Video;
    let said = participant.preferences.get(&track).copied();
    said.or(adapts.then_some(smallest))
}

fn preference(request: &UpdateTrackSettings) -> Preference {
    let quality = VideoQuality::try_from(request.quality).unwrap_or(VideoQuality::High);
    let wanted = if request.width > 0 && request.height > 0 {
        Wanted::Size(Size {
            width: request.width,
            height: request.height,
        })
    } else {
        Wanted::Quality(match quality {
            VideoQuality::Low => Quality::Low,
            VideoQuality::Medium => Quality::Medium,
            VideoQuality::High | VideoQuality::Off => Quality::High,
        })
    };
    Preference {
        enabled: !request.disabled && quality != VideoQuality::Off,
        wanted,
        frames_max: (request.fps > 0).then(|| u8::try_from(request.fps).unwrap_or(u8::MAX)),
        rank: (request.priority > 0).then_some(request.priority),
    }
}
