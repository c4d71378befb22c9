//! What participants publish: from the request to add a track, over its media section, to its end.

use super::Room;
use super::permissions::may_publish_source;
use crate::effect::Effect;
use crate::wire::notice;
use crate::wire::track::{self, Wish};
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, MuteTrackRequest, TrackInfo, TrackUnpublishedResponse,
    UpdateLocalAudioTrack, UpdateLocalVideoTrack,
};
use rand::Rng as _;
use sfu_core::Command;
use sfu_core::event::CodecWanted;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::{Codec, MediaKind};
use std::time::{Duration, Instant};

/// How long a track may wait for its media section to be offered: clients give up after 10 s, and
/// a slow device may take a while before it asks again.
const PENDING_MAX: Duration = Duration::from_mins(1);

/// A track of somebody's.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) publisher: PeerId,
    pub(super) kind: MediaKind,
    /// The client's own name of the track.
    pub(super) cid: String,
    /// Codecs it could be sent in besides.
    pub(super) backups: Vec<Codec>,
    /// As everybody is told of it.
    pub(super) description: TrackInfo,
    pub(super) phase: Phase,
    /// Somebody has received it, which its publisher is told once.
    pub(super) is_received: bool,
    /// What of it somebody wants, as its publisher was told last; empty until then.
    pub(super) wanted: Vec<CodecWanted>,
}

/// How far a track has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its media section has not been offered; given up when the time is over.
    Pending { until: Instant },
    /// It is announced and can be received.
    Ready,
}

impl Publication {
    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Tells its publisher which sid it has.
    pub(super) fn published(&self) -> Message {
        notice::published(&self.cid, &self.description)
    }
}

impl Room {
    /// A client announces a track that its next offer will carry.
    pub(super) fn add_track(
        &mut self,
        now: Instant,
        peer: PeerId,
        request: AddTrackRequest,
        effects: &mut Vec<Effect>,
    ) {
        if !request.sid.is_empty() {
            return self.add_codec(peer, request, effects);
        }
        if self.repeat_published(peer, &request.cid, effects) {
            return;
        }
        match self.wish(peer, &request) {
            Ok(wish) => {
                self.replace_namesake(peer, &request.cid, effects);
                self.publish(now, peer, wish, effects);
            }
            Err((reason, message)) => {
                tracing::debug!(%peer, message, "track refused");
                let echo = Some(Request::AddTrack(track::echo(request)));
                self.send_outcome(peer, notice::outcome(0, reason, message, echo), effects);
            }
        }
    }

    /// Asked again for a track that is still pending, because its answer was lost or slow.
    fn repeat_published(&self, peer: PeerId, cid: &str, effects: &mut Vec<Effect>) -> bool {
        let pending = self
            .tracks_named(peer, cid)
            .find(|(_, publication)| !publication.is_ready());
        let Some((_, publication)) = pending else {
            return false;
        };
        self.send(peer, publication.published(), effects);
        true
    }

    /// Whether the participant may publish that, and if so, what it will be.
    fn wish(
        &self,
        peer: PeerId,
        request: &AddTrackRequest,
    ) -> Result<Wish, (Reason, &'static str)> {
        let participant = self
            .participants
            .get(&peer)
            .ok_or((Reason::NotFound, "you are not in the room"))?;
        let wish = track::parse(request, &participant.client, &self.settings.codecs)?;
        if !may_publish_source(&participant.grants, wish.source) {
            let message = "your access token does not allow to publish this source";
            return Err((Reason::NotAllowed, message));
        }
        let limits = &self.settings.limits;
        let pending = participant
            .tracks
            .iter()
            .filter(|track| {
                self.tracks
                    .get(track)
                    .is_some_and(|track| !track.is_ready())
            })
            .count();
        if pending >= limits.pending_tracks {
            return Err((Reason::LimitExceeded, "too many tracks wait to be offered"));
        }
        if participant.tracks.len() >= limits.tracks_per_participant {
            return Err((Reason::LimitExceeded, "you publish too many tracks"));
        }
        Ok(wish)
    }

    /// A client that unpublishes says so only in its next offer, and may publish the same device
    /// again before that. Then the older track is over.
    fn replace_namesake(&mut self, peer: PeerId, cid: &str, effects: &mut Vec<Effect>) {
        let namesake = self.tracks_named(peer, cid).map(|(track, _)| track).next();
        if let Some(track) = namesake {
            effects.push(Effect::Media(Command::Unpublish { track }));
            self.forget_track(track);
            self.touch(peer);
            self.news.room_changed();
        }
    }

