//! The direction towards the client: lengths and the SRTCP index. Streams, sequence numbers and
//! rollover counters are the caller's.

use super::key_derivation::Purpose;
use super::{
    Cipher, ENCRYPTED_FLAG, Master, Profile, RTCP_HEADER_LEN, RTCP_INDEX_LEN, RTP_HEADER_LEN,
};

/// Encrypts what goes to one client.
pub(in super::super) struct Sender {
    rtp: Cipher,
    rtcp: Cipher,
    /// One index for all our SSRCs keeps every nonce unique (RFC 7714, section 9.1), and each
    /// SSRC's numbers rise as its receiver wants.
    rtcp_index: u32,
}

impl Sender {
    pub(super) fn new(profile: Profile, master: &Master<'_>) -> Self {
        Self {
            rtp: Cipher::new(profile, master, Purpose::Rtp),
            rtcp: Cipher::new(profile, master, Purpose::Rtcp),
            rtcp_index: 0,
        }
    }

    /// How long the protected packet will be; `None` if the header is none.
    pub(in super::super) fn rtp_len(&self, header: &[u8], payload: &[u8]) -> Option<usize> {
        (header.len() >= RTP_HEADER_LEN).then(|| header.len() + payload.len() + self.rtp.tag_len())
    }

    /// Writes the protected packet. `out` has the length that [`Sender::rtp_len`] said.
    pub(in super::super) fn seal_rtp(
        &self,
        header: &[u8],
        payload: &[u8],
        rollover: u32,
        out: &mut [u8],
    ) {
        let sequence = u64::from(u16::from_be_bytes([header[2], header[3]]));
        let index = u64::from(rollover) << 16 | sequence;
        self.rtp.seal_rtp(index, header, payload, out);
    }

    /// How long the protected compound packet will be; `None` if it is no RTCP or the key is
    /// used up (2³¹ packets, RFC 3711, section 9.2).
    pub(in super::super) fn rtcp_len(&self, compound: &[u8]) -> Option<usize> {
        (compound.len() >= RTCP_HEADER_LEN && self.rtcp_index < ENCRYPTED_FLAG - 1)
            .then(|| compound.len() + self.rtcp.tag_len() + RTCP_INDEX_LEN)
    }

    /// Writes the protected compound packet. `out` has the length that [`Sender::rtcp_len`] said.
    pub(in super::super) fn seal_rtcp(&mut self, compound: &[u8], out: &mut [u8]) {
        self.rtcp_index += 1;
        self.rtcp.seal_rtcp(self.rtcp_index, compound, out);
    }
}
