//! Who is let in, and what the others are told.

use crate::http::{get, request};
use crate::trial::{Trial, join_request};
use saal::Mode;
use signaling_core::Claims;
use std::time::Duration;

/// What a client sends to open a WebSocket.
const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn a_good_token_is_validated_on_both_paths_and_over_a_double_slash() {
    let trial = Trial::start().await;
    let query = format!(
        "access_token={}&join_request={}",
        trial.token("a", "r"),
        join_request()
    );
    for path in [
        "/rtc/v1/validate",
        "/rtc/validate",
        "//rtc/v1/validate",
        "//rtc/validate",
    ] {
        let answer = get(trial.address, &format!("{path}?{query}")).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "success"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_token_in_the_authorization_header_is_as_good() {
    let trial = Trial::start().await;
    let target = format!("/rtc/v1/validate?join_request={}", join_request());
    let header = format!("Authorization: Bearer {}\r\n", trial.token("a", "r"));
    assert_eq!(
        request(trial.address, "GET", &target, &header, "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn bad_tokens_get_401_with_the_reason_on_both_doors() {
    let trial = Trial::start().await;
    let (now, minute) = (saal::unix_time(), Duration::from_mins(1));
    let claims = Claims::joining("alice", "secret-room");
    let expired = trial.keys.sign(&claims, now - 3600, minute);
    let early = trial.keys.sign(&claims, now + 3600, minute);
    let foreign = signaling_core::Keys::new([("devkey".to_owned(), "another secret".to_owned())])
        .sign(&claims, now, minute);
    let unknown = signaling_core::Keys::new([("nobody".to_owned(), "secret".to_owned())])
        .sign(&claims, now, minute);
    let mut cannot_join = claims.clone();
    cannot_join.grants.room_join = false;
    let tokens = [
        ("", "no access token"),
        ("not.a.token", "cannot be read"),
        (&expired, "expired"),
        (&early, "not valid yet"),
        (&foreign, "signature"),
        (&unknown, "does not know"),
        (&trial.sign(&cannot_join), "does not allow to join"),
    ];
    for (token, reason) in tokens {
        let query = format!("access_token={token}&join_request={}", join_request());
        let validated = get(trial.address, &format!("/rtc/v1/validate?{query}")).await;
        let target = format!("/rtc/v1?{query}");
        let opened = request(trial.address, "GET", &target, UPGRADE, "").await;
        for answer in [validated, opened] {
            assert_eq!(answer.status, 401, "{reason}: {}", answer.body);
            assert!(answer.body.contains(reason), "{reason}: {}", answer.body);
            assert!(
                !answer.body.contains("secret-room"),
                "the room leaks: {}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn join_requests_that_cannot_be_read_get_400() {
    let trial = Trial::start().await;
    let token = trial.token("alice", "room");
    let requests = [
        ("", "no join_request"),
        ("&join_request=%25%25%25", "base64url"),
        ("&join_request=____", "protobuf"),
        // A compression number of 7.
        ("&join_request=CAc", "unknown way"),
        // Said to be gzip, and is not.
        ("&join_request=CAESAgEC", "gzip"),
    ];
    for (request_text, reason) in requests {
        let target = format!("/rtc/v1?access_token={token}{request_text}");
        let answer = request(trial.address, "GET", &target, UPGRADE, "").await;
        assert_eq!(answer.status, 400, "{reason}: {}", answer.body);
        assert!(answer.body.contains(reason), "{reason}: {}", answer.body);
    }
}

#[tokio::test]
async fn names_that_are_empty_or_too_long_get_400() {
    let trial = Trial::start().await;
    let long = "ü".repeat(257);
    for (identity, room) in [
        ("", "r"),
        ("a", ""),
        (long.as_str(), "r"),
        ("a", long.as_str()),
    ] {
        let token = trial.token(identity, room);
        let target = format!(
            "/rtc/v1/validate?access_token={token}&join_request={}",
            join_request()
        );
        assert_eq!(get(trial.address, &target).await.status, 400);
    }
}

#[tokio::test]
async fn two_peer_connections_are_answered_501_with_a_sentence() {
    let trial = Trial::start().await;
    let token = trial.token("alice", "room");
    let target = format!("/rtc?access_token={token}&protocol=15&auto_subscribe=1");
    let answer = request(trial.address, "GET", &target, UPGRADE, "").await;
    assert_eq!(answer.status, 501);
    assert!(answer.body.contains("/rtc/v1"), "{}", answer.body);
}

#[tokio::test]
async fn a_signal_address_without_an_upgrade_is_404() {
    let trial = Trial::start().await;
    let query = format!(
        "access_token={}&join_request={}",
        trial.token("a", "r"),
        join_request()
    );
    for path in ["/rtc", "/rtc/v1"] {
        assert_eq!(
            get(trial.address, &format!("{path}?{query}")).await.status,
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_answer_reflects_the_origin_also_a_refusal() {
    let trial = Trial::start().await;
    let origin = "Origin: https://meet.example\r\n";
    for (method, target, status) in [
        ("HEAD", "/", 200),
        ("GET", "/rtc/v1/validate", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/healthz", 200),
    ] {
        let answer = request(trial.address, method, target, origin, "").await;
        assert_eq!(answer.status, status, "{target}");
        let reflected = answer.header("access-control-allow-origin");
        assert_eq!(reflected, "https://meet.example", "{target}");
    }
}

#[tokio::test]
async fn browsers_may_call_from_anywhere_with_any_header() {
    let trial = Trial::start().await;
    let asks = "Origin: https://meet.example\r\nAccess-Control-Request-Method: PATCH\r\n\
         Access-Control-Request-Headers: authorization, x-any\r\n";
    let answer = request(trial.address, "OPTIONS", "/rtc/validate", asks, "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "authorization, x-any"
    );
    assert_eq!(answer.header("access-control-max-age"), "86400");
    for method in ["OPTIONS", "HEAD", "GET", "POST", "PATCH", "DELETE"] {
        let allowed = answer.header("access-control-allow-methods");
        assert!(allowed.contains(method), "{method} is not in {allowed}");
    }
}

#[tokio::test]
async fn a_request_line_of_sixteen_kibibytes_is_read() {
    let trial = Trial::start().await;
    let query = format!(
        "access_token={}&join_request={}",
        trial.token("a", "r"),
        join_request()
    );
    let target = format!("/rtc/v1/validate?{query}&padding={}", "x".repeat(16 * 1024));
    assert_eq!(get(trial.address, &target).await.status, 200);
}

#[tokio::test]
async fn the_trial_gives_a_token_that_opens_the_room() {
    let trial = Trial::start().await;
    let json = "Content-Type: application/json\r\n";
    let body = r#"{"room":"r","name":"Ada"}"#;
    let answer = request(trial.address, "POST", "/api/v1/dev/token", json, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let ticket: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(ticket["url"], "ws://saal.test");
    let token = ticket["token"].as_str().unwrap();
    let target = format!(
        "/rtc/v1/validate?access_token={token}&join_request={}",
        join_request()
    );
    assert_eq!(get(trial.address, &target).await.status, 200);
}

#[tokio::test]
async fn in_production_nobody_is_given_a_token() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_path_buf();
    let change = |settings: &mut saal_config::Settings| settings.storage.data_dir = folder;
    let production = Trial::start_with(Mode::Production, change).await;
    let json = "Content-Type: application/json\r\n";
    let body = r#"{"room":"r","name":"Ada"}"#;
    for method in ["POST", "GET", "PUT"] {
        let answer = request(production.address, method, "/api/v1/dev/token", json, body).await;
        assert_eq!(answer.status, 404, "{method}: {}", answer.body);
    }
}
