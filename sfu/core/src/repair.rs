//! Lost packets, the engine's side: asks publishers for what is missing, and sends subscribers
//! again what they miss. Which packets and when is decided by `uplink::nack_generator`,
//! `downlink::sent_packets` and `downlink::repair`.

use crate::downlink::line::Numbered;
use crate::downlink::outgoing::{Extensions, FrameExtension};
use crate::downlink::repair::{LOSSY_PERMILLE, Repair};
use crate::downlink::sent_packets::{Refused, SentPacket};
use crate::downlink::subscription::Subscription;
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::feedback::OWN_SSRC;
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::rtp::rtcp::{self, NackItem, NackItems, ReportBlock};
use crate::rtp::{SequenceNumber, Ssrc};
use crate::stats::Stats;
use crate::units::MediaKind;
use crate::uplink::encoding::Encoding;
use crate::uplink::nack_generator::Way;
use crate::uplink::track::Track;
use std::time::{Duration, Instant};

/// Packets looked up for one NACK: as many as are kept. Whoever names more means harm.
const ANSWERED_MAX: usize = 512;

impl Engine {
    /// Asks for what is missing of one encoding, if that is due.
    pub(crate) fn request_packets(
        &mut self,
        now: Instant,
        key: TrackKey,
        encoding: usize,
        out: &mut Outbox,
    ) {
        let track = &mut self.tracks[key];
        let Some(publisher) = self.peers.get_mut(track.publisher) else {
            return; // Its home asks.
        };
        let way = Way {
            round_trip: publisher.repair_limits.round_trip(),
            is_sound: track.spec.kind == MediaKind::Audio,
        };
        if let Some(encoding) = track.encodings.get_mut(encoding) {
            encoding.nacks.know(way);
        }
        self.missing.clear();
        let Some(ssrc) = track.missing_packets(now, encoding, &mut self.missing) else {
            return;
        };
        self.rtcp.clear();
        rtcp::write_receiver_report(&mut self.rtcp, OWN_SSRC, &[]);
        rtcp::write_nack(&mut self.rtcp, OWN_SSRC, ssrc, &self.missing);
        if publisher.transport.send_rtcp(&self.rtcp, out) {
            self.stats.packets_requested += count(self.missing.len());
        }
    }

    /// Asks for what is missing anywhere.
    pub(crate) fn request_all_packets(&mut self, now: Instant, out: &mut Outbox) {
        let due = |(key, track): (TrackKey, &Track)| {
            let encodings = track.encodings.iter().enumerate();
            let due = encodings.filter(|(_, encoding)| encoding.nacks.is_due(now));
            due.map(|(index, _)| (key, index)).collect::<Vec<_>>()
        };
        let due: Vec<(TrackKey, usize)> = self.tracks.iter().flat_map(due).collect();
        for (key, encoding) in due {
            self.request_packets(now, key, encoding, out);
        }
    }

    /// Sends a subscriber again what it misses, within its limits.
    pub(crate) fn answer_nack(
        &mut self,
        now: Instant,
        from: PeerKey,
        media: Ssrc,
        items: NackItems<'_>,
        out: &mut Outbox,
    ) {
        let Self {
            peers,
            tracks,
            stats,
            again,
            ..
        } = self;
        let peer = &mut peers[from];
        let Some(track) = peer
            .downlink
            .get(&media.0)
            .and_then(|key| tracks.get_mut(*key))
        else {
            return;
        };
        let Track {
            subscriptions,
            encodings,
            ..
        } = track;
        let Some(subscription) = subscriptions
            .quietly()
            .iter_mut()
            .find(|subscription| subscription.peer == from && subscription.rewriter.ssrc == media)
        else {
            return;
        };
        let intervals = peer.repair_limits.intervals();
        for number in items.flat_map(NackItem::sequences).take(ANSWERED_MAX) {
            let packet = match subscription.ask(now, number, intervals) {
                Ok(packet) => {
                    if !peer.is_full(now) {
                        subscription.losses.asked(now);
                    }
                    packet
                }
                Err(Refused::Unknown) => {
                    stats.retransmissions_unknown += 1;
                    continue;
                }
                Err(Refused::TooSoon | Refused::LeftOff) => {
                    stats.retransmissions_limited += 1;
                    continue;
                }
            };
            // The same packet under the same number must be the same to the last bit, and a second
            // one tells nothing.
            let copies = match subscription.repair {
                Repair::Rtx(_) => peer.copies(now),
                Repair::Same | Repair::Never => 1,
            };
            let sent = (&packet, copies);
            send_kept(
                now,
                peer,
                (subscription, encodings),
                sent,
                (stats, again),
                out,
            );
        }
    }

    /// Learns from a report on what we send how far away the subscriber is, and how much is lost on
    /// the way (RFC 3550, section 6.4.1).
    pub(crate) fn measure_round_trip(&mut self, now: Instant, from: PeerKey, report: &ReportBlock) {
        let peer = &mut self.peers[from];
        peer.repair_limits.reported_loss(report.fraction_lost);
        let Some(track) = peer
            .downlink
            .get(&report.ssrc.0)
            .and_then(|key| self.tracks.get_mut(*key))
        else {
            return;
        };
        let mut subscriptions = track.subscriptions.quietly().iter_mut();
        let Some(subscription) = subscriptions.find(|subscription| subscription.peer == from)
        else {
            return;
        };
        // What was too much for a line is no reason to send more, and feedback tells one from the other.
        if peer.measured_loss().is_none() {
            subscription.losses.reported(now, report.fraction_lost);
        }
        let reported = subscription.reported;
        let Some((middle, sent_at)) = reported else {
            return;
        };
        let held = u64::from(report.delay_since_last_sender_report) * 1_000_000 / 65_536;
        let round_trip = now
            .duration_since(sent_at)
            .checked_sub(Duration::from_micros(held));
        if let (true, Some(round_trip)) = (middle == report.last_sender_report, round_trip) {
            peer.repair_limits.measured(round_trip);
        }
    }
}

