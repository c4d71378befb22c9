//! Offers that cannot be answered, and what their sender is told.

use super::*;
use proptest::prelude::*;
use sfu_core::sdp::SDP_LEN_MAX;

#[test]
fn each_refusal_says_what_is_wrong_and_where() {
    let audio = SMALL_AUDIO;
    let sends = format!("{audio}\na=sendonly");
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000";
    let good = small_offer(&[&sends, audio, data]);
    parse_offer(&good).unwrap();
    let change = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} in {good}");
        refusal(&good.replacen(from, to, 1))
    };
    let refusals = [
        change("a=mid:1", "a=mid:0"),
        change("a=mid:1", "a=mid:a b"),
        change("a=mid:1", "a=mid:12345678901234567"),
        change("a=mid:1\r\n", ""),
        change("BUNDLE 0 1 2", "BUNDLE 0 2"),
        change("a=rtcp-mux\r\n", ""),
        change("opus/48000/2", "PCMU/8000"),
        change("a=sctp-port:5000", "a=sctp-port:99999"),
        change("a=sctp-port:5000\r\n", ""),
        change("SCTP webrtc-datachannel", "SCTP 5000"),
        change("m=audio", "m=image"),
        change("a=ice-ufrag:abcd\r\n", ""),
        change("a=ice-ufrag:abcd", "a=ice-ufrag:a b"),
        change("a=ice-pwd:0123456789012345678901", "a=ice-pwd:short"),
        change("sha-256 ab:", "sha-256 "),
        change("sha-256", "sha-1"),
        change("a=setup:actpass", "a=setup:holdconn"),
        change("t=0 0", "t=now"),
        change("t=0 0\r\n", ""),
        change("a=rtcp-mux", "rtcp-mux"),
        change("a=rtcp-mux", "a=rtcp\u{1}mux"),
        change("a=rtcp-mux", "a=rtcp-mux\ra=evil"),
        refusal(&small_offer(&[])),
        refusal(""),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @"
    the media section with mid 0 has the mid of an earlier section
    media section number 1 has an invalid mid
    media section number 1 has an invalid mid
    media section number 1 has no mid
    the media section with mid 1 is not in the BUNDLE group
    the media section with mid 0 has no rtcp-mux
    the media section with mid 0 sends audio in none of the codecs opus
    the media section with mid 2 has an invalid sctp-port
    the media section with mid 2 has no sctp-port
    the media section with mid 2 has no webrtc-datachannel format
    the media section with mid 0 has an invalid media type: audio, video and application are known
    the offer has no ice-ufrag
    the offer has an invalid ice-ufrag
    the offer has an invalid ice-pwd
    the offer has an invalid sha-256 fingerprint
    the offer has no sha-256 fingerprint
    the offer has an invalid setup
    line 4 of the offer is malformed or out of place
    line 4 of the offer is malformed or out of place
    line 13 of the offer is malformed or out of place
    line 12 of the offer is malformed or out of place
    line 12 of the offer is malformed or out of place
    the offer has no media section
    line 1 of the offer is malformed or out of place
    ");
}

#[test]
fn more_of_anything_than_a_client_needs_is_refused() {
    let repeat = |line: &dyn Fn(usize) -> String, times: usize| {
        let lines: Vec<String> = (0..times).map(line).collect();
        refusal(&small_offer(&[&format!(
            "{SMALL_AUDIO}\n{}",
            lines.join("\n")
        )]))
    };
    let refusals = [
        repeat(&|n| format!("a=ssrc:{n} cname:x"), 33),
        repeat(&|n| format!("a=ssrc-group:FID 1 {n}"), 33),
        repeat(&|n| format!("a=rid:{n} send"), 9),
        repeat(&|_| "a=rtcp-fb:111 nack".into(), 17),
        repeat(&|_| "a=x".into(), 40_001),
        refusal(&small_offer(&[SMALL_AUDIO; 1_001])),
        refusal(&format!(
            "{}{}",
            small_offer(&[SMALL_AUDIO]),
            "x".repeat(SDP_LEN_MAX)
        )),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @"
    the media section with mid 0 has more than 32 SSRCs
    the media section with mid 0 has more than 32 SSRCs in groups
    the media section with mid 0 has more than 8 rid lines
    the media section with mid 0 has more than 16 rtcp-fb lines for one payload type
    the offer has more than 40000 lines
    the offer has more than 1000 media sections
    the offer has 1048963 bytes, more than the 1048576 that are read
    ");
}

#[test]
fn a_payload_type_cannot_stand_for_two_codecs() {
    let video = |codec: &str| {
        format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtcp-mux\na=rtpmap:96 {codec}/90000\n\
             a=fmtp:96 packetization-mode=1"
        )
    };
    insta::assert_snapshot!(
        refusal(&small_offer(&[&video("VP8"), &video("H264")])),
        @"the media section with mid 1 uses payload type 96 for another codec than an earlier section"
    );
}

