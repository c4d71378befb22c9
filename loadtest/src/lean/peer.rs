//! One lean participant's media: told bytes and times, it says what to send. ICE, then DTLS, then
//! media both ways. Knows no sockets.

use super::answer::Remote;
use super::arrivals::Arrivals;
use super::checks::{Checks, Credentials};
use super::feedback::{self, Item};
use super::handshake::{Certificate, Handshake};
use super::header::Header;
use super::keys::Keys;
use super::publisher::{Plan, Publisher, Sent};
use super::stamp;
use super::stamp::STAMP_LEN;
use super::streams::{Look, Received, Streams};
use crate::latency::LatencyHistogram;
use crate::media_source::opus;
use crate::reception::Kind;
use std::time::{Duration, Instant};

/// As often as libwebrtc sends transport-wide feedback on a good line (50 to 100 ms).
const ARRIVALS_INTERVAL: Duration = Duration::from_millis(100);
/// As often as libwebrtc sends receiver reports for pictures.
const REPORTS_INTERVAL: Duration = Duration::from_secs(1);
/// How often missing packets are looked for: finer than the shortest wait for one.
const MISSING_INTERVAL: Duration = Duration::from_millis(5);

/// How far a participant's connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// ICE or DTLS are under way.
    Connecting,
    /// Media can flow.
    Connected,
    /// It ended, for this reason.
    Failed(String),
}

/// One participant.
pub(super) struct Peer {
    checks: Checks,
    certificate: Certificate,
    server: String,
    handshake: Option<Handshake>,
    keys: Option<Keys>,
    failure: Option<String>,
    ssrc: u32,
    streams: Streams,
    arrivals: Arrivals,
    last_media: u32,
    publisher: Option<Publisher>,
    latency: LatencyHistogram,
    arrivals_at: Instant,
    reports_at: Instant,
    missing_at: Instant,
    rtcp: Vec<u8>,
    /// Datagrams that wait to be sent.
    pub(super) out: Vec<Vec<u8>>,
}

