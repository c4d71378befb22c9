//! Reads what a client says about a track it will publish, and describes the track to others.

use super::client::may_publish;
use livekit_protocol::request_response::Reason;
use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, BackupCodecPolicy, ClientInfo, SimulcastCodec,
    SimulcastCodecInfo, TrackInfo, TrackSource, TrackType, VideoLayer, VideoQuality, encryption,
    video_layer,
};
use sfu_core::command::{LayerSpec, Purpose, TrackSpec};
use sfu_core::units::{Bitrate, Codec, MediaKind, Quality, Size};

/// Characters of a client's name of a track: browsers use 36, others about as many.
const CID_CHARS_MAX: usize = 256;
/// Characters of a track's title and of its stream's name, which everybody gets.
const NAME_CHARS_MAX: usize = 256;
/// There are seven, and no reason to name one twice.
pub(crate) const AUDIO_FEATURES_MAX: usize = 8;
/// A client names a track once for each codec it may send it in.
const CLIENT_IDS_MAX: usize = 8;

/// A track that somebody wants to publish.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) cid: String,
    pub(crate) source: TrackSource,
    pub(crate) spec: TrackSpec,
    /// Without its sid.
    pub(crate) description: TrackInfo,
}

type Refusal = (Reason, &'static str);

/// Reads a request; `codecs` are those the room allows, the first of a kind being what clients
/// fall back to.
#[expect(deprecated, reason = "clients read and write the fields all the same")]
pub(crate) fn parse(
    request: &AddTrackRequest,
    client: &ClientInfo,
    codecs: &[Codec],
) -> Result<Wish, Refusal> {
    let (kind, source) = kind_and_source(request)?;
    check_texts(request)?;
    let encryption = encryption::Type::try_from(request.encryption)
        .map_err(|_| (Reason::UnsupportedType, "this encryption is unknown"))?;
    let codec = codec(request, kind, client, codecs)?;
    let layers = match kind {
        MediaKind::Audio => Vec::new(),
        MediaKind::Video => layers(request),
    };
    let features = audio_features(request);
    let has = |feature: AudioTrackFeature| features.contains(&i32::from(feature));
    let spec = TrackSpec {
        kind,
        purpose: purpose(kind, source),
        client_ids: client_ids(request),
        codec: asked_codec(request).map(|_| codec),
        layers: layers.iter().map(layer_spec).collect(),
        backups: if encryption == encryption::Type::None {
            backups(request, codec, client, codecs)
        } else {
            Vec::new() // Clients do not encrypt a second codec.
        },
        muted: request.muted,
        stereo: request.stereo || has(AudioTrackFeature::TfStereo),
        dtx: !(request.disable_dtx || has(AudioTrackFeature::TfNoDtx)),
        redundancy: is_redundant(request, kind),
        voice: kind == MediaKind::Audio && source != TrackSource::ScreenShareAudio,
    };
    let description = TrackInfo {
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        disable_dtx: !spec.dtx,
        source: source.into(),
        layers: layers.clone(),
        mime_type: codec.mime().to_owned(),
        codecs: vec![SimulcastCodecInfo {
            mime_type: codec.mime().to_owned(),
            cid: request.cid.clone(),
            video_layer_mode: layer_mode(request, codec).into(),
            layers,
            ..SimulcastCodecInfo::default()
        }],
        stereo: spec.stereo,
        disable_red: !spec.redundancy,
        encryption: encryption.into(),
        stream: stream_name(request, source),
        audio_features: features,
        backup_codec_policy: BackupCodecPolicy::try_from(request.backup_codec_policy)
            .unwrap_or(BackupCodecPolicy::PreferRegression)
            .into(),
        ..TrackInfo::default()
    };
    Ok(Wish {
        cid: request.cid.clone(),
        source,
        spec,
        description,
    })
}

/// What a track of that source is for, as far as the source tells.
fn purpose(kind: MediaKind, source: TrackSource) -> Purpose {
    match (kind, source) {
        (MediaKind::Audio, _) => Purpose::Audio,
        // Nobody says what is on a screen; text that cannot be read is worse than a film that jerks.
        (MediaKind::Video, TrackSource::ScreenShare) => Purpose::ScreenText,
        (
            MediaKind::Video,
            TrackSource::Camera
            | TrackSource::Microphone
            | TrackSource::ScreenShareAudio
            | TrackSource::Unknown,
        ) => Purpose::Camera,
    }
}

/// A codec that is added to a track.
#[derive(Debug, Clone)]
pub(crate) struct BackupWish {
    pub(crate) cid: String,
    pub(crate) codec: Codec,
    pub(crate) client_ids: Vec<String>,
    pub(crate) layers: Vec<LayerSpec>,
    /// Without its mid.
    pub(crate) description: SimulcastCodecInfo,
}

/// Reads a request for another codec of a track that was announced with these `backups`.
pub(crate) fn parse_backup(
    request: &AddTrackRequest,
    backups: &[Codec],
) -> Result<BackupWish, Refusal> {
    check_texts(request)?;
    let name = request.simulcast_codecs.first().map(short_name);
    let mut known = backups.iter().copied();
    let codec = name
        .and_then(|name| known.find(|codec| is_called(*codec, name)))
        .ok_or((
            Reason::UnsupportedType,
            "the track was not announced with this codec",
        ))?;
    let layers = layers(request);
    Ok(BackupWish {
        cid: request.cid.clone(),
        codec,
        client_ids: client_ids(request),
        layers: layers.iter().map(layer_spec).collect(),
        description: SimulcastCodecInfo {
            mime_type: codec.mime().to_owned(),
            cid: request.cid.clone(),
            video_layer_mode: layer_mode(request, codec).into(),
            layers,
            ..SimulcastCodecInfo::default()
        },
    })
}

/// Fills in what only the negotiation tells.
pub(crate) fn set_negotiated(description: &mut TrackInfo, codec: Codec, mid: String) {
    codec.mime().clone_into(&mut description.mime_type);
    if let Some(first) = description.codecs.first_mut() {
        codec.mime().clone_into(&mut first.mime_type);
        first.mid.clone_from(&mid);
    }
    description.mid = mid;
}

/// The media stream that tracks of a source are filed under, so that they play in sync.
pub(crate) fn stream_group(source: TrackSource) -> Option<&'static str> {
    match source {
        TrackSource::Camera | TrackSource::Microphone => Some("camera"),
        TrackSource::ScreenShare | TrackSource::ScreenShareAudio => Some("screen"),
        TrackSource::Unknown => None,
    }
}

