//! The SRTP keys of a lean participant: seals what it sends, opens what it looks into. The crate
//! `rtc-srtp` does the work; this decides only which half of the keys is whose.

use anyhow::Context as _;
use bytes::BytesMut;
use dimpl::SrtpProfile;
use rtc::srtp::context::Context;
use rtc::srtp::protection_profile::ProtectionProfile;

/// Both directions.
pub(super) struct Keys {
    send: Context,
    receive: Context,
}

impl Keys {
    /// The keys of the DTLS client (RFC 5764, section 4.2).
    pub(super) fn of_client(material: &[u8], profile: SrtpProfile) -> anyhow::Result<Self> {
        let (profile, key_len, salt_len) = match profile {
            SrtpProfile::AEAD_AES_256_GCM => (ProtectionProfile::AeadAes256Gcm, 32, 12),
            SrtpProfile::AEAD_AES_128_GCM => (ProtectionProfile::AeadAes128Gcm, 16, 12),
            SrtpProfile::AES128_CM_SHA1_80 | _ => (ProtectionProfile::Aes128CmHmacSha1_80, 16, 14),
        };
        let (keys, salts) = material
            .split_at_checked(2 * key_len)
            .context("DTLS gave too few keys")?;
        let crypto = rtc::srtp::crypto::default_provider().context("no crypto for SRTP")?;
        let context = |side: usize| {
            let key = keys.get(side * key_len..(side + 1) * key_len);
            let salt = salts.get(side * salt_len..(side + 1) * salt_len);
            let (key, salt) = key.zip(salt).context("DTLS gave too few keys")?;
            Context::new(key, salt, profile, None, None, crypto.crypto()).context("SRTP")
        };
        Ok(Self {
            send: context(0)?,
            receive: context(1)?,
        })
    }

    /// A whole RTP packet, encrypted.
    pub(super) fn seal_rtp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.send.encrypt_rtp(packet).ok()
    }

    /// A compound RTCP packet, encrypted.
    pub(super) fn seal_rtcp(&mut self, compound: &[u8]) -> Option<BytesMut> {
        self.send.encrypt_rtcp(compound).ok()
    }

    /// The whole packet, decrypted; `None` if it is not the server's.
    pub(super) fn open_rtp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.receive.decrypt_rtp(packet).ok()
    }

    /// The compound packet, decrypted; `None` if it is not the server's.
    pub(super) fn open_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.receive.decrypt_rtcp(packet).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_keys_are_refused_by_every_profile() {
        for profile in [
            SrtpProfile::AEAD_AES_256_GCM,
            SrtpProfile::AEAD_AES_128_GCM,
            SrtpProfile::AES128_CM_SHA1_80,
        ] {
            assert!(Keys::of_client(&[0; 55], profile).is_err());
            assert!(Keys::of_client(&[0; 88], profile).is_ok());
        }
    }
}
