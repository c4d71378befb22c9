//! DTLS of a lean participant, as client (RFC 5764), until there are keys. Knows no sockets.

use super::keys::Keys;
use anyhow::{Context, bail};
use aws_lc_rs::digest;
use dimpl::{Dtls, DtlsCertificate, Output};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Holds the longest record of a handshake and more.
const BUFFER_LEN: usize = 4096;
/// As patient as a browser on a bad line.
const FIRST_TIMEOUT: Duration = Duration::from_millis(100);

/// What all lean participants of a process share: making a certificate for each costs more than
/// the rest of a join.
#[derive(Clone)]
pub(super) struct Certificate {
    config: Arc<dimpl::Config>,
    der: DtlsCertificate,
    /// SHA-256 of it, as an offer writes it (RFC 8122).
    pub(super) fingerprint: String,
}

impl Certificate {
    /// Makes one.
    pub(super) fn new() -> anyhow::Result<Self> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .ok()
            .context("making a certificate")?;
        let config = dimpl::Config::builder()
            .flight_start_rto(FIRST_TIMEOUT)
            .build()
            .context("settings of DTLS")?;
        Ok(Self {
            fingerprint: fingerprint(&certificate.certificate),
            config: Arc::new(config),
            der: certificate,
        })
    }
}

/// One participant's handshake.
pub(super) struct Handshake {
    dtls: Dtls,
    server: String,
    next_at: Instant,
}

impl Handshake {
    /// Towards a server whose certificate has this fingerprint. The first flight is due at once.
    pub(super) fn new(now: Instant, own: &Certificate, server: String) -> Self {
        let mut dtls = Dtls::new_12(Arc::clone(&own.config), own.der.clone(), now);
        dtls.set_active(true);
        Self {
            dtls,
            server,
            next_at: now,
        }
    }

    /// When [`Handshake::handle_timeout`] is due.
    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// Takes a datagram; returns the keys when they are agreed upon.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        datagram: &[u8],
        out: &mut Vec<Vec<u8>>,
    ) -> anyhow::Result<Option<Keys>> {
        self.dtls.handle_timeout(now).context("DTLS")?;
        self.dtls.handle_packet(datagram).context("DTLS")?;
        self.drain(out)
    }

    /// Sends what is due.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        out: &mut Vec<Vec<u8>>,
    ) -> anyhow::Result<Option<Keys>> {
        self.dtls.handle_timeout(now).context("DTLS")?;
        self.drain(out)
    }

    fn drain(&mut self, out: &mut Vec<Vec<u8>>) -> anyhow::Result<Option<Keys>> {
        let mut buffer = [0; BUFFER_LEN];
        let mut keys = None;
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => out.push(datagram.to_vec()),
                Output::PeerCert(certificate) if fingerprint(certificate) != self.server => {
                    bail!("the server's certificate is not the one of its answer");
                }
                Output::KeyingMaterial(material, profile) => {
                    keys = Some(Keys::of_client(&material, profile)?);
                }
                Output::CloseNotify => bail!("the server closed the media connection"),
                Output::BufferTooSmall { needed } => bail!("a DTLS record of {needed} bytes"),
                Output::Timeout(at) => {
                    self.next_at = at;
                    return Ok(keys);
                }
                // Data channels are not offered, and a certificate that matches needs no more.
                Output::Connected | Output::PeerCert(_) | Output::ApplicationData(_) | _ => {}
            }
        }
    }
}

fn fingerprint(certificate: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, certificate);
    let mut text = String::new();
    for byte in hash.as_ref() {
        let colon = if text.is_empty() { "" } else { ":" };
        write!(text, "{colon}{byte:02X}").expect("a string takes what is written");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_as_descriptions_write_it() {
        let text = fingerprint(b"abc");
        assert!(text.ends_with(":00:15:AD"));
        assert_eq!(text.len(), 32 * 3 - 1);
    }

    #[test]
    fn a_handshake_begins_by_itself() {
        let certificate = Certificate::new().unwrap();
        let now = Instant::now();
        let mut handshake = Handshake::new(now, &certificate, String::new());
        let mut out = Vec::new();
        assert!(handshake.handle_timeout(now, &mut out).unwrap().is_none());
        assert!(!out.is_empty());
        assert!(handshake.next_at() > now);
    }
}