/// What of a request is repeated to the client when it is refused: enough to recognise it.
pub(crate) fn echo(request: AddTrackRequest) -> AddTrackRequest {
    AddTrackRequest {
        cid: request.cid,
        name: request.name,
        ..AddTrackRequest::default()
    }
}

fn kind_and_source(request: &AddTrackRequest) -> Result<(MediaKind, TrackSource), Refusal> {
    let kind = match TrackType::try_from(request.r#type) {
        Ok(TrackType::Audio) => MediaKind::Audio,
        Ok(TrackType::Video) => MediaKind::Video,
        Ok(TrackType::Data) | Err(_) => {
            return Err((
                Reason::UnsupportedType,
                "only sound and pictures can be published",
            ));
        }
    };
    let source = TrackSource::try_from(request.source)
        .map_err(|_| (Reason::UnsupportedType, "this source is unknown"))?;
    let fits = match source {
        TrackSource::Camera | TrackSource::ScreenShare => kind == MediaKind::Video,
        TrackSource::Microphone | TrackSource::ScreenShareAudio => kind == MediaKind::Audio,
        TrackSource::Unknown => true,
    };
    if !fits {
        return Err((
            Reason::InvalidRequest,
            "the source does not fit the kind of track",
        ));
    }
    Ok((kind, source))
}

fn check_texts(request: &AddTrackRequest) -> Result<(), Refusal> {
    let too_long = |text: &str, chars_max| text.chars().nth(chars_max).is_some();
    if request.cid.is_empty() || too_long(&request.cid, CID_CHARS_MAX) {
        return Err((
            Reason::InvalidRequest,
            "the client's track id is empty or too long",
        ));
    }
    if too_long(&request.name, NAME_CHARS_MAX) || too_long(&request.stream, NAME_CHARS_MAX) {
        return Err((
            Reason::InvalidName,
            "the track's name or stream is too long",
        ));
    }
    Ok(())
}

/// The codec the client asks for if the room allows it, else the room's first of that kind: the
/// client reads from the answer what to send.
fn codec(
    request: &AddTrackRequest,
    kind: MediaKind,
    client: &ClientInfo,
    codecs: &[Codec],
) -> Result<Codec, Refusal> {
    let asked = asked_codec(request);
    let mut allowed = codecs
        .iter()
        .copied()
        .filter(|&codec| codec.kind() == kind && may_publish(client, codec));
    let first = allowed.clone().next();
    asked
        .and_then(|name| allowed.find(|codec| codec.encoding_name().eq_ignore_ascii_case(name)))
        .or(first)
        .ok_or((Reason::UnsupportedType, "the room allows no codec for this"))
}

