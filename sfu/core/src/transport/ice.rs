//! Answers the client's connectivity checks as a lite agent (RFC 8445) and picks the address that
//! media goes to. Sends nothing at all to whoever lacks the password, and asks nobody by itself but
//! an address that authentic media came from: see [`address_check`](super::address_check).

use super::address_check::AddressCheck;
use super::config::IceCredentials;
use super::drop_reason::DropReason;
use crate::outbox::Path;
use rtc_stun::attributes::{
    ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType, RawAttribute,
};
use rtc_stun::crypto::RTCCryptoProvider;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_REQUEST, BINDING_SUCCESS, CLASS_INDICATION, MAGIC_COOKIE, MESSAGE_HEADER_SIZE, Message,
    Setter,
};
use rtc_stun::xoraddr::XorMappedAddress;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// A phone has a handful of addresses and reaches each of ours from a port of its own. The oldest
/// that is not in use is forgotten; it validates again with its next check.
const VALIDATED_MAX: usize = 16;
/// Chrome's checks have 100 to 150 bytes, and those of libwebrtc that carry the DTLS flight along
/// (`goog-sped`) as many as a path takes.
const CHECK_LEN_MAX: usize = 1500;

/// One peer's side of ICE.
pub(super) struct IceResponder {
    local: IceCredentials,
    /// Those before a restart: checks of the old session keep its path alive until the new
    /// session has nominated one.
    previous: Option<IceCredentials>,
    validated: VecDeque<SocketAddr>,
    selected: Selected,
    address_check: AddressCheck,
    crypto: Arc<dyn RTCCryptoProvider>,
}

/// Where media goes.
#[derive(Debug, Clone, Copy)]
enum Selected {
    Nowhere,
    /// Validated before any nomination.
    First(Path),
    Nominated(Path),
}

/// What comes of a STUN message.
pub(super) enum Check {
    /// A keep-alive: nothing to answer, and nothing learnt (RFC 8445, section 11).
    Indication,
    /// The answer to a valid check, to be sent back on the path it came by.
    Answer(Vec<u8>),
    /// The client answered where it was asked: media goes there from now on.
    Proof,
}

impl IceResponder {
    pub(super) fn new(local: IceCredentials, crypto: Arc<dyn RTCCryptoProvider>) -> Self {
        Self {
            local,
            previous: None,
            validated: VecDeque::with_capacity(VALIDATED_MAX),
            selected: Selected::Nowhere,
            address_check: AddressCheck::default(),
            crypto,
        }
    }

    pub(super) fn local(&self) -> &IceCredentials {
        &self.local
    }

    pub(super) fn restart(&mut self, local: IceCredentials) {
        self.previous = Some(std::mem::replace(&mut self.local, local));
    }

    pub(super) fn is_validated(&self, remote: SocketAddr) -> bool {
        self.validated.contains(&remote)
    }

    pub(super) fn path(&self) -> Option<Path> {
        match self.selected {
            Selected::Nowhere => None,
            Selected::First(path) | Selected::Nominated(path) => Some(path),
        }
    }

