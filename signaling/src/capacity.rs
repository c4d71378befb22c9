//! Whether the server can bear another meeting: refuses new ones before running ones suffer. Knows
//! how much there is of each thing that runs out, not what is done with it.

use sfu::MediaLoad;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// New meetings leave a tenth of the descriptors to those who come to running ones.
const DESCRIPTORS_USED_MAX_PERCENT: usize = 90;
/// New meetings leave a fifth of the line to running ones, for the pictures of those who still come.
const LINE_USED_MAX_PERCENT: u64 = 80;
/// How long a count of the open descriptors is believed: counting takes a microsecond for each.
const DESCRIPTORS_COUNTED_EVERY: Duration = Duration::from_secs(1);

/// Up to where new meetings are taken. Whoever comes to a running one is never asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CapacityLimits {
    /// Processor time of the least busy worker, in thousandths of a core.
    pub(crate) load_permille: u32,
    /// Packets a second that the worker with the fewest sends; 0 for any number.
    pub(crate) packets_per_second: u64,
    /// Bits a second that all workers send; 0 asks the network card.
    pub(crate) bits_per_second: u64,
}

/// What there is no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("every thread that forwards media is busy")]
    Processor,
    #[error("every thread that forwards media sends as many packets as it may")]
    Packets,
    #[error("the network line is used up")]
    Line,
    #[error("the process has as many descriptors open as the system allows")]
    Descriptors,
}

/// The server's capacity.
#[derive(Debug)]
pub(crate) struct Capacity {
    limits: CapacityLimits,
    descriptors_max: Option<usize>,
    descriptors: Mutex<Option<(Instant, usize)>>,
}

impl Capacity {
    /// Asks the system for what the settings leave open.
    pub(crate) fn new(limits: CapacityLimits) -> Self {
        let bits_per_second = match limits.bits_per_second {
            0 => fastest_card().unwrap_or(u64::MAX),
            limit => limit,
        };
        Self {
            limits: CapacityLimits {
                bits_per_second,
                ..limits
            },
            descriptors_max: descriptors_max(),
            descriptors: Mutex::new(None),
        }
    }

    /// What a new meeting would take from those that run; `None` if there is room for it.
    pub(crate) fn full(&self, now: Instant, load: MediaLoad) -> Option<Full> {
        judge(&self.limits, load).or_else(|| {
            let most = self.descriptors_max? * DESCRIPTORS_USED_MAX_PERCENT / 100;
            (self.descriptors(now) >= most).then_some(Full::Descriptors)
        })
    }

    fn descriptors(&self, now: Instant) -> usize {
        let mut counted = self
            .descriptors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((at, count)) = *counted
            && now.saturating_duration_since(at) < DESCRIPTORS_COUNTED_EVERY
        {
            return count;
        }
        // Where the system does not tell, they never run out as far as anybody knows.
        let count = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        *counted = Some((now, count));
        count
    }
}

fn judge(limits: &CapacityLimits, load: MediaLoad) -> Option<Full> {
    if load.least_permille >= limits.load_permille {
        return Some(Full::Processor);
    }
    if limits.packets_per_second > 0 && load.fewest_packets >= limits.packets_per_second {
        return Some(Full::Packets);
    }
    let bits = load.bytes.saturating_mul(8);
    let most = limits.bits_per_second / 100 * LINE_USED_MAX_PERCENT;
    (bits >= most).then_some(Full::Line)
}

/// How many descriptors the process may have open.
fn descriptors_max() -> Option<usize> {
    let (soft, _) =
        nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).ok()?;
    usize::try_from(soft).ok()
}

/// The bits a second of the fastest network card that is up and tells its speed; virtual ones mostly
/// tell none.
fn fastest_card() -> Option<u64> {
    let cards = fs::read_dir("/sys/class/net").ok()?;
    let speed = |card: fs::DirEntry| {
        let text = fs::read_to_string(card.path().join("speed")).ok()?;
        text.trim().parse::<u64>().ok().filter(|mbit| *mbit > 0)
    };
    let fastest = cards.flatten().filter_map(speed).max()?;
    Some(fastest * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CapacityLimits = CapacityLimits {
        load_permille: 700,
        packets_per_second: 1000,
        bits_per_second: 10_000,
    };
    const CALM: MediaLoad = MediaLoad {
        least_permille: 699,
        fewest_packets: 999,
        bytes: 999,
    };

    #[test]
    fn each_thing_that_is_used_up_is_a_reason_by_itself() {
        assert_eq!(judge(&LIMITS, CALM), None);
        let busy = MediaLoad {
            least_permille: 700,
            ..CALM
        };
        assert_eq!(judge(&LIMITS, busy), Some(Full::Processor));
        let flooded = MediaLoad {
            fewest_packets: 1000,
            ..CALM
        };
        assert_eq!(judge(&LIMITS, flooded), Some(Full::Packets));
        let narrow = MediaLoad {
            bytes: 1000,
            ..CALM
        };
        assert_eq!(judge(&LIMITS, narrow), Some(Full::Line));
    }

    #[test]
    fn without_a_limit_any_number_of_packets_is_taken() {
        let limits = CapacityLimits {
            packets_per_second: 0,
            ..LIMITS
        };
        let flooded = MediaLoad {
            fewest_packets: u64::MAX,
            ..CALM
        };
        assert_eq!(judge(&limits, flooded), None);
    }

    #[test]
    fn the_last_descriptors_are_for_those_who_come_to_running_meetings() {
        let mut capacity = Capacity::new(LIMITS);
        let now = Instant::now();
        assert_eq!(capacity.full(now, CALM), None);
        capacity.descriptors_max = Some(2);
        assert_eq!(capacity.full(now, CALM), Some(Full::Descriptors));
    }
}
