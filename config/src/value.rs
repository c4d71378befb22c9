//! One setting as somebody wrote it, and its readings. Knows units, not which setting it is.

use std::fmt;
use std::time::Duration;
use toml_edit::Item;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(usize);

/// Units of sizes, largest first: the first that divides a size is the one it is shown in.
const SIZE_UNITS: [(&str, usize); 3] = [("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
/// Units of durations, in milliseconds.
const DURATION_UNITS: [(&str, u64); 4] =
    [("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000)];

impl ByteSize {
    /// From a number of bytes.
    pub const fn from_bytes(bytes: usize) -> Self {
        Self(bytes)
    }

    /// As a number of bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }

    /// Reads a number and its unit: `64 KiB`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text)?;
        let (_, bytes) = SIZE_UNITS.into_iter().find(|(name, _)| *name == unit)?;
        usize::try_from(number).ok()?.checked_mul(bytes).map(Self)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes) = SIZE_UNITS
            .into_iter()
            .find(|(_, bytes)| self.0.is_multiple_of(*bytes))
            .expect("1 divides every number");
        write!(f, "{} {name}", self.0 / bytes)
    }
}

/// Reads a number and its unit: `30s`, `500ms`, `5min`, `24h`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let (_, millis) = DURATION_UNITS.into_iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(millis).map(Duration::from_millis)
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim()))
}

/// A value before anyone knows what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// From a file, with its type.
    Toml(Box<TomlValue>),
    /// From the environment, where everything is text.
    Environment(String),
}

/// A value of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TomlValue {
    /// Between quotes.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// true or false.
    Boolean(bool),
    /// Texts between brackets.
    List(Vec<String>),
    /// Anything that no setting takes, as written.
    Other(String),
}

impl Value {
    pub(crate) fn from_item(item: &Item) -> Self {
        let list = |array: &toml_edit::Array| {
            let texts = array.iter().map(|value| value.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>()
        };
        let value = if let Some(text) = item.as_str() {
            TomlValue::Text(text.to_owned())
        } else if let Some(number) = item.as_integer() {
            TomlValue::Integer(number)
        } else if let Some(truth) = item.as_bool() {
            TomlValue::Boolean(truth)
        } else if let Some(texts) = item.as_array().and_then(list) {
            TomlValue::List(texts)
        } else {
            TomlValue::Other(item.type_name().to_owned())
        };
        Self::Toml(Box::new(value))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Environment(text) => Some(text),
            Self::Toml(value) => match &**value {
                TomlValue::Text(text) => Some(text),
                TomlValue::Integer(_)
                | TomlValue::Boolean(_)
                | TomlValue::List(_)
                | TomlValue::Other(_) => None,
            },
        }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Environment(text) => text.trim().parse().ok(),
            Self::Toml(value) => match **value {
                TomlValue::Integer(number) => Some(number),
                TomlValue::Text(_)
                | TomlValue::Boolean(_)
                | TomlValue::List(_)
                | TomlValue::Other(_) => None,
            },
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Environment(text) => text.trim().parse().ok(),
            Self::Toml(value) => match **value {
                TomlValue::Boolean(truth) => Some(truth),
                TomlValue::Text(_)
                | TomlValue::Integer(_)
                | TomlValue::List(_)
                | TomlValue::Other(_) => None,
            },
        }
    }

    pub(crate) fn list(&self) -> Option<Vec<&str>> {
        match self {
            Self::Environment(text) => Some(
                text.split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .collect(),
            ),
            Self::Toml(value) => match &**value {
                TomlValue::List(texts) => Some(texts.iter().map(String::as_str).collect()),
                TomlValue::Text(_)
                | TomlValue::Integer(_)
                | TomlValue::Boolean(_)
                | TomlValue::Other(_) => None,
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(text) => write!(f, "{text:?}"),
            Self::Toml(value) => match &**value {
                TomlValue::Text(text) => write!(f, "{text:?}"),
                TomlValue::Integer(number) => write!(f, "{number}"),
                TomlValue::Boolean(truth) => write!(f, "{truth}"),
                TomlValue::List(texts) => write!(f, "{texts:?}"),
                TomlValue::Other(kind) => write!(f, "({kind})"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_size_survives_its_text_form(bytes: usize) {
            let size = ByteSize::from_bytes(bytes);
            prop_assert_eq!(ByteSize::parse(&size.to_string()), Some(size));
        }

        #[test]
        fn reading_any_text_never_panics(text: String) {
            let _ = (ByteSize::parse(&text), parse_duration(&text));
        }
    }

    #[test]
    fn a_duration_needs_a_known_unit_and_a_whole_number() {
        assert_eq!(parse_duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("5 min"), Some(Duration::from_mins(5)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for wrong in [
            "",
            "30",
            "s",
            "-1s",
            "1.5s",
            "30 seconds",
            "99999999999999999999s",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_size_too_large_to_count_is_refused() {
        assert_eq!(ByteSize::parse("18446744073709551615 MiB"), None);
    }
}
