//! Settings of Saal.
//!
//! `config/default.toml` holds every setting with its default and its reason, and is the only place
//! where defaults exist. An operator's file and then the environment (`SAAL_HTTP_PORT=443`) go over
//! it. Whatever is unknown or not allowed stops the start with one sentence that says where it
//! stands, what is allowed and how to cure it.
//!
//! # Layout
//!
//! - [`settings`](Settings): the typed settings, and what is allowed for each.
//! - [`keys`](Keys): API keys and their secrets.
//! - `section`: one section, and how its values are read.
//! - `layers`: the files and the environment, merged; knows places and names, no types.
//! - `value`: one setting as written, and its readings as a number, a duration, a size.
//! - `error`: the sentences.
//!
//! ```
//! # fn main() -> Result<(), saal_config::SettingsError> {
//! let mut environment: Vec<_> = saal_config::environment().collect();
//! environment.push(("SAAL_HTTP_PORT".to_owned(), "8443".to_owned()));
//! let settings = saal_config::Settings::load_dev(None, environment)?;
//! assert_eq!(settings.http.port, 8443);
//! # Ok(())
//! # }
//! ```

mod error;
mod keys;
mod layers;
mod section;
mod settings;
mod value;

pub use error::{Place, SettingsError};
pub use keys::{Keys, Secret};
pub use settings::{
    Http, Log, LogFormat, LogLevel, Media, Room, Settings, Signal, Storage, TlsFiles, Token,
};
pub use value::ByteSize;

/// Every setting with its default, as text: what `saal` prints for an operator to start from.
pub const DEFAULTS: &str = include_str!("../default.toml");
/// What `saal serve --dev` changes about [`DEFAULTS`].
const DEV: &str = include_str!("../dev.toml");

/// The environment of this process. What is not Unicode is made so: of another program's variable
/// that does not matter, and one of ours is then refused like any other wrong value.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let unicode = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (unicode(name), unicode(value)))
}
