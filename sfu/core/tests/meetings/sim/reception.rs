//! What a client notes of a track it receives: what came, in which order, what is missing and when
//! it asks for that.

use super::decoder::{Decoder, Received};
use super::layered::Truth;
use super::offer::{DEPENDENCIES, OPUS, RED, VP8, VP9};
use super::voice::Heard;
use sfu_core::rtp::payload::{PictureId, vp8, vp9};
use sfu_core::rtp::{Extender, Packet, SequenceNumber};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// libwebrtc asks at once; a little later is what a merely overtaken packet is owed.
const FIRST_REQUEST: Duration = Duration::from_millis(10);
/// And again after a round trip.
const NEXT_REQUEST: Duration = Duration::from_millis(60);
const REQUESTS_MAX: u32 = 10;
/// Later it would not be shown anyway.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Default, Clone)]
pub(crate) struct Reception {
    /// Packets that came, each counted once.
    pub(crate) packets: u64,
    /// Packets that did not come, or not yet.
    pub(crate) lost: u64,
    /// Packets that came after they were missed.
    pub(crate) repaired: u64,
    /// Packets that came again.
    pub(crate) duplicates: u64,
    /// Timestamps that went backwards, picture ids that jumped.
    pub(crate) discontinuities: Vec<String>,
    /// The width and height of the last key frame seen.
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    /// Packets that ended a picture.
    pub(crate) pictures_ended: u64,
    pub(crate) last_at: Option<Instant>,
    pub(crate) longest_gap: Duration,
    pub(crate) heard: Heard,
    /// Looks at every frame, if they say what they are.
    pub(crate) decoder: Decoder,
    /// The last sender report: NTP time and timestamp.
    pub(crate) clock: Option<(u64, u32)>,
    sequence: Extender,
    highest: Option<u64>,
    last_timestamp: Option<u32>,
    missing: BTreeMap<u64, Missing>,
    /// Packets lost at first, and all packets, at the last report.
    reported: (u64, u64),
    /// Picture ids of the last packets, and whether a picture began there.
    pictures: BTreeMap<u64, (u16, bool)>,
}

#[derive(Debug, Clone)]
struct Missing {
    since: Instant,
    asked_at: Option<Instant>,
    requests: u32,
}

impl Reception {
    /// What a receiver report says of it: the highest number, and the packets that did not come
    /// (RFC 3550, section 6.4.1).
    pub(crate) fn figures(&self) -> (u32, i32) {
        let highest = self.highest.unwrap_or_default() & u64::from(u32::MAX);
        let [highest, lost] = [highest, self.lost].map(|n| u32::try_from(n).unwrap());
        (highest, i32::try_from(lost).unwrap())
    }

    /// Counts a packet and returns its extended sequence number.
    pub(crate) fn count(&mut self, now: Instant, number: SequenceNumber, timestamp: u32) -> u64 {
        if let Some(last) = self.last_at {
            self.longest_gap = self.longest_gap.max(now.duration_since(last));
        }
        self.last_at = Some(now);
        let sequence = self.sequence.extend(number);
        let highest = *self.highest.get_or_insert(sequence - 1);
        if sequence <= highest {
            if self.missing.remove(&sequence).is_some() {
                self.packets += 1;
                self.repaired += 1;
                self.lost -= 1;
            } else {
                self.duplicates += 1;
            }
            return sequence;
        }
        for lost in highest + 1..sequence {
            self.lost += 1;
            let missing = Missing {
                since: now,
                asked_at: None,
                requests: 0,
            };
            self.missing.insert(lost, missing);
        }
        self.packets += 1;
        self.highest = Some(sequence);
        if let Some(last) = self.last_timestamp {
            let step = timestamp.wrapping_sub(last);
            if step > 90_000 * 20 {
                self.discontinuities
                    .push(format!("timestamp {last} -> {timestamp}"));
            }
        }
        self.last_timestamp = Some(timestamp);
        sequence
    }

