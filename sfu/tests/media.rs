//! The media plane with its real engine and real loopback sockets, through its public door.

#![expect(
    clippy::unwrap_used,
    reason = "a test's step that fails is the test's failure"
)]

#[path = "../src/tests/scenery.rs"]
mod scenery;

use rand::{Rng, SeedableRng, rngs::StdRng};
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;
use scenery::{client_of, settings};
use sfu::{Media, MediaSettings, StartError};
use sfu_core::ids::{PeerId, RoomId};
use sfu_core::{Command, Event};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Far longer than anything here takes: only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(10);
const OFFER: &str =
    include_str!("../core/fuzz/corpus/sdp_offer/chrome156-livekit-client-2.23-offer1-join.sdp");

#[test]
fn a_client_that_got_an_answer_is_heard_on_whichever_worker_its_room_lives() {
    let (media, events) = start(3);
    for number in 0..12 {
        let peer = PeerId(number);
        let worker = media.assign(RoomId(number));
        worker.send(Command::AddPeer {
            room: RoomId(number),
            peer,
        });
        worker.send(Command::Offer {
            peer,
            id: 1,
            sdp: OFFER.to_owned(),
        });
        let answer = answer(&events, peer);
        let port = media.candidates()[0].port();
        assert!(
            answer.contains(&format!(" 127.0.0.1 {port} typ host")),
            "{answer}"
        );
        let client = client_of(&media);
        client.send(&binding_request(&answer)).unwrap();
        let mut response = Message::new();
        let mut buffer = [0; 1500];
        let len = client.recv(&mut buffer).unwrap();
        response.unmarshal_binary(&buffer[..len]).unwrap();
        assert_eq!(response.typ, BINDING_SUCCESS);
    }
}

#[test]
fn noise_is_counted_and_leaves_the_workers_serving() {
    let (media, events) = start(2);
    let noise = client_of(&media);
    let mut rng = StdRng::seed_from_u64(7);
    let mut datagram = [0; 1400];
    for _ in 0..20_000 {
        let len = rng.random_range(1..=datagram.len());
        rng.fill(&mut datagram[..len]);
        // Half of them look like what an engine parses: STUN, DTLS, RTP.
        if rng.random() {
            datagram[0] = [0, 22, 0x80][rng.random_range(0..3)];
        }
        noise.send(&datagram[..len]).unwrap();
    }
    for number in 0..2 {
        let worker = media.assign(RoomId(number));
        let peer = PeerId(number);
        worker.send(Command::AddPeer {
            room: RoomId(number),
            peer,
        });
        worker.send(Command::Offer {
            peer,
            id: 1,
            sdp: OFFER.to_owned(),
        });
        answer(&events, peer);
    }
    media.shutdown();
    let text = media.metrics();
    let dropped = value(
        &text,
        r#"saal_media_dropped_total{worker="0",reason="unknown_sender"}"#,
    ) + value(
        &text,
        r#"saal_media_dropped_total{worker="1",reason="unknown_sender"}"#,
    );
    assert!(dropped > 0, "{text}");
    for worker in 0..2 {
        let failures = format!(r#"saal_media_engine_failures_total{{worker="{worker}"}}"#);
        assert_eq!(value(&text, &failures), 0);
    }
}

#[test]
fn a_second_start_on_the_same_port_is_refused_in_plain_words() {
    let (media, _events) = start(1);
    let port = media.candidates()[0].port();
    let error = Media::start(settings(1, port), drop).unwrap_err();
    assert!(matches!(error, StartError::PortTaken(_)));
    let sentence = format!(
        "UDP port {port} of 127.0.0.1 is taken: \
         stop the program that has it, or set media.udp_port to another"
    );
    assert_eq!(error.to_string(), sentence);
}

fn start(workers: usize) -> (Media, Receiver<Event>) {
    let (told, events) = channel();
    // A test that looked at its events may end before the workers do.
    let tell = move |event| drop(told.send(event));
    (Media::start(settings(workers, 0), tell).unwrap(), events)
}

fn answer(events: &Receiver<Event>, whose: PeerId) -> String {
    loop {
        if let Event::Answer { peer, sdp, .. } = events.recv_timeout(PATIENCE).unwrap()
            && peer == whose
        {
            return sdp;
        }
    }
}

fn binding_request(answer: &str) -> Vec<u8> {
    let attribute = |name: &str| {
        let value = answer.lines().find_map(|line| line.strip_prefix(name));
        value
            .expect("an answer has ICE credentials")
            .trim()
            .to_owned()
    };
    let username = format!("{}:theirs", attribute("a=ice-ufrag:"));
    let provider = rtc_stun::crypto::default_provider().unwrap();
    let pwd = attribute("a=ice-pwd:");
    let integrity =
        MessageIntegrity::new_short_term_integrity_with_provider(pwd, provider.crypto());
    let parts: [Box<dyn Setter>; 3] = [
        Box::new(TransactionId::new()),
        Box::new(BINDING_REQUEST),
        Box::new(TextAttribute::new(ATTR_USERNAME, username)),
    ];
    let mut request = Message::new();
    request.build(&parts).unwrap();
    request.add(ATTR_USE_CANDIDATE, &[]);
    integrity.add_to(&mut request).unwrap();
    FINGERPRINT.add_to(&mut request).unwrap();
    request.raw
}

fn value(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.expect("the metric is told").trim().parse().unwrap()
}
