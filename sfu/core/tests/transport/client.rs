//! A WebRTC client as far as the transport sees it, made of crates that the transport does not
//! use for the same work: checks, DTLS as client or server, SRTP, SCTP and its channels.

use bytes::Bytes;
use dimpl::{Dtls, Output, SrtpProfile};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use rtc_stun::attributes::{ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event,
    Payload, PayloadProtocolIdentifier as Ppi, ReliabilityType, StreamEvent,
};
use sfu_core::transport::{DtlsRole, Fingerprint, IceCredentials, RemoteParameters};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The client's ICE credentials.
pub(crate) fn credentials() -> IceCredentials {
    IceCredentials {
        ufrag: "cccc".to_owned(),
        pwd: "the-password-of-the-client".to_owned(),
    }
}

/// A client in mid-call.
pub(crate) struct Client {
    /// Where it sends from.
    pub(crate) address: SocketAddr,
    /// What it wants sent.
    pub(crate) outgoing: Vec<Vec<u8>>,
    /// How often a check was answered.
    pub(crate) answers: usize,
    /// The profile of DTLS-SRTP, once negotiated.
    pub(crate) profile: Option<SrtpProfile>,
    /// Decrypted RTP packets.
    pub(crate) rtp: Vec<Vec<u8>>,
    /// Decrypted RTCP packets.
    pub(crate) rtcp: Vec<Vec<u8>>,
    /// Messages of data channels: stream, kind, content.
    pub(crate) messages: Vec<(u16, Ppi, Vec<u8>)>,
    /// Whether it takes messages out of its buffers.
    pub(crate) reads: bool,
    certificate: Fingerprint,
    server: IceCredentials,
    dtls: Dtls,
    timeout: Option<Instant>,
    media: Option<(Context, Context)>,
    sctp: Option<(Endpoint, AssociationHandle, Association)>,
    is_active: bool,
    /// The handshake took too long.
    has_given_up: bool,
}

impl Client {
    /// A client that knows the server's credentials from the answer.
    pub(crate) fn new(now: Instant, server: IceCredentials, is_active: bool) -> Self {
        Self::with_config(now, server, is_active, client_config())
    }

    /// A client with settings of its own for DTLS.
    pub(crate) fn with_config(
        now: Instant,
        server: IceCredentials,
        is_active: bool,
        config: dimpl::Config,
    ) -> Self {
        let certificate = dimpl::certificate::generate_self_signed_certificate().unwrap();
        let fingerprint = Fingerprint::of(&certificate.certificate);
        let mut dtls = Dtls::new_12(Arc::new(config), certificate, now);
        dtls.set_active(is_active);
        Self {
            address: SocketAddr::from(([192, 0, 2, 7], 50_000)),
            outgoing: Vec::new(),
            answers: 0,
            profile: None,
            rtp: Vec::new(),
            rtcp: Vec::new(),
            messages: Vec::new(),
            reads: true,
            certificate: fingerprint,
            server,
            dtls,
            timeout: None,
            media: None,
            sctp: None,
            is_active,
            has_given_up: false,
        }
    }

    /// What its offer says.
    pub(crate) fn parameters(&self) -> RemoteParameters {
        RemoteParameters {
            ice: credentials(),
            fingerprint: self.certificate,
            role: if self.is_active {
                DtlsRole::Passive
            } else {
                DtlsRole::Active
            },
        }
    }

    /// Uses other credentials of the server from here on.
    pub(crate) fn restart_ice(&mut self, server: IceCredentials) {
        self.server = server;
    }

    /// A connectivity check.
    pub(crate) fn check(&self, nominates: bool) -> Vec<u8> {
        check(&self.server, &self.server.pwd, nominates)
    }

    /// Sends a check.
    pub(crate) fn send_check(&mut self, nominates: bool) {
        let check = self.check(nominates);
        self.outgoing.push(check);
    }

    /// Begins the handshake, or waits for it as server.
    pub(crate) fn start_dtls(&mut self, now: Instant) {
        self.dtls.handle_timeout(now).unwrap();
        self.turn(now);
    }