    /// Looks whether a packet's picture follows on that of the packet before it, and the packet
    /// after it on that.
    pub(crate) fn look_into(&mut self, sequence: u64, packet: &Packet<'_>) {
        self.heard.listen(self.last_at.unwrap(), packet);
        if matches!(packet.payload_type, OPUS | RED) {
            return;
        }
        self.pictures_ended += u64::from(packet.marker);
        if packet.payload.is_empty() || Truth::of(packet.payload).is_some() {
            return self.decode(sequence, packet);
        }
        let descriptor = vp8::Descriptor::parse(packet.payload).expect("VP8 stays VP8");
        if let Some(size) = descriptor.size {
            self.width = Some(size.width);
            self.height = Some(size.height);
        }
        if descriptor.keyframe && descriptor.size.is_none() {
            self.discontinuities
                .push("a key frame without a size".to_owned());
        }
        let picture = descriptor.numbers.picture_id.unwrap();
        let wrap = match picture {
            PictureId::Short(_) => 0x7f,
            PictureId::Long(_) => 0x7fff,
        };
        let picture = picture.value();
        self.pictures
            .insert(sequence, (picture, descriptor.start_of_frame));
        if self.pictures.len() > 2000 {
            self.pictures.pop_first();
        }
        for (before, after) in [(sequence - 1, sequence), (sequence, sequence + 1)] {
            let pair = self.pictures.get(&before).zip(self.pictures.get(&after));
            let Some(((old, _), (new, starts))) = pair else {
                continue;
            };
            if new.wrapping_sub(*old) & wrap != u16::from(*starts) {
                self.discontinuities
                    .push(format!("picture {old} -> {new}, starts: {starts}"));
            }
        }
    }

    fn decode(&mut self, sequence: u64, packet: &Packet<'_>) {
        let payload = packet.payload;
        let numbers = match packet.payload_type {
            VP8 => vp8::Descriptor::parse(payload).map(|it| it.numbers),
            VP9 => vp9::Descriptor::parse(payload).map(|it| it.numbers),
            _ => None,
        };
        let both = numbers.and_then(|it| it.picture_id.map(PictureId::value).zip(it.tl0_pic_idx));
        self.decoder.take(&Received {
            sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload,
            descriptor: packet.extensions.find(DEPENDENCIES),
            numbers: both,
        });
    }

    /// What to ask for now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<SequenceNumber> {
        let mut due = Vec::new();
        for (sequence, missing) in &mut self.missing {
            let waited = match missing.asked_at {
                None => now.duration_since(missing.since) >= FIRST_REQUEST,
                Some(at) => now.duration_since(at) >= NEXT_REQUEST,
            };
            let hopeful =
                missing.requests < REQUESTS_MAX && now.duration_since(missing.since) <= PATIENCE;
            if waited && hopeful {
                missing.asked_at = Some(now);
                missing.requests += 1;
                due.push(SequenceNumber::of_extended(*sequence));
            }
        }
        due
    }

    /// The last four hundred packets, whether they came or not.
    pub(crate) fn everything(&self) -> Vec<SequenceNumber> {
        let highest = self.highest.unwrap_or(0);
        (highest.saturating_sub(400)..=highest)
            .map(SequenceNumber::of_extended)
            .collect()
    }

    /// The share of packets that did not come by themselves since the last call, in 256ths.
    pub(crate) fn fraction_lost(&mut self) -> u8 {
        let totals = (self.lost + self.repaired, self.lost + self.packets);
        let before = std::mem::replace(&mut self.reported, totals);
        let (lost, all) = (totals.0.saturating_sub(before.0), totals.1 - before.1);
        u8::try_from((lost * 256).checked_div(all).unwrap_or(0)).unwrap_or(u8::MAX)
    }

    /// The share of packets that never came.
    pub(crate) fn residual_loss(&self) -> f64 {
        let sent = u32::try_from(self.lost + self.packets).unwrap();
        f64::from(u32::try_from(self.lost).unwrap()) / f64::from(sent.max(1))
    }
}
