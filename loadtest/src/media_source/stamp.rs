//! The send time inside a generated payload, by which a receiver in the same process measures the
//! travel time. Knows nothing of codecs: they choose the place.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Tells a stamp from the payload of other senders in the same meeting.
const MARK: [u8; 4] = *b"SaaL";

/// The length of a stamp, in bytes: the mark and 64 bits of microseconds.
pub(super) const STAMP_LEN: usize = 12;

/// The bytes of a stamp for `now`.
pub(super) fn stamp(now: Instant) -> [u8; STAMP_LEN] {
    let micros = u64::try_from(now.saturating_duration_since(epoch()).as_micros())
        .expect("a process lives shorter than 500,000 years");
    let mut bytes = [0; STAMP_LEN];
    bytes[..4].copy_from_slice(&MARK);
    bytes[4..].copy_from_slice(&micros.to_be_bytes());
    bytes
}

/// The time between the stamp and `now`; `None` if these bytes are no stamp.
pub(super) fn age(bytes: &[u8], now: Instant) -> Option<Duration> {
    let micros = bytes.strip_prefix(&MARK)?.first_chunk::<8>()?;
    let sent_at = epoch().checked_add(Duration::from_micros(u64::from_be_bytes(*micros)))?;
    now.checked_duration_since(sent_at)
}

/// The zero of all stamps of this process.
fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_tells_how_long_ago_it_was_made() {
        epoch();
        let sent_at = Instant::now() + Duration::from_secs(1);
        let age = age(&stamp(sent_at), sent_at + Duration::from_millis(25)).unwrap();
        assert!(age.abs_diff(Duration::from_millis(25)) < Duration::from_micros(2));
    }

    #[test]
    fn other_bytes_are_no_stamp() {
        assert_eq!(age(&[0; STAMP_LEN], Instant::now()), None);
        assert_eq!(age(b"SaaL", Instant::now()), None);
    }
}
