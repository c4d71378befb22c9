//! Encrypts and decrypts media (RFC 3711, RFC 7714) in the caller's buffers, without allocation
//! per packet. Knows headers as far as the ciphers need them, and nothing of codecs or tracks.
//!
//! # Layout
//! - [`key_derivation`]: from the keys of DTLS to those of the ciphers.
//! - [`gcm`], [`counter_mode`]: the two kinds of cipher, on whole packets.
//! - [`receiver`], [`sender`]: what is remembered between packets of one direction.

mod counter_mode;
mod gcm;
mod key_derivation;
#[cfg(test)]
mod oracle_tests;
mod receiver;
mod sender;
#[cfg(test)]
mod vector_tests;

pub(super) use receiver::Receiver;
pub(super) use sender::Sender;

use super::config::DtlsRole;
use counter_mode::CounterMode;
use gcm::Gcm;
use key_derivation::Purpose;

/// The RTP header without contributors and extensions (RFC 3550, section 5.1).
const RTP_HEADER_LEN: usize = 12;
/// What of an RTCP packet is never encrypted (RFC 3711, section 3.4).
const RTCP_HEADER_LEN: usize = 8;
/// The index at the end of an SRTCP packet, with the encryption flag in front.
const RTCP_INDEX_LEN: usize = 4;
/// The encryption flag of SRTCP (RFC 3711, section 3.4).
const ENCRYPTED_FLAG: u32 = 1 << 31;

/// A protection profile of DTLS-SRTP (RFC 5764), the ones DTLS here can negotiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// RFC 7714; what browsers end at.
    Aes256Gcm,
    /// RFC 7714.
    Aes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80` (RFC 3711); the one every client knows.
    Aes128CmSha1,
}

impl Profile {
    const fn key_len(self) -> usize {
        match self {
            Self::Aes256Gcm => 32,
            Self::Aes128Gcm | Self::Aes128CmSha1 => 16,
        }
    }

    const fn salt_len(self) -> usize {
        match self {
            Self::Aes256Gcm | Self::Aes128Gcm => 12,
            Self::Aes128CmSha1 => 14,
        }
    }
}

/// A master key and salt: the secret of one direction.
struct Master<'a> {
    key: &'a [u8],
    salt: &'a [u8],
}

/// The two directions from the keying material of DTLS (RFC 5764, section 4.2): the client's key,
/// the server's key, the client's salt, the server's salt.
///
/// # Panics
/// If the material is not as long as the profile needs.
pub(super) fn directions(profile: Profile, material: &[u8], role: DtlsRole) -> (Sender, Receiver) {
    let (keys, salts) = material.split_at(2 * profile.key_len());
    let (client_key, server_key) = keys.split_at(profile.key_len());
    let (client_salt, server_salt) = salts.split_at(profile.salt_len());
    let client = Master {
        key: client_key,
        salt: client_salt,
    };
    let server = Master {
        key: server_key,
        salt: server_salt,
    };
    let (ours, theirs) = match role {
        DtlsRole::Passive => (server, client),
        DtlsRole::Active => (client, server),
    };
    (Sender::new(profile, &ours), Receiver::new(profile, &theirs))
}

/// The keyed cipher of one direction, of RTP or of RTCP.
enum Cipher {
    Gcm(Gcm),
    /// Boxed: its hash state is forty times as large, and browsers do not choose it.
    CounterMode(Box<CounterMode>),
}

/// The packet was changed on its way, or made with other keys.
struct Unauthentic;

impl Cipher {
    fn new(profile: Profile, master: &Master<'_>, purpose: Purpose) -> Self {
        match profile {
            Profile::Aes256Gcm | Profile::Aes128Gcm => Self::Gcm(Gcm::new(master, purpose)),
            Profile::Aes128CmSha1 => Self::CounterMode(Box::new(CounterMode::new(master, purpose))),
        }
    }

    /// How much longer an RTP packet gets.
    const fn tag_len(&self) -> usize {
        match self {
            Self::Gcm(_) => gcm::TAG_LEN,
            Self::CounterMode(_) => counter_mode::TAG_LEN,
        }
    }

    fn seal_rtp(&self, index: u64, header: &[u8], payload: &[u8], out: &mut [u8]) {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtp(index, header, payload, out),
            Self::CounterMode(mode) => mode.seal_rtp(index, header, payload, out),
        }
    }

    /// Decrypts in place and returns the length of the plain packet.
    fn open_rtp(
        &self,
        index: u64,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<usize, Unauthentic> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtp(index, header_len, packet),
            Self::CounterMode(mode) => mode.open_rtp(index, header_len, packet),
        }
    }

    fn seal_rtcp(&self, index: u32, compound: &[u8], out: &mut [u8]) {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtcp(index, compound, out),
            Self::CounterMode(mode) => mode.seal_rtcp(index, compound, out),
        }
    }

    /// Decrypts in place and returns the length of the plain compound packet.
    fn open_rtcp(&self, packet: &mut [u8]) -> Result<usize, Unauthentic> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtcp(packet),
            Self::CounterMode(mode) => mode.open_rtcp(packet),
        }
    }

    /// Where the index word of an SRTCP packet starts; `None` if the packet is too short.
    fn rtcp_index_at(&self, len: usize) -> Option<usize> {
        let behind = match self {
            Self::Gcm(_) => 0,
            Self::CounterMode(_) => counter_mode::TAG_LEN,
        };
        len.checked_sub(RTCP_HEADER_LEN + self.tag_len() + RTCP_INDEX_LEN)?;
        len.checked_sub(behind + RTCP_INDEX_LEN)
    }
}

/// Reads four bytes as the number they are on the wire.
///
/// # Panics
/// If the packet is shorter.
fn be_u32(packet: &[u8], at: usize) -> u32 {
    let bytes = packet[at..at + 4].try_into().expect("four bytes");
    u32::from_be_bytes(bytes)
}

fn xor(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}
