//! What is to change on the way, and when: `10s down rate=800kbit`.

use super::Direction;
use super::conditions::{Setting, parse_time};
use anyhow::{Context, bail};
use std::str::FromStr;
use std::time::Duration;

/// What becomes different.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// New conditions.
    Conditions {
        /// Which directions change.
        directions: Vec<Direction>,
        /// What changes there; the rest stays.
        settings: Vec<Setting>,
    },
    /// The server sees every client at a new address, as when a router forgets whom it knew.
    Rebind,
}

impl FromStr for Change {
    type Err = anyhow::Error;

    /// `up`, `down` or `both`, and then settings; or `rebind`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut words = text.split_whitespace();
        let directions = match words.next() {
            Some("up") => vec![Direction::Up],
            Some("down") => vec![Direction::Down],
            Some("both") => vec![Direction::Up, Direction::Down],
            Some("rebind") if words.next().is_none() => return Ok(Self::Rebind),
            other => bail!("a change begins with up, down, both or rebind, not {other:?}"),
        };
        let settings: Vec<Setting> = words.map(str::parse).collect::<Result<_, _>>()?;
        if settings.is_empty() {
            bail!("{text:?} changes nothing");
        }
        Ok(Self::Conditions {
            directions,
            settings,
        })
    }
}

/// A change at a time after the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// After the start.
    pub at: Duration,
    /// What changes then.
    pub change: Change,
}

impl FromStr for Planned {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (at, change) = text
            .trim()
            .split_once(' ')
            .context("a planned change is a time and a change, such as 10s down loss=5%")?;
        Ok(Self {
            at: parse_time(at).with_context(|| format!("{at} is no time such as 10s"))?,
            change: change.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_change_names_time_direction_and_settings() {
        let planned: Planned = "90s both loss=30% delay=1ms".parse().unwrap();
        assert_eq!(planned.at, Duration::from_secs(90));
        let expected = Change::Conditions {
            directions: vec![Direction::Up, Direction::Down],
            settings: vec![Setting::Loss(0.3), Setting::Delay(Duration::from_millis(1))],
        };
        assert_eq!(planned.change, expected);
    }

    #[test]
    fn a_change_without_direction_time_or_settings_is_refused() {
        for text in [
            "",
            "10s",
            "down loss=5%",
            "10s loss=5%",
            "10s down",
            "x down loss=5%",
            "5s rebind loss=5%",
        ] {
            assert!(text.parse::<Planned>().is_err(), "{text}");
        }
    }
}
