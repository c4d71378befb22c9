//! A simulated client's encrypted transport: ICE checks, a DTLS client, another implementation's
//! SRTP, and the requests for what is missing.

use crate::arrivals::Arrivals;
use crate::checks;
use crate::media::Tag;
use crate::reception::Stream;
use crate::sdp::{Identity, RTX, TRANSPORT_CC};
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use sfu_core::rtp::rtcp;
use sfu_core::rtp::{Header, Packet, SequenceNumber, Ssrc, extension};
use sfu_core::transport::Fingerprint;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Browsers check every 2.5 s; everything here takes its time in fifths.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
const FIRST_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// What a client sends, and what the network may know of it.
#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    pub(crate) bytes: Vec<u8>,
    pub(crate) carries: Carries,
}

/// What is lost with a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Carries {
    /// Nothing that is not sent again by itself.
    Other,
    /// DTLS, whose timers are not of the virtual kind.
    Handshake,
    /// A packet of the client's, of that SSRC and number.
    Media(Tag, u32, SequenceNumber),
    /// A packet for the client, of that SSRC and number as it was first sent.
    Forwarded(u32, SequenceNumber),
    /// Requests for packets of that SSRC.
    Request(u32, Vec<SequenceNumber>),
}

/// What the client learns from a datagram.
#[derive(Debug)]
pub(crate) enum Learned {
    /// A key frame is wanted of its SSRC.
    KeyframeWanted(u32),
    /// Packets of its SSRC are wanted again.
    Wanted(u32, Vec<SequenceNumber>),
    /// A packet arrived, first sent under that SSRC and number.
    Packet(u32, SequenceNumber, Tag),
}

/// The keys of a transport.
pub(crate) struct Keys {
    pub(crate) outbound: Context,
    pub(crate) inbound: Context,
    /// The same as `inbound`, for whoever looks at everything the server sends.
    pub(crate) observing: Option<Context>,
}

pub(crate) struct Pipe {
    pub(crate) address: SocketAddr,
    pub(crate) identity: Identity,
    pub(crate) keys: Option<Keys>,
    pub(crate) transport_sequence: u16,
    /// Asks for key frames of everything, all the time, until then.
    pub(crate) floods_until: Option<Instant>,
    /// The SSRCs it gets media under, and those of their retransmissions.
    pub(crate) ssrcs: BTreeSet<u32>,
    pub(crate) rtx: BTreeMap<u32, u32>,
    server: Option<(String, String)>,
    dtls: Dtls,
    dtls_timeout: Option<Instant>,
    checked_at: Option<Instant>,
    answered: bool,
    arrivals: Arrivals,
    streams: BTreeMap<u32, Stream>,
}

impl Pipe {
    pub(crate) fn new(now: Instant, address: SocketAddr) -> Self {
        // One for all: making one takes longer than a second of a meeting.
        static CERTIFICATE: OnceLock<DtlsCertificate> = OnceLock::new();
        let certificate = CERTIFICATE
            .get_or_init(|| dimpl::certificate::generate_self_signed_certificate().unwrap());
        let config = Arc::new(Config::builder().build().unwrap());
        let mut dtls = Dtls::new_12(config, certificate.clone(), now);
        dtls.set_active(true);
        let fingerprint = Fingerprint::of(&certificate.certificate).to_string();
        Self {
            address,
            identity: Identity {
                ufrag: "clnt0".to_owned(),
                fingerprint,
            },
            keys: None,
            transport_sequence: 65_000,
            floods_until: None,
            ssrcs: BTreeSet::new(),
            rtx: BTreeMap::new(),
            server: None,
            dtls,
            dtls_timeout: None,
            checked_at: None,
            answered: false,
            arrivals: Arrivals::default(),
            streams: BTreeMap::new(),
        }
    }

    /// Goes on from another address under another name.
    pub(crate) fn restart_ice(&mut self, address: SocketAddr, restarts: usize) {
        self.address = address;
        self.identity.ufrag = format!("clnt{restarts}");
        self.server = None;
        self.checked_at = None;
    }

    /// Takes note of where the server is to be reached, and by which password.
    pub(crate) fn learn_server(&mut self, ufrag: &str, pwd: &str) {
        self.server = Some((ufrag.to_owned(), pwd.to_owned()));
    }

