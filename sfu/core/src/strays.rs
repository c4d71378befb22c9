//! Finds whose media it may be that comes from an address nobody has: a NAT or a tunnel gave a
//! client another one in mid-call. Guesses by the SSRC, which is readable; the keys of the transport
//! decide.

use crate::engine::{Engine, PeerKey};
use crate::rtp::Ssrc;

/// Searches in one tick. Each looks at every peer, so with a thousand of them a flood of stray
/// packets costs a worker at most about 4 % of its time. Beyond, a client whose address changed
/// waits for its own next connectivity check.
const SEARCHES_PER_TICK_MAX: u32 = 32;
/// RTP and RTCP begin with these (RFC 7983, section 7).
const MEDIA_FIRST_BYTES: std::ops::RangeInclusive<u8> = 128..=191;
/// Packet types of RTCP (RFC 5761, section 4).
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 192..=223;

/// How many searches are left in this tick.
#[derive(Debug)]
pub(crate) struct Strays {
    left: u32,
}

impl Default for Strays {
    fn default() -> Self {
        Self {
            left: SEARCHES_PER_TICK_MAX,
        }
    }
}

impl Engine {
    /// The peer that sends under the SSRC of a packet from an unknown address.
    pub(crate) fn peer_of_stray(&mut self, datagram: &[u8]) -> Option<PeerKey> {
        let ssrc = ssrc_of(datagram)?;
        self.strays.left = self.strays.left.checked_sub(1)?;
        self.peers
            .iter()
            .find(|(_, peer)| peer.uplink.stream(ssrc).is_some())
            .map(|(key, _)| key)
    }
}

/// The sender of an encrypted packet: headers stay readable (RFC 3711, sections 3.1 and 3.4).
fn ssrc_of(datagram: &[u8]) -> Option<Ssrc> {
    let (first, second) = (*datagram.first()?, *datagram.get(1)?);
    if !MEDIA_FIRST_BYTES.contains(&first) {
        return None;
    }
    let at = if RTCP_TYPES.contains(&second) { 4 } else { 8 };
    let bytes = datagram.get(at..)?.first_chunk()?;
    Some(Ssrc(u32::from_be_bytes(*bytes)))
}
