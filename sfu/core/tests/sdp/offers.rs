//! What the offers of real clients say, once they are typed.

use super::*;
use std::fmt::{self, Write};

#[test]
fn chrome_joins_with_three_sections_to_receive_in_of_each_kind() {
    insta::assert_snapshot!(summary(CHROME_JOIN), @"
    cRVM ActPass bundled=true mixed=true sha-256 FF:CC:18…
    0,1,2 audio RecvOnly
      111 opus minptime=10;useinbandfec=1
      [(1, AudioLevel), (2, AbsSendTime), (3, TransportCc), (4, Mid)]
    3,4,5 video RecvOnly
      96 VP8  rtx=97
      98 VP9 profile-id=0 rtx=99
      100 VP9 profile-id=2 rtx=101
      102 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f rtx=103
      108 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f rtx=109
      116 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f rtx=117
      41 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f rtx=42
      45 AV1 level-idx=5;profile=0;tier=0 rtx=46
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId), (12, DependencyDescriptor)]
    6 application SendRecv
      sctp 5000 messages up to 262144
    ");
}

#[test]
fn chrome_offers_the_same_sections_again() {
    insta::assert_snapshot!(summary(CHROME_AGAIN), @"
    cRVM ActPass bundled=true mixed=true sha-256 FF:CC:18…
    0,1,2 audio RecvOnly
      111 opus minptime=10;useinbandfec=1;stereo=1
      [(1, AudioLevel), (2, AbsSendTime), (3, TransportCc), (4, Mid)]
    3,4,5 video RecvOnly
      96 VP8  rtx=97
      98 VP9 profile-id=0 rtx=99
      100 VP9 profile-id=2 rtx=101
      102 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f rtx=103
      108 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f rtx=109
      116 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f rtx=117
      41 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f rtx=42
      45 AV1 level-idx=5;profile=0;tier=0 rtx=46
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId), (12, DependencyDescriptor)]
    6 application SendRecv
      sctp 5000 messages up to 262144
    ");
}

#[test]
fn chrome_publishes_vp8_in_three_encodings() {
    insta::assert_snapshot!(summary(CHROME_VP8), @"
    Dq/D ActPass bundled=true mixed=true sha-256 A1:DE:19…
    0,1,2 audio RecvOnly
      111 opus minptime=10;stereo=1;useinbandfec=1
      [(1, AudioLevel), (2, AbsSendTime), (3, TransportCc), (4, Mid)]
    3,4,5 video RecvOnly
      96 VP8  rtx=97
      98 VP9 profile-id=0 rtx=99
      100 VP9 profile-id=2 rtx=101
      102 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f rtx=103
      108 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f rtx=109
      116 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f rtx=117
      41 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f rtx=42
      45 AV1 level-idx=5;profile=0;tier=0 rtx=46
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId), (12, DependencyDescriptor)]
    6 application SendRecv
      sctp 5000 messages up to 262144
    7 video SendOnly
      96 VP8 x-google-start-bitrate=1000 rtx=97
      102 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f rtx=103
      108 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f rtx=109
      116 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f rtx=117
      45 AV1 level-idx=5;profile=0;tier=0 rtx=46
      98 VP9 profile-id=0 rtx=99
      100 VP9 profile-id=2 rtx=101
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId), (12, DependencyDescriptor)]
      msid - d5d069b3-0e95-4cf6-af9b-bb76cb2d0eb8
      rid q paused=false
      rid h paused=false
      rid f paused=false
    ");
}

#[test]
fn chrome_publishes_vp9_with_vp8_to_fall_back_to() {
    insta::assert_snapshot!(summary(CHROME_VP9), @r#"
    cRVM ActPass bundled=true mixed=true sha-256 FF:CC:18…
    0,1,2 audio RecvOnly
      111 opus minptime=10;stereo=1;useinbandfec=1
      [(1, AudioLevel), (2, AbsSendTime), (3, TransportCc), (4, Mid)]
    3,4,5 video RecvOnly
      96 VP8  rtx=97
      98 VP9 profile-id=0;x-google-start-bitrate=1000 rtx=99
      100 VP9 profile-id=2 rtx=101
      102 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f rtx=103
      108 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f rtx=109
      116 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f rtx=117
      41 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f rtx=42
      45 AV1 level-idx=5;profile=0;tier=0 rtx=46
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId), (12, DependencyDescriptor)]
    6 application SendRecv
      sctp 5000 messages up to 262144
    7 video SendOnly
      96 VP8  rtx=97
      102 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f rtx=103
      108 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f rtx=109
      116 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f rtx=117
      45 AV1 level-idx=5;profile=0;tier=0 rtx=46
      98 VP9 profile-id=0;x-google-start-bitrate=1000 rtx=99
      100 VP9 profile-id=2 rtx=101
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId), (12, DependencyDescriptor)]
      msid - 2c464250-ccff-469f-bbaa-99c9c249d83b
      ssrcs [2673708543] cname Some("yS0i7TyegBdmUbOc")
    "#);
}

