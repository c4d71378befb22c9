//! What real clients insist on. Each test is a mistake that once cost a session.

use super::*;
use sfu_core::sdp::{Extension, codec_for};

#[test]
fn every_video_section_of_the_first_answer_repeats_the_stream_id_extensions() {
    let offer = parsed(CHROME_JOIN);
    let answers = [
        busy(&offer),
        offer.sections.iter().map(placeholder).collect(),
    ];
    for sections in answers {
        let answer = answer(&offer, &sections);
        let videos: Vec<_> = sections_of(&answer)
            .into_iter()
            .filter(|lines| lines[0].starts_with("m=video"))
            .collect();
        assert_eq!(videos.len(), 3);
        for lines in videos {
            for (id, extension) in [
                (4, Extension::Mid),
                (10, Extension::RtpStreamId),
                (11, Extension::RepairedRtpStreamId),
                (3, Extension::TransportCc),
                (2, Extension::AbsSendTime),
                (12, Extension::DependencyDescriptor),
            ] {
                let line = format!("a=extmap:{id} {}", extension.uri());
                assert!(lines.contains(&line.as_str()), "{line} in {lines:#?}");
            }
            let extmaps = lines.iter().filter(|line| line.starts_with("a=extmap:"));
            assert_eq!(extmaps.count(), 6, "and no other");
        }
    }
}

#[test]
fn the_second_offer_of_a_join_is_answered_as_the_first_was() {
    let [first, second] = [CHROME_JOIN, CHROME_AGAIN].map(|text| {
        let offer = parsed(text);
        answer(&offer, &busy(&offer))
    });
    assert_eq!(first, second);
}

#[test]
fn a_simulcast_sender_reads_its_encodings_back_in_its_own_order() {
    for (text, simulcast) in [
        (CHROME_VP8, "a=simulcast:recv q;h;f"),
        (PYTHON_VIDEO, "a=simulcast:recv f;h;q"),
        (FIREFOX_VP8, "a=simulcast:recv q;h;f"),
    ] {
        let offer = parsed(text);
        let answer = answer(&offer, &busy(&offer));
        let published = &sections_of(&answer)[8];
        assert!(published.contains(&simulcast), "{published:#?}");
        for rid in ["a=rid:q recv", "a=rid:h recv", "a=rid:f recv"] {
            assert!(published.contains(&rid));
        }
        assert!(published.contains(&"a=recvonly"));
    }
}

#[test]
fn a_simulcast_section_that_is_inactive_for_a_while_keeps_its_encodings() {
    let offer = parsed(CHROME_VP8);
    let sections: Vec<_> = offer.sections.iter().map(placeholder).collect();
    let answer = answer(&offer, &sections);
    let published = &sections_of(&answer)[8];
    assert!(published.contains(&"a=inactive"));
    assert!(published.contains(&"a=simulcast:recv q;h;f"));
}

#[test]
fn no_payload_type_is_answered_that_was_not_offered_in_that_section() {
    for text in REAL_OFFERS {
        let offer = parsed(text);
        let answer = answer(&offer, &busy(&offer));
        for (section, lines) in offer.sections.iter().zip(&sections_of(&answer)[1..]) {
            let answered: Vec<&str> = lines[0].split(' ').skip(3).collect();
            assert!(!answered.is_empty());
            for format in answered {
                assert!(section.formats.iter().any(|offered| offered == format));
            }
        }
    }
}

#[test]
fn neither_red_nor_codecs_that_are_not_forwarded_are_answered() {
    for text in REAL_OFFERS {
        let offer = parsed(text);
        let answer = answer(&offer, &busy(&offer));
        for line in answer.lines() {
            if let Some((_, codec)) = line
                .split_once("a=rtpmap:")
                .and_then(|l| l.1.split_once(' '))
            {
                let known = [
                    "opus/48000/2",
                    "VP8/90000",
                    "VP9/90000",
                    "AV1/90000",
                    "H264/90000",
                    "rtx/90000",
                ];
                assert!(known.contains(&codec), "{codec}");
            }
        }
    }
}

#[test]
fn retransmissions_are_answered_where_they_are_offered_for_a_codec_that_is_forwarded() {
    for text in REAL_OFFERS {
        let offer = parsed(text);
        let answer = answer(&offer, &busy(&offer));
        for (section, lines) in offer.sections.iter().zip(&sections_of(&answer)[1..]) {
            let rtx: Vec<String> = section
                .codecs
                .iter()
                .filter_map(|codec| {
                    Some(format!("a=fmtp:{} apt={}", codec.rtx?, codec.payload_type))
                })
                .collect();
            let answered: Vec<&str> = lines
                .iter()
                .copied()
                .filter(|line| line.contains(" apt="))
                .collect();
            assert_eq!(answered, rtx);
            for codec in &section.codecs {
                let nack = format!("a=rtcp-fb:{} nack", codec.payload_type);
                assert_eq!(lines.contains(&nack.as_str()), codec.takes_nack(), "{nack}");
            }
        }
    }
}