    /// What it sends by itself now.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        let interval = if self.answered {
            CHECK_INTERVAL
        } else {
            FIRST_CHECK_INTERVAL
        };
        let due = self.checked_at.is_none_or(|at| now >= at + interval);
        if let (true, Some((ufrag, pwd))) = (due, &self.server) {
            self.checked_at = Some(now);
            let bytes = checks::check(ufrag, pwd, &self.identity.ufrag);
            let carries = Carries::Other;
            out.push(Datagram { bytes, carries });
        }
        if self.answered && self.dtls_timeout.is_none_or(|at| at <= now) {
            let _ = self.dtls.handle_timeout(now);
            self.drain_dtls(out);
        }
        self.send_feedback(now, out);
    }

    /// Takes a datagram of the server's; nothing of it if it is not authentic.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: &[u8],
        out: &mut Vec<Datagram>,
    ) -> Vec<Learned> {
        match datagram {
            [0..=3, ..] => {
                self.answered |= checks::is_success(datagram);
                let answer = checks::answer(datagram, &self.identity.ufrag);
                out.extend(answer.map(|bytes| Datagram {
                    bytes,
                    carries: Carries::Other,
                }));
                Vec::new()
            }
            [20..=63, ..] => {
                // A changed datagram is none of DTLS, and one that was given up stays so.
                let _ = self.dtls.handle_timeout(now);
                let _ = self.dtls.handle_packet(datagram);
                self.drain_dtls(out);
                Vec::new()
            }
            [128..=191, 192..=223, ..] => self.receive_rtcp(datagram),
            [128..=191, _, ..] => self.receive_rtp(now, datagram).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn encrypt(&mut self, packet: &[u8], is_rtcp: bool) -> Option<Vec<u8>> {
        let outbound = &mut self.keys.as_mut()?.outbound;
        let sealed = if is_rtcp {
            outbound.encrypt_rtcp(packet)
        } else {
            outbound.encrypt_rtp(packet)
        };
        Some(sealed.expect("our own packets are well-formed").to_vec())
    }

    fn receive_rtp(&mut self, now: Instant, datagram: &[u8]) -> Option<Learned> {
        let plain = self.keys.as_mut()?.inbound.decrypt_rtp(datagram).ok()?;
        let packet = Packet::parse(&plain).ok()?;
        let number = packet.extensions.find(TRANSPORT_CC);
        if let Some(number) = number.and_then(extension::transport_sequence) {
            self.arrivals.note(now, number);
        }
        let (ssrc, number, payload) = first_sent(&packet, &self.rtx)?;
        let tag = Tag::of(payload)?;
        self.streams.entry(ssrc).or_default().note(now, number);
        Some(Learned::Packet(ssrc, number, tag))
    }

    fn receive_rtcp(&mut self, datagram: &[u8]) -> Vec<Learned> {
        let Some(keys) = &mut self.keys else {
            return Vec::new();
        };
        let Ok(compound) = keys.inbound.decrypt_rtcp(datagram) else {
            return Vec::new();
        };
        let learned = rtcp::packets(&compound).filter_map(|packet| match packet {
            rtcp::Rtcp::Pli { media, .. } => Some(Learned::KeyframeWanted(media.0)),
            rtcp::Rtcp::Nack { media, items, .. } => {
                let numbers = items.flat_map(rtcp::NackItem::sequences).collect();
                Some(Learned::Wanted(media.0, numbers))
            }
            _ => None,
        });
        learned.collect()
    }

    fn send_feedback(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        if self.keys.is_none() {
            return;
        }
        if let Some(compound) = self.arrivals.tell(now) {
            self.send_rtcp(&compound, Carries::Other, out);
        }
        let mut requests = Vec::new();
        // Without a stream for retransmissions a browser does not ask.
        for ssrc in self.rtx.values().copied() {
            if !self.ssrcs.contains(&ssrc) {
                continue;
            }
            if let Some(stream) = self.streams.get_mut(&ssrc) {
                let due = stream.due(now);
                if !due.is_empty() {
                    requests.push((ssrc, due));
                }
            }
        }
        for (ssrc, due) in requests {
            let mut compound = Vec::new();
            rtcp::write_receiver_report(&mut compound, Ssrc(7), &[]);
            rtcp::write_nack(&mut compound, Ssrc(7), Ssrc(ssrc), &due);
            self.send_rtcp(&compound, Carries::Request(ssrc, due), out);
        }
        if self.floods_until.is_some_and(|until| now < until) {
            for ssrc in self.ssrcs.clone() {
                let mut compound = Vec::new();
                rtcp::write_pli(&mut compound, Ssrc(7), Ssrc(ssrc));
                self.send_rtcp(&compound, Carries::Other, out);
            }
        }
    }

    fn send_rtcp(&mut self, compound: &[u8], carries: Carries, out: &mut Vec<Datagram>) {
        let bytes = self.encrypt(compound, true);
        out.extend(bytes.map(|bytes| Datagram { bytes, carries }));
    }

    fn drain_dtls(&mut self, out: &mut Vec<Datagram>) {
        let mut buffer = vec![0; 2048];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => out.push(Datagram {
                    bytes: packet.to_vec(),
                    carries: Carries::Handshake,
                }),
                Output::Timeout(at) => {
                    self.dtls_timeout = Some(at);
                    return;
                }
                Output::KeyingMaterial(material, _) => {
                    self.keys = Some(Keys {
                        outbound: context(material.as_ref(), 0),
                        inbound: context(material.as_ref(), 1),
                        observing: Some(context(material.as_ref(), 1)),
                    });
                }
                _ => {}
            }
        }
    }
}

/// The SSRC and number under which a packet was first sent, and its payload as it was then; `None`
/// for padding.
pub(crate) fn first_sent<'a>(
    packet: &Packet<'a>,
    rtx: &BTreeMap<u32, u32>,
) -> Option<(u32, SequenceNumber, &'a [u8])> {
    if packet.payload_type != RTX {
        return Some((packet.ssrc.0, packet.sequence, packet.payload));
    }
    let (number, payload) = packet.payload.split_first_chunk()?;
    let ssrc = *rtx.get(&packet.ssrc.0)?;
    Some((ssrc, SequenceNumber(u16::from_be_bytes(*number)), payload))
}

/// Whether a datagram is DTLS (RFC 7983).
pub(crate) fn is_handshake(datagram: &[u8]) -> bool {
    matches!(datagram, [20..=63, ..])
}

/// The header of an RTP packet; `None` for everything else.
pub(crate) fn rtp_header(datagram: &[u8]) -> Option<Header<'_>> {
    match datagram {
        [128..=191, 192..=223, ..] => None,
        [128..=191, ..] => Header::parse(datagram).ok(),
        _ => None,
    }
}

/// One direction of AES-256-GCM, which the server prefers (RFC 5764, section 4.2).
fn context(material: &[u8], side: usize) -> Context {
    let crypto = rtc_stun::crypto::default_provider().unwrap();
    let (key, salt) = (
        &material[side * 32..][..32],
        &material[64 + side * 12..][..12],
    );
    let profile = ProtectionProfile::AeadAes256Gcm;
    Context::new(key, salt, profile, None, None, crypto.crypto()).unwrap()
}