#[test]
fn python_joins() {
    insta::assert_snapshot!(summary(PYTHON_JOIN), @"
    Pj/d ActPass bundled=true mixed=true sha-256 7E:1F:6B…
    0,1,2 audio RecvOnly
      111 opus minptime=10;useinbandfec=1
      [(1, AudioLevel), (2, AbsSendTime), (3, TransportCc), (4, Mid)]
    3,4,5 video RecvOnly
      96 VP8  rtx=97
      103 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f rtx=104
      109 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f rtx=114
      117 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f rtx=118
      45 AV1 level-idx=5;profile=0;tier=0 rtx=46
      98 VP9 profile-id=0 rtx=99
      100 VP9 profile-id=2 rtx=101
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId)]
    6 application SendRecv
      sctp 5000 messages up to 262144
    ");
}

#[test]
fn python_publishes_video_in_three_encodings_largest_first() {
    insta::assert_snapshot!(summary(PYTHON_VIDEO), @"
    Pj/d ActPass bundled=true mixed=true sha-256 7E:1F:6B…
    0,1,2 audio RecvOnly
      111 opus minptime=10;stereo=1;useinbandfec=1
      [(1, AudioLevel), (2, AbsSendTime), (3, TransportCc), (4, Mid)]
    3,4,5 video RecvOnly
      96 VP8 x-google-start-bitrate=1000 rtx=97
      103 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f;x-google-start-bitrate=1000 rtx=104
      109 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f;x-google-start-bitrate=1000 rtx=114
      117 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f;x-google-start-bitrate=1000 rtx=118
      45 AV1 level-idx=5;profile=0;tier=0;x-google-start-bitrate=1000 rtx=46
      98 VP9 profile-id=0;x-google-start-bitrate=1000 rtx=99
      100 VP9 profile-id=2;x-google-start-bitrate=1000 rtx=101
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId)]
    6 application SendRecv
      sctp 5000 messages up to 262144
    7 video SendOnly
      96 VP8 x-google-start-bitrate=1000
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId), (12, DependencyDescriptor)]
      msid - d584881c-fb11-40f0-85c6-d8063389c234
      rid f paused=false
      rid h paused=false
      rid q paused=false
    ");
}

#[test]
fn python_publishes_audio_beside_it() {
    insta::assert_snapshot!(summary(PYTHON_AUDIO), @r#"
    Pj/d ActPass bundled=true mixed=true sha-256 7E:1F:6B…
    0,1,2 audio RecvOnly
      111 opus minptime=10;stereo=1;useinbandfec=1
      [(1, AudioLevel), (2, AbsSendTime), (3, TransportCc), (4, Mid)]
    3,4,5 video RecvOnly
      96 VP8 x-google-start-bitrate=1000 rtx=97
      103 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f;x-google-start-bitrate=1000 rtx=104
      109 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f;x-google-start-bitrate=1000 rtx=114
      117 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f;x-google-start-bitrate=1000 rtx=118
      45 AV1 level-idx=5;profile=0;tier=0;x-google-start-bitrate=1000 rtx=46
      98 VP9 profile-id=0;x-google-start-bitrate=1000 rtx=99
      100 VP9 profile-id=2;x-google-start-bitrate=1000 rtx=101
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId)]
    6 application SendRecv
      sctp 5000 messages up to 262144
    7 video SendOnly
      96 VP8 x-google-start-bitrate=1000
      [(2, AbsSendTime), (3, TransportCc), (4, Mid), (10, RtpStreamId), (11, RepairedRtpStreamId), (12, DependencyDescriptor)]
      msid - d584881c-fb11-40f0-85c6-d8063389c234
      rid f paused=false
      rid h paused=false
      rid q paused=false
    8 audio SendOnly
      111 opus minptime=10;stereo=1;useinbandfec=1
      [(1, AudioLevel), (2, AbsSendTime), (3, TransportCc), (4, Mid)]
      msid - 621508c5-703c-4dbd-90e1-a7337e202a89
      ssrcs [3645025842] cname Some("mFMx1Q3hCATSGGgh")
    "#);
}

