//! The connectivity checks of a scripted client, and its answers to the server's.

use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::crypto::default_provider;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};

pub(crate) const PASSWORD: &str = "client-password-of-32-characters";

/// A connectivity check that nominates, as a browser sends it to a lite agent.
pub(super) fn check(ufrag: &str, pwd: &str, own: &str) -> Vec<u8> {
    let mut message = Message::new();
    message.write_header();
    message.set_type(BINDING_REQUEST);
    TransactionId::new().add_to(&mut message).unwrap();
    message.add(ATTR_USERNAME, format!("{ufrag}:{own}").as_bytes());
    message.add(ATTR_USE_CANDIDATE, &[]);
    finish(message, pwd)
}

/// The answer to a check of the server's, which must know the client's password and both ufrags.
pub(super) fn answer(datagram: &[u8], ufrag: &str, own: &str) -> Option<Vec<u8>> {
    let mut request = Message::new();
    request.unmarshal_binary(datagram).unwrap();
    if request.typ != BINDING_REQUEST {
        return None;
    }
    let username = request.get(ATTR_USERNAME).unwrap();
    assert_eq!(username, format!("{own}:{ufrag}").as_bytes());
    FINGERPRINT.check(&request).unwrap();
    let crypto = default_provider().unwrap();
    MessageIntegrity::check(&mut request, PASSWORD.as_bytes(), crypto.crypto()).unwrap();
    let mut answer = Message::new();
    answer.typ = BINDING_SUCCESS;
    answer.transaction_id = request.transaction_id;
    answer.write_header();
    Some(finish(answer, PASSWORD))
}

fn finish(mut message: Message, pwd: &str) -> Vec<u8> {
    let crypto = default_provider().unwrap();
    MessageIntegrity::new_short_term_integrity_with_provider(pwd.to_owned(), crypto.crypto())
        .add_to(&mut message)
        .unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}
