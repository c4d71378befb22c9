//! Reports, feedback and everything that happens by the clock: the engine's side of RTCP.

use crate::demanding::searched;
use crate::downlink::rewriter::ClockPoint;
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::event::{Event, LostReason};
use crate::loudest::CHOICE_INTERVAL;
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::relay::News;
use crate::rtp::Ssrc;
use crate::rtp::rtcp::{self, ReportBlock, Rtcp, SenderFields};
use crate::stats::Drop;
use crate::uplink::keyframe_requester::Urgency;
use crate::uplink::keyframe_requests::Request;
use std::time::{Duration, Instant};

/// How often publishers learn of loss (RFC 3550 allows five seconds; senders adapt by it).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How often quality is told (`protocol.md`, 1.9).
const QUALITY_INTERVAL: Duration = Duration::from_secs(5);
/// How often is looked which encodings are alive.
const AVAILABLE_INTERVAL: Duration = Duration::from_millis(100);
/// Our own SSRC in feedback: nobody sends media under it.
pub(crate) const OWN_SSRC: Ssrc = Ssrc(1);
/// At most as many blocks as the count field of a report holds (RFC 3550, section 6.4.2).
const REPORT_BLOCKS_MAX: usize = 31;

/// When each thing was last done that is done regularly for everyone.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    reports: Option<Instant>,
    quality: Option<Instant>,
    available: Option<Instant>,
    voices: Option<Instant>,
}

/// Whether a round begins: once per interval.
fn due(at: &mut Option<Instant>, now: Instant, interval: Duration) -> bool {
    let due = at.is_none_or(|at| now.duration_since(at) >= interval);
    if due {
        *at = Some(now);
    }
    due
}

impl Engine {
    /// Takes a decrypted compound packet.
    pub(crate) fn handle_feedback(
        &mut self,
        now: Instant,
        from: PeerKey,
        compound: &[u8],
        out: &mut Outbox,
    ) {
        let mut packets = rtcp::packets(compound);
        let mut asked = false;
        for packet in &mut packets {
            match packet {
                Rtcp::SenderReport {
                    ssrc,
                    ntp,
                    rtp_timestamp,
                    reports,
                    ..
                } => {
                    self.note_losses(now, from, reports);
                    self.pass_sender_report(
                        now,
                        from,
                        ssrc,
                        ClockPoint {
                            ntp,
                            timestamp: rtp_timestamp,
                        },
                        out,
                    );
                }
                Rtcp::TransportFeedback(feedback) => {
                    self.learn_arrivals(now, from, &feedback, out);
                }
                Rtcp::ReceiverReport { reports, .. } => self.note_losses(now, from, reports),
                Rtcp::Pli { media, .. } => {
                    self.note_keyframe_request(from, media);
                    asked = true;
                }
                Rtcp::Fir { entries, .. } => {
                    for entry in entries {
                        self.note_keyframe_request(from, entry.media);
                    }
                    asked = true;
                }
                Rtcp::Nack { media, items, .. } => self.answer_nack(now, from, media, items, out),
                Rtcp::Remb { bitrate, .. } => self.learn_own_estimate(now, from, bitrate),
                Rtcp::Bye | Rtcp::SourceDescription | Rtcp::Other => {}
            }
        }
        if packets.error().is_some() {
            self.stats.drop_because(Drop::MalformedRtcp);
        }
        if asked {
            self.request_keyframes(now, out);
        }
    }

