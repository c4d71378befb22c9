//! How one direction of a line behaves, and the words that change it. Knows no packets.

use anyhow::{Context, bail};
use std::str::FromStr;
use std::time::Duration;

/// Longer holds would need more memory than [`super::pending`] gives.
const TIME_MAX: Duration = Duration::from_secs(10);
/// What home routers of a slow line hold before they drop.
const QUEUE: Duration = Duration::from_millis(200);

/// The behaviour of one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// The time every datagram takes.
    pub delay: Duration,
    /// What a datagram may take longer, evenly spread; they never overtake each other.
    pub jitter: Duration,
    /// The share of datagrams that is lost, 0 to 1, each by its own luck.
    pub loss: f64,
    /// Bits per second with IP and UDP headers; `None` is no limit.
    pub rate: Option<u64>,
    /// How long a datagram may wait for the line. Those that had to wait longer are dropped.
    pub queue: Duration,
}

impl Conditions {
    /// A line that does nothing to its datagrams.
    pub const CLEAN: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
        rate: None,
        queue: QUEUE,
    };
}

/// One word such as `loss=5%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting {
    /// `delay=25ms`
    Delay(Duration),
    /// `jitter=5ms`
    Jitter(Duration),
    /// `loss=5%`
    Loss(f64),
    /// `rate=800kbit`, `rate=2mbit`, `rate=unlimited`
    Rate(Option<u64>),
    /// `queue=200ms`
    Queue(Duration),
}

impl Setting {
    /// Changes the one thing that this names.
    pub fn apply(self, conditions: &mut Conditions) {
        match self {
            Self::Delay(delay) => conditions.delay = delay,
            Self::Jitter(jitter) => conditions.jitter = jitter,
            Self::Loss(loss) => conditions.loss = loss,
            Self::Rate(rate) => conditions.rate = rate,
            Self::Queue(queue) => conditions.queue = queue,
        }
    }
}

impl FromStr for Setting {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> anyhow::Result<Self> {
        let (name, value) = word
            .split_once('=')
            .with_context(|| format!("{word} is not NAME=VALUE"))?;
        Ok(match name {
            "delay" => Self::Delay(time(value)?),
            "jitter" => Self::Jitter(time(value)?),
            "loss" => Self::Loss(share(value)?),
            "rate" => Self::Rate(rate(value)?),
            "queue" => Self::Queue(time(value)?),
            _ => bail!("{name} is none of delay, jitter, loss, rate, queue"),
        })
    }
}

/// `25ms` or `2s`, up to ten seconds.
pub fn time(text: &str) -> anyhow::Result<Duration> {
    let parsed = parse_time(text).with_context(|| format!("{text} is no time such as 25ms"))?;
    if parsed > TIME_MAX {
        bail!("{text} is more than {} s", TIME_MAX.as_secs());
    }
    Ok(parsed)
}

/// A time of any length: `25ms`, `2s`.
pub(super) fn parse_time(text: &str) -> Option<Duration> {
    if let Some(number) = text.strip_suffix("ms") {
        return Some(Duration::from_millis(number.parse().ok()?));
    }
    Some(Duration::from_secs(text.strip_suffix('s')?.parse().ok()?))
}

/// `5%` or `0.3%`.
pub fn share(text: &str) -> anyhow::Result<f64> {
    let percent: Option<f64> = text.strip_suffix('%').and_then(|text| text.parse().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => bail!("{text} is no share such as 5%"),
    }
}

/// `800kbit`, `2mbit`, or `unlimited`.
pub fn rate(text: &str) -> anyhow::Result<Option<u64>> {
    if text == "unlimited" {
        return Ok(None);
    }
    let (number, unit) = match (text.strip_suffix("kbit"), text.strip_suffix("mbit")) {
        (Some(number), _) => (number, 1_000),
        (_, Some(number)) => (number, 1_000_000),
        (None, None) => bail!("{text} is no rate such as 800kbit, 2mbit or unlimited"),
    };
    match number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)) {
        Some(bits) if bits > 0 => Ok(Some(bits)),
        _ => bail!("{text} is no rate such as 800kbit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Conditions {
        let mut conditions = Conditions::CLEAN;
        for word in words.split_whitespace() {
            word.parse::<Setting>().unwrap().apply(&mut conditions);
        }
        conditions
    }

    #[test]
    fn each_word_changes_one_thing() {
        let expected = Conditions {
            delay: Duration::from_millis(25),
            jitter: Duration::from_millis(5),
            loss: 0.05,
            rate: Some(800_000),
            queue: Duration::from_secs(1),
        };
        let words = "delay=25ms jitter=5ms loss=5% rate=800kbit queue=1s";
        assert_eq!(parsed(words), expected);
        assert_eq!(parsed("rate=2mbit rate=unlimited"), Conditions::CLEAN);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for word in [
            "delay",
            "delay=25",
            "delay=11s",
            "loss=101%",
            "loss=-1%",
            "loss=NaN%",
            "loss=5",
            "rate=0kbit",
            "rate=2",
            "rate=99999999999999999999mbit",
            "speed=2mbit",
        ] {
            assert!(word.parse::<Setting>().is_err(), "{word}");
        }
    }
}
