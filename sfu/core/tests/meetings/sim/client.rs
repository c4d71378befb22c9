//! One scripted client: ICE checks, a DTLS client, and another implementation's SRTP.
//! Its media is synthetic but well-formed: Opus with levels, VP8 with descriptors.

use super::arrivals::Arrivals;
use super::checks::{self, PASSWORD, check};
use super::media::Source;
use super::offer::{self, ClientSection, Content, Repair, TRANSPORT_CC};
use super::reception::Reception;
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::rtp::extension::transport_sequence;
use sfu_core::rtp::{Header, Packet, SequenceNumber};
use sfu_core::transport::Fingerprint;
use sfu_core::units::Quality;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a browser proves that it still wants to receive (RFC 7675).
const CHECK_INTERVAL: Duration = Duration::from_millis(2500);
/// Until the first answer it asks more often.
const FIRST_CHECK_INTERVAL: Duration = Duration::from_millis(50);
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a story switches on, one by one"
)]
pub(crate) struct Client {
    pub(crate) id: PeerId,
    pub(crate) address: SocketAddr,
    pub(crate) sections: Vec<ClientSection>,
    pub(crate) sources: BTreeMap<TrackId, Source>,
    /// What arrived, by track.
    pub(crate) received: BTreeMap<TrackId, Reception>,
    /// What it offers for the repair of losses.
    pub(crate) repair: Repair,
    /// It sends and takes redundant sound.
    pub(crate) redundancy: bool,
    /// It is asked for key frames by FIR, and not by PLI.
    pub(crate) fir: bool,
    /// Asks for everything again, all the time.
    pub(crate) floods: bool,
    /// Packets it was asked to send again.
    pub(crate) packets_requested: u64,
    /// And by the stream they were of.
    pub(crate) requested_of: BTreeMap<u32, u64>,
    /// Bytes of datagrams that came.
    pub(crate) bytes_received: u64,
    /// How often it was asked for key frames, of one encoding or several at once.
    pub(crate) keyframe_requests: u64,
    /// The numbers of the requests by FIR, by the stream that was asked for.
    pub(crate) firs: BTreeMap<u32, Vec<u8>>,
    /// Compound packets that told of its packets' arrival.
    pub(crate) transport_feedback: u64,
    pub(crate) offers: u32,
    /// Its half of the STUN user name; another one restarts ICE.
    pub(crate) ufrag: &'static str,
    pub(crate) silent: bool,
    /// Stops sending what nobody wants.
    pub(crate) adapts: bool,
    /// Every packet is counted; one in so many is decrypted and looked into.
    pub(crate) decrypt_one_in: u64,
    pub(crate) ssrcs: BTreeMap<u32, TrackId>,
    pub(super) rtx_ssrcs: BTreeMap<u32, TrackId>,
    server: Option<(String, String)>,
    dtls: Dtls,
    certificate: DtlsCertificate,
    /// What it encrypts and decrypts with, once it is connected.
    pub(crate) srtp: Option<(Context, Context)>,
    checked_at: Option<Instant>,
    answered: bool,
    dtls_timeout: Option<Instant>,
    pub(super) transport_sequence: u16,
    arrivals: Arrivals,
}

impl Client {
    pub(crate) fn new(now: Instant, id: PeerId, address: SocketAddr, receive: usize) -> Self {
        let certificate = dimpl::certificate::generate_self_signed_certificate().unwrap();
        let config = Arc::new(Config::builder().build().unwrap());
        let mut dtls = Dtls::new_12(config, certificate.clone(), now);
        dtls.set_active(true);
        let mut client = Self {
            id,
            address,
            sections: Vec::new(),
            sources: BTreeMap::new(),
            received: BTreeMap::new(),
            repair: Repair::Rtx,
            redundancy: false,
            fir: false,
            floods: false,
            packets_requested: 0,
            requested_of: BTreeMap::new(),
            bytes_received: 0,
            keyframe_requests: 0,
            firs: BTreeMap::new(),
            transport_feedback: 0,
            offers: 0,
            ufrag: "clnt",
            silent: false,
            adapts: false,
            decrypt_one_in: 1,
            ssrcs: BTreeMap::new(),
            rtx_ssrcs: BTreeMap::new(),
            server: None,
            dtls,
            certificate,
            srtp: None,
            checked_at: None,
            answered: false,
            dtls_timeout: None,
            transport_sequence: 0,
            arrivals: Arrivals::default(),
        };
        client.add_receiving(receive, receive);
        client
    }

