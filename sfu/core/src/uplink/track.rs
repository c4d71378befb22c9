//! A published track: its encodings, who is subscribed, and what each packet means to them.
//! Knows nothing of transports.

use super::audience::Audience;
use super::audio_level::AudioLevelWindow;
use super::demand::{Best, Demand};
use super::encoding::Encoding;
use super::keyframe_requester::Urgency;
use super::loudness::Loudness;
use super::nack_generator::Gap;
use super::redundancy::{Form, Redundancy};
use super::spread::Spread;
use super::understanding::understand;
use super::waking::Waking;
use crate::command::TrackSpec;
use crate::downlink::available::Available;
use crate::downlink::line::PAYLOAD_OVERHEAD_BYTES;
use crate::downlink::rewriter::Incoming;
use crate::downlink::subscriptions::Subscriptions;
use crate::engine::{PeerKey, TrackKey};
use crate::ids::{RoomId, TrackId};
use crate::renditions::Backup;
use crate::rtp::{AudioLevel, Packet, SequenceNumber};
use crate::stats::Drop;
use crate::units::{Codec, MediaKind};
use std::time::Instant;

/// Simulcast has three encodings at most in every client; a fourth section line is ignored.
pub(crate) const ENCODINGS_MAX: usize = 3;
/// Key frames have several times the bytes of other frames, and seldom come: with all of them counted,
/// a layer would seem to need a third more just when somebody was switched to it, and be taken away
/// again (one of 126 kB, in the mean over two seconds of a camera at 1.6 Mbit/s).
const KEYFRAME_TIMES: usize = 4;

/// How the client names encodings, smallest first (`protocol.md`, 1.7).
const KNOWN_RIDS: [&str; ENCODINGS_MAX] = ["q", "h", "f"];

/// The media section that carries a track to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrackSection {
    pub(crate) mid: String,
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    /// The codec's parameters, which a subscriber's section must match.
    pub(crate) fmtp: String,
    /// Whether key frames are asked for by FIR (RFC 5104) and not by PLI (RFC 4585).
    pub(crate) fir: bool,
    /// Whether the publisher sends packets again when asked (RFC 4585).
    pub(crate) nack: bool,
    /// The payload type of its retransmissions, if they have a stream of their own (RFC 4588).
    pub(crate) rtx: Option<u8>,
    /// The payload type of its packets that carry copies of earlier frames (RFC 2198).
    pub(crate) red: Option<u8>,
    /// Header extension of the audio level.
    pub(crate) audio_level_id: Option<u8>,
    /// Header extension of dependency descriptors.
    pub(crate) dependency_id: Option<u8>,
}

/// One published track.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) room: RoomId,
    pub(crate) publisher: PeerKey,
    pub(crate) spec: TrackSpec,
    pub(crate) muted: bool,
    /// `None` until the publisher's offer carries it.
    pub(crate) section: Option<TrackSection>,
    pub(crate) encodings: Vec<Encoding>,
    pub(crate) available: Vec<Available>,
    pub(crate) subscriptions: Subscriptions,
    /// Who of the subscribers shall hear it; everybody for video.
    pub(crate) audience: Audience,
    pub(crate) audio_level: AudioLevelWindow,
    /// The first rendition; `None` if it is this one.
    pub(crate) first: Option<TrackKey>,
    /// In which codecs it could be sent besides; of the first rendition alone.
    pub(crate) backups: Vec<Backup>,
    /// What of it the publisher should send.
    pub(crate) demand: Demand,
    /// What of that has not come yet.
    pub(super) waking: Waking,
    pub(crate) loudness: Loudness,
    pub(crate) redundancy: Redundancy,
    pub(crate) spread: Spread,
    /// Its level at the last choice of the loudest, in decibels over silence.
    pub(crate) level_db: u8,
}

/// A packet of a track, understood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) incoming: Incoming,
    /// Whether a decoder can start with it.
    pub(crate) switchable: bool,
    pub(crate) marker: bool,
    pub(crate) form: Form,
}

