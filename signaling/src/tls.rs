//! Encryption of HTTP: certificates from files, or one made for a trial. Knows nothing of HTTP.
//!
//! Suites follow BSI TR-02102-2: TLS 1.3, and TLS 1.2 with ephemeral keys, both with AES-GCM.

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{CipherSuite, ServerConfig, version};

/// A trial's certificate: long enough for a pilot, short enough that iOS takes it (825 days).
const TRIAL_LIFETIME: Duration = Duration::from_hours(90 * 24);
/// Clocks of phones are not exact: the trial's certificate is valid from yesterday.
const TRIAL_BACKDATE: Duration = Duration::from_hours(24);

/// Why there is no certificate to encrypt with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is missing or not allowed to be read, or that holds no such thing.
    #[error("cannot read the {what} from {path}: {reason}")]
    File {
        /// Certificate or private key.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// They are there, but cannot be used together.
    #[error("the TLS certificate cannot be used with its key: {0}")]
    Unusable(String),
}

/// Encrypts with the operator's certificate: PEM files of the chain and its private key.
pub(crate) fn from_files(chain: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable("certificate", chain, &error))?;
    if certificates.is_empty() {
        return Err(TlsError::File {
            what: "certificate",
            path: chain.to_path_buf(),
            reason: "there is no certificate in the file".to_owned(),
        });
    }
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable("private key", key, &error))?;
    acceptor(certificates, key)
}

/// Encrypts with a certificate made here and now for the machine's own addresses.
pub(crate) fn self_signed(addresses: &[IpAddr]) -> Result<TlsAcceptor, TlsError> {
    let unusable = |error: rcgen::Error| TlsError::Unusable(error.to_string());
    let names = std::iter::once("localhost".to_owned())
        .chain(addresses.iter().map(IpAddr::to_string))
        .collect::<Vec<_>>();
    let mut params = CertificateParams::new(names).map_err(unusable)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Saal trial");
    params.distinguished_name = subject;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    params.not_before = (now - TRIAL_BACKDATE).into();
    params.not_after = (now + TRIAL_LIFETIME).into();
    let pair = KeyPair::generate().map_err(unusable)?;
    let certificate = params.self_signed(&pair).map_err(unusable)?;
    let key = PrivateKeyDer::try_from(pair.serialize_der())
        .map_err(|reason| TlsError::Unusable(reason.to_owned()))?;
    acceptor(vec![certificate.der().clone()], key)
}

fn unreadable(
    what: &'static str,
    path: &Path,
    error: &tokio_rustls::rustls::pki_types::pem::Error,
) -> TlsError {
    TlsError::File {
        what,
        path: path.to_path_buf(),
        reason: error.to_string(),
    }
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, TlsError> {
    let unusable = |error: tokio_rustls::rustls::Error| TlsError::Unusable(error.to_string());
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    // WebSockets need HTTP/1.1; offering HTTP/2 would move every page load to a second connection.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| {
        matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_256_GCM_SHA384
                | CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    });
    provider
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ephemeral_aes_gcm_suites_are_offered() {
        let names: Vec<String> = provider()
            .cipher_suites
            .iter()
            .map(|suite| format!("{:?}", suite.suite()))
            .collect();
        assert_eq!(names.len(), 6, "{names:?}");
        assert!(names.iter().all(|name| name.contains("GCM")), "{names:?}");
    }

    #[test]
    fn a_missing_certificate_is_named_with_its_path() {
        let error = from_files(
            Path::new("/nowhere/chain.pem"),
            Path::new("/nowhere/key.pem"),
        )
        .err()
        .expect("there is no such file");
        let text = error.to_string();
        assert!(
            text.contains("certificate") && text.contains("/nowhere/chain.pem"),
            "{text}"
        );
    }

    #[test]
    fn a_key_that_belongs_to_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate().unwrap();
        let other = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let (chain, key) = (
            folder.path().join("chain.pem"),
            folder.path().join("key.pem"),
        );
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&key, other.serialize_pem()).unwrap();
        assert!(matches!(
            from_files(&chain, &key),
            Err(TlsError::Unusable(_))
        ));
        std::fs::write(&key, pair.serialize_pem()).unwrap();
        assert!(from_files(&chain, &key).is_ok());
    }
}
