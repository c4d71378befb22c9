//! Packs what a client says on joining into the one query parameter of the join (version 1 of the
//! signal protocol). Knows no sockets.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use livekit_protocol::wrapped_join_request::Compression as Packing;
use livekit_protocol::{ClientInfo, ConnectionSettings, JoinRequest, SessionDescription};
use livekit_protocol::{ReconnectReason, WrappedJoinRequest, client_info};
use prost::Message;
use std::io::Write;

/// The signal protocol that this client speaks: the last one in which the server may not expect
/// data channels negotiated out of band.
const PROTOCOL: i32 = 16;

/// The value of `join_request` for somebody who comes back over a new connection to the place of
/// participant `sid`.
pub fn resume(sid: &str) -> anyhow::Result<String> {
    pack(&JoinRequest {
        reconnect: true,
        reconnect_reason: ReconnectReason::RrSignalDisconnected.into(),
        participant_sid: sid.to_owned(),
        ..JoinRequest::default()
    })
}

/// The value of `join_request` for a participant whose first offer is `offer`, and who is sent
/// everybody's tracks or none.
pub fn encode(offer: SessionDescription, auto_subscribe: bool) -> anyhow::Result<String> {
    pack(&JoinRequest {
        client_info: Some(ClientInfo {
            sdk: client_info::Sdk::Unknown.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            device_model: "loadtest".to_owned(),
            ..ClientInfo::default()
        }),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe,
            ..ConnectionSettings::default()
        }),
        publisher_offer: Some(offer),
        ..JoinRequest::default()
    })
}

fn pack(request: &JoinRequest) -> anyhow::Result<String> {
    // Compressed, because reverse proxies refuse request lines above 8 kB by default.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&request.encode_to_vec())
        .context("compressing the join request")?;
    let wrapped = WrappedJoinRequest {
        compression: Packing::Gzip.into(),
        join_request: gzip.finish().context("compressing the join request")?,
    };
    Ok(URL_SAFE_NO_PAD.encode(wrapped.encode_to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn the_offer_survives_the_packing() {
        let offer = offer("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n");
        let unpacked = decode(&encode(offer.clone(), true).unwrap());
        assert_eq!(unpacked.publisher_offer, Some(offer));
        assert!(unpacked.connection_settings.unwrap().auto_subscribe);
    }

    #[test]
    fn the_parameter_needs_no_escaping_in_a_url() {
        let parameter = encode(offer(&"a=candidate ~+/?&\r\n".repeat(40)), true).unwrap();
        assert!(
            parameter
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
    }

    #[test]
    fn an_offer_of_many_similar_sections_stays_below_a_proxy_limit() {
        let section = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n".repeat(200);
        assert!(encode(offer(&section), true).unwrap().len() < 2_000);
    }

    fn offer(sdp: &str) -> SessionDescription {
        SessionDescription {
            r#type: "offer".to_owned(),
            sdp: sdp.to_owned(),
            id: 1,
            ..SessionDescription::default()
        }
    }

    fn decode(parameter: &str) -> JoinRequest {
        let bytes = URL_SAFE_NO_PAD.decode(parameter).unwrap();
        let wrapped = WrappedJoinRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!(wrapped.compression(), Packing::Gzip);
        let mut request = Vec::new();
        GzDecoder::new(wrapped.join_request.as_slice())
            .read_to_end(&mut request)
            .unwrap();
        JoinRequest::decode(request.as_slice()).unwrap()
    }
}
