//! Offers that real clients sent, and what is answered to them.

mod answers;
mod offers;
mod refusals;
mod sections;
mod traps;

use sfu_core::sdp::{
    AnswerSection, Local, Offer, Receiving, Section, SectionKind, Sending, Setup, parse_offer,
    write_answer,
};
use sfu_core::units::Codec;
use std::net::SocketAddr;

macro_rules! offer {
    ($name:literal) => {
        include_str!(concat!("../../fuzz/corpus/sdp_offer/", $name, ".sdp"))
    };
}

const CHROME_JOIN: &str = offer!("chrome156-livekit-client-2.23-offer1-join");
const CHROME_AGAIN: &str = offer!("chrome156-livekit-client-2.23-offer2-same-sections");
const CHROME_VP8: &str = offer!("chrome156-livekit-client-2.23-offer3-publish-vp8-simulcast");
const CHROME_VP9: &str = offer!("chrome156-livekit-client-2.23-offer3-publish-vp9-svc");
const PYTHON_JOIN: &str = offer!("python-livekit-1.2.1-offer1-join");
const PYTHON_VIDEO: &str = offer!("python-livekit-1.2.1-offer2-publish-video-simulcast");
const PYTHON_AUDIO: &str = offer!("python-livekit-1.2.1-offer3-publish-audio");

const FIREFOX_JOIN: &str = offer!("firefox153-offer1-join");
const FIREFOX_VP8: &str = offer!("firefox153-offer2-publish-vp8-simulcast");

const REAL_OFFERS: [&str; 9] = [
    CHROME_JOIN,
    CHROME_AGAIN,
    CHROME_VP8,
    CHROME_VP9,
    PYTHON_JOIN,
    PYTHON_VIDEO,
    PYTHON_AUDIO,
    FIREFOX_JOIN,
    FIREFOX_VP8,
];

const VOICE: Receiving = Receiving {
    stereo: false,
    dtx: true,
    redundancy: false,
    codec: None,
};

/// Takes all that the client sends and sends in the first section of each kind it receives in.
fn busy(offer: &Offer) -> Vec<AnswerSection> {
    let mut sent = [false; 2];
    let choose = |section: &Section| match section.kind {
        SectionKind::Application => AnswerSection::Application,
        _ if section.direction.sends() => AnswerSection::Receive(VOICE),
        kind @ (SectionKind::Audio | SectionKind::Video) => {
            let sent = &mut sent[usize::from(kind == SectionKind::Video)];
            if std::mem::replace(sent, true) {
                AnswerSection::Inactive
            } else {
                AnswerSection::Send(sending(kind))
            }
        }
    };
    offer.sections.iter().map(choose).collect()
}

fn sending(kind: SectionKind) -> Sending {
    Sending {
        stream: "PA_0000000000A".into(),
        track: format!("TR_0000000000{}", &kind.name()[..1]),
        ssrc: 0x5AA1_0001,
        rtx_ssrc: (kind == SectionKind::Video).then_some(0x5AA1_0002),
        cname: "PA_0000000000A".into(),
        codec: (kind == SectionKind::Video).then_some(Codec::Vp8),
        stereo: false,
        redundancy: false,
    }
}

fn answer(offer: &Offer, sections: &[AnswerSection]) -> String {
    let candidates = [
        SocketAddr::from(([203, 0, 113, 1], 7882)),
        SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 7882)),
    ];
    let local = Local {
        ice_ufrag: "W1aB",
        ice_pwd: "nQ4x8bY2kT6mV0sL9pR3dF",
        fingerprint: "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
        setup: offer.setup.answered(),
        candidates: &candidates,
        session_id: 4_611_686_018_427,
        session_version: 1,
    };
    write_answer(offer, &local, sections)
}

fn parsed(text: &str) -> Offer {
    parse_offer(text).expect("a real client sent it")
}

/// The lines of a description, split where media sections start; the session's come first.
fn sections_of(text: &str) -> Vec<Vec<&str>> {
    let mut sections = vec![Vec::new()];
    for line in text.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections
}

/// The least a client can offer: a session and the sections given.
fn small_offer(sections: &[&str]) -> String {
    let mids = (0..sections.len()).map(|mid| format!(" {mid}"));
    let mut text = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{}\r\n\
         a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n\
         a=fingerprint:sha-256 {}\r\n",
        mids.collect::<String>(),
        ["ab"; 32].join(":")
    );
    for (mid, section) in sections.iter().enumerate() {
        let section = section.trim().replace('\n', "\r\n");
        text.extend([&section, "\r\na=mid:", &mid.to_string(), "\r\n"]);
    }
    text
}

const SMALL_AUDIO: &str = "\
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1";

#[test]
fn the_server_is_the_dtls_server_wherever_the_offer_allows_it() {
    for (offered, answered) in [
        ("actpass", Setup::Passive),
        ("active", Setup::Passive),
        ("passive", Setup::Active),
    ] {
        let text = small_offer(&[SMALL_AUDIO]).replace("actpass", offered);
        let offer = parsed(&text);
        assert_eq!(offer.setup.answered(), answered);
        let line = format!(
            "a=setup:{}",
            if answered == Setup::Active {
                "active"
            } else {
                "passive"
            }
        );
        assert!(answer(&offer, &busy(&offer)).contains(&line));
    }
}
