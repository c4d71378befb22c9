//! Where the server is, and how a connection to it is opened, plain or encrypted. Knows no messages.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::http::Uri;

/// How long the server may take to accept a connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

/// A server's signal address.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: String,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

/// A connection, encrypted or not.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

impl Endpoint {
    /// Reads `ws://host:port` or `wss://host:port`, with an optional path; `http` and `https` mean
    /// the same. `ca` is a PEM file of certificates to trust besides the system's.
    pub fn parse(url: &str, ca: Option<&Path>) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is not a URL"))?;
        let is_encrypted = match uri.scheme_str() {
            Some("ws" | "http") => false,
            Some("wss" | "https") => true,
            Some(_) | None => bail!("{url} does not begin with ws:// or wss://."),
        };
        if !is_encrypted && ca.is_some() {
            bail!("--ca is for encrypted servers, and {url} is not one: write wss://.");
        }
        let authority = uri
            .authority()
            .with_context(|| format!("{url} names no host"))?;
        let scheme = if is_encrypted { "wss" } else { "ws" };
        Ok(Self {
            url: format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/')),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: uri
                .port_u16()
                .unwrap_or(if is_encrypted { 443 } else { 80 }),
            tls: is_encrypted.then(|| client_config(ca)).transpose()?,
        })
    }

    /// Without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes sure that something listens there, and returns where.
    pub async fn reach(&self) -> anyhow::Result<SocketAddr> {
        let url = &self.url;
        let connected = tokio::time::timeout(REACH_TIMEOUT, self.connect()).await;
        let patience = REACH_TIMEOUT.as_secs();
        let stream = connected
            .with_context(|| format!("Nothing answers at {url} within {patience} s"))?
            .with_context(|| format!("Nothing listens at {url} (is the server running?)"))?;
        stream.peer_addr().context("the connection has an address")
    }

    /// Opens a connection, and encrypts it if the address says so.
    pub(crate) async fn open(&self) -> anyhow::Result<Box<dyn Io>> {
        let stream = self.connect().await.context("cannot connect")?;
        let Some(config) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(self.host.clone())
            .with_context(|| format!("{} cannot be in a certificate", self.host))?;
        let encrypted = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        Ok(Box::new(encrypted.await.context("cannot encrypt")?))
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Signal messages are small and wait for nothing.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn client_config(ca: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca {
        let reading = || format!("reading certificates from {}", file.display());
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .with_context(reading)?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            bail!("There is no certificate in {}.", file.display());
        }
    }
    if roots.is_empty() {
        bail!("This system trusts nobody: name the server's authority with --ca.");
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("versions of TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // WebSockets need HTTP/1.1, also from proxies that would rather speak HTTP/2.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_address_is_kept_without_the_slash_at_its_end() {
        let endpoint = Endpoint::parse("ws://127.0.0.1:7880/", None).unwrap();
        assert_eq!(endpoint.url(), "ws://127.0.0.1:7880");
        assert!(endpoint.tls.is_none());
    }

    #[test]
    fn the_page_of_a_server_is_its_signal_address() {
        let endpoint = Endpoint::parse("http://[::1]/saal/", None).unwrap();
        assert_eq!(endpoint.url(), "ws://[::1]/saal");
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("::1", 80));
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_sentence() {
        for url in ["example.org", "ftp://example.org", "ws:///path", ""] {
            assert!(Endpoint::parse(url, None).is_err(), "{url}");
        }
    }

    #[test]
    fn a_certificate_for_a_plain_address_is_a_mistake() {
        let error = Endpoint::parse("ws://a", Some(Path::new("ca.pem"))).unwrap_err();
        assert!(error.to_string().contains("wss://"), "{error}");
    }
}
