//! AES in counter mode with HMAC-SHA1 on RTP and RTCP packets (RFC 3711). Is told the packet's
//! index; remembers nothing.

use super::key_derivation::{Label, Purpose, apply_keystream, counter_key, derive};
use super::{ENCRYPTED_FLAG, Master, RTCP_HEADER_LEN, RTCP_INDEX_LEN, Unauthentic, be_u32, xor};
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// HMAC-SHA1 cut to 80 bits, for RTP and RTCP alike (RFC 5764, section 4.1.2).
pub(super) const TAG_LEN: usize = 10;
const SALT_LEN: usize = 14;
/// RFC 3711, section 8.2.
const AUTHENTICATION_KEY_LEN: usize = 20;

/// One direction's keys and salt.
pub(super) struct CounterMode {
    key: EncryptingKey,
    salt: [u8; SALT_LEN],
    authentication: hmac::Key,
}

impl CounterMode {
    pub(super) fn new(master: &Master<'_>, purpose: Purpose) -> Self {
        let mut key = [0; 16];
        let mut salt = [0; SALT_LEN];
        let mut authentication = [0; AUTHENTICATION_KEY_LEN];
        derive(master, purpose, Label::Encryption, &mut key);
        derive(master, purpose, Label::Salt, &mut salt);
        derive(master, purpose, Label::Authentication, &mut authentication);
        Self {
            key: counter_key(&key),
            salt,
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication),
        }
    }

    /// `index` is the rollover counter and the sequence number, 48 bits (RFC 3711, section 3.3.1).
    pub(super) fn seal_rtp(&self, index: u64, header: &[u8], payload: &[u8], out: &mut [u8]) {
        let (packet, tag) = out.split_at_mut(header.len() + payload.len());
        packet[..header.len()].copy_from_slice(header);
        packet[header.len()..].copy_from_slice(payload);
        let first_block = self.first_block(be_u32(header, 8), index);
        apply_keystream(&self.key, first_block, &mut packet[header.len()..]);
        tag.copy_from_slice(&self.tag(packet, &rollover(index)));
    }

    pub(super) fn open_rtp(
        &self,
        index: u64,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<usize, Unauthentic> {
        let plain_len = packet.len() - TAG_LEN;
        let (packet, tag) = packet.split_at_mut(plain_len);
        self.verify(packet, &rollover(index), tag)?;
        let first_block = self.first_block(be_u32(packet, 8), index);
        apply_keystream(&self.key, first_block, &mut packet[header_len..]);
        Ok(plain_len)
    }

    /// `index` has 31 bits. `out` is the compound packet, the index word and the tag.
    pub(super) fn seal_rtcp(&self, index: u32, compound: &[u8], out: &mut [u8]) {
        let (packet, tag) = out.split_at_mut(compound.len() + RTCP_INDEX_LEN);
        let (text, word) = packet.split_at_mut(compound.len());
        text.copy_from_slice(compound);
        word.copy_from_slice(&(index | ENCRYPTED_FLAG).to_be_bytes());
        let first_block = self.first_block(be_u32(compound, 4), u64::from(index));
        apply_keystream(&self.key, first_block, &mut text[RTCP_HEADER_LEN..]);
        tag.copy_from_slice(&self.tag(packet, &[]));
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8]) -> Result<usize, Unauthentic> {
        let word_at = packet.len() - TAG_LEN - RTCP_INDEX_LEN;
        let (packet, tag) = packet.split_at_mut(word_at + RTCP_INDEX_LEN);
        self.verify(packet, &[], tag)?;
        let word = be_u32(packet, word_at);
        if word & ENCRYPTED_FLAG != 0 {
            let index = u64::from(word & !ENCRYPTED_FLAG);
            let first_block = self.first_block(be_u32(packet, 4), index);
            apply_keystream(
                &self.key,
                first_block,
                &mut packet[RTCP_HEADER_LEN..word_at],
            );
        }
        Ok(word_at)
    }

    fn verify(&self, packet: &[u8], behind: &[u8], tag: &[u8]) -> Result<(), Unauthentic> {
        verify_slices_are_equal(&self.tag(packet, behind), tag).map_err(|_| Unauthentic)
    }

    /// RFC 3711, section 4.2: over the packet and, for RTP, the rollover counter.
    fn tag(&self, packet: &[u8], behind: &[u8]) -> [u8; TAG_LEN] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(packet);
        context.update(behind);
        let digest = context.sign();
        digest.as_ref()[..TAG_LEN]
            .try_into()
            .expect("SHA-1 has 20 bytes")
    }

    /// RFC 3711, section 4.1.1.
    fn first_block(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let mut block = [0; 16];
        block[..SALT_LEN].copy_from_slice(&self.salt);
        xor(&mut block[4..8], &ssrc.to_be_bytes());
        xor(&mut block[8..14], &index.to_be_bytes()[2..]);
        block
    }
}

/// The upper 32 of the 48 bits of an index.
fn rollover(index: u64) -> [u8; 4] {
    index.to_be_bytes()[2..6].try_into().expect("four bytes")
}
