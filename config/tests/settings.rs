//! Settings as an operator meets them: defaults, layers, and the sentence for each mistake.

use saal_config::{DEFAULTS, LogFormat, Settings, SettingsError};
use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;
use tempfile::NamedTempFile;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_default() {
    let file = file("[room]\nempty_timeout = \"60s\"\nname_chars_max = 64\n");
    let environment = [
        ("SAAL_ROOM_NAME_CHARS_MAX", "32"),
        ("SAAL_KEYS_meet", SECRET),
    ];
    let settings = load(Some(&file), &environment).unwrap();
    assert_eq!(settings.room.name_chars_max, 32);
    assert_eq!(settings.room.empty_timeout, Duration::from_mins(1));
    assert_eq!(settings.room.departure_timeout, Duration::from_secs(20));
}

#[test]
fn the_environment_sets_every_kind_of_value() {
    let settings = load_env(&[
        ("SAAL_HTTP_BIND", "::"),
        ("SAAL_HTTP_PORT", "443"),
        ("SAAL_MEDIA_ADVERTISE", "192.0.2.7, 2001:db8::7"),
        ("SAAL_MEDIA_INCLUDE_LOOPBACK", "true"),
        ("SAAL_LOG_FORMAT", "json"),
        ("SAAL_KEYS_Meet_2", SECRET),
    ])
    .unwrap();
    let addresses: [IpAddr; 2] = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    assert_eq!(settings.http.port, 443);
    assert_eq!(settings.media.advertise, addresses);
    assert!(settings.media.include_loopback);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.keys.secret("Meet_2").unwrap().expose(), SECRET);
}

#[test]
fn development_has_a_known_key_and_production_has_none() {
    let dev = Settings::load_dev(None, []).unwrap();
    assert_eq!(dev.keys.secret("devkey").unwrap().expose(), "secret");
    assert!(dev.media.include_loopback);
    assert!(dev.http.bind.is_loopback());
    let production = load_env(&[]).unwrap_err();
    assert!(matches!(production, SettingsError::NoKeys), "{production}");
}

#[test]
fn a_person_who_vanished_is_gone_for_the_others_within_fifteen_seconds() {
    let media = Settings::load_dev(None, []).unwrap().media;
    assert!(media.silence_timeout + Duration::from_secs(2) <= Duration::from_secs(15));
}

