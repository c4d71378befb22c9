//! Asks an address that authentic media came from whether the client is there. A NAT or a tunnel
//! can change a client's address under it, and its own next check may be seconds away (Chrome
//! sends one every 2.5 s). Decides only whether an answer proves the address; media itself proves
//! nothing, because whoever overheard a packet can send it again from elsewhere.

use super::config::IceCredentials;
use super::drop_reason::DropReason;
use crate::outbox::Path;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLED, ATTR_PRIORITY, ATTR_USERNAME};
use rtc_stun::crypto::RTCCryptoProvider;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, Setter, TransactionId};
use std::time::{Duration, Instant};

/// Every packet from the new address would be a reason to ask; this is how often ICE agents ask
/// (Ta of RFC 8445, section 14.2).
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// Of a peer-reflexive candidate (RFC 8445, section 5.1.2). Clients want the attribute; nothing
/// follows from it where the server is lite.
const PRIORITY: u32 = (110 << 24) | (0xffff << 8) | 255;

/// The one address that is asked at a time: the latest that media came from.
#[derive(Default)]
pub(super) struct AddressCheck {
    asked: Option<Asked>,
    /// Numbers the transactions. They may be guessed: an answer is made with the client's password.
    transactions: u64,
}

struct Asked {
    path: Path,
    transaction: TransactionId,
    at: Instant,
}

impl AddressCheck {
    /// The request to send, if it is time for one. The same address is asked in the same
    /// transaction until it answers.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        path: Path,
        (local, remote): (&IceCredentials, &IceCredentials),
        crypto: &dyn RTCCryptoProvider,
    ) -> Option<Vec<u8>> {
        if let Some(asked) = &self.asked
            && now.duration_since(asked.at) < CHECK_INTERVAL
        {
            return None;
        }
        let same = self.asked.take().filter(|asked| asked.path == path);
        let transaction = same.map_or_else(|| self.next_transaction(), |asked| asked.transaction);
        self.asked = Some(Asked {
            path,
            transaction,
            at: now,
        });
        Some(request(transaction, (local, remote), crypto))
    }

    /// Whether a success response comes from the address that was asked, and from the client.
    pub(super) fn settle(
        &mut self,
        path: Path,
        response: &mut Message,
        remote: &IceCredentials,
        crypto: &dyn RTCCryptoProvider,
    ) -> Result<(), DropReason> {
        let is_asked = self.asked.as_ref().is_some_and(|asked| {
            asked.path.remote == path.remote && asked.transaction == response.transaction_id
        });
        if !is_asked {
            return Err(DropReason::StunUnexpected);
        }
        MessageIntegrity::check(response, remote.pwd.as_bytes(), crypto.crypto())
            .map_err(|_| DropReason::StunUnauthenticated)?;
        self.asked = None;
        Ok(())
    }

    fn next_transaction(&mut self) -> TransactionId {
        self.transactions += 1;
        let mut id = [0; 12];
        id[4..].copy_from_slice(&self.transactions.to_be_bytes());
        TransactionId(id)
    }
}

fn request(
    transaction: TransactionId,
    (local, remote): (&IceCredentials, &IceCredentials),
    crypto: &dyn RTCCryptoProvider,
) -> Vec<u8> {
    let mut request = Message::new();
    request.typ = BINDING_REQUEST;
    request.transaction_id = transaction;
    request.write_header();
    let username = format!("{}:{}", remote.ufrag, local.ufrag);
    request.add(ATTR_USERNAME, username.as_bytes());
    request.add(ATTR_PRIORITY, &PRIORITY.to_be_bytes());
    // The client controls, because it faces a lite agent; there is no tie to break.
    request.add(ATTR_ICE_CONTROLLED, &[0; 8]);
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
        remote.pwd.clone(),
        crypto.crypto(),
    );
    let parts: [&dyn Setter; 2] = [&integrity, &FINGERPRINT];
    for part in parts {
        part.add_to(&mut request)
            .expect("a tag and a checksum fit any message");
    }
    request.raw
}