    fn publish(&mut self, now: Instant, peer: PeerId, wish: Wish, effects: &mut Vec<Effect>) {
        let track = TrackId(self.rng.random());
        let mut description = wish.description;
        description.sid = track.to_string();
        let cid = wish.cid;
        let mut spec = wish.spec;
        let (kind, backups) = (spec.kind, spec.backups.clone());
        spec.purpose = self.purpose(peer, wish.source, spec.purpose);
        effects.push(Effect::Media(Command::Publish { peer, track, spec }));
        self.send(peer, notice::published(&cid, &description), effects);
        let publication = Publication {
            publisher: peer,
            kind,
            backups,
            cid,
            description,
            phase: Phase::Pending {
                until: now + PENDING_MAX,
            },
            is_received: false,
            wanted: Vec::new(),
        };
        self.tracks.insert(track, publication);
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.tracks.push(track);
        }
    }

    /// The track has its media section: all are told, and whoever wants it receives it.
    pub(super) fn track_ready(
        &mut self,
        peer: PeerId,
        track: TrackId,
        codec: Codec,
        mid: String,
        effects: &mut Vec<Effect>,
    ) {
        let Some(publication) = self.tracks.get_mut(&track) else {
            return;
        };
        if publication.publisher != peer {
            return;
        }
        publication.phase = Phase::Ready;
        track::set_negotiated(&mut publication.description, codec, mid);
        self.touch(peer);
        self.news.room_changed();
        self.offer_to_all(track, effects);
        tracing::info!(room = %self.id, %peer, %track, ?codec, "track published");
    }

    /// The publisher took the track's section away.
    pub(super) fn track_ended(&mut self, peer: PeerId, track: TrackId, effects: &mut Vec<Effect>) {
        let Some(publication) = self.tracks.get(&track) else {
            return;
        };
        if publication.publisher != peer {
            return;
        }
        for (&subscriber, participant) in &self.participants {
            if participant.subscriptions.contains(&track) {
                effects.push(Effect::Media(Command::Unsubscribe {
                    peer: subscriber,
                    track,
                }));
            }
        }
        self.forget_track(track);
        self.touch(peer);
        self.news.room_changed();
        tracing::info!(room = %self.id, %peer, %track, "track unpublished");
    }

    /// Nobody offered a section for the track in time: its publisher is told that it is over.
    pub(super) fn give_up_track(&mut self, track: TrackId, effects: &mut Vec<Effect>) {
        let Some(publisher) = self.tracks.get(&track).map(|track| track.publisher) else {
            return;
        };
        effects.push(Effect::Media(Command::Unpublish { track }));
        self.forget_track(track);
        let unpublished = TrackUnpublishedResponse {
            track_sid: track.to_string(),
        };
        self.send(publisher, Message::TrackUnpublished(unpublished), effects);
    }

    /// A publisher muted or unmuted a track of theirs.
    pub(super) fn mute(
        &mut self,
        peer: PeerId,
        request: &MuteTrackRequest,
        effects: &mut Vec<Effect>,
    ) {
        let Some((track, publication)) = self.own_track(peer, &request.sid) else {
            return;
        };
        if publication.description.muted == request.muted {
            return;
        }
        publication.description.muted = request.muted;
        let is_ready = publication.is_ready();
        effects.push(Effect::Media(Command::MuteTrack {
            track,
            muted: request.muted,
        }));
        if is_ready {
            self.touch(peer);
        }
    }

    /// How a publisher records their sound changed.
    pub(super) fn update_audio_track(&mut self, peer: PeerId, request: UpdateLocalAudioTrack) {
        let Some((_, publication)) = self.own_track(peer, &request.track_sid) else {
            return;
        };
        let known = |&feature: &i32| AudioTrackFeature::try_from(feature).is_ok();
        let features: Vec<i32> = request.features.into_iter().filter(known).collect();
        if features.len() <= track::AUDIO_FEATURES_MAX
            && publication.description.audio_features != features
        {
            publication.description.audio_features = features;
            self.touch(peer);
        }
    }

    /// A publisher's picture changed its size.
    pub(super) fn update_video_track(&mut self, peer: PeerId, request: &UpdateLocalVideoTrack) {
        let Some((_, publication)) = self.own_track(peer, &request.track_sid) else {
            return;
        };
        let description = &mut publication.description;
        if (description.width, description.height) != (request.width, request.height) {
            description.width = request.width;
            description.height = request.height;
            self.touch(peer);
        }
    }

    /// Forgets a track with everybody's wishes about it.
    pub(super) fn forget_track(&mut self, track: TrackId) {
        self.tracks.remove(&track);
        for participant in self.participants.values_mut() {
            participant.tracks.retain(|&own| own != track);
            participant.subscriptions.remove(&track);
            participant.choices.remove(&track);
            participant.denied.remove(&track);
            participant.told.forget(track);
            participant.preferences.remove(&track);
        }
    }

    /// A participant's description changed; everybody is told at the end of this call.
    pub(super) fn touch(&mut self, peer: PeerId) {
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.version += 1;
            self.news.changed(peer);
        }
    }

    fn own_track(&mut self, peer: PeerId, sid: &str) -> Option<(TrackId, &mut Publication)> {
        let track = TrackId::parse(sid)?;
        let publication = self.tracks.get_mut(&track)?;
        (publication.publisher == peer).then_some((track, publication))
    }

    fn tracks_named<'a>(
        &'a self,
        peer: PeerId,
        cid: &'a str,
    ) -> impl Iterator<Item = (TrackId, &'a Publication)> {
        let own = self.participants.get(&peer).map(|them| &them.tracks);
        own.into_iter()
            .flatten()
            .filter_map(|&track| Some((track, self.tracks.get(&track)?)))
            .filter(move |(_, publication)| publication.cid == cid)
    }
}
