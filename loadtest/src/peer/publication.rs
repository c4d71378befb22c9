//! Publishes the microphone and the camera of one peer: request, section, first packet. Decides
//! when each step is due; the session carries the messages.

use super::connection::{self, AUDIO_LEVEL_URI, RID_URI};
use super::tap::MID_URI;
use crate::media_source::vp8::Encoding;
use crate::media_source::{
    AUDIO_PAYLOAD_TYPE, Camera, Codec, KeyFrameRequests, Labels, MediaSource, Microphone,
    StreamWriter, VIDEO_PAYLOAD_TYPE, Video,
};
use anyhow::Context;
use bytes::Bytes;
use livekit_protocol::{AddTrackRequest, SimulcastCodec, TrackSource, TrackType};
use livekit_protocol::{VideoLayer, VideoQuality};
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use std::sync::Arc;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpTransceiver};

/// The client's names of its two tracks, the same in request and session description.
pub(crate) const MICROPHONE: &str = "microphone";
pub(crate) const CAMERA: &str = "camera";

/// The SSRCs of one peer's streams.
#[derive(Debug, Clone)]
pub(super) struct Ssrcs {
    /// Of the microphone.
    pub(super) audio: u32,
    /// Of the camera, in the order of the encodings.
    pub(super) video: Vec<u32>,
}

/// The steps of publishing; each is reached once.
enum Step {
    /// The server has not named all tracks yet.
    Requested { unnamed: Vec<&'static str> },
    /// Sections wait to be offered or answered.
    Offered {
        offer: Option<u32>,
        sections: Sections,
    },
    /// The server takes the media, once the connection stands.
    Accepted(Sections),
    /// Media flows, or none is to be sent.
    Done,
}

/// The two sending sections.
struct Sections {
    microphone: Section,
    camera: Section,
}

struct Section {
    track: Arc<TrackLocalStaticRTP>,
    transceiver: Arc<dyn RtpTransceiver>,
}

/// What one peer publishes.
pub(super) struct Publication {
    step: Step,
    encodings: &'static [Encoding],
    ssrcs: Ssrcs,
    requests: Arc<KeyFrameRequests>,
    turn: (u32, u32),
}

impl Publication {
    /// Publishes with `ssrcs`; `turn` is the place among the speakers, `None` publishes nothing.
    pub(super) fn new(
        encodings: &'static [Encoding],
        ssrcs: Ssrcs,
        requests: Arc<KeyFrameRequests>,
        turn: Option<(u32, u32)>,
    ) -> Self {
        let step = match turn {
            Some(_) => Step::Requested {
                unnamed: vec![MICROPHONE, CAMERA],
            },
            None => Step::Done,
        };
        Self {
            step,
            encodings,
            ssrcs,
            requests,
            turn: turn.unwrap_or_default(),
        }
    }

    /// What to ask the server after joining.
    pub(super) fn track_requests(&self) -> Vec<AddTrackRequest> {
        match self.step {
            Step::Requested { .. } => vec![microphone_request(), camera_request(self.video())],
            Step::Offered { .. } | Step::Accepted(_) | Step::Done => Vec::new(),
        }
    }

    /// The server named a track. True when sections were added and an offer is due.
    pub(super) async fn named(
        &mut self,
        cid: &str,
        pc: &dyn PeerConnection,
    ) -> anyhow::Result<bool> {
        let Step::Requested { unnamed } = &mut self.step else {
            return Ok(false);
        };
        unnamed.retain(|own| *own != cid);
        if !unnamed.is_empty() {
            return Ok(false);
        }
        let sections = Sections {
            microphone: self.add_microphone(pc).await?,
            camera: self.add_camera(pc).await?,
        };
        self.step = Step::Offered {
            offer: None,
            sections,
        };
        Ok(true)
    }

    /// An offer with this number goes out.
    pub(super) fn offered(&mut self, id: u32) {
        if let Step::Offered { offer, .. } = &mut self.step {
            offer.get_or_insert(id);
        }
    }

    /// The offer with this number was answered.
    pub(super) fn answered(&mut self, id: u32) {
        let accepted = matches!(self.step, Step::Offered { offer: Some(offer), .. } if offer <= id);
        if accepted && let Step::Offered { sections, .. } = self.take_step() {
            self.step = Step::Accepted(sections);
        }
    }

    /// The source to run, once: when the server accepted the sections. Call while connected.
    pub(super) async fn start(&mut self) -> anyhow::Result<Option<MediaSource>> {
        if !matches!(self.step, Step::Accepted(_)) {
            return Ok(None);
        }
        let Step::Accepted(sections) = self.take_step() else {
            return Ok(None);
        };
        let microphone = self.microphone(sections.microphone).await?;
        let camera = self.camera(sections.camera).await?;
        Ok(Some(MediaSource::new(Some(microphone), Some(camera))))
    }

    fn take_step(&mut self) -> Step {
        std::mem::replace(&mut self.step, Step::Done)
    }

    async fn add_microphone(&self, pc: &dyn PeerConnection) -> anyhow::Result<Section> {
        let coding = coding(self.ssrcs.audio, "", connection::opus());
        add_section(pc, MICROPHONE, RtpCodecKind::Audio, vec![coding]).await
    }

    async fn add_camera(&self, pc: &dyn PeerConnection) -> anyhow::Result<Section> {
        let codings = self.encodings.iter().zip(&self.ssrcs.video);
        let codings = codings.map(|(encoding, ssrc)| {
            let rid = self.rid(encoding).unwrap_or_default();
            coding(*ssrc, rid, connection::vp8())
        });
        add_section(pc, CAMERA, RtpCodecKind::Video, codings.collect()).await
    }