#[test]
fn a_section_to_receive_in_without_a_known_codec_is_rejected_alone() {
    let foreign = SMALL_AUDIO.replace("opus/48000/2", "PCMU/8000");
    let offer = parsed(&small_offer(&[
        &format!("{foreign}\na=recvonly"),
        SMALL_AUDIO,
    ]));
    let answer = answer(&offer, &busy(&offer));
    let sections = sections_of(&answer);
    assert_eq!(sections[1][0], "m=audio 0 UDP/TLS/RTP/SAVPF 111");
    assert_eq!(sections[2][0], "m=audio 9 UDP/TLS/RTP/SAVPF 111");
}

#[test]
fn h264_that_cannot_split_pictures_over_packets_is_no_codec_in_common() {
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 104\na=rtcp-mux\na=rtpmap:104 H264/90000\n\
                 a=fmtp:104 packetization-mode=0;profile-level-id=42e01f\na=sendonly";
    insta::assert_snapshot!(refusal(&small_offer(&[video])), @"the media section with mid 0 sends video in none of the codecs VP8, VP9, AV1, H265 and H264 with packetization-mode=1");
}

#[test]
fn no_refusal_repeats_an_address_of_the_client() {
    for (index, _) in CHROME_VP8.match_indices("203.0.113.7") {
        let mut broken = CHROME_VP8.to_owned();
        let line = broken[..index].rfind('\n').unwrap() + 1;
        broken.replace_range(line..=line, "a=mid:no\u{7f}!");
        assert!(!refusal(&broken).contains("203.0.113"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_mutated_offer_is_refused_or_answered_in_full(
        which in 0..REAL_OFFERS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 1..12),
    ) {
        let mut lines: Vec<String> = REAL_OFFERS[which].lines().map(str::to_owned).collect();
        for (at, edit) in edits {
            let at = at.index(lines.len());
            match edit {
                Edit::Drop => { lines.remove(at); }
                Edit::Repeat => lines.insert(at, lines[at].clone()),
                Edit::Move(to) => {
                    let line = lines.remove(at);
                    lines.insert(to.index(lines.len() + 1), line);
                }
                Edit::Cut(len) => {
                    let len = len.index(lines[at].len() + 1);
                    lines[at].truncate(len);
                }
                Edit::Type(text) => lines[at].push_str(&text),
            }
        }
        answer_if_possible(&lines.join("\r\n"));
    }

    #[test]
    fn any_text_behind_a_valid_start_is_refused_or_answered_in_full(text in "(?s).{0,300}") {
        answer_if_possible(&format!("{}{text}", small_offer(&[SMALL_AUDIO])));
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Drop,
    Repeat,
    Move(prop::sample::Index),
    Cut(prop::sample::Index),
    Type(String),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        Just(Edit::Drop),
        Just(Edit::Repeat),
        any::<prop::sample::Index>().prop_map(Edit::Move),
        any::<prop::sample::Index>().prop_map(Edit::Cut),
        "[ :;=/0-9a-z*~-]{1,9}".prop_map(Edit::Type),
    ]
}

fn answer_if_possible(text: &str) {
    if let Ok(offer) = parse_offer(text) {
        let answer = answer(&offer, &busy(&offer));
        assert_eq!(sections_of(&answer).len(), offer.sections.len() + 1);
    }
}

fn refusal(text: &str) -> String {
    parse_offer(text)
        .expect_err("it is meant to be refused")
        .to_string()
}