    /// Takes a datagram.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) {
        match datagram[0] {
            0..=3 => self.answers += 1,
            20..=63 if self.has_given_up => {}
            20..=63 => {
                self.dtls.handle_timeout(now).unwrap();
                self.dtls.handle_packet(datagram).unwrap();
                self.turn(now);
            }
            _ => {
                let (_, receive) = self
                    .media
                    .as_mut()
                    .expect("media comes after the handshake");
                if (192..=223).contains(&datagram[1]) {
                    self.rtcp
                        .push(receive.decrypt_rtcp(datagram).unwrap().to_vec());
                } else {
                    self.rtp
                        .push(receive.decrypt_rtp(datagram).unwrap().to_vec());
                }
            }
        }
    }

    /// When [`Client::handle_timeout`] is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let sctp = self
            .sctp
            .as_ref()
            .and_then(|(_, _, association)| association.poll_timeout());
        [self.timeout, sctp].into_iter().flatten().min()
    }

    /// Resends what was not answered.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.dtls.handle_timeout(now).is_err() {
            self.timeout = None;
            self.has_given_up = true;
            return;
        }
        if let Some((_, _, association)) = &mut self.sctp {
            association.handle_timeout(now);
        }
        self.turn(now);
    }

    /// Encrypts and sends an RTP packet.
    pub(crate) fn send_rtp(&mut self, packet: &[u8]) {
        let (send, _) = self.media.as_mut().unwrap();
        self.outgoing
            .push(send.encrypt_rtp(packet).unwrap().to_vec());
    }

    /// Encrypts and sends an RTCP packet.
    pub(crate) fn send_rtcp(&mut self, packet: &[u8]) {
        let (send, _) = self.media.as_mut().unwrap();
        self.outgoing
            .push(send.encrypt_rtcp(packet).unwrap().to_vec());
    }

    /// Starts SCTP.
    pub(crate) fn start_sctp(&mut self, now: Instant) {
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::new()), None);
        let (handle, association) = endpoint
            .connect(
                ClientConfig::new(),
                SocketAddr::from(([127, 0, 0, 1], 5000)),
            )
            .unwrap();
        self.sctp = Some((endpoint, handle, association));
        self.turn(now);
    }

    /// Opens a channel on a stream, as RFC 8832 says.
    pub(crate) fn open_channel(&mut self, now: Instant, stream: u16, label: &str) {
        let is_lossy = label != "_reliable";
        let mut open = vec![3, if is_lossy { 0x81 } else { 0 }, 1, 0, 0, 0, 0, 0, 0];
        open.push(u8::try_from(label.len()).unwrap());
        open.extend([0, 0]);
        open.extend(label.as_bytes());
        let mut stream = self.association().open_stream(stream, Ppi::Binary).unwrap();
        stream.write_with_ppi(&open, Ppi::Dcep).unwrap();
        if is_lossy {
            stream
                .set_reliability_params(true, ReliabilityType::Rexmit, 0)
                .unwrap();
        }
        self.turn(now);
    }

    /// Closes a channel.
    pub(crate) fn close_channel(&mut self, now: Instant, stream: u16) {
        self.association().stream(stream).unwrap().close().unwrap();
        self.turn(now);
    }

    /// Sends a message on a channel.
    pub(crate) fn send_message(&mut self, now: Instant, stream: u16, kind: Ppi, content: &[u8]) {
        let mut stream = self.association().stream(stream).unwrap();
        stream.write_with_ppi(content, kind).unwrap();
        self.turn(now);
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant) {
        self.dtls.close().unwrap();
        self.turn(now);
    }

    /// The messages on one stream that are no DCEP.
    pub(crate) fn messages_on(&self, stream: u16) -> Vec<&[u8]> {
        self.messages
            .iter()
            .filter(|(on, kind, _)| *on == stream && *kind != Ppi::Dcep)
            .map(|(_, _, content)| &content[..])
            .collect()
    }

    fn association(&mut self) -> &mut Association {
        &mut self.sctp.as_mut().expect("SCTP was started").2
    }

    fn turn(&mut self, now: Instant) {
        self.drain_dtls(now);
        let mut packets = Vec::new();
        if let Some((endpoint, _, association)) = &mut self.sctp {
            while let Some(event) = association.poll() {
                if let Event::Stream(StreamEvent::Readable { id }) = event {
                    let mut stream = association.stream(id).unwrap();
                    while self.reads
                        && let Ok(Some(message)) = stream.read_sctp()
                    {
                        let mut content = vec![0; message.len()];
                        message.read(&mut content).unwrap();
                        self.messages.push((id, message.ppi, content));
                    }
                }
            }
            while let Some(transmit) = association.poll_transmit(now) {
                if let Payload::RawEncode(more) = transmit.payload {
                    packets.extend(more);
                }
            }
            assert!(endpoint.poll_transmit().is_none());
        }
        for packet in packets {
            self.dtls.send_application_data(&packet).unwrap();
            self.drain_dtls(now);
        }
    }

    fn drain_dtls(&mut self, now: Instant) {
        let mut buffer = vec![0; 4096];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => self.outgoing.push(datagram.to_vec()),
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    return;
                }
                Output::KeyingMaterial(keys, profile) => {
                    self.profile = Some(profile);
                    self.media = Some(contexts(&keys, profile, self.is_active));
                }
                Output::ApplicationData(packet) => {
                    let packet = Bytes::copy_from_slice(packet);
                    self.receive_sctp(now, packet);
                }
                Output::BufferTooSmall { .. } => panic!("a record of more than 4096 bytes"),
                Output::Connected | Output::PeerCert(_) | Output::CloseNotify | _ => {}
            }
        }
    }

    fn receive_sctp(&mut self, now: Instant, packet: Bytes) {
        let Some((endpoint, _, association)) = &mut self.sctp else {
            return;
        };
        let peer = SocketAddr::from(([127, 0, 0, 1], 5000));
        if let Some((_, DatagramEvent::AssociationEvent(event))) =
            endpoint.handle(now, peer, None, None, packet)
        {
            association.handle_event(event);
        }
    }
}

