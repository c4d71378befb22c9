//! Tracks in more than one codec: a publisher adds the codec that it was told somebody wants, and
//! whoever decodes none of them is told so.

use super::Room;
use crate::effect::Effect;
use crate::wire::notice;
use crate::wire::track::{self, BackupWish};
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::{AddTrackRequest, SubscriptionError};
use sfu_core::Command;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::Codec;

impl Room {
    /// A client announces that its next offer will carry a track of its own in another codec.
    pub(super) fn add_codec(
        &mut self,
        peer: PeerId,
        request: AddTrackRequest,
        effects: &mut Vec<Effect>,
    ) {
        match self.backup_wish(peer, &request) {
            Ok((track, wish)) => self.publish_backup(peer, track, wish, effects),
            Err((reason, message)) => {
                tracing::debug!(%peer, message, "codec refused");
                let echo = Some(Request::AddTrack(track::echo(request)));
                self.send_outcome(peer, notice::outcome(0, reason, message, echo), effects);
            }
        }
    }

    fn backup_wish(
        &self,
        peer: PeerId,
        request: &AddTrackRequest,
    ) -> Result<(TrackId, BackupWish), (Reason, &'static str)> {
        let track = TrackId::parse(&request.sid);
        let known = track.and_then(|track| Some((track, self.tracks.get(&track)?)));
        let own = known.filter(|(_, publication)| publication.publisher == peer);
        let (track, publication) = own.ok_or((Reason::NotFound, "you publish no such track"))?;
        let wish = track::parse_backup(request, &publication.backups)?;
        Ok((track, wish))
    }

    fn publish_backup(
        &mut self,
        peer: PeerId,
        track: TrackId,
        wish: BackupWish,
        effects: &mut Vec<Effect>,
    ) {
        let Some(publication) = self.tracks.get_mut(&track) else {
            return;
        };
        let description = &mut publication.description;
        // The first is what the track is sent in, whatever it was announced as.
        let mut added = description.codecs.iter_mut().skip(1);
        match added.find(|it| it.mime_type == wish.description.mime_type) {
            Some(known) => *known = wish.description,
            None => description.codecs.push(wish.description),
        }
        let message = notice::published(&wish.cid, description);
        effects.push(Effect::Media(Command::PublishBackup {
            peer,
            track,
            codec: wish.codec,
            client_ids: wish.client_ids,
            layers: wish.layers,
        }));
        self.send(peer, message, effects);
    }

    /// A track has its section for another codec.
    pub(super) fn backup_ready(&mut self, peer: PeerId, track: TrackId, codec: Codec, mid: String) {
        let Some(publication) = self.tracks.get_mut(&track) else {
            return;
        };
        let mut codecs = publication.description.codecs.iter_mut().skip(1);
        if let Some(added) = codecs.find(|it| it.mime_type == codec.mime()) {
            added.mid = mid;
            self.touch(peer);
            tracing::info!(room = %self.id, %peer, %track, ?codec, "another codec published");
        }
    }

    /// A client cannot decode a track, and its publisher has no codec that it can.
    pub(super) fn undecodable(&self, peer: PeerId, track: TrackId, effects: &mut Vec<Effect>) {
        tracing::debug!(%peer, %track, "the subscriber decodes no codec of the track");
        let error = SubscriptionError::SeCodecUnsupported;
        let failed = notice::subscription_failed(track.to_string(), error);
        self.send(peer, failed, effects);
    }
}
