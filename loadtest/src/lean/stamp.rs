//! The send time inside a payload, on the clock by which the kernel stamps what it receives (RFC
//! 8877 calls it the wall clock). So the time until a packet reached its receiver is known however
//! late that receiver looks. Knows nothing of codecs: they choose the place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells a stamp from other payloads, and from the stamps that count from a process's start.
const MARK: [u8; 4] = *b"SaaW";

/// The length of a stamp, in bytes: the mark and 64 bits of microseconds.
pub(super) const STAMP_LEN: usize = 12;

/// The wall clock, since 1970.
pub(super) fn wall_clock() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Writes a stamp over the first bytes of `place`, which must have room for it.
pub(super) fn write(place: &mut [u8], at: Duration) {
    let micros = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
    place[..4].copy_from_slice(&MARK);
    place[4..STAMP_LEN].copy_from_slice(&micros.to_be_bytes());
}

/// From the stamp to `at`; `None` if these bytes are no stamp, or one from the future.
pub(super) fn age(bytes: &[u8], at: Duration) -> Option<Duration> {
    let micros = bytes.strip_prefix(&MARK)?.first_chunk::<8>()?;
    at.checked_sub(Duration::from_micros(u64::from_be_bytes(*micros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_tells_how_long_ago_it_was_written() {
        let mut payload = [7; 20];
        let at = Duration::from_secs(1_000);
        write(&mut payload[2..], at);
        let later = at + Duration::from_micros(250);
        assert_eq!(age(&payload[2..], later), Some(Duration::from_micros(250)));
        assert_eq!(age(&payload, later), None);
    }
}
