//! What a simulated client publishes.

use crate::media::Source;
use crate::sdp::RIDS;
use livekit_protocol::{
    AddTrackRequest, SubscribedQuality, TrackSource, TrackType, VideoLayer, VideoQuality,
};

/// Something this client publishes.
pub(crate) struct OwnTrack {
    pub(crate) cid: String,
    pub(crate) is_audio: bool,
    pub(crate) sid: Option<String>,
    pub(crate) muted: bool,
    /// Once it has a section.
    pub(crate) source: Option<Source>,
    pub(crate) is_over: bool,
}

impl OwnTrack {
    /// The server says whether anybody wants a layer: what nobody wants is not sent.
    pub(crate) fn want_layer(&mut self, wanted: SubscribedQuality) {
        let encoding = usize::try_from(wanted.quality).unwrap_or(0);
        let source = self.source.as_mut();
        if let Some(encoding) = source.and_then(|source| source.encodings.get_mut(encoding)) {
            encoding.is_wanted = wanted.enabled;
        }
    }
}

/// The request to publish a microphone, or a camera in two layers.
pub(crate) fn add_track(cid: &str, is_audio: bool) -> AddTrackRequest {
    let (kind, source) = if is_audio {
        (TrackType::Audio, TrackSource::Microphone)
    } else {
        (TrackType::Video, TrackSource::Camera)
    };
    let qualities = [VideoQuality::Low, VideoQuality::Medium];
    let layers = RIDS.iter().zip(qualities).zip([180, 360]);
    let layers = layers.map(|((_, quality), height)| VideoLayer {
        quality: quality.into(),
        width: height * 16 / 9,
        height,
        ..VideoLayer::default()
    });
    AddTrackRequest {
        cid: cid.to_owned(),
        name: cid.to_owned(),
        r#type: kind.into(),
        source: source.into(),
        width: if is_audio { 0 } else { 640 },
        height: if is_audio { 0 } else { 360 },
        layers: if is_audio {
            Vec::new()
        } else {
            layers.collect()
        },
        ..AddTrackRequest::default()
    }
}
