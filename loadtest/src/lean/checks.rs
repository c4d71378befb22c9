//! ICE towards a server with one address (RFC 8445; the server is lite): nominates the only pair,
//! keeps the consent (RFC 7675), and answers the server's own checks. Knows no sockets.

use anyhow::Context;
use rtc::shared::error::Error;
use rtc::stun::attributes::ATTR_USE_CANDIDATE;
use rtc::stun::attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USERNAME};
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As often as libwebrtc checks a pair that has not answered.
const UNANSWERED_INTERVAL: Duration = Duration::from_millis(50);
/// As often as libwebrtc checks the pair it uses.
const ANSWERED_INTERVAL: Duration = Duration::from_millis(2500);
/// Of a host candidate found through the peer (RFC 8445, section 5.1.2).
const PRIORITY: u32 = (110 << 24) + (65_535 << 8) + 255;

/// The name and the password of one side (RFC 8839, section 5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    /// The user name fragment.
    pub(super) ufrag: String,
    /// The password.
    pub(super) pwd: String,
}

/// The checks of one participant.
pub(super) struct Checks {
    local: Credentials,
    remote: Credentials,
    crypto: Arc<dyn rtc::stun::crypto::RTCCryptoProvider>,
    next_at: Instant,
    is_answered: bool,
}

impl Checks {
    /// The first check is due at once.
    pub(super) fn new(
        now: Instant,
        local: Credentials,
        remote: Credentials,
    ) -> anyhow::Result<Self> {
        let crypto = rtc::stun::crypto::default_provider().context("no crypto for STUN")?;
        Ok(Self {
            local,
            remote,
            crypto,
            next_at: now,
            is_answered: false,
        })
    }

    /// Whether the server answered a check.
    pub(super) fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// When [`Checks::poll`] is due.
    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// The check that is due.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next_at {
            return None;
        }
        self.next_at = now
            + if self.is_answered {
                ANSWERED_INTERVAL
            } else {
                UNANSWERED_INTERVAL
            };
        let mut request = Message::new();
        request.typ = BINDING_REQUEST;
        request.transaction_id = TransactionId::new();
        request.write_header();
        let username = format!("{}:{}", self.remote.ufrag, self.local.ufrag);
        request.add(ATTR_USERNAME, username.as_bytes());
        request.add(ATTR_PRIORITY, &PRIORITY.to_be_bytes());
        // The server is lite, so this side controls whatever the number is.
        request.add(ATTR_ICE_CONTROLLING, &[0; 8]);
        request.add(ATTR_USE_CANDIDATE, &[]);
        self.seal(request, &self.remote.pwd).ok()
    }

    /// Takes a STUN datagram and returns the answer to it, if it is a request.
    pub(super) fn receive(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut message = Message::new();
        message.unmarshal_binary(datagram).ok()?;
        if message.typ == BINDING_SUCCESS {
            let key = self.remote.pwd.as_bytes();
            self.is_answered |=
                MessageIntegrity::check(&mut message, key, self.crypto.crypto()).is_ok();
            return None;
        }
        let key = self.local.pwd.as_bytes();
        MessageIntegrity::check(&mut message, key, self.crypto.crypto()).ok()?;
        let mut answer = Message::new();
        answer.typ = BINDING_SUCCESS;
        answer.transaction_id = message.transaction_id;
        answer.write_header();
        self.seal(answer, &self.local.pwd).ok()
    }

    fn seal(&self, mut message: Message, pwd: &str) -> Result<Vec<u8>, Error> {
        let crypto = self.crypto.crypto();
        MessageIntegrity::new_short_term_integrity_with_provider(pwd.to_owned(), crypto)
            .add_to(&mut message)?;
        FINGERPRINT.add_to(&mut message)?;
        Ok(message.raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(name: &str) -> Credentials {
        Credentials {
            ufrag: name.repeat(4),
            pwd: name.repeat(24),
        }
    }

    #[test]
    fn two_sides_with_each_others_password_agree() {
        let now = Instant::now();
        let mut client = Checks::new(now, side("c"), side("s")).unwrap();
        let mut server = Checks::new(now, side("s"), side("c")).unwrap();
        let answer = server.receive(&client.poll(now).unwrap()).unwrap();
        assert!(!client.is_answered());
        assert_eq!(client.receive(&answer), None);
        assert!(client.is_answered());
    }

    #[test]
    fn an_answer_under_another_password_proves_nothing() {
        let now = Instant::now();
        let mut client = Checks::new(now, side("c"), side("s")).unwrap();
        let stranger = Checks::new(now, side("x"), side("c")).unwrap();
        let mut answer = Message::new();
        answer.typ = BINDING_SUCCESS;
        answer.write_header();
        let answer = stranger.seal(answer, "x").unwrap();
        client.receive(&answer);
        assert!(!client.is_answered());
    }

    #[test]
    fn checks_become_rare_once_they_are_answered() {
        let now = Instant::now();
        let mut client = Checks::new(now, side("c"), side("s")).unwrap();
        assert!(client.poll(now).is_some());
        assert!(client.poll(now).is_none());
        assert!(client.poll(now + UNANSWERED_INTERVAL).is_some());
        client.is_answered = true;
        assert!(client.poll(now + UNANSWERED_INTERVAL * 2).is_some());
        assert_eq!(
            client.next_at(),
            now + UNANSWERED_INTERVAL * 2 + ANSWERED_INTERVAL
        );
    }
}
