//! One peer's encrypted pipe: ICE, DTLS, SRTP and data channels on one transport (RFC 8843).
//! Decides which bytes are the peer's; knows nothing of tracks, rooms or what the bytes mean.
//!
//! # Layout
//! - [`config`]: what is fixed before the first datagram.
//! - [`ice`]: answers connectivity checks, knows which addresses are the peer's.
//! - [`address_check`]: asks a client whether it is where its media comes from.
//! - [`session`]: what lives by the keys of the handshake: [`dtls`], [`srtp`], [`data_channel`].
//! - [`drop_reason`]: why a datagram went no further.

mod address_check;
mod config;
mod data_channel;
mod drop_reason;
mod dtls;
mod ice;
mod session;
mod srtp;

pub use config::{
    DtlsRole, Fingerprint, IceCredentials, RemoteParameters, TransportConfig, TransportError,
};
pub use data_channel::{MESSAGE_LEN_MAX, SendDataError};
pub use drop_reason::DropReason;
pub use ice::stun_local_ufrag;

use crate::command::DataChannel;
use crate::outbox::{Outbox, Path, RunIndex};
use bytes::Bytes;
use ice::{Check, IceResponder};
use session::{Session, Wire};
use std::sync::Arc;
use std::time::Instant;

/// One peer's transport, from its first connectivity check to its end.
pub struct Transport {
    config: Arc<TransportConfig>,
    ice: IceResponder,
    remote: Option<RemoteParameters>,
    link: Link,
    run: Option<RunIndex>,
    last_heard_at: Option<Instant>,
}

/// How far the encryption is.
enum Link {
    /// No datagram of the handshake yet.
    Idle,
    Open(Box<Session>),
    Failed,
}

/// What a datagram turned out to be. Packets borrow the caller's buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Dealt with in here.
    Nothing,
    /// ICE authenticated this address: the engine routes its datagrams here from now on. Said for
    /// every valid check, so that an address that moved between peers follows the last one.
    Validated,
    /// A decrypted RTP packet.
    Rtp(&'a mut [u8]),
    /// A decrypted compound RTCP packet.
    Rtcp(&'a mut [u8]),
    /// Nothing came of it, and nothing was answered.
    Dropped(DropReason),
}

impl Received<'_> {
    /// Whether it is media or what is said of media: made with the keys of the peer.
    pub fn is_media(&self) -> bool {
        match self {
            Self::Rtp(_) | Self::Rtcp(_) => true,
            Self::Nothing | Self::Validated | Self::Dropped(_) => false,
        }
    }
}

/// What happened to a transport.
#[derive(Debug, Clone, PartialEq)]
pub enum TransportEvent {
    /// DTLS is up and the keys are there: media and data can flow.
    Connected,
    /// The transport is lost for good. The last of its events.
    Failed(TransportError),
    /// The client opened this channel.
    ChannelOpen(DataChannel),
    /// A message of at most 65,536 bytes came in.
    Data(DataChannel, Bytes),
}

impl Transport {
    /// A transport that answers checks made with `local` and waits for the offer.
    pub fn new(config: Arc<TransportConfig>, local: IceCredentials) -> Self {
        let ice = IceResponder::new(local, config.stun_crypto.clone());
        Self {
            config,
            ice,
            remote: None,
            link: Link::Idle,
            run: None,
            last_heard_at: None,
        }
    }

    /// The credentials that belong into the answer.
    pub fn local(&self) -> &IceCredentials {
        self.ice.local()
    }

    /// Replaces the local credentials for an ICE restart (RFC 8445, section 9). The old ones stay
    /// valid until a check with the new ones nominates an address.
    pub fn restart_ice(&mut self, local: IceCredentials) {
        self.ice.restart(local);
    }

