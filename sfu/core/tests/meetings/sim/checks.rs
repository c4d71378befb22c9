//! The connectivity checks of a simulated client, and its answers to the server's. Shared with the
//! simulation in `signaling/tests`.

use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::crypto::default_provider;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};

pub(crate) const PASSWORD: &str = "client-password-of-32-characters";

/// A connectivity check that nominates, as a browser sends it to a lite agent.
pub(crate) fn check(ufrag: &str, pwd: &str, own: &str) -> Vec<u8> {
    let mut message = Message::new();
    message.write_header();
    message.set_type(BINDING_REQUEST);
    TransactionId::new().add_to(&mut message).unwrap();
    message.add(ATTR_USERNAME, format!("{ufrag}:{own}").as_bytes());
    message.add(ATTR_USE_CANDIDATE, &[]);
    finish(message, pwd)
}

/// The answer to a check of the server's; none to one that is not for this client.
pub(crate) fn answer(datagram: &[u8], own: &str) -> Option<Vec<u8>> {
    let mut request = Message::new();
    request.unmarshal_binary(datagram).ok()?;
    let username = request.get(ATTR_USERNAME).ok()?;
    let is_ours = username.starts_with(format!("{own}:").as_bytes());
    if request.typ != BINDING_REQUEST || !is_ours {
        return None;
    }
    FINGERPRINT.check(&request).ok()?;
    let crypto = default_provider().unwrap();
    MessageIntegrity::check(&mut request, PASSWORD.as_bytes(), crypto.crypto()).ok()?;
    let mut answer = Message::new();
    answer.typ = BINDING_SUCCESS;
    answer.transaction_id = request.transaction_id;
    answer.write_header();
    Some(finish(answer, PASSWORD))
}

/// Whether it is the answer to a check.
pub(crate) fn is_success(datagram: &[u8]) -> bool {
    datagram.starts_with(&[1, 1])
}

fn finish(mut message: Message, pwd: &str) -> Vec<u8> {
    let crypto = default_provider().unwrap();
    MessageIntegrity::new_short_term_integrity_with_provider(pwd.to_owned(), crypto.crypto())
        .add_to(&mut message)
        .unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}
