//! What browsers and operators are shown.

use crate::http::{get, request};
use crate::trial::Trial;

#[tokio::test]
async fn the_start_page_and_rooms_are_html_under_a_strict_policy() {
    let trial = Trial::start().await;
    for target in ["/", "/r/weekly", "/r/%C3%BCbung"] {
        let answer = get(trial.address, target).await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{policy}"
        );
        assert!(
            policy.contains("connect-src 'self' ws://saal.test wss://saal.test;"),
            "{policy}"
        );
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert!(
            answer
                .header("permissions-policy")
                .contains("camera=(self), microphone=(self)")
        );
    }
}

#[tokio::test]
async fn every_answer_forbids_sniffing_and_referrers() {
    let trial = Trial::start().await;
    for target in ["/", "/healthz", "/nowhere", "/rtc/validate"] {
        let answer = get(trial.address, target).await;
        assert_eq!(
            answer.header("x-content-type-options"),
            "nosniff",
            "{target}"
        );
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{target}");
    }
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let trial = Trial::start().await;
    let first = get(trial.address, "/").await;
    let tag = first.header("etag");
    if tag.is_empty() {
        assert!(
            first.body.contains("not built"),
            "only the page that stands in has no tag"
        );
        return;
    }
    let again = request(
        trial.address,
        "GET",
        "/",
        &format!("If-None-Match: {tag}\r\n"),
        "",
    )
    .await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}

#[tokio::test]
async fn paths_out_of_the_web_client_lead_nowhere() {
    let trial = Trial::start().await;
    for target in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/etc/passwd",
    ] {
        assert_eq!(get(trial.address, target).await.status, 404, "{target}");
    }
}

#[tokio::test]
async fn operators_see_that_it_lives_is_ready_and_what_it_counts() {
    let trial = Trial::start().await;
    assert_eq!(get(trial.address, "/healthz").await.status, 200);
    assert_eq!(get(trial.address, "/readyz").await.status, 200);
    get(trial.address, "/rtc/v1/validate").await;
    let mut client = trial.join("alice", "very-private-room").await;
    client.reply().await;
    let metrics = get(trial.address, "/metrics").await;
    assert!(
        metrics
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    for line in [
        "saal_rooms 1",
        "saal_participants 1",
        "saal_connections 1",
        "saal_joins_refused_total{reason=\"token\"} 1",
    ] {
        assert!(
            metrics.body.lines().any(|found| found == line),
            "{line}: {}",
            metrics.body
        );
    }
    for name in ["alice", "very-private-room"] {
        assert!(!metrics.body.contains(name), "{name} leaks");
    }
}
