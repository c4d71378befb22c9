//! What is fixed before a peer's first datagram: certificate, limits, and what the offer says.
//! Parses the words of SDP that belong to the transport; knows no SDP document.

use aws_lc_rs::digest;
use dimpl::DtlsCertificate;
use rtc_stun::crypto::RTCCryptoProvider;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A hundredth of dimpl's default would flood slow links; its whole second is what a user waits
/// when the first flight is lost.
const FIRST_TIMEOUT: Duration = Duration::from_millis(100);
/// With doubling, the last try is sent 25 s after the first: 99.9 % succeed at 30 % loss.
const RETRIES: usize = 8;
/// Nobody waits longer for a meeting to start; a peer that needs more is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Fits every path that carries media: RTP packets are as long as this.
const FLIGHT_DATAGRAM_LEN_MAX: usize = 1200;

/// What all transports of an engine share: one certificate and the settings of the protocols.
pub struct TransportConfig {
    pub(super) certificate: DtlsCertificate,
    pub(super) dtls: Arc<dimpl::Config>,
    pub(super) stun_crypto: Arc<dyn RTCCryptoProvider>,
    pub(super) sctp: super::data_channel::SctpConfig,
    fingerprint: String,
}

impl TransportConfig {
    /// Makes a fresh self-signed ECDSA P-256 certificate. Once an engine: it costs a key pair.
    pub fn new() -> Result<Self, TransportError> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|_| TransportError::Certificate)?;
        let dtls = dimpl::Config::builder()
            .mtu(FLIGHT_DATAGRAM_LEN_MAX)
            .require_client_certificate(true)
            // Only addresses that ICE validated reach DTLS: they are not spoofed.
            .use_server_cookie(false)
            .flight_start_rto(FIRST_TIMEOUT)
            .flight_retries(RETRIES)
            .handshake_timeout(HANDSHAKE_TIMEOUT)
            .build()
            .map_err(TransportError::Dtls)?;
        let stun_crypto = rtc_stun::crypto::default_provider()
            .expect("the workspace builds rtc-stun with a crypto provider");
        Ok(Self {
            fingerprint: Fingerprint::of(&certificate.certificate).to_string(),
            certificate,
            dtls: Arc::new(dtls),
            stun_crypto,
            sctp: super::data_channel::SctpConfig::new(),
        })
    }

    /// What follows `a=fingerprint:sha-256` (RFC 8122): upper-case bytes with colons.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl fmt::Debug for TransportConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportConfig")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// A username fragment and a password (RFC 8839, section 5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// What a client's offer says about its transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteParameters {
    /// The client's credentials. A lite agent sends no checks (RFC 8445, section 2.5) to find a
    /// path; with these it asks an address that the client's media suddenly comes from.
    pub ice: IceCredentials,
    /// Of the certificate that the client must show.
    pub fingerprint: Fingerprint,
    /// What we are in the handshake.
    pub role: DtlsRole,
}

/// Who starts the DTLS handshake (`a=setup`, RFC 8842), said of ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DtlsRole {
    /// The client starts: towards browsers always, because the server picks the SRTP profile.
    Passive,
    /// We start, because the offer says `setup:passive`.
    Active,
}

/// The SHA-256 of a certificate (RFC 8122).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Reads the value of `a=fingerprint`: `sha-256 AB:CD:…`, in either case.
    pub fn parse(value: &str) -> Result<Self, TransportError> {
        let (algorithm, digits) = value
            .trim()
            .split_once(' ')
            .ok_or(TransportError::FingerprintMalformed)?;
        if !algorithm.eq_ignore_ascii_case("sha-256") {
            return Err(TransportError::FingerprintAlgorithm(algorithm.to_owned()));
        }
        let mut bytes = [0; 32];
        let mut pairs = digits.trim().split(':');
        for byte in &mut bytes {
            *byte = pairs
                .next()
                .filter(|pair| pair.len() == 2 && pair.bytes().all(|c| c.is_ascii_hexdigit()))
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or(TransportError::FingerprintMalformed)?;
        }
        match pairs.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(TransportError::FingerprintMalformed),
        }
    }

    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, certificate);
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            let colon = if position == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a transport cannot be made, or is lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Generating the key pair or signing failed.
    #[error("no certificate could be made")]
    Certificate,
    /// Only SHA-256 is checked; SHA-1 is broken.
    #[error("fingerprint by {0}, need sha-256")]
    FingerprintAlgorithm(String),
    /// Not `sha-256` and 32 bytes in hexadecimal.
    #[error("malformed fingerprint")]
    FingerprintMalformed,
    /// A later offer names another certificate: that is another client, who must join anew.
    #[error("the offer changes the certificate of a started transport")]
    FingerprintChanged,
    /// The certificate in the handshake is not the one of the offer.
    #[error("the client's certificate is not the one it offered")]
    FingerprintMismatch,
    /// The handshake or a record is wrong, or the peer stopped answering. A client that only has
    /// an RSA certificate ends here.
    #[error("DTLS: {0}")]
    Dtls(dimpl::Error),
    /// The client offered no SRTP profile we know (RFC 5764).
    #[error("DTLS came up without keys for SRTP")]
    NoSrtpKeys,
    /// The client said goodbye (`close_notify`).
    #[error("closed by the client")]
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_fingerprint_survives_its_text_form(bytes: [u8; 32]) {
            let fingerprint = Fingerprint(bytes);
            let text = format!("SHA-256 {fingerprint}").to_lowercase();
            prop_assert_eq!(Fingerprint::parse(&text), Ok(fingerprint));
        }

        #[test]
        fn parsing_any_text_never_panics(text: String) {
            let _ = Fingerprint::parse(&text);
        }
    }

    #[test]
    fn a_fingerprint_by_sha_1_is_refused() {
        let refused = Fingerprint::parse("sha-1 AB:CD");
        assert_eq!(
            refused,
            Err(TransportError::FingerprintAlgorithm("sha-1".to_owned()))
        );
    }

    #[test]
    fn a_fingerprint_of_a_wrong_length_is_refused() {
        let good = Fingerprint([7; 32]).to_string();
        for digits in [
            "",
            "07",
            &good[3..],
            &format!("{good}:07"),
            &good.replacen("07", "7", 1),
        ] {
            let refused = Fingerprint::parse(&format!("sha-256 {digits}"));
            assert_eq!(
                refused,
                Err(TransportError::FingerprintMalformed),
                "{digits}"
            );
        }
    }

    #[test]
    fn the_debug_text_of_credentials_hides_the_password() {
        let credentials = IceCredentials {
            ufrag: "uuuu".to_owned(),
            pwd: "hidden".to_owned(),
        };
        assert!(!format!("{credentials:?}").contains("hidden"));
    }
}
