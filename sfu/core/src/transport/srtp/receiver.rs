//! The direction from the client: finds a packet's index, drops what was seen before, and commits
//! to memory only what proved authentic.

use super::key_derivation::Purpose;
use super::{Cipher, ENCRYPTED_FLAG, Master, Profile, RTP_HEADER_LEN, be_u32};
use crate::rtp::ReplayWindow;
use crate::transport::DropReason;

/// A browser spends six SSRCs on a simulcast camera and keeps old ones until the page closes: this
/// is a long day of switching cameras and screens on. One stream more is dropped.
const SSRCS_MAX: usize = 512;

/// Decrypts what comes from one client.
pub(in super::super) struct Receiver {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_streams: Streams,
    rtcp_streams: Streams,
}

impl Receiver {
    pub(super) fn new(profile: Profile, master: &Master<'_>) -> Self {
        Self {
            rtp: Cipher::new(profile, master, Purpose::Rtp),
            rtcp: Cipher::new(profile, master, Purpose::Rtcp),
            rtp_streams: Streams::default(),
            rtcp_streams: Streams::default(),
        }
    }

    /// Decrypts a packet in place and returns the length of the plain one.
    pub(in super::super) fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, DropReason> {
        let header_len = rtp_header_len(packet)
            .filter(|len| len + self.rtp.tag_len() <= packet.len())
            .ok_or(DropReason::SrtpTooShort)?;
        let ssrc = be_u32(packet, 8);
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let window = self.rtp_streams.window(ssrc)?;
        let index = window
            .index_of(sequence)
            .filter(|&index| window.is_fresh(index))
            .ok_or(DropReason::SrtpReplayed)?;
        let len = self
            .rtp
            .open_rtp(index, header_len, packet)
            .map_err(|_| DropReason::SrtpUnauthenticated)?;
        self.rtp_streams.insert(ssrc, index);
        Ok(len)
    }

    /// Decrypts a compound packet in place and returns the length of the plain one.
    pub(in super::super) fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, DropReason> {
        let index_at = self
            .rtcp
            .rtcp_index_at(packet.len())
            .ok_or(DropReason::SrtpTooShort)?;
        let ssrc = be_u32(packet, 4);
        let index = u64::from(be_u32(packet, index_at) & !ENCRYPTED_FLAG);
        if !self.rtcp_streams.window(ssrc)?.is_fresh(index) {
            return Err(DropReason::SrtpReplayed);
        }
        let len = self
            .rtcp
            .open_rtcp(packet)
            .map_err(|_| DropReason::SrtpUnauthenticated)?;
        self.rtcp_streams.insert(ssrc, index);
        Ok(len)
    }
}

/// The streams seen, sorted by SSRC: few, looked up with every packet, added to rarely.
#[derive(Default)]
struct Streams {
    ssrcs: Vec<u32>,
    windows: Vec<ReplayWindow>,
}

/// What a stream is before its first packet.
static UNSEEN: ReplayWindow = ReplayWindow::EMPTY;

impl Streams {
    fn window(&self, ssrc: u32) -> Result<&ReplayWindow, DropReason> {
        match self.ssrcs.binary_search(&ssrc) {
            Ok(position) => Ok(&self.windows[position]),
            Err(_) if self.ssrcs.len() < SSRCS_MAX => Ok(&UNSEEN),
            Err(_) => Err(DropReason::TooManySsrcs),
        }
    }

    fn insert(&mut self, ssrc: u32, index: u64) {
        let position = self.ssrcs.binary_search(&ssrc).unwrap_or_else(|position| {
            self.ssrcs.insert(position, ssrc);
            self.windows.insert(position, ReplayWindow::EMPTY);
            position
        });
        self.windows[position].insert(index);
    }
}

/// Fixed header, contributors and extension (RFC 3550, section 5.1): what SRTP leaves readable.
/// `None` if the packet ends before its header does.
fn rtp_header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let contributors = usize::from(first & 0x0f) * 4;
    let fixed = RTP_HEADER_LEN + contributors;
    let extension = if first & 0x10 == 0 {
        0
    } else {
        let words = packet.get(fixed + 2..fixed + 4)?;
        4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4
    };
    (fixed + extension <= packet.len()).then_some(fixed + extension)
}
