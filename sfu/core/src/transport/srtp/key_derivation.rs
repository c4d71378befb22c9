//! Derives the keys of the ciphers from a master key (RFC 3711, section 4.3; RFC 7714, section 11)
//! with AES in counter mode. Derives once: the key derivation rate is zero in DTLS-SRTP.

use super::{Master, xor};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

/// What keys are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Rtp,
    Rtcp,
}

/// The three keys of one purpose, by their labels (RFC 3711, section 4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Encryption,
    Authentication,
    Salt,
}

/// Fills `key` with the key of that purpose and label.
pub(super) fn derive(master: &Master<'_>, purpose: Purpose, label: Label, key: &mut [u8]) {
    // A salt of 96 bits stands left-aligned where the RFC writes one of 112 (RFC 7714, section 11).
    let mut block = [0; 16];
    block[..master.salt.len()].copy_from_slice(master.salt);
    xor(&mut block[7..8], &[number(purpose, label)]);
    key.fill(0);
    apply_keystream(&counter_key(master.key), block, key);
}

/// A key for [`apply_keystream`].
///
/// # Panics
/// If the key has neither 16 nor 32 bytes.
pub(super) fn counter_key(key: &[u8]) -> EncryptingKey {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .expect("16 or 32 bytes")
}

/// Encrypts or decrypts in place: both are the same in counter mode.
pub(super) fn apply_keystream(key: &EncryptingKey, first_block: [u8; 16], data: &mut [u8]) {
    let context = EncryptionContext::Iv128(FixedLength::from(first_block));
    key.less_safe_encrypt(data, context)
        .expect("counter mode takes a first block and any length");
}

const fn number(purpose: Purpose, label: Label) -> u8 {
    match (purpose, label) {
        (Purpose::Rtp, Label::Encryption) => 0,
        (Purpose::Rtp, Label::Authentication) => 1,
        (Purpose::Rtp, Label::Salt) => 2,
        (Purpose::Rtcp, Label::Encryption) => 3,
        (Purpose::Rtcp, Label::Authentication) => 4,
        (Purpose::Rtcp, Label::Salt) => 5,
    }
}
