//! API keys and their secrets. Decides which are good enough, and keeps secrets out of every text.

use crate::error::SettingsError;
use crate::layers::{KEYS, Layers, Written};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

/// API keys: names and secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(BTreeMap<String, Secret>);

/// The secret of an API key. Never shown, not even for debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A key of 32 random characters cannot be guessed from a captured token; clients warn below that.
pub(crate) const PRODUCTION_SECRET_CHARS: RangeInclusive<usize> = 32..=256;
/// `devkey`'s secret is `secret`.
pub(crate) const DEV_SECRET_CHARS: RangeInclusive<usize> = 1..=256;

impl Keys {
    pub(crate) fn read(
        layers: &Layers,
        secret: &RangeInclusive<usize>,
    ) -> Result<Self, SettingsError> {
        let mut keys = BTreeMap::new();
        for (name, written) in layers.section(KEYS) {
            let text = written.value.text().unwrap_or_default();
            if !is_key_name(name) || !secret.contains(&text.chars().count()) {
                return Err(secret_not_allowed(name, written, secret));
            }
            keys.insert(name.clone(), Secret(text.to_owned()));
        }
        Ok(Self(keys))
    }

    /// The secret of a key.
    pub fn secret(&self, key: &str) -> Option<&Secret> {
        self.0.get(key)
    }

    /// Whether nobody could join.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, secret)| (name.as_str(), secret))
    }
}

fn is_key_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

fn secret_not_allowed(
    name: &str,
    written: &Written,
    secret: &RangeInclusive<usize>,
) -> SettingsError {
    let length = written.value.text().map(|text| text.chars().count());
    SettingsError::NotAllowed {
        place: Box::new(written.place.clone()),
        name: format!("{KEYS}.{name}"),
        value: length.map_or("(not a text)".to_owned(), |length| {
            format!("(hidden, {length} characters)")
        }),
        allowed: format!(
            "a secret of {} to {} characters, under a name of 1 to 64 letters, digits, - and _",
            secret.start(),
            secret.end()
        ),
        cure: "Make a secret with `openssl rand -base64 48`.".to_owned(),
    }
}

impl Secret {
    /// The secret itself, for signing and checking tokens.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}
