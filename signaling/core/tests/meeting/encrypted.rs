//! What is encrypted from end to end passes through as it came, and everybody knows what is.

use crate::sim::{Meeting, Visitor, camera, updates};
use livekit_protocol::data_packet::Value;
use livekit_protocol::encryption::Type;
use livekit_protocol::{DataPacket, EncryptedPacket, TrackInfo};
use prost::Message as _;
use sfu_core::command::DataChannel::{Lossy, Reliable};

#[test]
fn everybody_is_told_which_tracks_are_encrypted_and_how() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    for (cid, encryption) in [("open", Type::None), ("gcm", Type::Gcm)] {
        let mut request = camera(cid);
        request.encryption = encryption.into();
        meeting.publish(ada, request);
    }
    let tracks = |meeting: &mut Meeting, person| {
        let seen = updates(&meeting.inbox(person));
        let of_ada = seen.iter().rev().find(|them| them.identity == "ada");
        let tracks = of_ada.expect("ada is told of").tracks.iter();
        tracks.map(TrackInfo::encryption).collect::<Vec<_>>()
    };
    let both = [Type::None, Type::Gcm];
    assert_eq!(tracks(&mut meeting, ben), both);
    let peer = meeting.peer(ben);
    meeting.cut(ben);
    let back = meeting.arrive(&Visitor::named("ben").resuming(peer));
    assert_eq!(tracks(&mut meeting, back), both, "after a resume as well");
}

#[test]
fn an_encrypted_packet_arrives_to_the_last_bit_and_in_its_senders_name() {
    let mut meeting = Meeting::new();
    let (ada, ben) = (meeting.join("ada"), meeting.join("ben"));
    let encrypted = EncryptedPacket {
        encryption_type: Type::Gcm.into(),
        iv: (0..12).collect(),
        key_index: 3,
        encrypted_value: (0..=255).cycle().take(15_000).collect(),
    };
    let packet = DataPacket {
        value: Some(Value::EncryptedPacket(encrypted.clone())),
        ..DataPacket::default()
    };
    for channel in [Reliable, Lossy] {
        meeting.data(ada, channel, packet.encode_to_vec());
    }
    let received = meeting.media.data_for(meeting.peer(ben));
    assert_eq!(received.len(), 2);
    for (_, payload) in received {
        let packet = DataPacket::decode(payload.as_slice()).unwrap();
        assert_eq!(packet.participant_identity, "ada");
        assert_eq!(
            packet.value,
            Some(Value::EncryptedPacket(encrypted.clone()))
        );
    }
}
