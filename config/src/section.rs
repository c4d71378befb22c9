//! One section of the settings, and how its values are read: as a number in a range, a duration,
//! a size. Knows what to answer to a value that is not allowed, not what the settings are for.

use crate::error::SettingsError;
use crate::layers::Layers;
use crate::value::{ByteSize, Value, parse_duration};
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// One section, and how its values are read.
pub(crate) struct Section<'a> {
    layers: &'a Layers,
    name: &'static str,
}

impl<'a> Section<'a> {
    pub(crate) fn of(layers: &'a Layers, name: &'static str) -> Self {
        Self { layers, name }
    }

    pub(crate) fn read<T>(
        &self,
        key: &str,
        allowed: &str,
        reading: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let written = self.layers.get(self.name, key);
        reading(&written.value).ok_or_else(|| SettingsError::NotAllowed {
            place: Box::new(written.place.clone()),
            name: format!("{}.{key}", self.name),
            value: written.value.to_string(),
            allowed: allowed.to_owned(),
            cure: format!(
                "Change it, or take it out to get the default, {}.",
                Layers::shipped(false).get(self.name, key).value
            ),
        })
    }

    pub(crate) fn number<T>(&self, key: &str, range: RangeInclusive<T>) -> Result<T, SettingsError>
    where
        T: TryFrom<i64> + PartialOrd + fmt::Display,
    {
        let allowed = format!("{} to {}", range.start(), range.end());
        self.read(key, &allowed, |value| {
            let number = T::try_from(value.integer()?).ok()?;
            range.contains(&number).then_some(number)
        })
    }

    pub(crate) fn size(
        &self,
        key: &str,
        range: RangeInclusive<usize>,
    ) -> Result<ByteSize, SettingsError> {
        let (least, most) = (ByteSize::from_bytes(*range.start()), *range.end());
        let allowed = format!("{least} to {}", ByteSize::from_bytes(most));
        self.read(key, &allowed, |value| {
            let size = ByteSize::parse(value.text()?)?;
            range.contains(&size.bytes()).then_some(size)
        })
    }

    pub(crate) fn duration(
        &self,
        key: &str,
        least: &str,
        most: &str,
    ) -> Result<Duration, SettingsError> {
        let bound = |text| parse_duration(text).expect("bounds are written as durations");
        self.read(key, &format!("{least} to {most}"), |value| {
            let duration = parse_duration(value.text()?)?;
            (bound(least)..=bound(most))
                .contains(&duration)
                .then_some(duration)
        })
    }

    pub(crate) fn boolean(&self, key: &str) -> Result<bool, SettingsError> {
        self.read(key, "true or false", Value::boolean)
    }

    pub(crate) fn address(&self, key: &str) -> Result<IpAddr, SettingsError> {
        self.read(key, "an IP address", |value| value.text()?.parse().ok())
    }

    pub(crate) fn addresses(&self, key: &str) -> Result<Vec<IpAddr>, SettingsError> {
        self.read(key, "a list of IP addresses", |value| {
            value
                .list()?
                .into_iter()
                .map(|text| text.parse().ok())
                .collect()
        })
    }

    pub(crate) fn optional_file(&self, key: &str) -> Result<Option<PathBuf>, SettingsError> {
        self.read(key, "the path of a file, or \"\" for none", |value| {
            let path = value.text()?;
            Some((!path.is_empty()).then(|| PathBuf::from(path)))
        })
    }

    pub(crate) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<T, SettingsError> {
        let quoted: Vec<_> = choices
            .iter()
            .map(|(word, _)| format!("{word:?}"))
            .collect();
        let (last, others) = quoted.split_last().expect("a choice has words");
        let allowed = format!("{} or {last}", others.join(", "));
        self.read(key, &allowed, |value| {
            let text = value.text()?;
            choices
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, choice)| *choice)
        })
    }
}
