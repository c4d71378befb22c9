//! Data packets: chat, reactions and whatever applications send.

use crate::sim::{Meeting, Visitor, settings};
use livekit_protocol::data_packet::Value;
use livekit_protocol::{ActiveSpeakerUpdate, ChatMessage, DataPacket, UserPacket};
use prost::Message as _;
use sfu_core::Event;
use sfu_core::command::DataChannel::{Lossy, Reliable};
use std::time::Duration;

#[test]
fn a_packet_reaches_all_others_and_never_its_sender() {
    let mut meeting = Meeting::new();
    let (ada, ben, cleo) = (
        meeting.join("ada"),
        meeting.join("ben"),
        meeting.join("cleo"),
    );
    meeting.data(ada, Reliable, chat("hello").encode_to_vec());
    for person in [ben, cleo] {
        let received = received(&meeting, person);
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].value, chat("hello").value);
    }
    assert!(received(&meeting, ada).is_empty());
}

#[test]
#[expect(deprecated, reason = "old clients still read these fields")]
fn nobody_speaks_in_the_name_of_another() {
    let mut meeting = Meeting::new();
    let (mallory, ben) = (meeting.join("mallory"), meeting.join("ben"));
    let forged = DataPacket {
        kind: 1,
        participant_identity: "ada".to_owned(),
        participant_sid: "PA_00000000001".to_owned(),
        value: Some(Value::User(UserPacket {
            participant_sid: "PA_00000000001".to_owned(),
            participant_identity: "ada".to_owned(),
            payload: b"trust me".to_vec(),
            topic: Some("chat".to_owned()),
            ..UserPacket::default()
        })),
        ..DataPacket::default()
    };
    meeting.data(mallory, Reliable, forged.encode_to_vec());
    let sid = meeting.peer(mallory).to_string();
    let packet = received(&meeting, ben).remove(0);
    assert_eq!(
        (packet.participant_sid, packet.participant_identity),
        (sid.clone(), "mallory".into())
    );
    assert_eq!(packet.kind, 0, "the channel decides the kind");
    let Some(Value::User(user)) = packet.value else {
        panic!("another value");
    };
    assert_eq!(
        (user.participant_sid, user.participant_identity),
        (sid, "mallory".into())
    );
    assert_eq!(
        (user.payload, user.topic),
        (b"trust me".to_vec(), Some("chat".into()))
    );
}

#[test]
fn a_packet_with_destinations_reaches_only_those() {
    let mut meeting = Meeting::new();
    let (ada, ben, cleo) = (
        meeting.join("ada"),
        meeting.join("ben"),
        meeting.join("cleo"),
    );
    let to = |identities: &[&str]| DataPacket {
        destination_identities: identities
            .iter()
            .map(|&identity| identity.to_owned())
            .collect(),
        ..chat("psst")
    };
    meeting.data(
        ada,
        Reliable,
        to(&["ben", "ben", "ada", "nobody"]).encode_to_vec(),
    );
    assert_eq!(received(&meeting, ben).len(), 1);
    assert!(received(&meeting, cleo).is_empty());
    assert!(
        received(&meeting, ada).is_empty(),
        "not even when they name themselves"
    );
    meeting.data(ada, Reliable, to(&["nobody"]).encode_to_vec());
    assert_eq!(
        received(&meeting, ben).len(),
        1,
        "a packet for nobody is not one for all"
    );
}

#[test]
#[expect(deprecated, reason = "old clients still address packets so")]
fn a_private_packet_of_an_old_client_stays_private() {
    let mut meeting = Meeting::new();
    let (ada, ben, cleo) = (
        meeting.join("ada"),
        meeting.join("ben"),
        meeting.join("cleo"),
    );
    let by_sid = UserPacket {
        destination_sids: vec![meeting.peer(ben).to_string()],
        ..UserPacket::default()
    };
    let by_identity = UserPacket {
        destination_identities: vec!["ben".to_owned()],
        ..UserPacket::default()
    };
    for user in [by_sid, by_identity] {
        let packet = DataPacket {
            value: Some(Value::User(user)),
            ..DataPacket::default()
        };
        meeting.data(ada, Lossy, packet.encode_to_vec());
    }
    assert_eq!(received(&meeting, ben).len(), 2);
    assert!(received(&meeting, cleo).is_empty());
}

#[test]
fn without_the_grant_nothing_is_sent() {
    let mut meeting = Meeting::new();
    let mute = meeting.arrive(&Visitor::named("ada").with(|claims| {
        claims.grants.can_publish_data = false;
    }));
    let ben = meeting.join("ben");
    meeting.data(mute, Reliable, chat("hello").encode_to_vec());
    assert!(received(&meeting, ben).is_empty());
}

#[test]
fn a_repeated_reliable_packet_is_dropped_and_its_number_kept() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    for sequence in [1, 2, 2, 1, 3] {
        let packet = DataPacket {
            sequence,
            ..chat("hello")
        };
        meeting.data(ada, Reliable, packet.encode_to_vec());
    }
    let numbers: Vec<u32> = received(&meeting, ben)
        .iter()
        .map(|packet| packet.sequence)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn a_resumed_client_learns_which_of_its_packets_arrived() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    let packet = DataPacket {
        sequence: 7,
        ..chat("hello")
    };
    meeting.data(ada, Reliable, packet.encode_to_vec());
    meeting.cut(ada);
    let back = meeting.arrive(&Visitor::named("ada").resuming(meeting.peer(ada)));
    let inbox = meeting.inbox(back);
    let Some(livekit_protocol::signal_response::Message::Reconnect(reconnect)) = inbox.first()
    else {
        panic!("the first message is {:?}", inbox.first());
    };
    assert_eq!(reconnect.last_message_seq, 7);
}

