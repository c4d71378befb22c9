//! The program as people and scripts use it: its arguments, its files, its exit code.

use crate::trial::Trial;
use rcgen::{CertificateParams, KeyPair};
use saal_config::TlsFiles;
use std::process::{Command, Output};

async fn loadtest(url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["--url", url]).args(arguments);
    // Waiting must not hold up the server, which is in this process.
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn said(output: &Output) -> String {
    let (told, complained) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(told).into_owned() + &String::from_utf8_lossy(complained)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_met_budget_is_success_and_a_missed_one_is_not() {
    let trial = Trial::start().await;
    let url = format!("ws://127.0.0.1:{}", trial.port());
    let arguments = [
        "join-spike",
        "--participants=4",
        "--rooms=2",
        "--ramp=100ms",
        "--duration=0",
        "--min-joined=100%",
    ];
    let met = loadtest(&url, &arguments).await;
    assert_eq!(met.status.code(), Some(0), "{}", said(&met));
    let missed = loadtest(&url, &[&arguments[..], &["--max-p99-join=0ms"]].concat()).await;
    assert_eq!(missed.status.code(), Some(1), "{}", said(&missed));
    assert!(said(&missed).contains("Missed: p99 of joining"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_server_is_in_the_report_with_all_it_used() {
    let trial = Trial::start().await;
    let url = format!("ws://127.0.0.1:{}", trial.port());
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let (pid, file) = (std::process::id().to_string(), json.to_str().unwrap());
    let arguments = ["signal", "--rooms=2", "--duration=1s", "--server-pid", &pid];
    let page = folder.path().join("report.html");
    let files = ["--json", file, "--html", page.to_str().unwrap()];
    let output = loadtest(&url, &[&arguments[..], &files].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(report["joined"], 4);
    assert!(report["server"]["memory_bytes"][2].as_u64().unwrap() > 1_000_000);
    assert!(report["server"]["cores_by_thread"]["media"].is_number());
    let course = report["course"].as_array().unwrap();
    assert_eq!(course.last().unwrap()["joined"], 4, "{course:?}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<h1>signal"), "{page}");
    assert!(page.contains("Server memory"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_server_is_joined_if_its_authority_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("chain.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, pair.serialize_pem()).unwrap();
    let ca = files.certificate.to_str().unwrap().to_owned();
    let trial = Trial::start_with(|settings| settings.http.tls = Some(files)).await;
    let url = format!("wss://localhost:{}", trial.port());
    let arguments = ["signal", "--rooms=1", "--duration=0", "--max-failed=0"];
    let trusted = loadtest(&url, &[&arguments[..], &["--ca", &ca]].concat()).await;
    assert_eq!(trusted.status.code(), Some(0), "{}", said(&trusted));
    // With another authority, because a system may trust nobody.
    let stranger = KeyPair::generate().unwrap();
    let other = params.self_signed(&stranger).unwrap();
    std::fs::write(&ca, other.pem()).unwrap();
    let distrusted = loadtest(&url, &[&arguments[..], &["--ca", &ca]].concat()).await;
    assert_eq!(distrusted.status.code(), Some(1), "{}", said(&distrusted));
    assert!(said(&distrusted).contains("cannot encrypt"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_happens() {
    for (arguments, because) in [
        (
            &["signal", "--ramp=1s", "--joins-per-second=5"][..],
            "cannot be used with",
        ),
        (&["webinar", "--max-us-per-packet=2.5"], "--server-pid"),
        (
            &["join-spike", "--participants=7", "--rooms=2"],
            "equal size",
        ),
        (&["signal", "--rooms=1000", "--peers=3"], "start several"),
        (&["soak", "--duration=soon"], "a time is needed"),
        (&["signal", "--ca=x.pem"], "wss://"),
        (&["audio", "--resolution=720p"], "about pictures"),
        (&["churn", "--loss=1%"], "about media"),
        (&["webinar", "--svc"], "vp9"),
        (&["meeting", "--codec=h264"], "VP8 alone"),
    ] {
        let output = loadtest("ws://127.0.0.1:9", arguments).await;
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(because), "{}", said(&output));
    }
}
