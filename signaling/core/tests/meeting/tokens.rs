//! Access tokens and admission.

use crate::sim::{MIDNIGHT, Visitor, keys};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use livekit_protocol::TrackSource;
use livekit_protocol::participant_info::Kind;
use serde_json::{Value, json};
use signaling_core::{Claims, JoinRefusal, Keys, TokenError, check_admission};
use std::time::Duration;

const SECRET: &str = "a secret of at least 32 characters";

#[test]
fn a_signed_token_says_what_was_signed() {
    let mut claims = Claims::joining("ada", "council");
    claims.issuer = "devkey".to_owned();
    claims.name = "Ada".to_owned();
    claims.kind = Kind::Sip;
    claims.attributes.insert("role".into(), "chair".into());
    claims.grants.can_publish_sources = vec![TrackSource::ScreenShareAudio];
    claims.grants.room_admin = true;
    let token = keys().sign(&claims, MIDNIGHT, Duration::from_mins(10));
    assert_eq!(keys().verify(&token, MIDNIGHT), Ok(claims));
}

#[test]
fn a_token_as_sdks_write_it_gets_the_defaults() {
    let token = signed(&json!({
        "iss": "devkey", "sub": "ada", "exp": MIDNIGHT, "nbf": 0, "name": "Ada",
        "video": { "roomJoin": true, "room": "council", "canPublish": false, "agent": true },
        "sip": { "admin": true }, "sha256": "ignored",
    }));
    let claims = keys().verify(&token, MIDNIGHT).unwrap();
    assert_eq!(claims.identity, "ada");
    assert_eq!(claims.kind, Kind::Standard);
    let grants = claims.grants;
    assert!(grants.room_join && grants.can_subscribe);
    assert!(!grants.can_publish);
    assert!(!grants.can_publish_data, "as canPublish if it is not said");
    assert!(!grants.can_update_own_metadata && !grants.hidden && !grants.room_admin);
}

#[test]
fn the_identity_may_stand_in_jti() {
    let token = signed(&json!({ "iss": "devkey", "jti": "ada", "exp": MIDNIGHT }));
    assert_eq!(keys().verify(&token, MIDNIGHT).unwrap().identity, "ada");
}

#[test]
fn the_clock_may_be_off_by_a_minute_and_not_by_more() {
    let expired = signed(&json!({ "iss": "devkey", "exp": MIDNIGHT }));
    assert!(keys().verify(&expired, MIDNIGHT + 59).is_ok());
    assert_eq!(
        keys().verify(&expired, MIDNIGHT + 60),
        Err(TokenError::Expired)
    );
    let early = signed(&json!({ "iss": "devkey", "exp": MIDNIGHT + 999, "nbf": MIDNIGHT }));
    assert!(keys().verify(&early, MIDNIGHT - 60).is_ok());
    assert_eq!(
        keys().verify(&early, MIDNIGHT - 61),
        Err(TokenError::NotYetValid)
    );
}

#[test]
fn a_token_that_never_expires_is_refused() {
    let token = signed(&json!({ "iss": "devkey", "sub": "ada" }));
    assert_eq!(keys().verify(&token, MIDNIGHT), Err(TokenError::NoExpiry));
}

#[test]
fn a_forged_token_is_refused() {
    let payload = json!({ "iss": "devkey", "sub": "ada", "exp": MIDNIGHT });
    let by_another = with_secret(
        &payload,
        Algorithm::HS256,
        "another secret of 32 characters!",
    );
    let by_another_algorithm = with_secret(&payload, Algorithm::HS512, SECRET);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!(
        "{}.{}.",
        part(&json!({ "alg": "none", "typ": "JWT" })),
        part(&payload)
    );
    let claimed = format!(
        "{}.{}.",
        part(&json!({ "alg": "HS256", "typ": "JWT" })),
        part(&payload)
    );
    let genuine = signed(&payload);
    let (head, signature) = genuine.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let swapped = part(&json!({ "iss": "devkey", "sub": "chair", "exp": MIDNIGHT }));
    let swapped = format!("{header}.{swapped}.{signature}");
    for token in [by_another, by_another_algorithm, unsigned, claimed, swapped] {
        assert_eq!(
            keys().verify(&token, MIDNIGHT),
            Err(TokenError::WrongSignature),
            "{token}"
        );
    }
}

