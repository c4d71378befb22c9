//! AES-GCM on RTP and RTCP packets (RFC 7714). Is told the packet's index; remembers nothing.

use super::key_derivation::{Label, Purpose, derive};
use super::{ENCRYPTED_FLAG, Master, RTCP_HEADER_LEN, RTCP_INDEX_LEN, Unauthentic, be_u32, xor};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// RFC 7714, section 14.1 and 14.2: sixteen bytes in both profiles.
pub(super) const TAG_LEN: usize = 16;
const NONCE_LEN: usize = 12;

/// One direction's key and salt.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; NONCE_LEN],
}

impl Gcm {
    pub(super) fn new(master: &Master<'_>, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        let key = &mut key[..master.key.len()];
        derive(master, purpose, Label::Encryption, key);
        let mut salt = [0; NONCE_LEN];
        derive(master, purpose, Label::Salt, &mut salt);
        Self::with_session_key(key, salt)
    }

    /// # Panics
    /// If the key has neither 16 nor 32 bytes.
    pub(super) fn with_session_key(key: &[u8], salt: [u8; NONCE_LEN]) -> Self {
        let algorithm = if key.len() == 32 {
            &AES_256_GCM
        } else {
            &AES_128_GCM
        };
        let key = UnboundKey::new(algorithm, key).expect("16 or 32 bytes");
        Self {
            key: LessSafeKey::new(key),
            salt,
        }
    }

    /// `index` is the rollover counter and the sequence number, 48 bits (RFC 3711, section 3.3.1).
    pub(super) fn seal_rtp(&self, index: u64, header: &[u8], payload: &[u8], out: &mut [u8]) {
        let (head, rest) = out.split_at_mut(header.len());
        let (text, tag) = rest.split_at_mut(payload.len());
        head.copy_from_slice(header);
        let nonce = self.rtp_nonce(be_u32(header, 8), index);
        self.seal(nonce, header, payload, text, tag);
    }

    pub(super) fn open_rtp(
        &self,
        index: u64,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<usize, Unauthentic> {
        let nonce = self.rtp_nonce(be_u32(packet, 8), index);
        let (header, text) = packet.split_at_mut(header_len);
        Ok(header_len + self.open(nonce, header, text)?)
    }

    /// `index` has 31 bits. `out` is the compound packet, the tag and the index word.
    pub(super) fn seal_rtcp(&self, index: u32, compound: &[u8], out: &mut [u8]) {
        let word = (index | ENCRYPTED_FLAG).to_be_bytes();
        let (header, plain) = compound.split_at(RTCP_HEADER_LEN);
        let (head, rest) = out.split_at_mut(RTCP_HEADER_LEN);
        let (text, rest) = rest.split_at_mut(plain.len());
        let (tag, trailer) = rest.split_at_mut(TAG_LEN);
        head.copy_from_slice(header);
        trailer.copy_from_slice(&word);
        let nonce = self.rtcp_nonce(be_u32(header, 4), index);
        self.seal(nonce, &rtcp_associated_data(header, word), plain, text, tag);
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8]) -> Result<usize, Unauthentic> {
        let word_at = packet.len() - RTCP_INDEX_LEN;
        let word = be_u32(packet, word_at);
        let nonce = self.rtcp_nonce(be_u32(packet, 4), word & !ENCRYPTED_FLAG);
        if word & ENCRYPTED_FLAG == 0 {
            return self.verify_plain_rtcp(nonce, packet);
        }
        let (header, text) = packet[..word_at].split_at_mut(RTCP_HEADER_LEN);
        let associated = rtcp_associated_data(header, word.to_be_bytes());
        Ok(RTCP_HEADER_LEN + self.open(nonce, &associated, text)?)
    }

    /// A packet that is only authenticated: all of it and the index word are associated data
    /// (RFC 7714, section 9.3), which stand one behind another once the tag is taken out.
    fn verify_plain_rtcp(&self, nonce: Nonce, packet: &mut [u8]) -> Result<usize, Unauthentic> {
        let plain_len = packet.len() - RTCP_INDEX_LEN - TAG_LEN;
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&packet[plain_len..plain_len + TAG_LEN]);
        packet.copy_within(plain_len + TAG_LEN.., plain_len);
        self.open(nonce, &packet[..plain_len + RTCP_INDEX_LEN], &mut tag)?;
        Ok(plain_len)
    }

    fn seal(&self, nonce: Nonce, associated: &[u8], plain: &[u8], text: &mut [u8], tag: &mut [u8]) {
        self.key
            .seal_out_of_place_scatter(nonce, Aad::from(associated), plain, text, &[], tag)
            .expect("the lengths fit and are far below the limit of GCM");
    }

    /// Decrypts in place and returns the length of the plain text.
    fn open(
        &self,
        nonce: Nonce,
        associated: &[u8],
        text_and_tag: &mut [u8],
    ) -> Result<usize, Unauthentic> {
        self.key
            .open_in_place(nonce, Aad::from(associated), text_and_tag)
            .map(|plain| plain.len())
            .map_err(|_| Unauthentic)
    }

    /// RFC 7714, section 8.1.
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[6..], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }

    /// RFC 7714, section 9.1.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> Nonce {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[8..], &index.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

fn rtcp_associated_data(header: &[u8], word: [u8; 4]) -> [u8; RTCP_HEADER_LEN + RTCP_INDEX_LEN] {
    let mut data = [0; RTCP_HEADER_LEN + RTCP_INDEX_LEN];
    data[..RTCP_HEADER_LEN].copy_from_slice(header);
    data[RTCP_HEADER_LEN..].copy_from_slice(&word);
    data
}