    pub(crate) fn add_receiving(&mut self, audio: usize, video: usize) {
        for kind in std::iter::repeat_n("audio", audio).chain(std::iter::repeat_n("video", video)) {
            self.add_section(Content::Receive(kind));
        }
    }

    pub(crate) fn add_section(&mut self, content: Content) -> String {
        let mid = self.sections.len().to_string();
        self.sections.push(ClientSection {
            mid: mid.clone(),
            content,
        });
        mid
    }

    pub(crate) fn offer(&mut self) -> (u32, String) {
        self.offers += 1;
        let fingerprint = Fingerprint::of(&self.certificate.certificate);
        let print = format!("sha-256 {fingerprint}");
        let ability = offer::Ability {
            repair: self.repair,
            redundancy: self.redundancy,
            fir: self.fir,
        };
        let sdp = offer::write(&self.sections, ability, self.ufrag, PASSWORD, &print);
        (self.offers, sdp)
    }

    /// Sends up to so much of a track. An encoder that starts again begins with a key frame.
    pub(crate) fn send_only(&mut self, track: TrackId, best: Option<Quality>) {
        let qualities = [Quality::Low, Quality::Medium, Quality::High];
        let source = self.sources.get_mut(&track).unwrap();
        for (encoding, quality) in source.encodings.iter_mut().zip(qualities) {
            let sending = best.is_some_and(|best| quality <= best);
            if sending && !encoding.sending {
                encoding.keyframe_wanted = true;
            }
            encoding.sending = sending;
        }
    }

    /// Begins ICE anew from another address, as after a change of network.
    pub(crate) fn move_to(&mut self, address: SocketAddr, ufrag: &'static str) {
        self.address = address;
        self.ufrag = ufrag;
        self.checked_at = None;
        self.server = None;
    }

    pub(crate) fn server_ufrag(&self) -> Option<&str> {
        self.server.as_ref().map(|(ufrag, _)| ufrag.as_str())
    }

    pub(crate) fn take_answer(&mut self, sdp: &str, tracks: &[(String, TrackId)]) {
        let line = |name| offer::attribute(sdp, name).unwrap().to_owned();
        self.server = Some((line("ice-ufrag"), line("ice-pwd")));
        self.ssrcs.clear();
        self.rtx_ssrcs.clear();
        for source in self.sources.values_mut() {
            source.voice.redundant = offer::asks_for_redundancy(sdp, &source.mid);
        }
        for (mid, ssrc, rtx) in offer::sending(sdp) {
            if let Some((_, track)) = tracks.iter().find(|(known, _)| *known == mid) {
                self.ssrcs.insert(ssrc, *track);
                self.rtx_ssrcs.extend(rtx.map(|rtx| (rtx, *track)));
            }
        }
    }