    /// The request by which a client proves that it is at an address that its media came from.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        path: Path,
        remote: &IceCredentials,
    ) -> Option<Vec<u8>> {
        let credentials = (&self.local, remote);
        self.address_check
            .ask(now, path, credentials, &*self.crypto)
    }

    /// Takes one STUN message. `remote` is what the client's offer says of itself.
    pub(super) fn receive(
        &mut self,
        path: Path,
        datagram: &[u8],
        remote: Option<&IceCredentials>,
    ) -> Result<Check, DropReason> {
        let mut request = parse(datagram).ok_or(DropReason::StunMalformed)?;
        if request.typ.class == CLASS_INDICATION {
            return Ok(Check::Indication);
        }
        if let (BINDING_SUCCESS, Some(remote)) = (request.typ, remote) {
            self.address_check
                .settle(path, &mut request, remote, &*self.crypto)?;
            self.validate(path, true);
            return Ok(Check::Proof);
        }
        if request.typ != BINDING_REQUEST {
            return Err(DropReason::StunUnexpected);
        }
        let credentials = self.authenticate(&mut request)?;
        let is_current = credentials.ufrag == self.local.ufrag;
        let answer = self.answer(&request, path.remote, &credentials.pwd);
        let nominates = protected(&request, ATTR_USE_CANDIDATE).is_some();
        self.validate(path, nominates);
        if nominates && is_current {
            self.previous = None;
        }
        Ok(Check::Answer(answer))
    }

    fn authenticate(&self, request: &mut Message) -> Result<IceCredentials, DropReason> {
        let username = protected(request, ATTR_USERNAME).ok_or(DropReason::StunMalformed)?;
        let credentials = [Some(&self.local), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|known| local_part(&username.value) == Some(known.ufrag.as_bytes()))
            .ok_or(DropReason::StunUnauthenticated)?;
        FINGERPRINT
            .check(request)
            .map_err(|_| DropReason::StunMalformed)?;
        MessageIntegrity::check(request, credentials.pwd.as_bytes(), self.crypto.crypto())
            .map_err(|_| DropReason::StunUnauthenticated)?;
        Ok(credentials.clone())
    }

    fn answer(&self, request: &Message, remote: SocketAddr, pwd: &str) -> Vec<u8> {
        let mut answer = Message::new();
        let address = XorMappedAddress {
            // A socket for both families names IPv4 clients in IPv6 form; they know themselves as IPv4.
            ip: remote.ip().to_canonical(),
            port: remote.port(),
        };
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            pwd.to_owned(),
            self.crypto.crypto(),
        );
        answer.typ = BINDING_SUCCESS;
        answer.transaction_id = request.transaction_id;
        answer.write_header();
        let parts: [&dyn Setter; 3] = [&address, &integrity, &FINGERPRINT];
        for part in parts {
            part.add_to(&mut answer)
                .expect("an address, a tag and a checksum fit any message");
        }
        answer.raw
    }

    fn validate(&mut self, path: Path, nominates: bool) {
        self.selected = match self.selected {
            _ if nominates => Selected::Nominated(path),
            Selected::Nowhere => Selected::First(path),
            kept @ (Selected::First(_) | Selected::Nominated(_)) => kept,
        };
        if self.is_validated(path.remote) {
            return;
        }
        if self.validated.len() == VALIDATED_MAX {
            let in_use = self.path().map(|path| path.remote);
            let oldest = self
                .validated
                .iter()
                .position(|&known| Some(known) != in_use)
                .expect("only one of several addresses is in use");
            self.validated.remove(oldest);
        }
        self.validated.push_back(path.remote);
    }
}

/// The local ufrag of a STUN binding request's USERNAME ("<local>:<remote>"), without
/// authentication: tells which peer a datagram from a new address may belong to.
pub fn stun_local_ufrag(datagram: &[u8]) -> Option<&str> {
    let (header, mut rest) = datagram.split_at_checked(MESSAGE_HEADER_SIZE)?;
    if header[..2] != [0, 1] || header[4..8] != MAGIC_COOKIE.to_be_bytes() {
        return None;
    }
    while let Some((head, tail)) = rest.split_at_checked(4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if kind == ATTR_USERNAME.0 {
            return std::str::from_utf8(local_part(tail.get(..len)?)?).ok();
        }
        rest = tail.get(len.next_multiple_of(4)..)?;
    }
    None
}

fn local_part(username: &[u8]) -> Option<&[u8]> {
    let colon = username.iter().position(|&byte| byte == b':')?;
    Some(&username[..colon])
}

fn parse(datagram: &[u8]) -> Option<Message> {
    if datagram.len() > CHECK_LEN_MAX {
        return None;
    }
    let mut message = Message::new();
    message.unmarshal_binary(datagram).ok()?;
    let len = MESSAGE_HEADER_SIZE + usize::try_from(message.length).ok()?;
    (len == datagram.len()).then_some(message)
}

/// An attribute that the message integrity covers: whatever follows it was not written by who
/// knows the password (RFC 8489, section 14.5).
fn protected(message: &Message, wanted: AttrType) -> Option<&RawAttribute> {
    message
        .attributes
        .0
        .iter()
        .take_while(|attribute| attribute.typ != ATTR_MESSAGE_INTEGRITY)
        .find(|attribute| attribute.typ == wanted)
}
