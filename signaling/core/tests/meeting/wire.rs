//! Join requests and frames as they come over the wire.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::wrapped_join_request::Compression;
use livekit_protocol::{
    ClientInfo, ConnectionSettings, JoinRequest, SessionDescription, SignalRequest, SignalResponse,
    WrappedJoinRequest,
};
use prost::Message as _;
use sfu_core::ids::PeerId;
use signaling_core::wire::client::fill_from_user_agent;
use signaling_core::{
    Encoded, Frame, Framing, Join, JoinError, RtcPath, RtcVersion, decode, encode, parse_join,
};
use std::io::Write as _;

#[test]
fn a_join_request_is_read_padded_or_not_plain_or_gzipped() {
    let request = JoinRequest {
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: true,
            adaptive_stream: true,
            ..ConnectionSettings::default()
        }),
        publisher_offer: Some(SessionDescription {
            sdp: "v=0".repeat(100),
            id: 1,
            ..SessionDescription::default()
        }),
        ..JoinRequest::default()
    };
    let bytes = request.encode_to_vec();
    let plain = wrapped(Compression::None.into(), bytes.clone());
    let gzipped = wrapped(Compression::Gzip.into(), gzip(&bytes));
    for wrapped in [plain, gzipped] {
        for text in [URL_SAFE.encode(&wrapped), URL_SAFE_NO_PAD.encode(&wrapped)] {
            let join = parse(RtcPath::V1, &text).unwrap();
            assert_eq!(join.version, RtcVersion::V1);
            assert!(join.auto_subscribe && join.adaptive_stream);
            assert_eq!(join.offer, Some((1, "v=0".repeat(100))));
            assert_eq!(join.reconnect, None);
        }
    }
}

#[test]
fn a_resume_names_its_participant() {
    let request = |sid: &str| {
        text_of(&JoinRequest {
            reconnect: true,
            participant_sid: sid.to_owned(),
            ..JoinRequest::default()
        })
    };
    let sid = PeerId(77).to_string();
    assert_eq!(
        parse(RtcPath::V1, &request(&sid)).unwrap().reconnect,
        Some(PeerId(77))
    );
    assert_eq!(
        parse(RtcPath::V1, &request("nobody")),
        Err(JoinError::ParticipantSid)
    );
}

#[test]
fn the_old_path_takes_a_join_request_too_and_tells_the_rest_apart() {
    let text = text_of(&JoinRequest::default());
    assert_eq!(
        parse(RtcPath::V0, &text).unwrap().version,
        RtcVersion::V0SinglePc
    );
    let query = [("auto_subscribe".to_owned(), "1".to_owned())];
    assert_eq!(
        parse_join(RtcPath::V0, &query).unwrap().version,
        RtcVersion::V0Dual
    );
    assert_eq!(parse_join(RtcPath::V1, &query), Err(JoinError::Missing));
}

#[test]
fn what_is_no_join_request_is_refused() {
    let base64 = |bytes: &[u8]| URL_SAFE.encode(bytes);
    let cases = [
        ("not base64!".to_owned(), JoinError::Base64),
        (base64(&[0xff; 30]), JoinError::Protobuf),
        (base64(&wrapped(0, vec![0xff; 30])), JoinError::Protobuf),
        (base64(&wrapped(1, b"not gzip".to_vec())), JoinError::Gzip),
        (base64(&wrapped(7, Vec::new())), JoinError::Compression(7)),
        (
            base64(&wrapped(0, vec![0; (1 << 20) + 1])),
            JoinError::TooLarge,
        ),
    ];
    for (text, error) in cases {
        assert_eq!(parse(RtcPath::V1, &text), Err(error));
    }
}

#[test]
fn a_gzip_bomb_is_refused_without_being_unpacked() {
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 100_000);
    let text = URL_SAFE.encode(wrapped(1, bomb));
    assert_eq!(parse(RtcPath::V1, &text), Err(JoinError::TooLarge));
}

#[test]
fn a_request_of_a_newer_client_is_no_error() {
    // Field 90, a message we have never heard of.
    let frame = [0xd2, 0x05, 2, 8, 1];
    assert_eq!(decode(Frame::Binary(&frame)), Ok(None));
    assert_eq!(decode(Frame::Text(r#"{"hologram":{"size":3}}"#)), Ok(None));
    assert_eq!(decode(Frame::Binary(&[])), Ok(None));
}

#[test]
fn a_text_frame_is_read_as_json_and_answered_so() {
    let frame = Frame::Text(r#"{"mute":{"sid":"TR_1","muted":true}}"#);
    assert_eq!(frame.framing(), Framing::Json);
    let Ok(Some(SignalRequest {
        message: Some(Asked::Mute(mute)),
    })) = decode(frame)
    else {
        panic!("not read");
    };
    assert!(mute.muted);
    let answer = Encoded::Text(r#"{"pong":"5"}"#.to_owned());
    assert_eq!(encode(&pong(), Framing::Json), answer);
    assert!(decode(Frame::Text("{")).is_err());
}

#[test]
fn a_binary_frame_is_protobuf_both_ways() {
    let request = SignalRequest {
        message: Some(Asked::Ping(5)),
    };
    let bytes = request.encode_to_vec();
    let frame = Frame::Binary(&bytes);
    assert_eq!(frame.framing(), Framing::Binary);
    assert_eq!(decode(frame), Ok(Some(request)));
    let Encoded::Binary(bytes) = encode(&pong(), Framing::Binary) else {
        panic!("not binary");
    };
    assert_eq!(SignalResponse::decode(bytes.as_slice()), Ok(pong()));
    assert!(decode(Frame::Binary(&[0xff])).is_err());
}

#[test]
fn the_browser_is_read_from_the_user_agent_where_the_client_does_not_say() {
    let cases = [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ("firefox", "140.0", "linux"),
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
            ("edge", "156.0.0.0", "windows"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            ("safari", "18.5", "ios"),
        ),
        ("curl/8", ("", "", "")),
    ];
    for (user_agent, expected) in cases {
        let mut client = ClientInfo::default();
        fill_from_user_agent(&mut client, user_agent);
        let found = (
            client.browser.as_str(),
            client.browser_version.as_str(),
            client.os.as_str(),
        );
        assert_eq!(found, expected);
    }
    let mut native = ClientInfo {
        browser: "own".to_owned(),
        os: "own".to_owned(),
        ..ClientInfo::default()
    };
    fill_from_user_agent(&mut native, "Firefox/1 Linux");
    assert_eq!(
        (native.browser.as_str(), native.os.as_str()),
        ("own", "own")
    );
}

fn pong() -> SignalResponse {
    SignalResponse {
        message: Some(Message::Pong(5)),
    }
}

fn parse(path: RtcPath, text: &str) -> Result<Join, JoinError> {
    parse_join(path, &[("join_request".to_owned(), text.to_owned())])
}

fn text_of(request: &JoinRequest) -> String {
    URL_SAFE.encode(wrapped(Compression::None.into(), request.encode_to_vec()))
}

fn wrapped(compression: i32, join_request: Vec<u8>) -> Vec<u8> {
    let wrapped = WrappedJoinRequest {
        compression,
        join_request,
    };
    wrapped.encode_to_vec()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
