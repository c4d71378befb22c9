//! Encryption, as a phone on the local network meets it.

use crate::http::request_on;
use crate::trial::{PATIENCE, Trial};
use rcgen::{CertificateParams, KeyPair};
use saal::Mode;
use saal_config::TlsFiles;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, version};

#[tokio::test]
async fn the_operators_certificate_is_served_over_tls_1_3_and_1_2() {
    let folder = tempfile::tempdir().unwrap();
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["saal.test".to_owned()]).unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("chain.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, pair.serialize_pem()).unwrap();
    let trial = Trial::start_with(Mode::Dev, |settings| settings.http.tls = Some(files)).await;

    for (offered, expected) in [
        (&version::TLS13, ProtocolVersion::TLSv1_3),
        (&version::TLS12, ProtocolVersion::TLSv1_2),
    ] {
        let root = certificate.der().clone();
        let stream = connect(&trial, root, offered).await.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.protocol_version(), Some(expected));
        assert_eq!(connection.alpn_protocol(), Some(b"http/1.1".as_slice()));
        let suite = format!(
            "{:?}",
            connection.negotiated_cipher_suite().unwrap().suite()
        );
        assert!(suite.contains("GCM"), "{suite}");
        assert_eq!(
            request_on(stream, "GET", "/healthz", "", "").await.status,
            200
        );
    }
}

#[tokio::test]
async fn a_trial_on_the_local_network_makes_its_own_certificate() {
    let trial = Trial::start_with(Mode::DevLan, |_| {}).await;
    let greeting = trial.server.greeting();
    assert!(
        greeting.contains("https://") && greeting.contains("warn"),
        "{greeting}"
    );
    // Nobody vouches for it, which is exactly what a browser says too.
    let stranger = KeyPair::generate().unwrap();
    let other = CertificateParams::new(vec!["saal.test".to_owned()]).unwrap();
    let other = other.self_signed(&stranger).unwrap().der().clone();
    let error = connect(&trial, other, &version::TLS13).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn who_never_shakes_hands_is_cut_off() {
    let trial = Trial::start_with(Mode::DevLan, |settings| {
        settings.http.handshake_timeout = Duration::from_millis(100);
    })
    .await;
    let mut idle = TcpStream::connect(trial.address).await.unwrap();
    let mut nothing = [0; 1];
    let read = tokio::time::timeout(PATIENCE, idle.read(&mut nothing)).await;
    assert_eq!(read.expect("it is cut off in time").unwrap_or(0), 0);
}

#[tokio::test]
async fn who_never_finishes_a_request_is_cut_off() {
    let trial = Trial::start_with(Mode::Dev, |settings| {
        settings.http.handshake_timeout = Duration::from_millis(100);
    })
    .await;
    let mut slow = TcpStream::connect(trial.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut slow, b"GET / HTTP/1.1\r\nHost: sa")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, slow.read_to_end(&mut answer)).await;
    read.expect("it is cut off in time").ok();
    assert!(
        !answer.starts_with(b"HTTP/1.1 200"),
        "half a request is not answered"
    );
}

async fn connect(
    trial: &Trial,
    root: CertificateDer<'static>,
    offered: &'static tokio_rustls::rustls::SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[offered])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(trial.address).await.unwrap();
    let name = ServerName::try_from("saal.test").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}
