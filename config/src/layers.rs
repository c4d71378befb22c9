//! The shipped defaults, the operator's file and the environment, one over the other.
//! Knows which settings exist and where each was written, not what they mean.

use crate::error::{Place, SettingsError};
use crate::value::Value;
use crate::{DEFAULTS, DEV};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;
use toml_edit::{Document, Table};

/// The one section whose keys the operator names.
pub(crate) const KEYS: &str = "keys";
/// What names a setting in the environment.
const PREFIX: &str = "SAAL_";
/// What Kubernetes sets by itself in every pod beside a Service called `saal`.
const SET_BY_KUBERNETES: [&str; 2] = ["SAAL_SERVICE_", "SAAL_PORT"];

/// A setting's value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// All settings, each as the topmost layer that has it says.
#[derive(Debug)]
pub(crate) struct Layers {
    sections: BTreeMap<String, BTreeMap<String, Written>>,
}

impl Layers {
    /// The defaults alone, or with what development changes.
    pub(crate) fn shipped(dev: bool) -> Self {
        let mut layers = Self {
            sections: BTreeMap::new(),
        };
        for (section, table) in tables(&parse_shipped(DEFAULTS)) {
            let keys = layers.sections.entry(section.to_owned()).or_default();
            keys.extend(entries(table, "default.toml", DEFAULTS));
        }
        if dev {
            for (section, table) in tables(&parse_shipped(DEV)) {
                let keys = layers.sections.get_mut(section);
                keys.expect("dev.toml has sections of default.toml only")
                    .extend(entries(table, "dev.toml", DEV));
            }
        }
        layers
    }

    /// Lays the operator's file on top.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(), SettingsError> {
        let text = fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let place = |span: Option<Range<usize>>| Place::File {
            path: path.to_owned(),
            line: line_of(&text, span),
        };
        let document = Document::parse(text.as_str()).map_err(|error| SettingsError::Syntax {
            place: Box::new(place(error.span())),
            reason: error.message().trim_end_matches('.').replace('\n', ", "),
        })?;
        for (section, item) in document.iter() {
            let key = document.key(section).expect("it was just listed");
            let Some(table) = item.as_table() else {
                return Err(self.unknown(place(key.span()), section, None));
            };
            for (name, item) in table {
                let key = table.key(name).expect("it was just listed");
                self.put(section, name, Value::from_item(item), place(key.span()))?;
            }
            if table.is_empty() && !self.sections.contains_key(section) {
                return Err(self.unknown(place(key.span()), section, None));
            }
        }
        Ok(())
    }

    /// Lays the environment on top: `SAAL_`, the section, an underscore, the key.
    pub(crate) fn add_environment(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), SettingsError> {
        // In order, so that of two mistakes the same one is always told.
        let ours: BTreeMap<String, String> = environment
            .into_iter()
            .filter(|(variable, _)| variable.starts_with(PREFIX))
            .filter(|(variable, _)| {
                !SET_BY_KUBERNETES
                    .iter()
                    .any(|set| variable.starts_with(set))
            })
            .collect();
        for (variable, text) in ours {
            let name = variable.strip_prefix(PREFIX).expect("filtered by it");
            let (section, key) = name.split_once('_').unwrap_or((name, ""));
            let section = section.to_lowercase();
            // The operator chose the case of a key's name; ours are all lower case.
            let key = if section == KEYS {
                key.to_owned()
            } else {
                key.to_lowercase()
            };
            let place = Place::Environment {
                variable: variable.clone(),
            };
            if !self.sections.contains_key(&section) {
                // Most likely the section was left out: SAAL_WORKERS for SAAL_MEDIA_WORKERS.
                return Err(self.unknown(place, &name.to_lowercase(), None));
            }
            self.put(&section, &key, Value::Environment(text), place)?;
        }
        Ok(())
    }

    /// A setting of `default.toml`.
    pub(crate) fn get(&self, section: &str, key: &str) -> &Written {
        self.sections
            .get(section)
            .and_then(|keys| keys.get(key))
            .expect("default.toml holds every setting that is read")
    }

    /// All of a section.
    pub(crate) fn section(&self, section: &str) -> &BTreeMap<String, Written> {
        self.sections
            .get(section)
            .expect("default.toml holds every section that is read")
    }

    fn put(
        &mut self,
        section: &str,
        key: &str,
        value: Value,
        place: Place,
    ) -> Result<(), SettingsError> {
        let known = self
            .sections
            .get(section)
            .is_some_and(|keys| section == KEYS && !key.is_empty() || keys.contains_key(key));
        if !known {
            return Err(self.unknown(place, section, Some(key)));
        }
        let keys = self.sections.get_mut(section).expect("it is known");
        keys.insert(key.to_owned(), Written { value, place });
        Ok(())
    }

    fn unknown(&self, place: Place, section: &str, key: Option<&str>) -> SettingsError {
        let name = match key {
            Some(key) if !key.is_empty() => format!("{section}.{key}"),
            _ => section.to_owned(),
        };
        let place = Box::new(place);
        let cure = match self.sections.get(section) {
            Some(_) if section == KEYS => "Give the key a name.".to_owned(),
            Some(keys) => format!("The section [{section}] has: {}.", listed(keys.keys())),
            None => match self.sections_with(key.unwrap_or(section)) {
                sections if sections.is_empty() => {
                    format!("The sections are: {}.", listed(self.sections.keys()))
                }
                sections => format!("It belongs into the section [{}].", listed(&sections)),
            },
        };
        SettingsError::Unknown { place, name, cure }
    }

    fn sections_with(&self, key: &str) -> BTreeSet<String> {
        let with = self
            .sections
            .iter()
            .filter(|(_, keys)| keys.contains_key(key));
        with.map(|(section, _)| section.clone()).collect()
    }
}

fn parse_shipped(text: &'static str) -> Document<&'static str> {
    Document::parse(text).expect("the shipped files are valid TOML")
}

fn tables<'a>(document: &'a Document<&str>) -> impl Iterator<Item = (&'a str, &'a Table)> {
    document.iter().map(|(section, item)| {
        (
            section,
            item.as_table().expect("shipped files have sections"),
        )
    })
}

fn entries(
    table: &Table,
    file: &'static str,
    text: &'static str,
) -> impl Iterator<Item = (String, Written)> {
    table.iter().map(move |(name, item)| {
        let line = line_of(text, table.key(name).and_then(toml_edit::Key::span));
        let place = Place::Shipped { file, line };
        let value = Value::from_item(item);
        (name.to_owned(), Written { value, place })
    })
}

fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start);
    1 + text
        .bytes()
        .take(start)
        .filter(|&byte| byte == b'\n')
        .count()
}

fn listed(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    names.join(", ")
}
