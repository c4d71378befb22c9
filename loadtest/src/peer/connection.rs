//! Builds the peer connection of a synthetic participant: codecs, header extensions, data channels,
//! where it listens. Decides nothing after that.

use super::runtime::RoomyRuntime;
use super::tap::{MID_URI, SLOT, Tap};
use crate::media_source::{AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE};
use crate::reception::Kind;
use anyhow::Context;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{Registry, Slot};
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState, SettingEngineBuilder,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

/// The id of the MID extension in every offer: ids follow the order of registration.
pub(super) const MID_EXTENSION: u8 = 1;
/// The audio level (RFC 6464).
pub(super) const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// The name of an encoding (RFC 8852).
pub(super) const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
/// Sections for each kind of media in the first offer, as livekit-client offers them.
const FIRST_SECTIONS: u32 = 3;
/// A machine has a handful of addresses; candidates beyond this wait in vain and are dropped.
const CANDIDATES_MAX: usize = 64;

/// A connection that has not offered yet.
pub(super) struct Connection {
    /// The connection itself.
    pub(super) pc: Arc<dyn PeerConnection>,
    /// Carries what must arrive, in order.
    pub(super) reliable: Arc<dyn DataChannel>,
    /// Carries what is useless when late.
    pub(super) lossy: Arc<dyn DataChannel>,
    /// Its own addresses, one after the other.
    pub(super) candidates: mpsc::Receiver<RTCIceCandidateInit>,
    /// How far ICE and DTLS are.
    pub(super) state: watch::Receiver<RTCPeerConnectionState>,
}

/// Opens a connection that listens on `address` and counts by `tap`.
pub(super) async fn open(address: IpAddr, tap: Tap) -> anyhow::Result<Connection> {
    let mut engine = media_engine()?;
    let registry = register_default_interceptors(Registry::new(), &mut engine)?;
    let (candidate_sender, candidates) = mpsc::channel(CANDIDATES_MAX);
    let (state_sender, state) = watch::channel(RTCPeerConnectionState::New);
    let settings = SettingEngineBuilder::new()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(address.is_loopback())
        .build();
    let builder = PeerConnectionBuilder::new()
        .with_media_engine(engine)
        .with_setting_engine(settings)
        .with_interceptor_registry(registry.with(Slot::from(SLOT), tap))
        .with_handler(Arc::new(Events {
            candidates: candidate_sender,
            state: state_sender,
        }))
        .with_runtime(Arc::new(RoomyRuntime::new()))
        .with_udp_addrs(vec![SocketAddr::new(address, 0)]);
    let pc = Box::pin(builder.build())
        .await
        .context("opening a peer connection")?;
    let pc: Arc<dyn PeerConnection> = Arc::new(pc);
    add_receiving_sections(pc.as_ref(), Kind::Audio, FIRST_SECTIONS).await?;
    add_receiving_sections(pc.as_ref(), Kind::Video, FIRST_SECTIONS).await?;
    let reliable = pc.create_data_channel("_reliable", None).await?;
    let unordered = RTCDataChannelInit {
        ordered: false,
        max_retransmits: Some(0),
        ..RTCDataChannelInit::default()
    };
    let lossy = pc.create_data_channel("_lossy", Some(unordered)).await?;
    Ok(Connection {
        pc,
        reliable,
        lossy,
        candidates,
        state,
    })
}

/// Adds sections that only receive, for tracks of others.
pub(super) async fn add_receiving_sections(
    pc: &dyn PeerConnection,
    kind: Kind,
    count: u32,
) -> anyhow::Result<()> {
    let kind = match kind {
        Kind::Audio => RtpCodecKind::Audio,
        Kind::Video => RtpCodecKind::Video,
    };
    for _ in 0..count {
        let receiving = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            ..RTCRtpTransceiverInit::default()
        };
        pc.add_transceiver_from_kind(kind, Some(receiving))
            .await
            .context("adding a section")?;
    }
    Ok(())
}

/// Opus, as browsers offer it.
pub(super) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// VP8, as browsers offer it.
pub(super) fn vp8() -> RTCRtpCodec {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback {
        typ: typ.to_owned(),
        parameter: parameter.to_owned(),
    };
    RTCRtpCodec {
        mime_type: MIME_TYPE_VP8.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: vec![
            feedback("ccm", "fir"),
            feedback("nack", ""),
            feedback("nack", "pli"),
        ],
    }
}

fn media_engine() -> anyhow::Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    let codec = |rtp_codec, payload_type| RTCRtpCodecParameters {
        rtp_codec,
        payload_type,
    };
    engine.register_codec(codec(opus(), AUDIO_PAYLOAD_TYPE), RtpCodecKind::Audio)?;
    engine.register_codec(codec(vp8(), VIDEO_PAYLOAD_TYPE), RtpCodecKind::Video)?;
    let extensions = [
        (MID_URI, RtpCodecKind::Audio),
        (MID_URI, RtpCodecKind::Video),
        (AUDIO_LEVEL_URI, RtpCodecKind::Audio),
    ];
    for (uri, kind) in extensions {
        let extension = RTCRtpHeaderExtensionCapability {
            uri: uri.to_owned(),
        };
        engine.register_header_extension(extension, kind, None)?;
    }
    Ok(engine)
}

struct Events {
    candidates: mpsc::Sender<RTCIceCandidateInit>,
    state: watch::Sender<RTCPeerConnectionState>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(candidate) = event.candidate.to_json() {
            self.candidates.try_send(candidate).ok();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_source::KeyFrameRequests;
    use crate::reception::Reception;
    use std::net::Ipv4Addr;

    #[tokio::test]
    async fn the_first_offer_has_sections_to_receive_and_the_extensions_of_simulcast() {
        let requests = Arc::new(KeyFrameRequests::new(&[1, 2, 3]));
        let tap = Tap::new(Arc::new(Reception::default()), requests, MID_EXTENSION);
        let connection = Box::pin(open(Ipv4Addr::LOCALHOST.into(), tap))
            .await
            .unwrap();
        let sdp = connection.pc.create_offer(None).await.unwrap().sdp;
        connection.pc.close().await.unwrap();
        assert_eq!(sdp.matches("m=audio").count(), 3);
        assert_eq!(sdp.matches("m=video").count(), 3);
        assert_eq!(sdp.matches("m=application").count(), 1);
        assert_eq!(sdp.matches("a=recvonly").count(), 6);
        assert_eq!(
            sdp.matches(&format!("a=extmap:{MID_EXTENSION} {MID_URI}"))
                .count(),
            6
        );
        assert_eq!(sdp.matches(RID_URI).count(), 3);
        assert_eq!(sdp.matches(AUDIO_LEVEL_URI).count(), 3);
    }
}