/// Sends a packet so many times more, if its payload is still kept, within the subscriber's limits.
pub(crate) fn send_kept(
    now: Instant,
    peer: &mut Peer,
    (subscription, encodings): (&mut Subscription, &[Encoding]),
    (packet, copies): (&SentPacket, usize),
    (stats, again): (&mut Stats, &mut Vec<u8>),
    out: &mut Outbox,
) {
    let cache = encodings
        .get(packet.encoding)
        .map(|encoding| encoding.cache_of(packet.form));
    let kept = match cache {
        Some(_) if packet.is_filler => Some((&[][..], &[][..])),
        cache => cache.and_then(|cache| cache.packet(packet.incoming)),
    };
    let Some(kept) = kept else {
        stats.retransmissions_unknown += 1;
        return;
    };
    for _ in 0..copies {
        if !peer.repair_limits.take(now, kept.1.len()) {
            stats.retransmissions_limited += 1;
            break;
        }
        if send_again(now, peer, subscription, (packet, kept, again), out) {
            stats.packets_retransmitted += 1;
        }
    }
}

/// Encrypts a packet once more; false if it cannot be. The buffer is for its payload.
fn send_again(
    now: Instant,
    peer: &mut Peer,
    subscription: &mut Subscription,
    (packet, kept, again): (&SentPacket, (&[u8], &[u8]), &mut Vec<u8>),
    out: &mut Outbox,
) -> bool {
    let is_new = matches!(subscription.repair, Repair::Rtx(_));
    let line = peer.line.as_mut().zip(subscription.transport_cc);
    let number = line.as_ref().and_then(|(line, id)| {
        let again = || packet.number.map(|number| Numbered::again(*id, number));
        if is_new {
            Some(line.number(*id))
        } else {
            again()
        }
    });
    // Under the same number of the stream nothing else may ever be encrypted.
    if !is_new && number.map(Numbered::number) != packet.number {
        return false;
    }
    let (descriptor, payload) = kept;
    let frame_number = packet.rewritten.frame_number;
    let frame = FrameExtension::new(subscription.dependency_id, frame_number, descriptor);
    let extensions = Extensions::of(number.as_ref(), frame.as_ref());
    let Some(written) = subscription.again(packet, payload, extensions.as_slice(), again) else {
        return false;
    };
    let header = &written.header[..written.header_len];
    let sent = peer
        .transport
        .send_rtp(header, again, written.rollover, out);
    match line {
        Some((line, _)) if sent && is_new => line.sent(now, header.len(), again.len()),
        Some((line, _)) if sent => line.repeated(packet.number),
        Some(_) | None => {}
    }
    sent
}

/// Sends the last packet of a picture a second time, unasked, where many are lost, and says how many
/// that were. Without it the subscriber would see what is missing only from the next picture on: with
/// that one's first packet lost as well, its picture stands still. On small pictures, which are one
/// packet each, that is a tenth of all losses.
pub(crate) fn repeat_end(
    now: Instant,
    peer: &mut Peer,
    subscription: &mut Subscription,
    (packet, kept, again): (&SentPacket, (&[u8], &[u8]), &mut Vec<u8>),
    out: &mut Outbox,
) -> u64 {
    let is_new = matches!(subscription.repair, Repair::Rtx(_));
    let repeats = packet.marker
        && is_new
        && peer.is_lossy(now)
        && peer.repair_limits.take_spare(now, kept.1.len())
        && send_again(now, peer, subscription, (packet, kept, again), out);
    u64::from(repeats)
}

impl Peer {
    /// How often a packet it lost is sent again at once.
    fn copies(&self, now: Instant) -> usize {
        if self.is_lossy(now) { 2 } else { 1 }
    }

    /// Whether its line loses packets that more of them would help against. Reports also count what
    /// the publisher's line lost before; feedback on what we sent does not.
    pub(crate) fn is_lossy(&self, now: Instant) -> bool {
        let measured = || self.measured_loss().is_none_or(|it| it >= LOSSY_PERMILLE);
        self.repair_limits.is_lossy() && !self.is_full(now) && measured()
    }

    /// The share of packets, in thousandths, that its line lost of late, if there is feedback on what
    /// we sent.
    pub(crate) fn measured_loss(&self) -> Option<u64> {
        let estimator = self.line.as_ref()?.bandwidth.estimator();
        let has_feedback = estimator.has_feedback();
        has_feedback.then(|| estimator.loss_permille())
    }

    /// Whether its line loses what is too much for it, by feedback on what we sent.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.line.as_ref().is_some_and(|line| line.is_full(now))
    }
}

impl Track {
    /// Appends the packets of an encoding to ask for now, and says of which stream; `None` if there
    /// are none. What nobody gets is not repaired.
    fn missing_packets(
        &mut self,
        now: Instant,
        encoding: usize,
        missing: &mut Vec<SequenceNumber>,
    ) -> Option<Ssrc> {
        let repairable = self.section.as_ref().is_some_and(|section| section.nack);
        let wanted = repairable && !self.muted && self.is_wanted(encoding);
        let encoding = self.encodings.get_mut(encoding)?;
        if !wanted {
            encoding.nacks.forget();
            return None;
        }
        encoding.nacks.take_due(now, missing);
        encoding.ssrc.filter(|_| !missing.is_empty())
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