#[test]
fn firefox_joins_with_all_but_the_first_section_bundle_only() {
    insta::assert_snapshot!(summary(FIREFOX_JOIN), @r#"
    47e694a2 ActPass bundled=true mixed=false sha-256 72:DF:A8…
    0 audio RecvOnly
      109 opus maxplaybackrate=48000;stereo=1;useinbandfec=1
      [(1, AudioLevel), (3, Mid), (7, TransportCc)]
      ssrcs [1646346013] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    1 audio RecvOnly
      109 opus maxplaybackrate=48000;stereo=1;useinbandfec=1
      [(1, AudioLevel), (3, Mid), (7, TransportCc)]
      ssrcs [1530278989] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    2 audio RecvOnly
      109 opus maxplaybackrate=48000;stereo=1;useinbandfec=1
      [(1, AudioLevel), (3, Mid), (7, TransportCc)]
      ssrcs [125997756] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    3 video RecvOnly
      120 VP8 max-fs=12288;max-fr=60 rtx=124
      121 VP9 max-fs=12288;max-fr=60 rtx=125
      99 AV1  rtx=100
      [(3, Mid), (4, AbsSendTime), (7, TransportCc)]
      ssrcs [2448526397] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    4 video RecvOnly
      120 VP8 max-fs=12288;max-fr=60 rtx=124
      121 VP9 max-fs=12288;max-fr=60 rtx=125
      99 AV1  rtx=100
      [(3, Mid), (4, AbsSendTime), (7, TransportCc)]
      ssrcs [3040261430] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    5 video RecvOnly
      120 VP8 max-fs=12288;max-fr=60 rtx=124
      121 VP9 max-fs=12288;max-fr=60 rtx=125
      99 AV1  rtx=100
      [(3, Mid), (4, AbsSendTime), (7, TransportCc)]
      ssrcs [3818583774] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    6 application SendRecv
      sctp 5000 messages up to 1073741823
    "#);
}

#[test]
fn firefox_publishes_vp8_with_extensions_that_flow_one_way() {
    insta::assert_snapshot!(summary(FIREFOX_VP8), @r#"
    47e694a2 ActPass bundled=true mixed=false sha-256 72:DF:A8…
    0 audio RecvOnly
      109 opus maxplaybackrate=48000;stereo=1;useinbandfec=1
      [(1, AudioLevel), (3, Mid), (7, TransportCc)]
      ssrcs [1646346013] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    1 audio RecvOnly
      109 opus maxplaybackrate=48000;stereo=1;useinbandfec=1
      [(1, AudioLevel), (3, Mid), (7, TransportCc)]
      ssrcs [1530278989] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    2 audio RecvOnly
      109 opus maxplaybackrate=48000;stereo=1;useinbandfec=1
      [(1, AudioLevel), (3, Mid), (7, TransportCc)]
      ssrcs [125997756] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    3 video RecvOnly
      120 VP8 max-fs=12288;max-fr=60 rtx=124
      121 VP9 max-fs=12288;max-fr=60 rtx=125
      99 AV1  rtx=100
      [(3, Mid), (4, AbsSendTime), (7, TransportCc), (8, DependencyDescriptor), (9, RtpStreamId), (10, RepairedRtpStreamId)]
      one way [(8, SendOnly), (9, SendOnly), (10, SendOnly)]
      ssrcs [2448526397] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    4 video RecvOnly
      120 VP8 max-fs=12288;max-fr=60 rtx=124
      121 VP9 max-fs=12288;max-fr=60 rtx=125
      99 AV1  rtx=100
      [(3, Mid), (4, AbsSendTime), (7, TransportCc), (8, DependencyDescriptor), (9, RtpStreamId), (10, RepairedRtpStreamId)]
      one way [(8, SendOnly), (9, SendOnly), (10, SendOnly)]
      ssrcs [3040261430] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    5 video RecvOnly
      120 VP8 max-fs=12288;max-fr=60 rtx=124
      121 VP9 max-fs=12288;max-fr=60 rtx=125
      99 AV1  rtx=100
      [(3, Mid), (4, AbsSendTime), (7, TransportCc), (8, DependencyDescriptor), (9, RtpStreamId), (10, RepairedRtpStreamId)]
      one way [(8, SendOnly), (9, SendOnly), (10, SendOnly)]
      ssrcs [3818583774] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    6 application SendRecv
      sctp 5000 messages up to 1073741823
    7 video SendOnly
      120 VP8 max-fs=12288;max-fr=60 rtx=124
      121 VP9 max-fs=12288;max-fr=60 rtx=125
      99 AV1  rtx=100
      [(3, Mid), (4, AbsSendTime), (7, TransportCc), (8, DependencyDescriptor), (9, RtpStreamId), (10, RepairedRtpStreamId)]
      one way [(8, SendOnly), (9, SendOnly), (10, SendOnly)]
      msid - {fb6b7d61-2c1b-474d-97a8-0bc1813a7d65}
      rid q paused=false
      rid h paused=false
      rid f paused=false
      ssrcs [3220145828, 919957311, 2336575649] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    8 audio SendOnly
      109 opus maxplaybackrate=48000;stereo=1;useinbandfec=1
      [(1, AudioLevel), (3, Mid), (7, TransportCc)]
      msid {7b8a6122-21a1-4c0b-b8cc-052033f180fa} {5050a551-060c-4401-b79a-835407eaec16}
      ssrcs [2470015100] cname Some("{0a8e9b4c-4d56-42d4-a45c-c3f381728a72}")
    "#);
}

#[test]
fn the_parameters_and_feedback_of_a_codec_are_kept_as_offered() {
    let offer = parsed(CHROME_VP8);
    let codec = &offer.sections[7].codecs[1];
    insta::assert_debug_snapshot!(codec, @r#"
    OfferedCodec {
        payload_type: 102,
        codec: H264,
        fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
        feedback: [
            "goog-remb",
            "transport-cc",
            "ccm fir",
            "nack",
            "nack pli",
        ],
        rtx: Some(
            103,
        ),
        red: None,
    }
    "#);
}

/// A line for the session and one for each section; runs of equal sections once.
fn summary(text: &str) -> String {
    let offer = parsed(text);
    let mut lines = vec![format!(
        "{} {:?} bundled={} mixed={} {}…",
        offer.ice_ufrag,
        offer.setup,
        offer.bundled,
        offer.extmap_allow_mixed,
        &offer.fingerprint[..16],
    )];
    let mut last: Option<(String, String)> = None;
    for section in &offer.sections {
        let text = described(section);
        match &mut last {
            Some((mids, same)) if *same == text => *mids = format!("{mids},{}", section.mid),
            _ => {
                lines.extend(last.take().map(|(mids, text)| format!("{mids} {text}")));
                last = Some((section.mid.clone(), text));
            }
        }
    }
    lines.extend(last.map(|(mids, text)| format!("{mids} {text}")));
    lines.join("\n")
}

fn described(section: &Section) -> String {
    let mut text = format!("{} {:?}", section.kind, section.direction);
    let mut say =
        |words: fmt::Arguments<'_>| text.write_fmt(words).expect("a String takes any text");
    for codec in &section.codecs {
        let name = codec.codec.encoding_name();
        say(format_args!(
            "\n  {} {name} {}",
            codec.payload_type, codec.fmtp
        ));
        if let Some(rtx) = codec.rtx {
            say(format_args!(" rtx={rtx}"));
        }
    }
    if !section.extensions.is_empty() {
        say(format_args!("\n  {:?}", section.extensions));
    }
    if !section.extension_directions.is_empty() {
        say(format_args!(
            "\n  one way {:?}",
            section.extension_directions
        ));
    }
    if let Some(msid) = &section.msid {
        say(format_args!("\n  msid {} {}", msid.stream, msid.track));
    }
    for encoding in &section.encodings {
        say(format_args!(
            "\n  rid {} paused={}",
            encoding.rid, encoding.paused
        ));
    }
    if !section.ssrcs.is_empty() {
        say(format_args!(
            "\n  ssrcs {:?} cname {:?}",
            section.ssrcs, section.cname
        ));
    }
    if section.kind == SectionKind::Application {
        let (port, size) = (section.sctp_port, section.max_message_size);
        say(format_args!("\n  sctp {port} messages up to {size}"));
    }
    text
}
