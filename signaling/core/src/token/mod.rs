//! Decides whether an access token is genuine and in date, and what it grants; also signs tokens.
//! Knows nothing of rooms: whether the grants suffice to join is decided by `admission`.
//!
//! A token is a JWT (RFC 7519) signed with HS256; its issuer names the API key whose secret signed it.

mod claims;

pub use claims::{Claims, Grants};

use claims::Payload;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, dangerous};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How far the clock of whoever signed may be off: LiveKit's value, seconds.
const LEEWAY_S: u64 = 60;

/// The API keys of this server, each with its secret.
#[derive(Clone)]
pub struct Keys {
    secrets: BTreeMap<String, String>,
}

impl Keys {
    /// From pairs of API key and secret; of two equal keys the later counts.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            secrets: pairs.into_iter().collect(),
        }
    }

    /// Reads a token. `now_unix` is in seconds since 1970.
    pub fn verify(&self, token: &str, now_unix: u64) -> Result<Claims, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        let unverified: Payload =
            dangerous::insecure_decode_claims(token).map_err(|_| TokenError::Malformed)?;
        let secret = self
            .secrets
            .get(&unverified.iss)
            .ok_or(TokenError::UnknownKey)?;
        let key = DecodingKey::from_secret(secret.as_bytes());
        let payload = jsonwebtoken::decode::<Payload>(token, &key, &signature_only())
            .map_err(|_| TokenError::WrongSignature)?
            .claims;
        in_date(&payload, now_unix)?;
        payload.into_claims()
    }

    /// Signs a token that is valid for `ttl` from `issued_at`, in seconds since 1970, with the key
    /// that `claims` name as their issuer, or with the first key if there is none of that name.
    ///
    /// # Panics
    /// If there are no keys at all.
    pub fn sign(&self, claims: &Claims, issued_at: u64, ttl: Duration) -> String {
        let (issuer, secret) = self
            .secrets
            .get_key_value(&claims.issuer)
            .or_else(|| self.secrets.first_key_value())
            .expect("a server has at least one API key");
        let payload = Payload::new(claims, issuer.clone(), issued_at, ttl);
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &payload, &key)
            .expect("strings, numbers and lists are always JSON")
    }
}

/// Names the keys only: a secret must never reach a log.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.secrets.keys()).finish()
    }
}

/// The time is given to us and audiences are not used, so only the signature is left to the crate.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn in_date(payload: &Payload, now_unix: u64) -> Result<(), TokenError> {
    let expires = payload.exp.ok_or(TokenError::NoExpiry)?;
    if expires.saturating_add(LEEWAY_S) <= now_unix {
        return Err(TokenError::Expired);
    }
    if payload.nbf.unwrap_or(0) > now_unix.saturating_add(LEEWAY_S) {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}

/// Why a token is not accepted, as the client is told. Every one of them is HTTP status 401.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("no access token was sent")]
    Missing,
    /// It is no JWT, or its payload is not what it should be.
    #[error("the access token cannot be read")]
    Malformed,
    /// Its issuer is no API key of this server.
    #[error("the access token was issued with an API key this server does not know")]
    UnknownKey,
    /// It was not signed by HS256 with the secret of its API key.
    #[error("the access token's signature is wrong")]
    WrongSignature,
    /// It has no `exp`, so it would be valid for ever.
    #[error("the access token does not say when it expires")]
    NoExpiry,
    /// It is too late.
    #[error("the access token has expired")]
    Expired,
    /// It is too early.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// `canPublishSources` names something unknown: ignoring it could grant more than was meant.
    #[error("the access token names an unknown track source: {0}")]
    UnknownSource(String),
    /// `kind` names something unknown.
    #[error("the access token names an unknown kind of participant: {0}")]
    UnknownKind(String),
}
