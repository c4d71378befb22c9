//! What holds for any input: what is written can be read, and says the same.

use crate::sim::{MIDNIGHT, keys};
use bytes::Bytes;
use livekit_protocol::data_packet::Value;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::{ChatMessage, DataPacket, MuteTrackRequest, SignalRequest};
use proptest::prelude::*;
use prost::Message as _;
use sfu_core::command::DataChannel;
use signaling_core::wire::data_packet::{DataEnvelope, Sender};
use signaling_core::{Claims, Frame, RtcPath, decode, parse_join};
use std::time::Duration;

proptest! {
    #[test]
    fn a_data_packet_keeps_all_but_its_sender(
        text: String,
        sequence: u32,
        destinations in prop::collection::vec("[a-z]{1,5}", 0..4),
        forged: String,
    ) {
        let sent = DataPacket {
            sequence,
            destination_identities: destinations,
            participant_identity: forged.clone(),
            participant_sid: forged,
            value: Some(Value::ChatMessage(ChatMessage { message: text, ..ChatMessage::default() })),
            ..DataPacket::default()
        };
        let sender = Sender { sid: "PA_00000000001", identity: "ada" };
        let envelope = DataEnvelope::parse(&sent.encode_to_vec().into()).unwrap();
        let written = envelope.write(DataChannel::Reliable, sender);
        let received = DataPacket::decode(written).unwrap();
        let expected = DataPacket {
            participant_identity: "ada".to_owned(),
            participant_sid: "PA_00000000001".to_owned(),
            ..sent
        };
        prop_assert_eq!(received, expected);
    }

    #[test]
    fn any_bytes_on_a_data_channel_are_read_or_refused(bytes: Vec<u8>) {
        let _ = DataEnvelope::parse(&Bytes::from(bytes));
    }

    #[test]
    fn a_token_says_what_was_signed(
        identity: String,
        name: String,
        metadata: String,
        attributes in prop::collection::btree_map(".*", ".*", 0..4),
        grants: [bool; 6],
    ) {
        let mut claims = Claims::joining(identity, "council");
        claims.issuer = "devkey".to_owned();
        claims.name = name;
        claims.metadata = metadata;
        claims.attributes = attributes;
        let [publish, subscribe, data, update, hidden, admin] = grants;
        claims.grants.can_publish = publish;
        claims.grants.can_subscribe = subscribe;
        claims.grants.can_publish_data = data;
        claims.grants.can_update_own_metadata = update;
        claims.grants.hidden = hidden;
        claims.grants.room_admin = admin;
        let token = keys().sign(&claims, MIDNIGHT, Duration::from_secs(1));
        prop_assert_eq!(keys().verify(&token, MIDNIGHT), Ok(claims));
    }

    #[test]
    fn a_request_says_the_same_in_both_framings(sid: String, muted: bool) {
        let message = Some(Asked::Mute(MuteTrackRequest { sid, muted }));
        let request = SignalRequest { message };
        let json = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(decode(Frame::Text(&json)), Ok(Some(request.clone())));
        prop_assert_eq!(decode(Frame::Binary(&request.encode_to_vec())), Ok(Some(request)));
    }

    #[test]
    fn any_text_in_the_query_is_read_or_refused(text: String) {
        let query = [("join_request".to_owned(), text)];
        let _ = parse_join(RtcPath::V1, &query);
    }
}
