//! Why settings could not be loaded: one plain sentence each, and what to do about it.

use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// Why the settings stop the start.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The operator's file cannot be read.
    #[error(
        "cannot read the settings file {}: {source}. Check its path and permissions.",
        path.display()
    )]
    Unreadable {
        /// The file named on the command line.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The operator's file is not TOML.
    #[error("{place}: this is not valid TOML: {reason}. Correct the line.")]
    Syntax {
        /// Where.
        place: Box<Place>,
        /// What the parser says.
        reason: String,
    },
    /// A setting that does not exist.
    #[error("{place}: there is no setting {name}. {cure}")]
    Unknown {
        /// Where.
        place: Box<Place>,
        /// What was written.
        name: String,
        /// What exists, or what was likely meant.
        cure: String,
    },
    /// A value that is not allowed.
    #[error("{place}: {name} = {value} is not allowed. Allowed: {allowed}. {cure}")]
    NotAllowed {
        /// Where.
        place: Box<Place>,
        /// The setting: section, dot, key.
        name: String,
        /// What was written.
        value: String,
        /// What may be written.
        allowed: String,
        /// What to do.
        cure: String,
    },
    /// Two settings that do not fit together.
    #[error("{place}: {conflict}")]
    Conflict {
        /// Where the second one stands.
        place: Box<Place>,
        /// What does not fit, and the cure.
        conflict: String,
    },
    /// No API key: nobody could join.
    #[error(
        "no API key is set, so nobody could join. Add one to the section [keys] of your settings \
         file, or set SAAL_KEYS_<name>=<secret>; `openssl rand -base64 48` makes a secret."
    )]
    NoKeys,
}

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In one of the files of this crate.
    Shipped {
        /// Its name.
        file: &'static str,
        /// The line, from 1.
        line: usize,
    },
    /// In the operator's file.
    File {
        /// Its path as given.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// In the environment.
    Environment {
        /// The variable.
        variable: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped { file, line } => write!(f, "{file}:{line}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
        }
    }
}
