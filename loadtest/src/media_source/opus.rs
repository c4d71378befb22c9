//! Generates Opus packets (RFC 6716) that decode to silence. Decides their bytes, not their times.

use super::stamp::{self, STAMP_LEN};
use bytes::{Bytes, BytesMut};
use std::time::{Duration, Instant};

/// How much sound one packet holds.
pub const PACKET_TIME: Duration = Duration::from_millis(20);
/// Ticks of the RTP clock per packet: 48 kHz (RFC 7587, section 4.1).
pub const TICKS_PER_PACKET: u32 = 960;
/// 32 kbit/s of speech: 80 bytes in 20 ms.
const PACKET_LEN: usize = 80;
/// Configuration 31 (CELT, fullband, 20 ms), mono, one frame (RFC 6716, section 3.1).
const TOC: u8 = 31 << 3;
/// Sets the silence flag of the CELT frame; the decoder reads nothing after it (section 4.3).
const SILENCE: [u8; 2] = [0xFF, 0xFE];

/// Where the send time begins: behind what the decoder reads.
pub(crate) const STAMP_AT: usize = 3;

/// One packet of 20 ms, with the send time in it.
pub fn packet(now: Instant) -> Bytes {
    let mut packet = BytesMut::zeroed(PACKET_LEN);
    packet[0] = TOC;
    packet[1..3].copy_from_slice(&SILENCE);
    packet[STAMP_AT..STAMP_AT + STAMP_LEN].copy_from_slice(&stamp::stamp(now));
    packet.freeze()
}

/// How long ago a packet of this generator was sent; `None` for any other packet.
pub fn age(payload: &[u8], now: Instant) -> Option<Duration> {
    stamp::age(payload.get(STAMP_AT..STAMP_AT + STAMP_LEN)?, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toc_says_one_mono_frame_of_20_ms() {
        let toc = packet(Instant::now())[0];
        let (configuration, stereo, code) = (toc >> 3, (toc >> 2) & 1, toc & 3);
        assert_eq!((configuration, stereo, code), (31, 0, 0));
    }

    #[test]
    fn fifty_packets_are_a_second_of_the_rtp_clock() {
        assert_eq!(PACKET_TIME * 50, Duration::from_secs(1));
        assert_eq!(TICKS_PER_PACKET * 50, 48_000);
    }

    #[test]
    fn the_age_of_a_packet_is_read_back() {
        let sent_at = Instant::now() + Duration::from_secs(1);
        let age = age(&packet(sent_at), sent_at + Duration::from_millis(3)).unwrap();
        assert!(age >= Duration::from_micros(2_998));
    }
}