    /// Takes what an offer says. The first call lets DTLS start; later ones with the same
    /// certificate are ICE restarts or repetitions and leave DTLS alone; another certificate is
    /// refused and changes nothing.
    pub fn set_remote(
        &mut self,
        now: Instant,
        remote: RemoteParameters,
    ) -> Result<(), TransportError> {
        match &mut self.remote {
            Some(known) if known.fingerprint != remote.fingerprint => {
                Err(TransportError::FingerprintChanged)
            }
            Some(known) => {
                known.ice = remote.ice;
                Ok(())
            }
            None => {
                let is_active = remote.role == DtlsRole::Active;
                self.remote = Some(remote);
                if is_active && self.ice.path().is_some() {
                    // The first flight leaves with the timeout, which is due at once.
                    self.open(now);
                }
                Ok(())
            }
        }
    }

    /// Whether media and data can flow.
    pub fn is_connected(&self) -> bool {
        match &self.link {
            Link::Open(session) => session.is_connected(),
            Link::Idle | Link::Failed => false,
        }
    }

    /// Where datagrams go: the address nominated last, or the first that was validated.
    pub fn path(&self) -> Option<Path> {
        self.ice.path()
    }

    /// When the last authenticated datagram of any protocol came in.
    pub fn last_heard_at(&self) -> Option<Instant> {
        self.last_heard_at
    }