#[test]
fn a_secret_is_not_in_the_debug_text() {
    let text = format!("{:?}", load_env(&[("SAAL_KEYS_meet", SECRET)]).unwrap());
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn what_kubernetes_puts_into_the_environment_is_no_mistake() {
    load_env(&[
        ("SAAL_KEYS_meet", SECRET),
        ("SAAL_SERVICE_HOST", "10.0.0.1"),
        ("SAAL_PORT", "tcp://10.0.0.1:7880"),
        ("SAAL_PORT_7880_TCP_ADDR", "10.0.0.1"),
    ])
    .unwrap();
}

#[test]
fn each_mistake_in_a_file_is_told_with_its_line_and_the_cure() {
    let cases = [
        (
            "[http]\n# the door\nport = 70000\n",
            ":3: http.port = 70000 is not allowed. Allowed: 0 to 65535. \
             Change it, or take it out to get the default, 7880.",
        ),
        (
            "[http]\nport = \"7880\"\n",
            ":2: http.port = \"7880\" is not allowed. Allowed: 0 to 65535. \
             Change it, or take it out to get the default, 7880.",
        ),
        (
            "\n[room]\nempty_timeout = \"5\"\n",
            ":3: room.empty_timeout = \"5\" is not allowed. Allowed: 10s to 24h. \
             Change it, or take it out to get the default, \"300s\".",
        ),
        (
            "[log]\nlevel = \"loud\"\n",
            ":2: log.level = \"loud\" is not allowed. Allowed: \"error\", \"warn\", \"info\", \
             \"debug\" or \"trace\". Change it, or take it out to get the default, \"info\".",
        ),
        (
            "[media]\nadvertise = [\"here\"]\n",
            ":2: media.advertise = [\"here\"] is not allowed. Allowed: a list of IP addresses. \
             Change it, or take it out to get the default, [].",
        ),
        (
            "[storage]\nfolder = \"/srv\"\n",
            ":2: there is no setting storage.folder. The section [storage] has: data_dir.",
        ),
        (
            "[http]\nworkers = 2\n",
            ":2: there is no setting http.workers. The section [http] has: bind, handshake_timeout, \
             header_max, port, tls_certificate, tls_key.",
        ),
        (
            "data_dir = \"/srv\"\n",
            ":1: there is no setting data_dir. It belongs into the section [storage].",
        ),
        (
            "\n\n[web]\n",
            ":3: there is no setting web. The sections are: http, keys, log, media, room, signal, \
             storage, token.",
        ),
        (
            "[keys]\nmeet = \"too-short\"\n",
            ":2: keys.meet = (hidden, 9 characters) is not allowed. Allowed: a secret of 32 to 256 \
             characters, under a name of 1 to 64 letters, digits, - and _. \
             Make a secret with `openssl rand -base64 48`.",
        ),
        (
            "[http]\ntls_key = \"/etc/saal/key.pem\"\n",
            ":2: http.tls_key is set, so http.tls_certificate is needed too. Set both.",
        ),
        (
            "[signal]\nping_interval = \"30s\"\nping_timeout = \"30s\"\n",
            ":3: signal.ping_timeout must be longer than signal.ping_interval. Raise it, or lower \
             the other.",
        ),
    ];
    for (text, sentence) in cases {
        let file = file(text);
        let error = load(Some(&file), &[]).unwrap_err().to_string();
        assert_eq!(error, format!("{}{sentence}", file.path().display()));
    }
}

#[test]
fn a_file_that_is_not_toml_is_told_with_its_line() {
    let file = file("[http]\nport = \n");
    let error = load(Some(&file), &[]).unwrap_err().to_string();
    let start = format!("{}:2: this is not valid TOML: ", file.path().display());
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_told_with_its_path() {
    let error = Settings::load(Some("/nowhere/saal.toml".as_ref()), []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the settings file /nowhere/saal.toml: No such file or directory (os error 2). \
         Check its path and permissions."
    );
}

#[test]
fn each_mistake_in_the_environment_is_told_with_its_variable() {
    let cases = [
        (
            ("SAAL_HTTP_PORT", "many"),
            "environment variable SAAL_HTTP_PORT: http.port = \"many\" is not allowed. \
             Allowed: 0 to 65535. Change it, or take it out to get the default, 7880.",
        ),
        (
            ("SAAL_WORKERS", "2"),
            "environment variable SAAL_WORKERS: there is no setting workers. \
             It belongs into the section [media].",
        ),
        (
            ("SAAL_KEYS_", SECRET),
            "environment variable SAAL_KEYS_: there is no setting keys. Give the key a name.",
        ),
    ];
    for (variable, sentence) in cases {
        assert_eq!(load_env(&[variable]).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn default_toml_says_of_every_setting_why_and_exactly_what_is_allowed() {
    let mut seen = 0;
    for (key, section, comment) in documented() {
        let wrong = file(&format!("[{section}]\n{key} = {{ no = \"such value\" }}\n"));
        let Err(SettingsError::NotAllowed { allowed, .. }) = load(Some(&wrong), &[]) else {
            panic!("{section}.{key} is in default.toml, and nothing reads it");
        };
        let (why, rule) = comment.split_once("Allowed: ").unwrap_or((&comment, ""));
        assert_eq!(rule.trim(), format!("{allowed}."), "{section}.{key}");
        assert!(
            why.split_whitespace().count() >= 8,
            "{section}.{key} needs a reason: {why}"
        );
        seen += 1;
    }
    assert!(seen > 20, "only {seen} settings found");
}

/// Each key of `default.toml` with its section and the comment above it.
fn documented() -> Vec<(String, String, String)> {
    let (mut section, mut comment, mut keys) = (String::new(), String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment += text;
        } else if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
            comment.clear();
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.push((key.to_owned(), section.clone(), comment.split_off(0)));
        } else {
            comment.clear();
        }
    }
    keys
}

fn load_env(environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    load(None, environment)
}

fn load(
    file: Option<&NamedTempFile>,
    environment: &[(&str, &str)],
) -> Result<Settings, SettingsError> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings::load(file.map(NamedTempFile::path), environment.iter().map(owned))
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(text.as_bytes()).expect("it can be written");
    file
}