/// As patient as the transport itself.
fn client_config() -> dimpl::Config {
    dimpl::Config::builder()
        .flight_start_rto(Duration::from_millis(100))
        .flight_retries(8)
        .build()
        .unwrap()
}

/// A check for a server with these credentials, made with any password.
pub(crate) fn check(server: &IceCredentials, pwd: &str, nominates: bool) -> Vec<u8> {
    let username = format!("{}:{}", server.ufrag, credentials().ufrag);
    let mut message = request(&username);
    message.add(ATTR_PRIORITY, &[0x6e, 0, 0x1e, 0xff]);
    if nominates {
        message.add(ATTR_USE_CANDIDATE, &[]);
    }
    finish(message, pwd)
}

/// A binding request with a user name, to be completed.
pub(crate) fn request(username: &str) -> Message {
    let mut message = Message::new();
    message.typ = BINDING_REQUEST;
    message.transaction_id = TransactionId::new();
    message.write_header();
    TextAttribute::new(ATTR_USERNAME, username.to_owned())
        .add_to(&mut message)
        .unwrap();
    message
}

/// Adds the tag and the checksum.
pub(crate) fn finish(mut message: Message, pwd: &str) -> Vec<u8> {
    let provider = rtc_stun::crypto::default_provider().unwrap();
    let integrity =
        MessageIntegrity::new_short_term_integrity_with_provider(pwd.to_owned(), provider.crypto());
    integrity.add_to(&mut message).unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}

/// The contexts for sending and receiving.
fn contexts(material: &[u8], profile: SrtpProfile, is_client: bool) -> (Context, Context) {
    let (protection, key_len, salt_len) = match profile {
        SrtpProfile::AEAD_AES_256_GCM => (ProtectionProfile::AeadAes256Gcm, 32, 12),
        SrtpProfile::AEAD_AES_128_GCM => (ProtectionProfile::AeadAes128Gcm, 16, 12),
        SrtpProfile::AES128_CM_SHA1_80 | _ => (ProtectionProfile::Aes128CmHmacSha1_80, 16, 14),
    };
    let (keys, salts) = material.split_at(2 * key_len);
    let provider = rtc_stun::crypto::default_provider().unwrap();
    let context = |part: usize| {
        let key = &keys[part * key_len..][..key_len];
        let salt = &salts[part * salt_len..][..salt_len];
        Context::new(key, salt, protection, None, None, provider.crypto()).unwrap()
    };
    if is_client {
        (context(0), context(1))
    } else {
        (context(1), context(0))
    }
}