#[test]
fn a_token_of_an_unknown_key_or_none_at_all_is_refused() {
    let token = signed(&json!({ "iss": "elsewhere", "exp": MIDNIGHT }));
    assert_eq!(keys().verify(&token, MIDNIGHT), Err(TokenError::UnknownKey));
    assert_eq!(keys().verify("", MIDNIGHT), Err(TokenError::Missing));
    for junk in ["junk", "a.b.c", "..", "eyJhbGciOiJIUzI1NiJ9.e30"] {
        assert_eq!(
            keys().verify(junk, MIDNIGHT),
            Err(TokenError::Malformed),
            "{junk}"
        );
    }
}

#[test]
fn each_key_signs_for_itself_alone() {
    let both = Keys::new([
        ("devkey".to_owned(), SECRET.to_owned()),
        (
            "other".to_owned(),
            "a different secret of 32 characters".to_owned(),
        ),
    ]);
    let mut claims = Claims::joining("ada", "council");
    claims.issuer = "other".to_owned();
    let token = both.sign(&claims, MIDNIGHT, Duration::from_mins(1));
    assert_eq!(both.verify(&token, MIDNIGHT), Ok(claims));
    assert_eq!(keys().verify(&token, MIDNIGHT), Err(TokenError::UnknownKey));
}

#[test]
fn a_source_nobody_knows_is_refused_because_an_empty_list_would_allow_all() {
    let token = signed(&json!({
        "iss": "devkey", "exp": MIDNIGHT,
        "video": { "canPublishSources": ["hologram"] },
    }));
    let refusal = TokenError::UnknownSource("hologram".to_owned());
    assert_eq!(keys().verify(&token, MIDNIGHT), Err(refusal));
}

#[test]
fn secrets_are_not_in_debug_output() {
    let shown = format!("{:?}", keys());
    assert!(shown.contains("devkey") && !shown.contains(SECRET));
}

#[test]
fn admission_needs_the_grant_a_room_and_an_identity() {
    let admit = |change: fn(&mut Claims)| {
        let visitor = Visitor::named("ada").with(change);
        check_admission(&visitor.claims, &visitor.join)
            .map_err(|refusal| (refusal.status(), refusal.to_string()))
    };
    assert!(admit(|_| {}).is_ok());
    let status = |outcome: Result<_, (u16, String)>| outcome.map(|_| ()).unwrap_err().0;
    assert_eq!(status(admit(|claims| claims.grants.room_join = false)), 401);
    assert_eq!(status(admit(|claims| claims.grants.room.clear())), 400);
    assert_eq!(status(admit(|claims| claims.identity.clear())), 400);
    assert_eq!(
        status(admit(|claims| claims.grants.room = "ü".repeat(257))),
        400
    );
    assert_eq!(
        status(admit(|claims| claims.identity = "x".repeat(257))),
        400
    );
    assert!(
        admit(|claims| claims.grants.room = "ü".repeat(256)).is_ok(),
        "any script counts"
    );
    let told = JoinRefusal::NoRoomJoin.to_string();
    assert_eq!(told, "the access token does not allow to join a room");
}

#[test]
fn a_join_request_changes_metadata_only_with_the_grant() {
    let visitor = |granted| {
        Visitor::named("ada")
            .with(|claims| {
                claims.metadata = "from the token".to_owned();
                claims.attributes =
                    [("role".into(), "chair".into()), ("seat".into(), "1".into())].into();
                claims.grants.can_update_own_metadata = granted;
            })
            .asking(|join| {
                join.metadata = "from the client".to_owned();
                join.attributes = [
                    ("role".into(), "guest".into()),
                    ("seat".into(), String::new()),
                ]
                .into();
            })
    };
    let admitted = |visitor: &Visitor| check_admission(&visitor.claims, &visitor.join).unwrap();
    let without = admitted(&visitor(false));
    assert_eq!(
        (
            without.metadata.as_str(),
            without.attributes["role"].as_str()
        ),
        ("from the token", "chair")
    );
    let with = admitted(&visitor(true));
    assert_eq!(
        (with.metadata.as_str(), with.attributes["role"].as_str()),
        ("from the client", "guest")
    );
    assert_eq!(with.attributes["seat"], "1", "an empty value is ignored");
}

fn signed(payload: &Value) -> String {
    with_secret(payload, Algorithm::HS256, SECRET)
}

fn with_secret(payload: &Value, algorithm: Algorithm, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), payload, &key).unwrap()
}