    /// Everything that is due at a tick.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Outbox) {
        let report = due(&mut self.rounds.reports, now, REPORT_INTERVAL);
        let quality = due(&mut self.rounds.quality, now, QUALITY_INTERVAL);
        if quality {
            self.note_withheld();
        }
        let mut peers = std::mem::take(&mut self.due_peers);
        let all = self.peers.iter();
        peers.extend(
            all.filter(|(_, peer)| report || quality || self.is_due(now, peer))
                .map(|(key, _)| key),
        );
        for key in peers.drain(..) {
            self.tick_transport(now, key, out);
            if !self.remove_if_gone(now, key, out) {
                self.tick_peer(now, key, report, quality, out);
            }
        }
        self.due_peers = peers;
        if due(&mut self.rounds.available, now, AVAILABLE_INTERVAL) {
            for track in self.tracks.values_mut() {
                track.refresh_available(Some(now));
            }
            self.tell_all_demands(now, out);
            self.allocate(now, out);
            let estimates = self.peers.values().filter_map(Peer::estimate);
            self.stats.lowest_estimate = estimates.min();
        }
        if due(&mut self.rounds.voices, now, CHOICE_INTERVAL) {
            self.choose_voices(now);
        }
        self.request_all_packets(now, out);
        self.request_keyframes(now, out);
        self.tell_speakers(now, out);
    }

    /// Asks publishers for the key frames that are waited for, within their limits.
    pub(crate) fn request_keyframes(&mut self, now: Instant, out: &mut Outbox) {
        let Self {
            tracks,
            peers,
            rtcp,
            stats,
            relay,
            ..
        } = self;
        for track in tracks.values_mut().filter(|track| track.may_ask()) {
            if let Some(origin) = track.spread.origin {
                let (to, id) = (std::iter::once(origin.worker).collect(), track.id);
                track.keyframe_requests(now, |request| {
                    let ssrc = request.media();
                    relay.push_news(to, News::Keyframe { track: id, ssrc });
                });
                continue;
            }
            let Some(publisher) = peers.get_mut(track.publisher) else {
                continue;
            };
            if !publisher.connected {
                continue;
            }
            if track.subscriptions.may_wait() {
                stats.subscriptions_searched += searched(&track.subscriptions);
            }
            rtcp.clear();
            track.keyframe_requests(now, |request| {
                if rtcp.is_empty() {
                    rtcp::write_receiver_report(rtcp, OWN_SSRC, &[]);
                }
                match request {
                    Request::Pli(media) => rtcp::write_pli(rtcp, OWN_SSRC, media),
                    Request::Fir(entry) => rtcp::write_fir(rtcp, OWN_SSRC, entry),
                }
                stats.keyframe_requests += 1;
            });
            if !rtcp.is_empty() {
                publisher.transport.send_rtcp(rtcp, out);
            }
        }
    }

    fn tick_transport(&mut self, now: Instant, key: PeerKey, out: &mut Outbox) {
        let transport = &mut self.peers[key].transport;
        if transport.next_timeout().is_some_and(|at| at <= now) {
            let mut events = Vec::new();
            transport.handle_timeout(now, out, &mut events);
            self.handle_transport_events(now, key, &mut events, out);
        }
    }

    /// Whether anything is to be done for a peer besides the rounds.
    fn is_due(&self, now: Instant, peer: &Peer) -> bool {
        let timeout = peer.transport.next_timeout();
        timeout.is_some_and(|at| at <= now)
            || self.why_gone(now, peer).is_some()
            || peer.negotiation.is_due(now)
            || peer.uplink.twcc.is_due(now)
    }

    fn why_gone(&self, now: Instant, peer: &Peer) -> Option<LostReason> {
        if peer.connected {
            let heard_at = peer.transport.last_heard_at().unwrap_or(peer.added_at);
            (now.duration_since(heard_at) > self.config.silent_timeout)
                .then_some(LostReason::Silent)
        } else {
            (now.duration_since(peer.added_at) > self.config.never_connected_timeout)
                .then_some(LostReason::NeverConnected)
        }
    }

    fn remove_if_gone(&mut self, now: Instant, key: PeerKey, out: &mut Outbox) -> bool {
        let Some(peer) = self.peers.get(key) else {
            return true;
        };
        let reason = self.why_gone(now, peer);
        if let Some(reason) = reason {
            self.lose_peer(now, key, reason, out);
        }
        reason.is_some()
    }

    fn tick_peer(
        &mut self,
        now: Instant,
        key: PeerKey,
        report: bool,
        quality: bool,
        out: &mut Outbox,
    ) {
        let peer = &mut self.peers[key];
        if let Some(needed) = peer.negotiation.take_due(now) {
            out.events.push(Event::SectionsNeeded {
                peer: peer.id,
                audio: needed.audio,
                video: needed.video,
            });
        }
        if !peer.connected {
            return;
        }
        self.rtcp.clear();
        if peer.uplink.twcc.write_due(now, OWN_SSRC, &mut self.rtcp) {
            peer.transport.send_rtcp(&self.rtcp, out);
        }
        if report {
            self.report_reception(now, key, out);
        }
        let peer = &mut self.peers[key];
        let round_trip = peer.repair_limits.round_trip();
        if quality && let Some(quality) = peer.quality.close(round_trip) {
            out.events.push(Event::Quality {
                peer: peer.id,
                quality,
            });
        }
    }

    /// Tells a publisher what of its streams arrived.
    fn report_reception(&mut self, now: Instant, key: PeerKey, out: &mut Outbox) {
        let mut blocks = Vec::new();
        let peer = &mut self.peers[key];
        for track in peer.uplink.tracks() {
            let track = &mut self.tracks[track];
            let codec = track.section.as_ref().map(|section| section.codec);
            for encoding in &mut track.encodings {
                let Some((ssrc, figures)) = encoding.ssrc.zip(encoding.statistics.report()) else {
                    continue;
                };
                let block = ReportBlock {
                    ssrc,
                    fraction_lost: figures.fraction_lost,
                    cumulative_lost: i32::try_from(figures.cumulative_lost).unwrap_or(i32::MAX),
                    highest_sequence: figures.highest_sequence,
                    jitter: figures.jitter,
                    last_sender_report: encoding.clock.map_or(0, |clock| middle(clock.ntp)),
                    delay_since_last_sender_report: encoding
                        .report_at
                        .map_or(0, |at| sixteenth_bits(now.duration_since(at))),
                };
                if let Some(codec) = codec {
                    peer.quality.received(&block, codec);
                }
                blocks.push(block);
            }
        }
        let peer = &mut self.peers[key];
        for blocks in blocks.chunks(REPORT_BLOCKS_MAX) {
            self.rtcp.clear();
            rtcp::write_receiver_report(&mut self.rtcp, OWN_SSRC, blocks);
            peer.transport.send_rtcp(&self.rtcp, out);
        }
    }

    /// Passes a publisher's report on to those who get that encoding, in their own time base. The
    /// publisher's wall clock stays, so that a client plays its sound and pictures in sync.
    fn pass_sender_report(
        &mut self,
        now: Instant,
        from: PeerKey,
        ssrc: Ssrc,
        clock: ClockPoint,
        out: &mut Outbox,
    ) {
        let Some(stream) = self.peers[from].uplink.stream(ssrc) else {
            return;
        };
        self.tell_others(stream.track, |track| News::Clock {
            track: track.id,
            ssrc,
            clock,
        });
        self.pass_clock(now, stream.track, (stream.encoding, clock), out);
    }

    /// Tells those who get an encoding what its publisher's clock says.
    pub(crate) fn pass_clock(
        &mut self,
        now: Instant,
        key: TrackKey,
        (encoding, clock): (usize, ClockPoint),
        out: &mut Outbox,
    ) {
        let cname = self.cname_of(&self.tracks[key]);
        let Self {
            tracks,
            peers,
            rtcp,
            ..
        } = self;
        let track = &mut tracks[key];
        track.encodings[encoding].report(now, clock);
        for subscription in track.subscriptions.quietly() {
            if subscription.payload_type.is_none()
                || subscription.selector.current() != Some(encoding)
            {
                continue;
            }
            let (packets, octets) = subscription.rewriter.totals();
            let own = subscription.rewriter.ssrc;
            rtcp.clear();
            let fields = SenderFields {
                ssrc: own,
                ntp: clock.ntp,
                rtp_timestamp: subscription.rewriter.timestamp(clock.timestamp),
                packets,
                octets,
            };
            subscription.reported = Some((middle(clock.ntp), now));
            rtcp::write_sender_report(rtcp, &fields, &[]);
            rtcp::write_cname(rtcp, own, &cname);
            peers[subscription.peer].transport.send_rtcp(rtcp, out);
        }
    }

    fn note_losses<'a>(
        &mut self,
        now: Instant,
        from: PeerKey,
        reports: impl IntoIterator<Item = ReportBlock> + 'a,
    ) {
        for report in reports {
            self.note_loss(from, &report);
            if let Some(line) = &mut self.peers[from].line {
                line.bandwidth.reported_loss(now, report.fraction_lost);
            }
            self.measure_round_trip(now, from, &report);
        }
    }

    /// A subscriber cannot decode what it gets.
    fn note_keyframe_request(&mut self, from: PeerKey, media: Ssrc) {
        self.stats.keyframe_requests_received += 1;
        let Some(&key) = self.peers[from].downlink.get(&media.0) else {
            return;
        };
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        let current = track
            .subscriptions
            .iter()
            .find(|subscription| subscription.peer == from)
            .and_then(|subscription| subscription.selector.current());
        if let Some(encoding) = current.and_then(|index| track.encodings.get_mut(index)) {
            encoding.keyframes.want(Urgency::Stuck);
        }
    }
}

/// The middle 32 bits of an NTP time (RFC 3550, section 6.4.1).
fn middle(ntp: u64) -> u32 {
    u32::try_from((ntp >> 16) & u64::from(u32::MAX)).expect("masked to 32 bits")
}

/// A duration in units of 1/65536 s (RFC 3550, section 6.4.1).
fn sixteenth_bits(time: Duration) -> u32 {
    u32::try_from(time.as_micros() * 65_536 / 1_000_000).unwrap_or(u32::MAX)
}
