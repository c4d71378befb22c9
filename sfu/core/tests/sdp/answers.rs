//! What is answered to the offers of real clients, word by word.

use super::*;
use rtc_sdp::description::session::SessionDescription;
use std::collections::HashMap;
use std::io::Cursor;

#[test]
fn the_answers_to_real_offers_are_these() {
    for (name, text) in [
        ("chrome_join", CHROME_JOIN),
        ("chrome_vp8", CHROME_VP8),
        ("chrome_vp9", CHROME_VP9),
        ("python_join", PYTHON_JOIN),
        ("python_audio", PYTHON_AUDIO),
        ("firefox_join", FIREFOX_JOIN),
        ("firefox_vp8", FIREFOX_VP8),
    ] {
        let offer = parsed(text);
        let text = answer(&offer, &busy(&offer)).replace("\r\n", "\n");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn an_independent_parser_reads_every_answer_and_finds_each_section_in_its_place() {
    for text in REAL_OFFERS {
        let offer = parsed(text);
        let answer = answer(&offer, &busy(&offer));
        let read = SessionDescription::unmarshal(&mut Cursor::new(&answer)).unwrap();
        let mids: Vec<_> = read
            .media_descriptions
            .iter()
            .map(|media| media.attribute("mid").flatten().unwrap().to_owned())
            .collect();
        let offered: Vec<_> = offer.sections.iter().map(|s| s.mid.clone()).collect();
        assert_eq!(mids, offered);
        assert_eq!(
            read.attribute("group").unwrap(),
            &format!("BUNDLE {}", offered.join(" "))
        );
        assert!(read.has_attribute("ice-lite"));
    }
}

#[test]
fn only_the_first_open_section_names_candidates() {
    let offer = parsed(CHROME_JOIN);
    let mut sections = busy(&offer);
    sections[0] = AnswerSection::Rejected;
    let answer = answer(&offer, &sections);
    let with: Vec<usize> = sections_of(&answer)
        .iter()
        .enumerate()
        .filter(|(_, lines)| lines.iter().any(|line| line.starts_with("a=candidate:")))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(with, [2], "the session is 0, the rejected section is 1");
    assert!(answer.contains("a=candidate:2 1 udp 2130706175 2001:db8::1 7882 typ host\r\n"));
    assert!(answer.contains("a=group:BUNDLE 1 2 3 4 5 6\r\n"));
}

#[test]
fn a_section_is_answered_the_way_asked_for_only_if_the_client_offered_that_way() {
    let text = |direction| small_offer(&[&format!("{SMALL_AUDIO}\na={direction}")]);
    let receive = AnswerSection::Receive(VOICE);
    let send = AnswerSection::Send(sending(SectionKind::Audio));
    for (offered, asked, answered) in [
        ("sendonly", &receive, "recvonly"),
        ("recvonly", &send, "sendonly"),
        ("sendrecv", &receive, "recvonly"),
        ("sendrecv", &send, "sendonly"),
        ("sendonly", &send, "inactive"),
        ("recvonly", &receive, "inactive"),
        ("inactive", &receive, "inactive"),
        ("recvonly", &AnswerSection::Inactive, "inactive"),
    ] {
        let offer = parsed(&text(offered));
        let answer = answer(&offer, std::slice::from_ref(asked));
        let line = format!("a={answered}\r\n");
        assert!(answer.contains(&line), "{offered} {asked:?}: {answer}");
        assert_eq!(answer.contains("a=ssrc:"), answered == "sendonly");
    }
}

#[test]
fn sections_that_cannot_be_what_is_asked_are_rejected() {
    let offer = parsed(CHROME_JOIN);
    let mut sections = vec![AnswerSection::Application; 6];
    sections.push(AnswerSection::Receive(VOICE));
    let all_wrong = answer(&offer, &sections);
    let none_given = answer(&offer, &[]);
    for text in [all_wrong, none_given] {
        assert_eq!(text.matches(" 0 UDP/").count(), 7, "{text}");
        assert!(text.contains("a=group:BUNDLE\r\n"));
    }
}

#[test]
fn a_section_the_client_closed_stays_closed() {
    let text = CHROME_JOIN
        .replacen("m=video 9", "m=video 0", 1)
        .replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 4");
    let offer = parsed(&text);
    assert!(offer.sections[3].rejected);
    let answer = answer(&offer, &busy(&offer));
    assert!(sections_of(&answer)[4][0].starts_with("m=video 0 UDP/TLS/RTP/SAVPF 96"));
    assert!(answer.contains("a=group:BUNDLE 0 1 2 4 5 6\r\n"));
}

#[test]
fn a_bundle_only_section_is_open_though_its_port_is_zero() {
    let text = small_offer(&[&SMALL_AUDIO.replace("audio 9", "audio 0"), SMALL_AUDIO]).replacen(
        "a=mid:0",
        "a=mid:0\r\na=bundle-only",
        1,
    );
    assert!(!parsed(&text).sections[0].rejected);
}

#[test]
fn a_meeting_of_three_hundred_tracks_is_answered_section_by_section() {
    let audio: Vec<&str> = section_of(CHROME_VP8, 1);
    let video: Vec<&str> = section_of(CHROME_VP8, 4);
    let mut text = sections_of(CHROME_VP8)[0].join("\r\n");
    let mids: Vec<String> = (0..300).map(|mid| mid.to_string()).collect();
    text = text.replace(
        "BUNDLE 0 1 2 3 4 5 6 7",
        &format!("BUNDLE {}", mids.join(" ")),
    );
    for (index, mid) in mids.iter().enumerate() {
        let lines = if index % 2 == 0 { &audio } else { &video };
        for line in lines {
            text.push_str("\r\n");
            text.push_str(if line.starts_with("a=mid:") {
                "a=mid:"
            } else {
                line
            });
            if line.starts_with("a=mid:") {
                text.push_str(mid);
            }
        }
    }
    text.push_str("\r\n");

    let offer = parsed(&text);
    let sections: Vec<AnswerSection> = (1_u32..)
        .zip(&offer.sections)
        .map(|(ssrc, section)| {
            AnswerSection::Send(Sending {
                track: format!("TR_{ssrc}"),
                ssrc,
                rtx_ssrc: None,
                ..sending(section.kind)
            })
        })
        .collect();
    let answer = answer(&offer, &sections);

    let answered = sections_of(&answer);
    assert_eq!(answered.len(), 301);
    for (ssrc, lines) in answered.iter().enumerate().skip(1) {
        let cname = format!("a=ssrc:{ssrc} cname:PA_0000000000A");
        let msid = format!("a=msid:PA_0000000000A TR_{ssrc}");
        assert_eq!(lines.iter().filter(|line| ***line == *cname).count(), 1);
        assert_eq!(lines.iter().filter(|line| ***line == *msid).count(), 1);
        let ssrcs = lines.iter().filter(|line| line.starts_with("a=ssrc:"));
        assert_eq!(ssrcs.count(), 2, "no section speaks of another's track");
    }
}

#[test]
fn parameters_and_feedback_of_a_payload_type_are_alike_in_all_sections() {
    for text in REAL_OFFERS {
        let offer = parsed(text);
        let answer = answer(&offer, &busy(&offer));
        let mut known: HashMap<String, Vec<&str>> = HashMap::new();
        for lines in &sections_of(&answer)[1..] {
            let formats = lines[0].split(' ').skip(3);
            for format in formats.filter(|format| format.parse::<u8>().is_ok()) {
                let said: Vec<&str> = lines
                    .iter()
                    .copied()
                    .filter(|line| {
                        ["rtpmap", "fmtp", "rtcp-fb"]
                            .iter()
                            .any(|key| line.starts_with(&format!("a={key}:{format} ")))
                    })
                    .collect();
                let before = known
                    .entry(format.to_owned())
                    .or_insert_with(|| said.clone());
                assert_eq!(*before, said, "payload type {format}");
            }
        }
    }
}

#[test]
fn one_stereo_track_makes_opus_stereo_and_one_without_dtx_keeps_all_from_stopping() {
    let sends = format!("{SMALL_AUDIO}\na=sendonly");
    let offer = parsed(&small_offer(&[&sends, &sends]));
    let music = Receiving {
        stereo: true,
        dtx: false,
        ..VOICE
    };
    let fmtp = |tracks: [Receiving; 2]| {
        let text = answer(&offer, &tracks.map(AnswerSection::Receive));
        let line = text.lines().find(|line| line.starts_with("a=fmtp:111"));
        line.unwrap().to_owned()
    };
    assert_eq!(
        [
            fmtp([VOICE, VOICE]),
            fmtp([VOICE, music]),
            fmtp([music, music])
        ],
        [
            "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1",
            "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000",
            "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000",
        ]
    );
}

#[test]
fn a_stereo_track_that_is_sent_is_announced_as_such() {
    let offer = parsed(&small_offer(&[SMALL_AUDIO]));
    let stereo = Sending {
        stereo: true,
        ..sending(SectionKind::Audio)
    };
    let text = answer(&offer, &[AnswerSection::Send(stereo)]);
    assert!(text.contains("a=fmtp:111 minptime=10;useinbandfec=1;sprop-stereo=1\r\n"));
}

#[test]
fn redundancy_comes_first_where_it_is_wanted_and_offered_and_is_not_named_elsewhere() {
    let with_red = format!(
        "{}\na=rtpmap:63 red/48000/2\na=fmtp:63 111/111",
        SMALL_AUDIO.replacen(" 111", " 111 63", 1)
    );
    let offer = parsed(&small_offer(&[
        &format!("{with_red}\na=sendonly"),
        &with_red,
        SMALL_AUDIO,
    ]));
    let reds: Vec<Option<u8>> = offer.sections.iter().map(|it| it.codecs[0].red).collect();
    assert_eq!(reds, [Some(63), Some(63), None]);
    let wanted = Receiving {
        redundancy: true,
        ..VOICE
    };
    let sent = Sending {
        redundancy: true,
        ..sending(SectionKind::Audio)
    };
    let text = answer(
        &offer,
        &[
            AnswerSection::Receive(wanted),
            AnswerSection::Send(sent.clone()),
            AnswerSection::Send(sent),
        ],
    );
    let lines = sections_of(&text);
    for section in [1, 2] {
        assert_eq!(lines[section][0], "m=audio 9 UDP/TLS/RTP/SAVPF 63 111");
        assert!(lines[section].contains(&"a=rtpmap:63 red/48000/2"));
        assert!(lines[section].contains(&"a=fmtp:63 111/111"));
    }
    assert_eq!(lines[3][0], "m=audio 9 UDP/TLS/RTP/SAVPF 111");
    let text = answer(
        &offer,
        &[AnswerSection::Receive(VOICE), AnswerSection::Inactive],
    );
    assert!(!text.contains("red/48000"), "{text}");
}

#[test]
fn chromium_offers_redundancy_and_firefox_does_not() {
    let red = |text: &str| parsed(text).sections[0].codecs[0].red;
    assert_eq!(red(CHROME_JOIN), Some(63));
    assert_eq!(red(FIREFOX_JOIN), None);
}

#[test]
fn redundancy_of_another_codec_or_clock_is_not_taken() {
    for (map, fmtp) in [
        ("red/8000", "111/111"),
        ("red/48000/2", "0/111"),
        ("red/48000/2", ""),
    ] {
        let section = format!(
            "{}\na=rtpmap:63 {map}\na=fmtp:63 {fmtp}",
            SMALL_AUDIO.replacen(" 111", " 111 63", 1)
        );
        let offer = parsed(&small_offer(&[&section]));
        assert_eq!(offer.sections[0].codecs[0].red, None, "{map} {fmtp}");
    }
}

fn section_of(text: &str, index: usize) -> Vec<&str> {
    sections_of(text)[index].clone()
}
