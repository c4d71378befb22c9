//! Mints the access token of a synthetic participant. Knows the claims of `protocol.md`, section 2,
//! that joining needs, and no others.

use anyhow::Context;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Outlives every permitted test by far, and a forgotten log line by little.
const LIFETIME: Duration = Duration::from_hours(6);

/// The key pair that the server trusts.
#[derive(Clone)]
pub struct ApiKey {
    /// The public half: the issuer of tokens.
    pub key: String,
    /// The secret half.
    pub secret: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    name: &'a str,
    exp: u64,
    video: VideoGrant<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VideoGrant<'a> {
    room_join: bool,
    room: &'a str,
}

impl ApiKey {
    /// A token by which `identity` may join `room`, publish and subscribe.
    pub fn token(&self, room: &str, identity: &str) -> anyhow::Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?;
        let claims = Claims {
            iss: &self.key,
            sub: identity,
            name: identity,
            exp: (now + LIFETIME).as_secs(),
            video: VideoGrant {
                room_join: true,
                room,
            },
        };
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).context("signing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation};

    #[test]
    fn the_token_names_room_and_identity_and_expires() {
        let key = ApiKey {
            key: "devkey".to_owned(),
            secret: "secret".to_owned(),
        };
        let token = key.token("stand-up", "peer-1").unwrap();
        let claims = jsonwebtoken::decode::<serde_json::Value>(
            &token,
            &DecodingKey::from_secret(b"secret"),
            &Validation::new(Algorithm::HS256),
        )
        .unwrap()
        .claims;
        assert_eq!(claims["iss"], "devkey");
        assert_eq!(claims["sub"], "peer-1");
        assert_eq!(claims["video"]["room"], "stand-up");
        assert_eq!(claims["video"]["roomJoin"], true);
        assert!(claims["exp"].is_u64());
    }
}