impl Peer {
    /// A participant that begins to connect.
    pub(super) fn new(
        now: Instant,
        certificate: Certificate,
        local: Credentials,
        remote: Remote,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            checks: Checks::new(now, local, remote.credentials)?,
            certificate,
            server: remote.fingerprint,
            handshake: None,
            keys: None,
            failure: None,
            ssrc: rand::random(),
            streams: Streams::default(),
            arrivals: Arrivals::default(),
            last_media: 0,
            publisher: None,
            latency: LatencyHistogram::new(),
            arrivals_at: now,
            reports_at: now + REPORTS_INTERVAL.mul_f64(rand::random()),
            missing_at: now,
            rtcp: Vec::new(),
            out: Vec::new(),
        })
    }

    /// How far it is.
    pub(super) fn phase(&self) -> Phase {
        match (&self.failure, &self.keys) {
            (Some(reason), _) => Phase::Failed(reason.clone()),
            (None, Some(_)) => Phase::Connected,
            (None, None) => Phase::Connecting,
        }
    }

    /// Which of its streams repairs which.
    pub(super) fn learn_repairs(&mut self, pairs: &[(u32, u32)]) {
        self.streams.learn_repairs(pairs);
    }

    /// Sends media from now on.
    pub(super) fn publish(&mut self, now: Instant, plan: &Plan) {
        self.publisher = Some(Publisher::new(now, plan));
    }

    /// Sends no more media.
    pub(super) fn stop_publishing(&mut self) {
        self.publisher = None;
    }

    /// What it received so far.
    pub(super) fn received(&self) -> Received {
        self.streams.received()
    }

    /// What it sent so far.
    pub(super) fn sent(&self) -> Sent {
        self.publisher
            .as_ref()
            .map(Publisher::sent)
            .unwrap_or_default()
    }

    /// Hands over the travel times noted since this was called last.
    pub(super) fn take_latency(&mut self) -> LatencyHistogram {
        std::mem::take(&mut self.latency)
    }

    /// When [`Peer::send_media`] is due.
    pub(super) fn next_media_at(&self) -> Option<Instant> {
        self.keys.as_ref()?;
        self.publisher.as_ref().map(Publisher::next_at)
    }

    /// Encrypts the media that is due.
    pub(super) fn send_media(&mut self, now: Instant) {
        let (Some(keys), Some(publisher)) = (&mut self.keys, &mut self.publisher) else {
            return;
        };
        while let Some(packet) = publisher.poll(now) {
            self.out.extend(keys.seal_rtp(&packet).map(Vec::from));
        }
    }

    /// Takes one datagram that came at `at` by the wall clock.
    pub(super) fn receive(&mut self, now: Instant, at: Duration, datagram: &[u8]) {
        match datagram.first() {
            Some(0..=3) => {
                self.out.extend(self.checks.receive(datagram));
                self.begin_handshake(now);
            }
            Some(20..=63) => {
                if let Some(handshake) = &mut self.handshake {
                    let keys = handshake.receive(now, datagram, &mut self.out);
                    self.take_keys(keys);
                }
            }
            Some(128..=191) => match datagram.get(1) {
                Some(192..=223) => self.receive_rtcp(now, datagram),
                Some(_) | None => self.receive_rtp(now, at, datagram),
            },
            Some(_) | None => {}
        }
    }

    /// Sends checks, handshake flights and feedback that are due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.failure.is_some() {
            return;
        }
        if self.checks.next_at() <= now {
            self.out.extend(self.checks.poll(now));
        }
        if let Some(handshake) = &mut self.handshake
            && handshake.next_at() <= now
        {
            let keys = handshake.handle_timeout(now, &mut self.out);
            self.take_keys(keys);
        }
        self.report(now);
    }

    fn begin_handshake(&mut self, now: Instant) {
        if self.handshake.is_some() || !self.checks.is_answered() {
            return;
        }
        let server = self.server.clone();
        let handshake = self
            .handshake
            .insert(Handshake::new(now, &self.certificate, server));
        let keys = handshake.handle_timeout(now, &mut self.out);
        self.take_keys(keys);
    }

    fn take_keys(&mut self, keys: anyhow::Result<Option<Keys>>) {
        match keys {
            Ok(Some(keys)) => self.keys = Some(keys),
            Ok(None) => {}
            Err(error) => self.failure = Some(format!("{error:#}")),
        }
    }

    fn receive_rtp(&mut self, now: Instant, at: Duration, datagram: &[u8]) {
        let Some(header) = Header::parse(datagram) else {
            return;
        };
        if let Some(number) = header.transport_cc {
            self.arrivals.note(number, at);
        }
        self.last_media = header.ssrc;
        let look = self.streams.note(now, &header, datagram.len());
        if look == Look::No {
            return;
        }
        let opened = self.keys.as_mut().and_then(|keys| keys.open_rtp(datagram));
        let Some(payload) = opened.as_ref().and_then(|packet| packet.get(header.len..)) else {
            return;
        };
        let stamp = match look {
            Look::Stamp(Kind::Audio) => payload.get(opus::STAMP_AT..opus::STAMP_AT + STAMP_LEN),
            Look::Stamp(Kind::Video) => {
                let stamp_at = payload.len().checked_sub(STAMP_LEN);
                stamp_at.and_then(|stamp_at| payload.get(stamp_at..))
            }
            Look::Repair => {
                if let Some(sequence) = payload.first_chunk() {
                    let sequence = u16::from_be_bytes(*sequence);
                    self.streams.note_repair(header.ssrc, sequence);
                }
                None
            }
            Look::No => None,
        };
        if let Some(age) = stamp.and_then(|stamp| stamp::age(stamp, at)) {
            self.latency.note(age);
        }
    }

    fn receive_rtcp(&mut self, now: Instant, datagram: &[u8]) {
        let opened = self.keys.as_mut().and_then(|keys| keys.open_rtcp(datagram));
        let Some(compound) = opened else { return };
        for item in feedback::items(&compound) {
            match item {
                Item::SenderReport { ssrc, ntp } => {
                    self.streams.note_sender_report(now, ssrc, ntp);
                }
                Item::KeyFrame { ssrc } => {
                    if let Some(publisher) = &self.publisher {
                        publisher.request_key_frame(ssrc);
                    }
                }
            }
        }
    }

    fn report(&mut self, now: Instant) {
        let Some(keys) = &mut self.keys else { return };
        let rtcp = &mut self.rtcp;
        rtcp.clear();
        if self.missing_at <= now {
            self.missing_at = now + MISSING_INTERVAL;
            for stream in self.streams.all_mut() {
                let due = stream.take_due(now);
                if !due.is_empty() {
                    feedback::write_nack(self.ssrc, stream.ssrc, &due, rtcp);
                }
            }
        }
        if self.reports_at <= now {
            self.reports_at = now + REPORTS_INTERVAL;
            feedback::write_receiver_reports(now, self.ssrc, self.streams.all_mut(), rtcp);
        }
        if let Some(publisher) = &mut self.publisher {
            publisher.write_reports(now, rtcp);
        }
        if self.arrivals_at <= now {
            self.arrivals_at = now + ARRIVALS_INTERVAL;
            self.arrivals.write_report(self.ssrc, self.last_media, rtcp);
        }
        if !rtcp.is_empty() {
            self.out.extend(keys.seal_rtcp(rtcp).map(Vec::from));
        }
    }
}
