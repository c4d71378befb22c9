//! Synthetic media of scripted clients, and what they note of media they receive.

use super::offer::{AUDIO_LEVEL, MID, OPUS, RID, TRANSPORT_CC, VP8};
use sfu_core::rtp::payload::vp8;
use sfu_core::rtp::rtcp::{SenderFields, write_cname, write_sender_report};
use sfu_core::rtp::{
    Extender, HEADER_LEN_MAX, Header, HeaderFields, Packet, SequenceNumber, Ssrc, write_header,
};
use sfu_core::units::Size;
use std::time::{Duration, Instant};

pub(crate) const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
pub(crate) const FRAME_INTERVAL: Duration = Duration::from_millis(50);
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// A microphone or camera.
pub(crate) struct Source {
    pub(crate) mid: String,
    /// Names and sizes of the encodings; one without a name for sound.
    pub(crate) encodings: Vec<SourceEncoding>,
    pub(crate) level_dbov: u8,
    pub(crate) muted: bool,
    /// Probes for bandwidth: after each frame follow packets of nothing but padding.
    pub(crate) probing: bool,
    started_at: Instant,
    sent_at: Option<Instant>,
    reported_at: Option<Instant>,
}

pub(crate) struct SourceEncoding {
    pub(crate) rid: Option<&'static str>,
    pub(crate) size: Size,
    pub(crate) ssrc: u32,
    pub(crate) sending: bool,
    sequence: u16,
    picture: u16,
    base: u32,
    keyframe_wanted: bool,
    pub(crate) keyframes: u64,
}

impl Source {
    pub(crate) fn new(now: Instant, mid: String, ssrc: u32, rids: &[&'static str]) -> Self {
        let rids: Vec<Option<&'static str>> = match rids {
            [] => vec![None],
            rids => rids.iter().copied().map(Some).collect(),
        };
        let encodings = rids
            .into_iter()
            .zip(0_u32..)
            .map(|(rid, index)| SourceEncoding {
                rid,
                size: Size {
                    width: 320 << index,
                    height: 180 << index,
                },
                ssrc: ssrc + index,
                sending: true,
                // Near a wrap, and different for each, as real clients start anywhere.
                sequence: 65_500_u16.wrapping_sub(u16::try_from(index).unwrap() * 7000),
                picture: 32_700,
                base: 0xffff_0000_u32.wrapping_add(index * 1_234_567),
                keyframe_wanted: true,
                keyframes: 0,
            })
            .collect();
        Self {
            mid,
            encodings,
            level_dbov: 127,
            muted: false,
            probing: false,
            started_at: now,
            sent_at: None,
            reported_at: None,
        }
    }

    pub(crate) fn keyframe_wanted(&mut self, ssrc: u32) {
        for encoding in &mut self.encodings {
            encoding.keyframe_wanted |= encoding.ssrc == ssrc;
        }
    }

    /// Calls `send` with each packet that is due, and whether it is RTCP.
    pub(crate) fn packets(
        &mut self,
        now: Instant,
        transport_sequence: &mut u16,
        mut send: impl FnMut(&[u8], bool),
    ) {
        let is_audio = self.encodings[0].rid.is_none();
        let interval = if is_audio {
            AUDIO_INTERVAL
        } else {
            FRAME_INTERVAL
        };
        if self.muted
            || self
                .sent_at
                .is_some_and(|at| now.duration_since(at) < interval)
        {
            return;
        }
        self.sent_at = Some(now);
        let report = self
            .reported_at
            .is_none_or(|at| now.duration_since(at) >= REPORT_INTERVAL);
        if report {
            self.reported_at = Some(now);
        }
        let elapsed = now.duration_since(self.started_at);
        for encoding in self
            .encodings
            .iter_mut()
            .filter(|encoding| encoding.sending)
        {
            let rate = if is_audio { 48_000 } else { 90_000 };
            let ticks = u32::try_from(elapsed.as_millis()).unwrap() * (rate / 1000);
            let timestamp = encoding.base.wrapping_add(ticks);
            let payload = if is_audio {
                vec![0xfc; 80]
            } else {
                encoding.frame()
            };
            *transport_sequence = transport_sequence.wrapping_add(1);
            let fields = HeaderFields {
                marker: !is_audio,
                payload_type: if is_audio { OPUS } else { VP8 },
                sequence: SequenceNumber(encoding.sequence),
                timestamp,
                ssrc: Ssrc(encoding.ssrc),
            };
            encoding.sequence = encoding.sequence.wrapping_add(1);
            let number = transport_sequence.to_be_bytes();
            let level = [0x80 | self.level_dbov];
            let mut extensions: Vec<(u8, &[u8])> =
                vec![(MID, self.mid.as_bytes()), (TRANSPORT_CC, &number)];
            match encoding.rid {
                Some(rid) => extensions.push((RID, rid.as_bytes())),
                None => extensions.push((AUDIO_LEVEL, &level)),
            }
            let mut buffer = [0; HEADER_LEN_MAX];
            let len = write_header(&mut buffer, &fields, &extensions);
            send(&[&buffer[..len], &payload].concat(), false);
            if self.probing && !is_audio {
                send(&padding(&fields, encoding), false);
            }
            if report {
                let compound = report_of(encoding.ssrc, elapsed, timestamp);
                send(&compound, true);
            }
        }
    }
}

