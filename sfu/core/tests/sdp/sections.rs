//! What a section of an offer says without saying it, and what it says twice.

use super::*;
use sfu_core::sdp::Direction;

#[test]
fn a_section_that_says_nothing_has_the_direction_of_the_session_or_else_both() {
    let text = small_offer(&[SMALL_AUDIO, &format!("{SMALL_AUDIO}\na=sendonly")]);
    let directions = |text: &str| {
        let sections = parsed(text).sections;
        sections.iter().map(|s| s.direction).collect::<Vec<_>>()
    };
    assert_eq!(
        directions(&text),
        [Direction::SendRecv, Direction::SendOnly]
    );
    let inactive = text.replacen("a=setup", "a=inactive\r\na=setup", 1);
    assert_eq!(
        directions(&inactive),
        [Direction::Inactive, Direction::SendOnly]
    );
}

#[test]
fn the_transport_of_the_first_open_section_counts_before_that_of_the_session() {
    let text = small_offer(&[SMALL_AUDIO, SMALL_AUDIO])
        .replacen("a=mid:0", "a=mid:0\r\na=ice-ufrag:first", 1)
        .replacen("a=mid:1", "a=mid:1\r\na=ice-ufrag:other", 1);
    assert_eq!(parsed(&text).ice_ufrag, "first");
    let closed = text.replacen("m=audio 9", "m=audio 0", 1);
    assert_eq!(parsed(&closed).ice_ufrag, "other");
}

#[test]
fn a_single_section_needs_no_bundle_group_and_gets_none() {
    let text = small_offer(&[SMALL_AUDIO]).replacen("a=group:BUNDLE 0\r\n", "", 1);
    let offer = parsed(&text);
    assert!(!offer.bundled);
    assert!(!answer(&offer, &busy(&offer)).contains("BUNDLE"));
}

#[test]
fn feedback_for_all_payload_types_counts_for_each() {
    let text = small_offer(&[&format!("{SMALL_AUDIO}\na=rtcp-fb:* transport-cc")]);
    assert_eq!(
        parsed(&text).sections[0].codecs[0].feedback,
        ["transport-cc"]
    );
}

#[test]
fn a_paused_encoding_an_alternative_and_one_without_a_rid_line_are_told_apart() {
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtcp-mux\na=rtpmap:96 VP8/90000\n\
                 a=rid:q send\na=rid:h send pt=96\na=rid:x recv\na=simulcast:recv x send ~q;h,q;f;h";
    let offer = parsed(&small_offer(&[video]));
    let encodings: Vec<_> = offer.sections[0]
        .encodings
        .iter()
        .map(|e| (e.rid.as_str(), e.paused, e.restrictions.as_str()))
        .collect();
    assert_eq!(encodings, [("q", true, ""), ("h", false, "pt=96")]);
    let answer = answer(&offer, &busy(&offer));
    assert!(answer.contains("a=rid:h recv pt=96\r\n"));
}