impl Track {
    pub(crate) fn new(room: RoomId, publisher: PeerKey, id: TrackId, spec: TrackSpec) -> Self {
        Self {
            id,
            room,
            publisher,
            muted: spec.muted,
            first: None,
            backups: spec.backups.iter().copied().map(Backup::new).collect(),
            spec,
            section: None,
            encodings: Vec::new(),
            available: Vec::new(),
            subscriptions: Subscriptions::default(),
            audience: Audience::EVERYBODY,
            audio_level: AudioLevelWindow::default(),
            demand: Demand::default(),
            waking: Waking::default(),
            loudness: Loudness::default(),
            redundancy: Redundancy::default(),
            spread: Spread::default(),
            level_db: 0,
        }
    }

    /// Binds the track to its section. `rids` names its encodings in the order of the offer; empty
    /// means a single encoding.
    pub(crate) fn bind(&mut self, section: TrackSection, rids: &[String]) {
        let mut rids: Vec<Option<String>> = rids.iter().cloned().map(Some).collect();
        if rids.is_empty() {
            rids.push(None);
        }
        // Clients list their rids in either direction; only the usual names tell the size.
        let rank = |rid: &Option<String>| {
            KNOWN_RIDS
                .iter()
                .position(|&known| rid.as_deref() == Some(known))
        };
        if rids.iter().all(|rid| rank(rid).is_some()) {
            rids.sort_by_key(rank);
        }
        rids.truncate(ENCODINGS_MAX);
        self.encodings = rids.into_iter().map(Encoding::new).collect();
        self.section = Some(section);
        self.refresh_available(None);
    }

    /// The encoding of that name; `None` names the only one of a track without names.
    pub(crate) fn encoding_of(&self, rid: Option<&str>) -> Option<usize> {
        self.encodings
            .iter()
            .position(|encoding| encoding.rid.as_deref() == rid)
    }