    /// What this client sends now, on its own account.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if self.silent {
            return;
        }
        let interval = if self.answered {
            CHECK_INTERVAL
        } else {
            FIRST_CHECK_INTERVAL
        };
        let due = self
            .checked_at
            .is_none_or(|at| now.duration_since(at) >= interval);
        if let (true, Some((ufrag, pwd))) = (due, &self.server) {
            self.checked_at = Some(now);
            out.push(check(ufrag, pwd, self.ufrag));
        }
        if self.answered && self.dtls_timeout.is_none_or(|at| at <= now) {
            self.dtls.handle_timeout(now).unwrap();
            self.drain_dtls(out);
        }
        self.send_media(now, out);
        self.ask_for_lost_packets(now, out);
        if let (Some((outbound, _)), Some(compound)) = (self.srtp.as_mut(), self.arrivals.tell(now))
        {
            out.push(outbound.encrypt_rtcp(&compound).unwrap().to_vec());
        }
    }

    /// Takes a datagram of the server.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8], out: &mut Vec<Vec<u8>>) {
        if self.silent {
            return;
        }
        self.bytes_received += u64::try_from(datagram.len()).unwrap();
        match datagram[0] {
            0..=3 => {
                self.answered |= checks::is_success(datagram);
                out.extend(checks::answer(datagram, self.ufrag));
            }
            20..=63 => {
                self.dtls.handle_timeout(now).unwrap();
                self.dtls.handle_packet(datagram).unwrap();
                self.drain_dtls(out);
            }
            _ if (192..224).contains(&datagram[1]) => self.receive_rtcp(datagram, out),
            _ => self.receive_rtp(now, datagram),
        }
    }

    fn receive_rtp(&mut self, now: Instant, datagram: &[u8]) {
        // Media may overtake the end of the handshake.
        let Some((_, inbound)) = self.srtp.as_mut() else {
            return;
        };
        let header = Header::parse(datagram).unwrap();
        let number = header.extensions.find(TRANSPORT_CC);
        if let Some(number) = number.and_then(transport_sequence) {
            self.arrivals.note(now, number);
        }
        if let Some(track) = self.rtx_ssrcs.get(&header.ssrc.0) {
            let plain = inbound
                .decrypt_rtp(datagram)
                .expect("the server's SRTP is valid");
            let packet = Packet::parse(&plain).unwrap();
            if packet.payload.is_empty() {
                return; // Padding of a probe.
            }
            let (number, payload) = packet.payload.split_first_chunk().unwrap();
            let packet = Packet {
                sequence: SequenceNumber(u16::from_be_bytes(*number)),
                payload_type: packet.payload_type - 1,
                payload,
                ..packet
            };
            let reception = self.received.entry(*track).or_default();
            let sequence = reception.count(now, packet.sequence, packet.timestamp);
            reception.look_into(sequence, &packet);
            return;
        }
        let Some(track) = self.ssrcs.get(&header.ssrc.0) else {
            return;
        };
        let reception = self.received.entry(*track).or_default();
        let sequence = reception.count(now, header.sequence, header.timestamp);
        if reception.packets.is_multiple_of(self.decrypt_one_in) {
            let plain = inbound
                .decrypt_rtp(datagram)
                .expect("the server's SRTP is valid");
            reception.look_into(sequence, &Packet::parse(&plain).unwrap());
        }
    }

    fn send_media(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        let Some((outbound, _)) = self.srtp.as_mut() else {
            return;
        };
        for source in self.sources.values_mut() {
            source.packets(now, &mut self.transport_sequence, |packet, is_rtcp| {
                let sealed = if is_rtcp {
                    outbound.encrypt_rtcp(packet)
                } else {
                    outbound.encrypt_rtp(packet)
                };
                out.push(sealed.unwrap().to_vec());
            });
        }
    }

    fn drain_dtls(&mut self, out: &mut Vec<Vec<u8>>) {
        let mut buffer = vec![0; 2048];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => out.push(packet.to_vec()),
                Output::Timeout(at) => {
                    self.dtls_timeout = Some(at);
                    return;
                }
                Output::KeyingMaterial(material, _) => {
                    self.srtp = Some(contexts(material.as_ref()));
                }
                _ => {}
            }
        }
    }
}

/// Both directions of AES-256-GCM, which the server prefers (RFC 5764, section 4.2).
fn contexts(material: &[u8]) -> (Context, Context) {
    let context = |side: usize| {
        let crypto = rtc_stun::crypto::default_provider().unwrap();
        let (key, salt) = (
            &material[side * 32..][..32],
            &material[64 + side * 12..][..12],
        );
        let profile = ProtectionProfile::AeadAes256Gcm;
        Context::new(key, salt, profile, None, None, crypto.crypto()).unwrap()
    };
    (context(0), context(1))
}
