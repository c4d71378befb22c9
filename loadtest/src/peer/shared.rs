//! What a session writes and the owner of its peer reads. Decides which stream carries which track;
//! knows no messages.

use super::Subscription;
use super::room_view::RoomView;
use crate::reception::Reception;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

/// What a session and the owner of its peer both see.
pub(super) struct Shared {
    /// The counts of media.
    pub(super) reception: Arc<Reception>,
    data_received: AtomicU64,
    view: Mutex<View>,
}

/// What the session was told so far.
#[derive(Default)]
pub(super) struct View {
    /// The others' tracks.
    pub(super) room: RoomView,
    /// SSRC → mid, from the answers.
    pub(super) declared: BTreeMap<u32, String>,
    /// Mid → track sid, from the answers.
    pub(super) tracks_by_mid: BTreeMap<String, String>,
    /// When media could flow first.
    pub(super) connected_at: Option<Instant>,
    /// The join response came.
    pub(super) joined: bool,
    /// An answer was taken.
    pub(super) answered: bool,
}

impl Shared {
    /// Nothing told yet.
    pub(super) fn new(reception: Arc<Reception>) -> Self {
        Self {
            reception,
            data_received: AtomicU64::new(0),
            view: Mutex::default(),
        }
    }

    /// Every track that should be arriving.
    pub(super) fn subscriptions(&self) -> Vec<Subscription> {
        let view = self.view();
        let mut first_at: BTreeMap<&str, Instant> = BTreeMap::new();
        for (ssrc, stream) in self.reception.streams() {
            let mid = view.declared.get(&ssrc).or(stream.mid.as_ref());
            let Some(track) = mid.and_then(|mid| view.tracks_by_mid.get(mid)) else {
                continue;
            };
            let first = first_at.entry(track).or_insert(stream.first_at);
            *first = stream.first_at.min(*first);
        }
        let tracks = view.room.tracks().into_iter().map(|(track, heard_at)| {
            let known_at = view
                .connected_at
                .map_or(heard_at, |connected| connected.max(heard_at));
            let first_media = first_at.get(track.as_str());
            let first_media = first_media.map(|at| at.saturating_duration_since(known_at));
            Subscription { track, first_media }
        });
        tracks.collect()
    }

    /// Messages on both data channels so far.
    pub(super) fn data_received(&self) -> u64 {
        self.data_received.load(Ordering::Relaxed)
    }

    /// Which step of joining did not come in time.
    pub(super) fn progress(&self) -> &'static str {
        let view = self.view();
        match (view.joined, view.answered) {
            (false, _) => "no join response in 15 s",
            (true, false) => "no answer to the offer in 15 s",
            (true, true) => "ICE or DTLS did not connect in 15 s",
        }
    }

    /// What the session was told so far.
    pub(super) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().expect("the view is only read and written")
    }
}

/// Counts the messages of one data channel until it closes.
pub(super) async fn count_data(channel: Arc<dyn DataChannel>, shared: Arc<Shared>) {
    while let Some(event) = channel.poll().await {
        if matches!(event, DataChannelEvent::OnMessage(_)) {
            shared.data_received.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_source::AUDIO_PAYLOAD_TYPE;
    use crate::reception::Arrival;
    use livekit_protocol::{ParticipantInfo, TrackInfo};
    use std::time::Duration;

    #[test]
    fn a_stream_is_found_by_its_declared_ssrc_and_by_the_mid_it_names() {
        let shared = shared_with(&["TR_declared", "TR_named", "TR_silent"]);
        {
            let mut view = shared.view();
            view.declared.insert(1, "0".to_owned());
            let mids = [("0", "TR_declared"), ("1", "TR_named"), ("2", "TR_silent")];
            let mids = mids.map(|(mid, sid)| (mid.to_owned(), sid.to_owned()));
            view.tracks_by_mid.extend(mids);
        }
        let now = Instant::now();
        shared.reception.note_received(now, &packet(1, None));
        shared.reception.note_received(now, &packet(2, Some(b"1")));
        shared.reception.note_received(now, &packet(3, None));
        let heard = shared.subscriptions().into_iter();
        let heard: Vec<String> = heard
            .filter(|subscription| subscription.first_media.is_some())
            .map(|subscription| subscription.track)
            .collect();
        assert_eq!(heard, ["TR_declared", "TR_named"]);
    }

    #[test]
    fn the_wait_for_media_begins_when_it_could_flow() {
        let shared = shared_with(&["TR_1"]);
        let connected_at = Instant::now() + Duration::from_secs(1);
        {
            let mut view = shared.view();
            view.connected_at = Some(connected_at);
            view.declared.insert(1, "0".to_owned());
            view.tracks_by_mid.insert("0".to_owned(), "TR_1".to_owned());
        }
        let wait = Duration::from_millis(30);
        shared
            .reception
            .note_received(connected_at + wait, &packet(1, None));
        assert_eq!(shared.subscriptions()[0].first_media, Some(wait));
    }

    #[test]
    fn a_join_that_fails_tells_the_step_that_did_not_come() {
        let shared = shared_with(&[]);
        assert!(shared.progress().starts_with("no join response"));
        shared.view().joined = true;
        assert!(shared.progress().starts_with("no answer"));
        shared.view().answered = true;
        assert!(shared.progress().starts_with("ICE or DTLS"));
    }

    fn shared_with(tracks: &[&str]) -> Shared {
        let shared = Shared::new(Arc::new(Reception::default()));
        let track = |sid: &&str| TrackInfo {
            sid: (*sid).to_owned(),
            ..TrackInfo::default()
        };
        let other = ParticipantInfo {
            sid: "PA_other".to_owned(),
            tracks: tracks.iter().map(track).collect(),
            ..ParticipantInfo::default()
        };
        shared.view().room.note(Instant::now(), &other);
        shared
    }

    fn packet(ssrc: u32, mid: Option<&[u8]>) -> Arrival<'_> {
        Arrival {
            ssrc,
            payload_type: AUDIO_PAYLOAD_TYPE,
            sequence: 1,
            marker: false,
            header_len: 12,
            mid,
            payload: &[0; 80],
        }
    }
}
