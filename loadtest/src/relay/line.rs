//! Decides for each datagram of one direction when it arrives, or that it does not. Has no clock.

use super::conditions::Conditions;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::{Duration, Instant};

/// IPv4 and UDP headers, which a line carries too (RFC 791, RFC 768).
const HEADER_LEN: usize = 28;

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives then.
    Arrives(Instant),
    /// It is lost by bad luck.
    Lost,
    /// It is dropped because too many wait for the line.
    Overflows,
}

/// One direction.
#[derive(Debug)]
pub struct Line {
    conditions: Conditions,
    luck: StdRng,
    /// When the line has sent everything that waits for it.
    idle_at: Option<Instant>,
    /// When the last datagram arrives: the next one does not overtake it.
    last_arrival: Option<Instant>,
}

impl Line {
    /// The same seed gives the same losses.
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            luck: StdRng::seed_from_u64(seed),
            idle_at: None,
            last_arrival: None,
        }
    }

    /// What holds from the next datagram on.
    pub fn conditions_mut(&mut self) -> &mut Conditions {
        &mut self.conditions
    }

    /// How long a datagram that came at `now` would wait for the line.
    pub fn backlog(&self, now: Instant) -> Duration {
        self.idle_at.map_or(Duration::ZERO, |idle_at| {
            idle_at.saturating_duration_since(now)
        })
    }

    /// What becomes of a datagram of `len` bytes that is sent at `now`.
    pub fn send(&mut self, now: Instant, len: usize) -> Fate {
        let Some(sent_at) = self.queue(now, len) else {
            return Fate::Overflows;
        };
        // A lost one has used the line all the same.
        if self.luck.random_bool(self.conditions.loss) {
            return Fate::Lost;
        }
        let jitter = self.conditions.jitter.mul_f64(self.luck.random());
        let alone = sent_at + self.conditions.delay + jitter;
        let at = self.last_arrival.map_or(alone, |last| last.max(alone));
        self.last_arrival = Some(at);
        Fate::Arrives(at)
    }

    /// When the line has sent it.
    fn queue(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.conditions.rate else {
            self.idle_at = None;
            return Some(now);
        };
        let backlog = self.backlog(now);
        if backlog > self.conditions.queue {
            return None;
        }
        let bits = u64::try_from(8 * (len + HEADER_LEN)).expect("a datagram has at most 64 KiB");
        let sent_at = now + backlog + Duration::from_nanos(bits * 1_000_000_000 / rate);
        self.idle_at = Some(sent_at);
        Some(sent_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MTU: usize = 1_222;

    fn line(words: &str) -> Line {
        let mut conditions = Conditions::CLEAN;
        for word in words.split_whitespace() {
            let setting: super::super::conditions::Setting = word.parse().unwrap();
            setting.apply(&mut conditions);
        }
        Line::new(conditions, 1)
    }

    #[test]
    fn a_clean_line_delivers_at_once() {
        let now = Instant::now();
        assert_eq!(line("").send(now, MTU), Fate::Arrives(now));
    }

    #[test]
    fn a_delayed_datagram_arrives_later_by_the_delay() {
        let now = Instant::now();
        let at = now + Duration::from_millis(25);
        assert_eq!(line("delay=25ms").send(now, MTU), Fate::Arrives(at));
    }

    #[test]
    fn one_in_twenty_is_lost_at_five_percent() {
        let now = Instant::now();
        let mut line = line("loss=5%");
        let lost = (0..20_000).filter(|_| line.send(now, MTU) == Fate::Lost);
        let lost = lost.count();
        assert!((900..1_100).contains(&lost), "{lost} of 20000");
    }

    #[test]
    fn a_limited_line_carries_its_rate_and_drops_what_waits_too_long() {
        let start = Instant::now();
        // 1250 bytes with headers, 10 ms each; offered one each 5 ms: twice what fits.
        let mut line = line("rate=1mbit queue=100ms");
        let mut last = start;
        let mut arrived = 0;
        for number in 0..2_000 {
            let now = start + Duration::from_millis(5 * number);
            if let Fate::Arrives(at) = line.send(now, MTU) {
                assert!(at - now <= Duration::from_millis(110), "{:?}", at - now);
                last = at;
                arrived += 1;
            }
        }
        let took = last - start;
        assert_eq!(took.as_millis(), arrived * 10, "{arrived} arrived");
        assert!((1_000..=1_011).contains(&arrived), "{arrived}");
    }

    #[test]
    fn jitter_changes_gaps_and_never_the_order() {
        let start = Instant::now();
        let mut line = line("delay=20ms jitter=30ms");
        let arrivals: Vec<_> = (0..200)
            .map(|number| line.send(start + Duration::from_millis(number), MTU))
            .map(|fate| match fate {
                Fate::Arrives(at) => at,
                lost @ (Fate::Lost | Fate::Overflows) => panic!("{lost:?}"),
            })
            .collect();
        assert!(arrivals.is_sorted());
        let longest = arrivals.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest > Some(Duration::from_millis(2)));
    }

    #[test]
    fn a_lifted_limit_forgets_what_waited() {
        let now = Instant::now();
        let mut line = line("rate=1mbit");
        for _ in 0..10 {
            line.send(now, MTU);
        }
        assert_eq!(line.backlog(now), Duration::from_millis(100));
        line.conditions_mut().rate = None;
        // Not before those that are on their way.
        let at = now + Duration::from_millis(100);
        assert_eq!(line.send(now, MTU), Fate::Arrives(at));
        assert_eq!(line.backlog(now), Duration::ZERO);
    }

    #[test]
    fn the_same_seed_loses_the_same_datagrams() {
        let now = Instant::now();
        let (mut one, mut other) = (line("loss=50%"), line("loss=50%"));
        let fates: Vec<_> = (0..100).map(|_| one.send(now, MTU)).collect();
        assert!(fates.iter().all(|fate| other.send(now, MTU) == *fate));
    }
}