    fn video(&self) -> Video {
        Video {
            codec: Codec::Vp8,
            encodings: self.encodings,
        }
    }

    /// One encoding alone has no name (RFC 8853).
    fn rid(&self, encoding: &Encoding) -> Option<&'static str> {
        (self.encodings.len() > 1).then_some(encoding.rid)
    }

    async fn microphone(&self, section: Section) -> anyhow::Result<Microphone> {
        let extensions = Extensions::of(&section).await?;
        let labels = extensions.labels(None);
        let writer = StreamWriter::new(section.track, self.ssrcs.audio, AUDIO_PAYLOAD_TYPE, labels);
        let level_extension = extensions.id(AUDIO_LEVEL_URI);
        Ok(Microphone {
            writer,
            level_extension,
            turn: self.turn,
        })
    }

    async fn camera(&self, section: Section) -> anyhow::Result<Camera> {
        let extensions = Extensions::of(&section).await?;
        if self.encodings.len() > 1 {
            extensions
                .id(RID_URI)
                .context("the server's answer drops the RID header extension")?;
        }
        let writers = self.encodings.iter().zip(&self.ssrcs.video);
        let writers = writers.map(|(encoding, ssrc)| {
            let labels = extensions.labels(self.rid(encoding));
            let track = Arc::<TrackLocalStaticRTP>::clone(&section.track);
            StreamWriter::new(track, *ssrc, VIDEO_PAYLOAD_TYPE, labels)
        });
        Ok(Camera {
            encodings: self.encodings,
            writers: writers.collect(),
            requests: Arc::clone(&self.requests),
        })
    }
}

/// The header extensions of an answered section.
struct Extensions {
    mid: String,
    ids: Vec<(String, u8)>,
}

impl Extensions {
    async fn of(section: &Section) -> anyhow::Result<Self> {
        let mid = section
            .transceiver
            .mid()
            .await?
            .context("an offered section has a mid")?;
        let sender = section
            .transceiver
            .sender()
            .await?
            .context("a sending section sends")?;
        let parameters = sender.get_parameters().await?.rtp_parameters;
        let ids = parameters
            .header_extensions
            .into_iter()
            .filter_map(|extension| Some((extension.uri, u8::try_from(extension.id).ok()?)));
        Ok(Self {
            mid,
            ids: ids.collect(),
        })
    }

    fn id(&self, uri: &str) -> Option<u8> {
        self.ids
            .iter()
            .find(|(own, _)| own == uri)
            .map(|(_, id)| *id)
    }

    fn labels(&self, rid: Option<&'static str>) -> Labels {
        let mid = self
            .id(MID_URI)
            .map(|id| (id, Bytes::from(self.mid.clone())));
        let rid = rid.and_then(|rid| Some((self.id(RID_URI)?, Bytes::from_static(rid.as_bytes()))));
        Labels(mid.into_iter().chain(rid).collect())
    }
}

async fn add_section(
    pc: &dyn PeerConnection,
    cid: &str,
    kind: RtpCodecKind,
    codings: Vec<RTCRtpEncodingParameters>,
) -> anyhow::Result<Section> {
    let track = MediaStreamTrack::new(
        "loadtest".to_owned(),
        cid.to_owned(),
        cid.to_owned(),
        kind,
        codings,
    );
    let track = Arc::new(TrackLocalStaticRTP::new(track));
    let sending = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Sendonly,
        ..RTCRtpTransceiverInit::default()
    };
    let sender = Arc::<TrackLocalStaticRTP>::clone(&track);
    let transceiver = pc.add_transceiver_from_track(sender, Some(sending)).await;
    Ok(Section {
        track,
        transceiver: transceiver.context("adding a section to send")?,
    })
}

fn coding(ssrc: u32, rid: &str, codec: RTCRtpCodec) -> RTCRtpEncodingParameters {
    RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            rid: rid.to_owned(),
            ssrc: Some(ssrc),
            ..RTCRtpCodingParameters::default()
        },
        codec,
        active: true,
        ..RTCRtpEncodingParameters::default()
    }
}

/// Announces a microphone.
pub(crate) fn microphone_request() -> AddTrackRequest {
    AddTrackRequest {
        cid: MICROPHONE.to_owned(),
        name: MICROPHONE.to_owned(),
        r#type: TrackType::Audio.into(),
        source: TrackSource::Microphone.into(),
        disable_red: true,
        ..AddTrackRequest::default()
    }
}

/// Announces a camera.
pub(crate) fn camera_request(video: Video) -> AddTrackRequest {
    let encodings = video.encodings;
    let layers: Vec<VideoLayer> = encodings.iter().map(layer).collect();
    let largest = encodings.last().expect("a camera has an encoding");
    AddTrackRequest {
        cid: CAMERA.to_owned(),
        name: CAMERA.to_owned(),
        r#type: TrackType::Video.into(),
        source: TrackSource::Camera.into(),
        width: largest.width.into(),
        height: largest.height.into(),
        layers: layers.clone(),
        simulcast_codecs: vec![SimulcastCodec {
            codec: video.codec.name().to_owned(),
            cid: CAMERA.to_owned(),
            layers,
            ..SimulcastCodec::default()
        }],
        ..AddTrackRequest::default()
    }
}

fn layer(encoding: &Encoding) -> VideoLayer {
    let quality = match encoding.rid {
        "q" => VideoQuality::Low,
        "h" => VideoQuality::Medium,
        _ => VideoQuality::High,
    };
    VideoLayer {
        quality: quality.into(),
        width: encoding.width.into(),
        height: encoding.height.into(),
        bitrate: encoding.rate_kbps * 1000,
        ..VideoLayer::default()
    }
}