#[test]
fn a_stream_of_retransmissions_is_declared_with_the_stream_it_repairs() {
    let offer = parsed(FIREFOX_JOIN);
    let answer = answer(&offer, &busy(&offer));
    let video = &sections_of(&answer)[4];
    let sources: Vec<&str> = video
        .iter()
        .copied()
        .filter(|line| line.starts_with("a=ssrc"))
        .collect();
    assert_eq!(
        sources,
        [
            "a=ssrc-group:FID 1520500737 1520500738",
            "a=ssrc:1520500737 cname:PA_0000000000A",
            "a=ssrc:1520500737 msid:PA_0000000000A TR_0000000000v",
            "a=ssrc:1520500738 cname:PA_0000000000A",
            "a=ssrc:1520500738 msid:PA_0000000000A TR_0000000000v",
        ]
    );
}

#[test]
fn it_is_known_which_declared_stream_repairs_which() {
    let offer = parsed(FIREFOX_VP8);
    let section = &offer.sections[7];
    assert_eq!(section.ssrcs, [3_220_145_828, 919_957_311, 2_336_575_649]);
    assert_eq!(
        section.repairs,
        [
            (3_220_145_828, 3_703_743_545),
            (919_957_311, 1_408_481_680),
            (2_336_575_649, 437_651_071),
        ]
    );
}

#[test]
fn data_channels_take_messages_as_long_as_clients_send() {
    let offer = parsed(CHROME_JOIN);
    let answer = answer(&offer, &busy(&offer));
    let section = &sections_of(&answer)[7];
    assert_eq!(
        section[0],
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
    );
    assert!(section.contains(&"a=max-message-size:65535"));
    assert!(section.contains(&"a=sctp-port:5000"));
}

#[test]
fn a_track_that_starts_muted_is_known_from_its_section_alone() {
    let offer = parsed(PYTHON_AUDIO);
    let section = &offer.sections[8];
    let msid = section.msid.as_ref().unwrap();
    assert_eq!(msid.track, "621508c5-703c-4dbd-90e1-a7337e202a89");
    assert_eq!(section.ssrcs, [3_645_025_842]);
    assert_eq!(section.cname.as_deref(), Some("mFMx1Q3hCATSGGgh"));
}

#[test]
fn the_start_bitrate_a_publisher_writes_into_its_offer_comes_back_in_the_answer() {
    let offer = parsed(CHROME_VP8);
    let answer = answer(&offer, &busy(&offer));
    let said = answer.matches("a=fmtp:96 x-google-start-bitrate=1000\r\n");
    assert_eq!(
        said.count(),
        4,
        "in each video section, or they would collide"
    );
}

#[test]
fn a_subscriber_gets_a_publishers_h264_under_the_number_of_its_own_profile() {
    let offer = parsed(CHROME_VP8);
    let section = &offer.sections[3];
    let number = |profile: &str| {
        let fmtp = format!("packetization-mode=1;profile-level-id={profile}");
        codec_for(section, Codec::H264, &fmtp).map(|offered| offered.payload_type)
    };
    assert_eq!(number("42e01f"), Some(108), "constrained baseline");
    assert_eq!(number("42001f"), Some(102), "baseline");
    assert_eq!(number("4d0032"), Some(116), "main, at another level");
    assert_eq!(number("640c1f"), Some(108), "high is not offered");
    let vp8 = codec_for(section, Codec::Vp8, "").unwrap();
    assert_eq!((vp8.payload_type, vp8.rtx), (96, Some(97)));
    assert_eq!(codec_for(section, Codec::Opus, ""), None);
}

#[test]
fn the_codec_that_is_sent_comes_first_and_the_others_stay() {
    let offer = parsed(CHROME_VP8);
    let mut sections: Vec<_> = offer.sections.iter().map(placeholder).collect();
    sections[3] = AnswerSection::Send(Sending {
        codec: Some(Codec::H264),
        ..sending(SectionKind::Video)
    });
    let answer = answer(&offer, &sections);
    let lines = sections_of(&answer);
    assert_eq!(
        lines[4][0],
        "m=video 9 UDP/TLS/RTP/SAVPF 102 103 108 109 116 117 41 42 96 97 98 99 100 101 45 46"
    );
    assert_eq!(
        lines[5][0],
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 102 103 108 109 116 117 41 42 45 46"
    );
}

#[test]
fn an_extension_that_firefox_only_sends_is_only_received() {
    let offer = parsed(FIREFOX_VP8);
    let answer = answer(&offer, &busy(&offer));
    let published = &sections_of(&answer)[8];
    for (id, extension) in [
        ("9/recvonly", Extension::RtpStreamId),
        ("10/recvonly", Extension::RepairedRtpStreamId),
        ("8/recvonly", Extension::DependencyDescriptor),
        ("3", Extension::Mid),
    ] {
        let line = format!("a=extmap:{id} {}", extension.uri());
        assert!(published.contains(&line.as_str()), "{line}");
    }
}

#[test]
fn firefox_may_mix_header_extensions_where_it_says_so_in_each_section() {
    let offer = parsed(FIREFOX_VP8);
    let answer = answer(&offer, &busy(&offer));
    let sections = sections_of(&answer);
    let mixed: Vec<bool> = sections
        .iter()
        .map(|lines| lines.contains(&"a=extmap-allow-mixed"))
        .collect();
    assert_eq!(
        mixed,
        [false, true, true, true, true, true, true, false, true, true]
    );
}

/// What a section gets while nothing flows in it.
fn placeholder(section: &Section) -> AnswerSection {
    match section.kind {
        SectionKind::Application => AnswerSection::Application,
        SectionKind::Audio | SectionKind::Video => AnswerSection::Inactive,
    }
}