    /// The packet that a retransmission carries (RFC 4588, section 4); `None` for one that carries
    /// nothing, which is how senders probe.
    pub(crate) fn restore<'a>(&self, encoding: usize, repair: &Packet<'a>) -> Option<Packet<'a>> {
        let section = self.section.as_ref()?;
        let (number, payload) = repair.payload.split_first_chunk()?;
        let ssrc = self.encodings.get(encoding)?.ssrc?;
        (section.rtx == Some(repair.payload_type)).then_some(Packet {
            payload_type: section.payload_type,
            sequence: SequenceNumber(u16::from_be_bytes(*number)),
            ssrc,
            payload,
            ..*repair
        })
    }

    /// Accounts a packet and says what it is, or why it is of no use; a pause needs no reason.
    /// `repaired` says that it came as a retransmission.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        encoding: usize,
        packet: &Packet<'_>,
        repaired: bool,
    ) -> Result<Arrival, Option<Drop>> {
        let section = self.section.as_ref().ok_or(Drop::UnknownStream)?;
        let codec = section.codec;
        let level = section
            .audio_level_id
            .and_then(|id| packet.extensions.find(id));
        if let (true, Some(level)) = (self.spec.voice, level.and_then(AudioLevel::parse)) {
            self.audio_level.record(level.level_dbov, packet.timestamp);
            self.loudness.record(level.level_dbov);
        }
        let form = match section.red {
            Some(red) if red == packet.payload_type => Form::Redundant,
            _ => Form::Plain,
        };
        let stream = self
            .encodings
            .get_mut(encoding)
            .ok_or(Drop::UnknownStream)?;
        let clock = stream.clock;
        let slept = !packet.payload.is_empty() && !stream.is_alive(now);
        let place = stream
            .receive(now, packet, codec.clock_rate(), repaired)
            .ok_or(Drop::Duplicate)?;
        if place.gap == Gap::TooLarge && self.is_wanted(encoding) {
            self.encodings[encoding].keyframes.want(Urgency::Stuck);
        }
        if slept && self.encodings.len() > 1 {
            // An encoder that starts again begins with a key frame, which those who wait for it
            // can use.
            self.refresh_available(Some(now));
            self.wake(now, encoding);
        }
        if self.muted {
            return Err(None);
        }
        let section = self.section.as_ref().ok_or(Drop::UnknownStream)?;
        let stream = &mut self.encodings[encoding];
        let understood =
            understand(section, (packet, form), &mut stream.layers).ok_or(Drop::UnusablePayload)?;
        let (picture, frame) = (understood.picture, understood.frame);
        // What followed a key frame that came late is gone by for those who wait for it.
        let switchable = understood.switchable && place.newest;
        if switchable {
            stream.keyframes.came(packet.timestamp);
        }
        if !packet.payload.is_empty() {
            let mut bytes = packet.payload.len() + PAYLOAD_OVERHEAD_BYTES;
            if codec != Codec::Opus && stream.keyframes.has_last(packet.timestamp) {
                bytes /= KEYFRAME_TIMES;
            }
            let told = (frame.as_ref(), picture.as_ref());
            stream.layers.count(now, bytes, told, packet.marker);
        }
        stream
            .keyframes
            .count(packet.timestamp, packet.payload.len());
        let incoming = Incoming {
            encoding,
            sequence: place.sequence,
            timestamp: packet.timestamp,
            picture,
            frame,
            clock,
        };
        Ok(Arrival {
            incoming,
            switchable,
            marker: packet.marker,
            form,
        })
    }

    /// An encoding that was called for has come.
    fn wake(&mut self, now: Instant, encoding: usize) {
        if self.waking.is_coming(now, encoding) {
            self.waking.came(encoding);
            self.encodings[encoding].keyframes.begin_anew();
        }
    }

    /// The publisher, who sent up to `before`, is told to send up to `best`.
    pub(crate) fn told(&mut self, now: Instant, before: Best, best: Best) {
        for (size, step) in self.available.iter().enumerate() {
            let layers = &mut self.encodings[step.encoding].layers;
            let of = (!step.is_whole).then_some(step.spatial);
            match (before.includes(size), best.includes(size)) {
                (true, false) => layers.remember_rates(of),
                (false, true) => layers.measure_anew(of),
                (true, true) | (false, false) => {}
            }
        }
        self.waking.told(now, before, best);
        self.refresh_available(Some(now));
    }

    /// Keeps a packet for those who come next, of the smallest encoding, while anybody watches.
    pub(crate) fn remember_opening(&mut self, now: Instant, arrival: &Arrival, payload: &[u8]) {
        // With descriptors in the header a payload alone is not enough to begin with.
        let is_smallest = arrival.incoming.encoding == 0 && arrival.incoming.frame.is_none();
        if is_smallest && self.spec.kind == MediaKind::Video && !self.subscriptions.is_empty() {
            self.encodings[0].remember_opening(now, arrival, payload);
        }
    }

    /// The packet of which a later one carries a copy, unless it came itself. The copy is given by its
    /// payload type, by how much older it is, and by how many packets before that later one it was.
    pub(crate) fn restore_copy(
        &mut self,
        now: Instant,
        later: &Arrival,
        (payload_type, offset, behind): (u8, u32, u64),
    ) -> Option<Arrival> {
        let codec = self.section.as_ref()?.payload_type;
        let sequence = later.incoming.sequence.checked_sub(behind)?;
        let encoding = self.encodings.get_mut(later.incoming.encoding)?;
        let is_lost = payload_type == codec && encoding.restore(now, sequence);
        is_lost.then_some(Arrival {
            incoming: Incoming {
                sequence,
                timestamp: later.incoming.timestamp.wrapping_sub(offset),
                ..later.incoming
            },
            marker: false,
            form: Form::Plain,
            ..*later
        })
    }

    /// Whether anybody gets it in that form.
    pub(crate) fn is_taken_as(&self, form: Form) -> bool {
        self.subscriptions
            .iter()
            .any(|subscription| subscription.form == form)
    }

    /// Whether anybody gets this encoding or waits for it, here or on another worker.
    pub(crate) fn is_wanted(&self, encoding: usize) -> bool {
        let audience = self.audience;
        let mut listeners = self.subscriptions.iter();
        listeners.any(|listener| listener.wants(encoding) && audience.includes(listener.ear))
            || self.spread.to(encoding).is_some()
    }

    /// Mutes or unmutes. After a pause every subscriber starts over with a key frame.
    pub(crate) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.subscriptions.unsettle();
        if muted {
            for encoding in &mut self.encodings {
                encoding.forget_opening();
            }
            self.audio_level = AudioLevelWindow::default();
            self.loudness = Loudness::default();
            for subscription in &mut self.subscriptions {
                subscription.selector.restart();
            }
        }
    }

    /// Looks which encodings are being received and lets every subscription aim anew.
    pub(crate) fn refresh_available(&mut self, now: Option<Instant>) {
        if self.refresh_ladder(now) {
            for subscription in &mut self.subscriptions {
                subscription.selector.retarget(&self.available);
            }
        }
    }
}
