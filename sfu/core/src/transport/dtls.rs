//! The seam to the DTLS engine: the only file that knows it. Decides how much of a handshake a
//! peer may cost, and that its certificate is the offered one before any key is used.

use super::config::{DtlsRole, Fingerprint, TransportConfig, TransportError};
use super::drop_reason::DropReason;
use super::srtp::Profile;
use dimpl::{Dtls as Engine, Output, SrtpProfile};
use std::time::Instant;

/// What a WebRTC client sends at most: one record of an SCTP packet, or one piece of a flight, in
/// a datagram that no path fragments. Jumbo frames do not cross the Internet.
const DATAGRAM_LEN_MAX: usize = 2048;
/// A client needs about six; with every flight resent as often as RFC 6347 lets it, fewer than
/// this. What comes beyond is dropped.
const HANDSHAKE_DATAGRAMS_MAX: u32 = 200;
/// About twenty times what the largest client flights add up to. What comes beyond is dropped.
const HANDSHAKE_BYTES_MAX: usize = 128 * 1024;

/// One peer's DTLS association, kept as long as the peer: it resends its last flight when the
/// client asks for it again.
pub(super) struct Dtls {
    engine: Engine,
    expected: Fingerprint,
    phase: Phase,
    timeout: Option<Instant>,
}

/// How far the handshake is.
enum Phase {
    Handshake {
        datagrams: u32,
        bytes: usize,
        verified: bool,
    },
    Established,
}

/// What DTLS wants done.
pub(super) enum Outcome<'a> {
    /// Send this datagram.
    Send(&'a [u8]),
    /// The handshake is through: the profile and both directions' keys (RFC 5764, section 4.2).
    Keys(Profile, &'a [u8]),
    /// The client sent this.
    Data(&'a [u8]),
}

impl Dtls {
    /// As client, the first flight comes out of the first [`Dtls::drain`] after
    /// [`Dtls::handle_timeout`].
    pub(super) fn new(
        now: Instant,
        config: &TransportConfig,
        expected: Fingerprint,
        role: DtlsRole,
    ) -> Self {
        let mut engine = Engine::new_12(config.dtls.clone(), config.certificate.clone(), now);
        engine.set_active(role == DtlsRole::Active);
        Self {
            engine,
            expected,
            phase: Phase::Handshake {
                datagrams: 0,
                bytes: 0,
                verified: false,
            },
            timeout: Some(now),
        }
    }

    /// Whether a datagram is worth the engine's time.
    pub(super) fn admit(&mut self, datagram: &[u8]) -> Result<(), DropReason> {
        if datagram.len() > DATAGRAM_LEN_MAX {
            return Err(DropReason::DtlsTooLong);
        }
        if let Phase::Handshake {
            datagrams, bytes, ..
        } = &mut self.phase
        {
            if *datagrams == HANDSHAKE_DATAGRAMS_MAX
                || *bytes + datagram.len() > HANDSHAKE_BYTES_MAX
            {
                return Err(DropReason::DtlsFloodLimit);
            }
            *datagrams += 1;
            *bytes += datagram.len();
        }
        Ok(())
    }

    /// Takes an admitted datagram. An error is final, here and in all that follow.
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Result<(), TransportError> {
        self.handle_timeout(now)?;
        self.engine
            .handle_packet(datagram)
            .map_err(TransportError::Dtls)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), TransportError> {
        self.engine
            .handle_timeout(now)
            .map_err(TransportError::Dtls)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Encrypts one record; it comes out of the next [`Dtls::drain`].
    pub(super) fn send(&mut self, data: &[u8]) -> Result<(), TransportError> {
        self.engine
            .send_application_data(data)
            .map(drop)
            .map_err(TransportError::Dtls)
    }

    /// Hands over everything that is due. Must follow each of the calls above.
    pub(super) fn drain(
        &mut self,
        mut take: impl FnMut(Outcome<'_>),
    ) -> Result<(), TransportError> {
        let mut buffer = [0; DATAGRAM_LEN_MAX];
        let mut connected = false;
        loop {
            match self.engine.poll_output(&mut buffer) {
                Output::Packet(datagram) => take(Outcome::Send(datagram)),
                Output::ApplicationData(data) => take(Outcome::Data(data)),
                Output::PeerCert(certificate) => {
                    let verified = Fingerprint::of(certificate) == self.expected;
                    self.verify(verified)?;
                }
                Output::Connected => connected = true,
                Output::KeyingMaterial(keys, profile) => {
                    self.establish()?;
                    take(Outcome::Keys(profile_of(profile)?, &keys));
                }
                Output::CloseNotify => return Err(TransportError::Closed),
                Output::BufferTooSmall { .. } => {
                    unreachable!("records are no longer than the datagrams that are admitted")
                }
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    break;
                }
                // The engine's enum may grow within a version; nothing else is asked of it.
                _ => {}
            }
        }
        match self.phase {
            Phase::Handshake { .. } if connected => Err(TransportError::NoSrtpKeys),
            Phase::Handshake { .. } | Phase::Established => Ok(()),
        }
    }

    fn verify(&mut self, is_expected: bool) -> Result<(), TransportError> {
        if !is_expected {
            return Err(TransportError::FingerprintMismatch);
        }
        if let Phase::Handshake { verified, .. } = &mut self.phase {
            *verified = true;
        }
        Ok(())
    }

    fn establish(&mut self) -> Result<(), TransportError> {
        match self.phase {
            Phase::Handshake {
                verified: false, ..
            } => Err(TransportError::FingerprintMismatch),
            Phase::Handshake { verified: true, .. } | Phase::Established => {
                self.phase = Phase::Established;
                Ok(())
            }
        }
    }
}

fn profile_of(profile: SrtpProfile) -> Result<Profile, TransportError> {
    match profile {
        SrtpProfile::AEAD_AES_256_GCM => Ok(Profile::Aes256Gcm),
        SrtpProfile::AEAD_AES_128_GCM => Ok(Profile::Aes128Gcm),
        SrtpProfile::AES128_CM_SHA1_80 => Ok(Profile::Aes128CmSha1),
        _ => Err(TransportError::NoSrtpKeys),
    }
}