#[test]
fn fields_of_newer_clients_pass_through_unread() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    // Field 99, length-delimited: a value nobody here has heard of.
    let unknown = [0x9a, 0x06, 3, b'n', b'e', b'w'];
    meeting.data(ada, Reliable, unknown.to_vec());
    let data = meeting.media.data_for(meeting.peer(ben));
    let (_, packet) = &data[0];
    assert!(
        packet
            .windows(unknown.len())
            .any(|window| window == unknown)
    );
    let packet = DataPacket::decode(packet.as_slice()).unwrap();
    assert_eq!(packet.participant_identity, "ada");
}

#[test]
fn a_packet_sent_while_somebody_connects_reaches_them_when_their_channel_opens() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.data(ada, Reliable, chat("before").encode_to_vec());
    meeting.media.is_manual = true;
    let ben = meeting.join("ben");
    for text in ["first", "second"] {
        meeting.data(ada, Reliable, chat(text).encode_to_vec());
    }
    meeting.data(ada, Lossy, chat("lost").encode_to_vec());
    assert!(received(&meeting, ben).is_empty());
    meeting.wait(Duration::from_millis(1900));
    let peer = meeting.peer(ben);
    meeting.tell(Event::DataOpen {
        peer,
        channel: Reliable,
    });
    assert_eq!(texts(&meeting, ben), ["first", "second"]);
    meeting.tell(Event::DataOpen {
        peer,
        channel: Reliable,
    });
    assert_eq!(texts(&meeting, ben), ["first", "second"], "and only once");
}

#[test]
fn nothing_is_kept_for_longer_than_said() {
    let mut meeting = Meeting::new();
    let ada = meeting.join("ada");
    meeting.media.is_manual = true;
    let ben = meeting.join("ben");
    meeting.data(ada, Reliable, chat("old").encode_to_vec());
    meeting.wait(Duration::from_secs(2));
    let peer = meeting.peer(ben);
    meeting.tell(Event::DataOpen {
        peer,
        channel: Reliable,
    });
    assert!(texts(&meeting, ben).is_empty());
}

#[test]
fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
    let mut settings = settings();
    settings.limits.replayed_packets = 3;
    let mut meeting = Meeting::with_settings(settings);
    let ada = meeting.join("ada");
    meeting.media.is_manual = true;
    let ben = meeting.join("ben");
    for text in ["1", "2", "3", "4", "5"] {
        meeting.data(ada, Reliable, chat(text).encode_to_vec());
    }
    let peer = meeting.peer(ben);
    meeting.tell(Event::DataOpen {
        peer,
        channel: Reliable,
    });
    assert_eq!(texts(&meeting, ben), ["3", "4", "5"]);
}

#[test]
fn what_is_no_packet_of_a_client_is_dropped() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    #[expect(deprecated, reason = "a client could still try to send it")]
    let speaker = DataPacket {
        value: Some(Value::Speaker(ActiveSpeakerUpdate::default())),
        ..DataPacket::default()
    };
    let cases = [
        speaker.encode_to_vec(),
        vec![0xff; 40],
        vec![0x12, 0x7f],
        // A group.
        vec![0x9b, 0x06],
        vec![0x9a; 64_001],
    ];
    for case in cases {
        meeting.data(ada, Reliable, case);
    }
    assert!(received(&meeting, ben).is_empty());
    assert!(!meeting.is_closed(ada));
}

#[test]
fn somebody_hidden_sends_without_a_name() {
    let mut meeting = Meeting::new();
    let ghost =
        meeting.arrive(&Visitor::named("auditor").with(|claims| claims.grants.hidden = true));
    let ben = meeting.join("ben");
    meeting.data(ghost, Reliable, chat("boo").encode_to_vec());
    let packet = received(&meeting, ben).remove(0);
    assert_eq!(
        (
            packet.participant_sid.as_str(),
            packet.participant_identity.as_str()
        ),
        ("", "")
    );
}

fn chat(text: &str) -> DataPacket {
    DataPacket {
        value: Some(Value::ChatMessage(ChatMessage {
            message: text.to_owned(),
            ..ChatMessage::default()
        })),
        ..DataPacket::default()
    }
}

fn received(meeting: &Meeting, person: crate::sim::Person) -> Vec<DataPacket> {
    let data = meeting.media.data_for(meeting.peer(person));
    data.iter()
        .map(|(_, packet)| DataPacket::decode(packet.as_slice()).unwrap())
        .collect()
}

fn texts(meeting: &Meeting, person: crate::sim::Person) -> Vec<String> {
    received(meeting, person)
        .into_iter()
        .map(|packet| match packet.value {
            Some(Value::ChatMessage(chat)) => chat.message,
            other => panic!("unexpected {other:?}"),
        })
        .collect()
}