/// A sender report by the publisher's wall clock.
fn report_of(ssrc: u32, elapsed: Duration, rtp_timestamp: u32) -> Vec<u8> {
    let mut compound = Vec::new();
    let fields = SenderFields {
        ssrc: Ssrc(ssrc),
        ntp: ntp(elapsed),
        rtp_timestamp,
        packets: 0,
        octets: 0,
    };
    write_sender_report(&mut compound, &fields, &[]);
    write_cname(&mut compound, Ssrc(ssrc), "client");
    compound
}

/// A packet of 255 bytes of padding, in the stream of the media (RFC 3550, section 5.1).
fn padding(media: &HeaderFields, encoding: &mut SourceEncoding) -> Vec<u8> {
    let mut buffer = [0; HEADER_LEN_MAX];
    let fields = HeaderFields {
        sequence: SequenceNumber(encoding.sequence),
        ..*media
    };
    encoding.sequence = encoding.sequence.wrapping_add(1);
    let len = write_header(&mut buffer, &fields, &[]);
    buffer[0] |= 0x20;
    [&buffer[..len], &[0; 254], &[255]].concat()
}

/// The publisher's wall clock.
pub(crate) fn ntp(elapsed: Duration) -> u64 {
    (1000 << 32) + u64::try_from((elapsed.as_micros() << 32) / 1_000_000).unwrap()
}

impl SourceEncoding {
    /// One packet that is a whole VP8 frame: descriptor with a 15-bit picture id and TL0PICIDX,
    /// then the frame tag, and for a key frame its start code and size (RFC 7741, RFC 6386).
    fn frame(&mut self) -> Vec<u8> {
        self.picture = (self.picture + 1) & 0x7fff;
        let [high, low] = (self.picture | 0x8000).to_be_bytes();
        let tl0 = low;
        let mut payload = vec![0x90, 0xe0, high, low, tl0, 0x00];
        if std::mem::take(&mut self.keyframe_wanted) {
            self.keyframes += 1;
            let [w1, w0] = u16::try_from(self.size.width).unwrap().to_be_bytes();
            let [h1, h0] = u16::try_from(self.size.height).unwrap().to_be_bytes();
            payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]);
        } else {
            payload.extend([0x11, 0, 0]);
        }
        payload.extend([0xaa; 200]);
        payload
    }
}

/// What a client notes of a track it receives.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    pub(crate) packets: u64,
    pub(crate) lost: u64,
    /// Timestamps that went backwards, picture ids that jumped.
    pub(crate) discontinuities: Vec<String>,
    /// The width of the last key frame seen.
    pub(crate) width: Option<u32>,
    pub(crate) last_at: Option<Instant>,
    pub(crate) longest_gap: Duration,
    /// The last sender report: NTP time and timestamp.
    pub(crate) clock: Option<(u64, u32)>,
    sequence: Extender,
    highest: Option<u64>,
    last_timestamp: Option<u32>,
    last_picture: Option<u16>,
}

impl Reception {
    pub(crate) fn count(&mut self, now: Instant, header: &Header<'_>) {
        self.packets += 1;
        if let Some(last) = self.last_at {
            self.longest_gap = self.longest_gap.max(now.duration_since(last));
        }
        self.last_at = Some(now);
        let sequence = self.sequence.extend(header.sequence);
        if let Some(highest) = self.highest {
            let step = sequence.checked_sub(highest).unwrap_or(1);
            self.lost += step.saturating_sub(1);
        }
        self.highest = Some(sequence);
        if let Some(last) = self.last_timestamp {
            let step = header.timestamp.wrapping_sub(last);
            if step > 90_000 * 20 {
                self.discontinuities
                    .push(format!("timestamp {last} -> {}", header.timestamp));
            }
        }
        self.last_timestamp = Some(header.timestamp);
    }

    pub(crate) fn look_into(&mut self, packet: &Packet<'_>) {
        if packet.payload_type != VP8 || packet.payload.is_empty() {
            return;
        }
        let descriptor = vp8::Descriptor::parse(packet.payload).expect("VP8 stays VP8");
        if let Some(size) = descriptor.size {
            self.width = Some(size.width);
        }
        let picture = descriptor.picture_id.unwrap().value();
        if let Some(last) = self.last_picture {
            if picture.wrapping_sub(last) & 0x7fff != 1 {
                self.discontinuities
                    .push(format!("picture {last} -> {picture}"));
            }
            if descriptor.keyframe && self.width.is_none() {
                self.discontinuities
                    .push("a key frame without a size".to_owned());
            }
        }
        self.last_picture = Some(picture);
    }
}