    /// When [`Transport::handle_timeout`] is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        match &self.link {
            Link::Open(session) => session.next_timeout(),
            Link::Idle | Link::Failed => None,
        }
    }

    /// Takes one datagram, told apart by its first byte (RFC 7983), and decrypts media in place.
    pub fn receive<'a>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'a mut [u8],
        out: &mut Outbox,
        events: &mut Vec<TransportEvent>,
    ) -> Received<'a> {
        let result = match datagram.first() {
            Some(0..=3) => self.receive_stun(now, path, datagram, out, events),
            Some(20..=63) => self.receive_dtls(now, path, datagram, out, events),
            Some(128..=191) => self.receive_media(now, path, datagram, out),
            Some(_) | None => Err(DropReason::Unknown),
        };
        result.unwrap_or_else(Received::Dropped)
    }

    /// Encrypts a packet straight into the outbox; false, and nothing sent, if that is not
    /// possible yet. `header` is the complete RTP header with its extensions; the caller owns its
    /// SSRC and sequence number and counts the rollovers of the latter.
    ///
    /// A pair of SSRC and extended sequence number must never carry two different packets: that
    /// would give the key stream away. Retransmissions go on their own SSRC (RFC 4588).
    pub fn send_rtp(
        &mut self,
        header: &[u8],
        payload: &[u8],
        rollover: u32,
        out: &mut Outbox,
    ) -> bool {
        let (Some(path), Link::Open(session)) = (self.ice.path(), &mut self.link) else {
            return false;
        };
        let Some(sender) = session.sender() else {
            return false;
        };
        let Some(len) = sender.rtp_len(header, payload) else {
            return false;
        };
        let run = out.append(self.run, path, len, |tail| {
            sender.seal_rtp(header, payload, rollover, tail);
        });
        self.run = Some(run);
        true
    }

    /// Encrypts a compound RTCP packet; false, and nothing sent, if that is not possible yet.
    pub fn send_rtcp(&mut self, compound: &[u8], out: &mut Outbox) -> bool {
        let (Some(path), Link::Open(session)) = (self.ice.path(), &mut self.link) else {
            return false;
        };
        let Some(sender) = session.sender() else {
            return false;
        };
        let Some(len) = sender.rtcp_len(compound) else {
            return false;
        };
        let run = out.append(self.run, path, len, |tail| sender.seal_rtcp(compound, tail));
        self.run = Some(run);
        true
    }

    /// Sends a message, or queues it until SCTP's window opens. A lossy message that would wait
    /// too long is dropped without an error.
    pub fn send_data(
        &mut self,
        now: Instant,
        channel: DataChannel,
        payload: &Bytes,
        out: &mut Outbox,
    ) -> Result<(), SendDataError> {
        let (Some(path), Link::Open(session)) = (self.ice.path(), &mut self.link) else {
            return Err(SendDataError::NotOpen);
        };
        session.queue_data(channel, payload)?;
        session
            .flush(now, path, out)
            .map_err(|_| SendDataError::NotOpen)
    }

    /// Resends what was not answered. Does no harm when called too early.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        events: &mut Vec<TransportEvent>,
    ) {
        let (Some(path), Link::Open(session)) = (self.ice.path(), &mut self.link) else {
            return;
        };
        let wire = Wire { path, out, events };
        if let Err(error) = session.handle_timeout(now, &self.config, wire) {
            self.fail(error, events);
        }
    }

    fn receive_stun(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        out: &mut Outbox,
        events: &mut Vec<TransportEvent>,
    ) -> Result<Received<'static>, DropReason> {
        let remote = self.remote.as_ref().map(|remote| &remote.ice);
        match self.ice.receive(path, datagram, remote)? {
            Check::Indication => Ok(Received::Nothing),
            Check::Proof => {
                self.last_heard_at = Some(now);
                Ok(Received::Validated)
            }
            Check::Answer(answer) => {
                out.send(None, path, &answer);
                self.last_heard_at = Some(now);
                self.start_if_active(now, out, events);
                Ok(Received::Validated)
            }
        }
    }

    /// As DTLS client we begin, as soon as there is an address to send to.
    fn start_if_active(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        events: &mut Vec<TransportEvent>,
    ) {
        let is_active = self
            .remote
            .as_ref()
            .is_some_and(|remote| remote.role == DtlsRole::Active);
        if is_active && matches!(self.link, Link::Idle) {
            self.open(now);
            self.handle_timeout(now, out, events);
        }
    }

    /// Starts DTLS if the offer is in; `None` without one and after a failure.
    fn open(&mut self, now: Instant) -> Option<&mut Session> {
        if let (Link::Idle, Some(remote)) = (&self.link, &self.remote) {
            let session = Session::new(now, &self.config, remote);
            self.link = Link::Open(Box::new(session));
        }
        match &mut self.link {
            Link::Open(session) => Some(session),
            Link::Idle | Link::Failed => None,
        }
    }

    fn receive_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        out: &mut Outbox,
        events: &mut Vec<TransportEvent>,
    ) -> Result<Received<'static>, DropReason> {
        if !self.ice.is_validated(path.remote) {
            return Err(DropReason::DtlsBeforeIce);
        }
        let path = self.ice.path().expect("a validated address selects a path");
        let config = self.config.clone();
        let session = self.open(now).ok_or(DropReason::DtlsUnexpected)?;
        session.admit(datagram)?;
        let wire = Wire { path, out, events };
        match session.receive_dtls(now, &config, datagram, wire) {
            Ok(true) => self.last_heard_at = Some(now),
            Ok(false) => {}
            Err(error) => self.fail(error, events),
        }
        Ok(Received::Nothing)
    }

    fn receive_media<'a>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'a mut [u8],
        out: &mut Outbox,
    ) -> Result<Received<'a>, DropReason> {
        let is_validated = self.ice.is_validated(path.remote);
        let refused = |reason| {
            if is_validated {
                reason
            } else {
                DropReason::AddressNotValidated
            }
        };
        let Link::Open(session) = &mut self.link else {
            return Err(refused(DropReason::SrtpNoKeys));
        };
        let is_rtcp = is_rtcp(datagram);
        let received = session.receive_media(datagram, is_rtcp).map_err(refused)?;
        self.last_heard_at = Some(now);
        if !is_validated {
            self.ask_new_address(now, path, out);
        }
        Ok(received)
    }

    /// What a client sends is its own wherever it comes from; what is sent to it goes to the new
    /// address once the client has answered there.
    fn ask_new_address(&mut self, now: Instant, path: Path, out: &mut Outbox) {
        if let Some(remote) = &self.remote
            && let Some(request) = self.ice.ask(now, path, &remote.ice)
        {
            out.send(None, path, &request);
        }
    }

    fn fail(&mut self, error: TransportError, events: &mut Vec<TransportEvent>) {
        self.link = Link::Failed;
        events.push(TransportEvent::Failed(error));
    }
}

/// RTCP's packet types lie where RTP has its marker and a payload type that is never used with
/// both on one port (RFC 5761, section 4).
fn is_rtcp(packet: &[u8]) -> bool {
    packet
        .get(1)
        .is_some_and(|second| (192..=223).contains(second))
}
