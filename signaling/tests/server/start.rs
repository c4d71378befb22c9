//! Starting, failing to start, and the command line, with the binary as people run it.

use crate::trial::settings;
use saal::{Mode, Server};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Output, Stdio};

#[tokio::test]
async fn a_taken_tcp_port_is_named_with_the_setting_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings();
    settings.http.port = taken.local_addr().unwrap().port();
    let port = settings.http.port.to_string();
    let sentence = Server::start(settings, Mode::Dev)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        sentence.contains(&port) && sentence.contains("http.port"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_taken_udp_port_is_named_with_the_setting_to_change() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let mut settings = settings();
    settings.media.udp_port = taken.local_addr().unwrap().port();
    let port = settings.media.udp_port.to_string();
    let sentence = Server::start(settings, Mode::Dev)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        sentence.contains(&port) && sentence.contains("media.udp_port"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_written_is_named_with_the_setting_to_change() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut settings = settings();
    settings.storage.data_dir = file.path().join("data");
    let folder = settings.storage.data_dir.display().to_string();
    let sentence = Server::start(settings, Mode::Production)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        sentence.contains(&folder) && sentence.contains("storage.data_dir"),
        "{sentence}"
    );
}

#[tokio::test]
async fn an_address_of_another_machine_is_named_with_the_setting_to_change() {
    let mut settings = settings();
    settings.http.bind = "192.0.2.1".parse().unwrap();
    let sentence = Server::start(settings, Mode::Dev)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        sentence.contains("192.0.2.1") && sentence.contains("http.bind"),
        "{sentence}"
    );
}

#[test]
fn the_binary_fails_with_one_sentence_and_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = saal(&["serve", "--dev"]);
    let output = command
        .env("SAAL_HTTP_PORT", &port)
        .env("SAAL_MEDIA_UDP_PORT", "0")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let sentence = errors.lines().last().unwrap_or_default();
    assert!(
        sentence.starts_with("saal: TCP port") && sentence.contains(&port),
        "{errors}"
    );
}

#[test]
fn a_started_server_prints_its_address_and_ends_well_when_told_to() {
    let mut command = saal(&["serve", "--dev"]);
    let ports = [("SAAL_HTTP_PORT", "0"), ("SAAL_MEDIA_UDP_PORT", "0")];
    let mut child = command.envs(ports).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let greeting = lines.next().expect("it says something").unwrap();
    assert!(
        greeting.starts_with("Saal is ready: http://127.0.0.1:"),
        "{greeting}"
    );
    let told = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", child.id())])
        .status()
        .unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn without_a_key_production_does_not_start_and_says_how_to_set_one() {
    let output = saal(&["serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("API key") && errors.contains("[keys]"),
        "{errors}"
    );
}

#[test]
fn a_printed_token_says_what_was_asked() {
    let arguments = [
        "token",
        "--room",
        "r",
        "--identity",
        "ada",
        "--name",
        "Ada L.",
        "--grant",
        "roomAdmin",
        "--ttl",
        "2h",
    ];
    let token = text(saal(&arguments).output().unwrap());
    let claims = saal::keys(&settings())
        .verify(token.trim(), saal::unix_time())
        .unwrap();
    assert_eq!(
        (claims.identity.as_str(), claims.name.as_str()),
        ("ada", "Ada L.")
    );
    assert!(claims.grants.room_admin && claims.grants.room_join);
    assert_eq!(claims.grants.room, "r");
    let later = saal::unix_time() + 3 * 3600;
    assert!(
        saal::keys(&settings()).verify(token.trim(), later).is_err(),
        "it lasts two hours"
    );
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = text(saal(&["--version"]).output().unwrap());
    assert_eq!(version.trim(), concat!("saal ", env!("CARGO_PKG_VERSION")));
}

/// The binary in an environment without settings.
fn saal(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saal"));
    command.args(arguments).env_clear();
    command
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