/// The codec a client names, without the kind before it; most name none for sound.
fn asked_codec(request: &AddTrackRequest) -> Option<&str> {
    let first = request.simulcast_codecs.first()?;
    let name = first.codec.rsplit('/').next();
    name.filter(|name| !name.is_empty())
}

/// The codecs besides the first that the client offers to send and the room allows.
fn backups(
    request: &AddTrackRequest,
    first: Codec,
    client: &ClientInfo,
    codecs: &[Codec],
) -> Vec<Codec> {
    let named = request.simulcast_codecs.iter().take(CLIENT_IDS_MAX);
    let mut backups = Vec::new();
    for name in named.skip(1).map(short_name) {
        let mut allowed = codecs.iter().copied();
        let codec = allowed.find(|codec| {
            is_called(*codec, name) && codec.kind() == first.kind() && may_publish(client, *codec)
        });
        if let Some(codec) = codec.filter(|codec| *codec != first && !backups.contains(codec)) {
            backups.push(codec);
        }
    }
    backups
}

/// Clients name a codec with its kind or without.
fn short_name(codec: &SimulcastCodec) -> &str {
    let name = codec.codec.as_str();
    name.rsplit('/').next().unwrap_or(name)
}

fn is_called(codec: Codec, name: &str) -> bool {
    codec.encoding_name().eq_ignore_ascii_case(name)
}

/// At most one layer of each quality, smallest first.
fn layers(request: &AddTrackRequest) -> Vec<VideoLayer> {
    let listed = if request.layers.is_empty() {
        request.simulcast_codecs.first().map(|codec| &codec.layers)
    } else {
        Some(&request.layers)
    };
    let qualities = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];
    qualities
        .into_iter()
        .filter_map(|quality| {
            let layer = listed?
                .iter()
                .find(|layer| layer.quality == i32::from(quality))?;
            Some(VideoLayer {
                quality: layer.quality,
                width: layer.width,
                height: layer.height,
                bitrate: layer.bitrate,
                ..VideoLayer::default()
            })
        })
        .collect()
}

fn layer_spec(layer: &VideoLayer) -> LayerSpec {
    LayerSpec {
        quality: quality(layer.quality),
        size: Size {
            width: layer.width,
            height: layer.height,
        },
        bitrate: Bitrate::from_bps(u64::from(layer.bitrate)),
    }
}

/// `layers` has let only the three through.
fn quality(number: i32) -> Quality {
    match VideoQuality::try_from(number) {
        Ok(VideoQuality::Low) => Quality::Low,
        Ok(VideoQuality::Medium) => Quality::Medium,
        Ok(VideoQuality::High | VideoQuality::Off) | Err(_) => Quality::High,
    }
}

/// How the layers of a track lie in its streams: as the client says, or else as browsers do it with
/// that codec.
fn layer_mode(request: &AddTrackRequest, codec: Codec) -> video_layer::Mode {
    if codec.kind() == MediaKind::Audio {
        return video_layer::Mode::Unused;
    }
    let said = request
        .simulcast_codecs
        .first()
        .map(|codec| codec.video_layer_mode);
    match said.and_then(|mode| video_layer::Mode::try_from(mode).ok()) {
        Some(mode) if mode != video_layer::Mode::Unused => mode,
        _ if codec.is_layered() => video_layer::Mode::MultipleSpatialLayersPerStream,
        _ => video_layer::Mode::OneSpatialLayerPerStream,
    }
}

fn audio_features(request: &AddTrackRequest) -> Vec<i32> {
    request
        .audio_features
        .iter()
        .copied()
        .filter(|&feature| AudioTrackFeature::try_from(feature).is_ok())
        .take(AUDIO_FEATURES_MAX)
        .collect()
}

/// What is encrypted end to end cannot be packed anew for those who take no redundancy.
fn is_redundant(request: &AddTrackRequest, kind: MediaKind) -> bool {
    let is_open = request.encryption == i32::from(encryption::Type::None);
    kind == MediaKind::Audio && is_open && !request.disable_red
}

fn client_ids(request: &AddTrackRequest) -> Vec<String> {
    let mut ids = vec![request.cid.clone()];
    for codec in request.simulcast_codecs.iter().take(CLIENT_IDS_MAX) {
        if !codec.cid.is_empty() && !ids.contains(&codec.cid) {
            ids.push(codec.cid.clone());
        }
    }
    ids
}

fn stream_name(request: &AddTrackRequest, source: TrackSource) -> String {
    if request.stream.is_empty() {
        stream_group(source).unwrap_or_default().to_owned()
    } else {
        request.stream.clone()
    }
}
