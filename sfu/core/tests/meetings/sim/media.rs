//! Synthetic media of scripted clients, and what they note of media they receive.

use super::layered::{Built, Layered};
use super::offer::{self, AUDIO_LEVEL, DEPENDENCIES, MID, REPAIRED_RID, RID, Repair, TRANSPORT_CC};
use super::voice::Voice;
use sfu_core::rtp::rtcp::{SenderFields, write_cname, write_sender_report};
use sfu_core::rtp::{HEADER_LEN_MAX, HeaderFields, SequenceNumber, Ssrc, write_header};
use sfu_core::units::Size;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(crate) const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
pub(crate) const FRAME_INTERVAL: Duration = Duration::from_millis(50);
/// Packets kept to be sent again.
const HISTORY: usize = 1000;
/// About a round trip on the lines of the stories.
const RESEND_INTERVAL: Duration = Duration::from_millis(50);
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// A microphone or camera.
pub(crate) struct Source {
    pub(crate) mid: String,
    /// Names and sizes of the encodings; one without a name for sound.
    pub(crate) encodings: Vec<SourceEncoding>,
    pub(crate) level_dbov: u8,
    pub(crate) muted: bool,
    pub(crate) voice: Voice,
    /// Probes for bandwidth: after each frame follow packets of nothing but padding.
    pub(crate) probing: bool,
    /// Sends each packet twice: as it is and as a retransmission that nobody asked for.
    pub(crate) repeats: bool,
    /// From one picture to the next.
    pub(crate) frame_interval: Duration,
    started_at: Instant,
    sent_at: Option<Instant>,
    reported_at: Option<Instant>,
}

pub(crate) struct SourceEncoding {
    pub(crate) rid: Option<&'static str>,
    pub(crate) size: Size,
    pub(crate) ssrc: u32,
    pub(crate) sending: bool,
    pub(crate) packets_per_frame: usize,
    /// Pictures are numbered with seven bits and not with fifteen.
    pub(crate) short_picture_ids: bool,
    pub(crate) packets_per_key_frame: usize,
    /// What makes its frames, if they have layers.
    pub(crate) layered: Option<Layered>,
    sequence: u16,
    rtx_sequence: u16,
    history: VecDeque<Sent>,
    picture: u16,
    base: u32,
    pub(crate) keyframe_wanted: bool,
    pub(crate) keyframes: u64,
    /// Packets that were sent, without what was sent again.
    pub(crate) sent: u64,
}

/// A packet that was sent.
#[derive(Clone)]
struct Sent {
    fields: HeaderFields,
    descriptor: Option<Vec<u8>>,
    payload: Vec<u8>,
    resent_at: Option<Instant>,
}

impl Sent {
    fn new(fields: HeaderFields, built: Built) -> Self {
        Self {
            fields,
            descriptor: built.descriptor,
            payload: built.payload,
            resent_at: None,
        }
    }
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
                packets_per_frame: 1,
                short_picture_ids: false,
                packets_per_key_frame: 1,
                layered: None,
                rtx_sequence: 65_000,
                history: VecDeque::new(),
                // Near a wrap, and different for each, as real clients start anywhere.
                sequence: 65_500_u16.wrapping_sub(u16::try_from(index).unwrap() * 7000),
                picture: 32_700,
                base: 0xffff_0000_u32.wrapping_add(index * 1_234_567),
                keyframe_wanted: true,
                keyframes: 0,
                sent: 0,
            })
            .collect();
        Self {
            mid,
            encodings,
            level_dbov: 127,
            muted: false,
            voice: Voice::default(),
            probing: false,
            repeats: false,
            frame_interval: FRAME_INTERVAL,
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

    /// Calls `send` with the packet that was lost, as a retransmission or as it was.
    pub(crate) fn again(
        &mut self,
        ssrc: u32,
        number: SequenceNumber,
        repair: Repair,
        transport_sequence: &mut u16,
        mut send: impl FnMut(&[u8]),
    ) {
        let mid = self.mid.clone();
        let encoding = self.encodings.iter_mut().find(|known| known.ssrc == ssrc);
        let Some(encoding) = encoding else { return };
        let lost = encoding
            .history
            .iter_mut()
            .find(|packet| packet.fields.sequence == number);
        let Some(lost) = lost else { return };
        // As libwebrtc: not again while the last one may still be on its way.
        let is_soon = |at: Instant| {
            let since = self.sent_at.map(|now| now.saturating_duration_since(at));
            since.is_some_and(|since| since < RESEND_INTERVAL)
        };
        if encoding.rid.is_none() && lost.resent_at.is_some_and(is_soon) {
            return;
        }
        lost.resent_at = self.sent_at;
        let lost = lost.clone();
        if repair == Repair::Rtx || (repair == Repair::RtxAndSound && encoding.rid.is_some()) {
            send(&encoding.rtx_of(&lost, &mid, transport_sequence));
        } else {
            let own: (u8, &[u8]) = encoding
                .rid
                .map_or((AUDIO_LEVEL, &[0xff]), |rid| (RID, rid.as_bytes()));
            let header = header(
                &lost.fields,
                &mid,
                &[Some(own), lost.extension()],
                transport_sequence,
            );
            send(&[&header[..], &lost.payload].concat());
        }
    }

    /// Calls `send` with each packet that is due, and whether it is RTCP.
    pub(crate) fn packets(
        &mut self,
        now: Instant,
        transport_sequence: &mut u16,
        mut send: impl FnMut(&[u8], bool),
    ) {
        let is_audio = self.encodings[0].rid.is_none() && self.encodings[0].layered.is_none();
        let interval = if is_audio {
            AUDIO_INTERVAL
        } else {
            self.frame_interval
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
        let level = [0x80 | self.level_dbov];
        for encoding in self
            .encodings
            .iter_mut()
            .filter(|encoding| encoding.sending)
        {
            let rate = if is_audio { 48_000 } else { 90_000 };
            let ticks = u32::try_from(elapsed.as_millis()).unwrap() * (rate / 1000);
            let timestamp = encoding.base.wrapping_add(ticks);
            let packets = if is_audio {
                vec![Built::sound(self.voice.next(now, timestamp))]
            } else {
                encoding.frame()
            };
            let layered = encoding.layered.as_ref().map(|layered| layered.format);
            let payload_type =
                layered.map_or_else(|| self.voice.payload_type_of(is_audio), offer::payload_type);
            for built in packets {
                let fields = HeaderFields {
                    marker: built.marker,
                    payload_type,
                    sequence: SequenceNumber(encoding.sequence),
                    timestamp,
                    ssrc: Ssrc(encoding.ssrc),
                };
                encoding.sequence = encoding.sequence.wrapping_add(1);
                encoding.sent += 1;
                let own: (u8, &[u8]) = match encoding.rid {
                    Some(rid) => (RID, rid.as_bytes()),
                    None => (AUDIO_LEVEL, &level),
                };
                let packet = Sent::new(fields, built);
                let own = [Some(own), packet.extension()];
                let header = header(&fields, &self.mid, &own, transport_sequence);
                send(&[&header[..], &packet.payload].concat(), false);
                if self.repeats && !is_audio {
                    for probe in encoding.repeats(&packet, &self.mid, transport_sequence) {
                        send(&probe, false);
                    }
                }
                encoding.remember(packet);
                if self.probing && !is_audio {
                    send(&padding(&fields, encoding), false);
                }
            }
            if report {
                send(&encoding.report(elapsed, timestamp), true);
            }
        }
    }
}

impl Built {
    /// A packet of sound.
    fn sound(payload: Vec<u8>) -> Self {
        Self {
            payload,
            descriptor: None,
            marker: false,
        }
    }
}

impl Sent {
    fn extension(&self) -> Option<(u8, &[u8])> {
        let data = self.descriptor.as_ref()?;
        Some((DEPENDENCIES, data))
    }
}

/// A packet's header with the extensions of every packet, and some of its own.
fn header(
    fields: &HeaderFields,
    mid: &str,
    own: &[Option<(u8, &[u8])>],
    transport_sequence: &mut u16,
) -> Vec<u8> {
    *transport_sequence = transport_sequence.wrapping_add(1);
    let number = transport_sequence.to_be_bytes();
    let mut extensions = vec![(MID, mid.as_bytes()), (TRANSPORT_CC, &number)];
    extensions.extend(own.iter().flatten());
    let mut buffer = [0; HEADER_LEN_MAX];
    let len = write_header(&mut buffer, fields, &extensions);
    buffer[..len].to_vec()
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
    fn report(&self, elapsed: Duration, rtp_timestamp: u32) -> Vec<u8> {
        let mut compound = Vec::new();
        let fields = SenderFields {
            ssrc: Ssrc(self.ssrc),
            ntp: ntp(elapsed),
            rtp_timestamp,
            packets: 0,
            octets: 0,
        };
        write_sender_report(&mut compound, &fields, &[]);
        write_cname(&mut compound, Ssrc(self.ssrc), "client");
        compound
    }

    fn remember(&mut self, packet: Sent) {
        self.history.push_back(packet);
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    /// What a sender probes the line with: padding, and a packet that was not lost.
    fn repeats(&mut self, packet: &Sent, mid: &str, transport_sequence: &mut u16) -> [Vec<u8>; 2] {
        let mut padding = self.rtx(packet, mid, &[], transport_sequence);
        padding.extend([0, 0, 0, 4]);
        [padding, self.rtx_of(packet, mid, transport_sequence)]
    }

    /// A retransmission of a packet (RFC 4588), which names its encoding by the repaired RID.
    fn rtx_of(&mut self, sent: &Sent, mid: &str, transport_sequence: &mut u16) -> Vec<u8> {
        let number = sent.fields.sequence.0.to_be_bytes();
        let payload = [&number[..], &sent.payload].concat();
        let header = self.rtx(sent, mid, &payload, transport_sequence);
        [header, payload].concat()
    }

    /// The header of a retransmission; of one without a payload, which is padding.
    fn rtx(
        &mut self,
        sent: &Sent,
        mid: &str,
        payload: &[u8],
        transport_sequence: &mut u16,
    ) -> Vec<u8> {
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        let fields = HeaderFields {
            payload_type: offer::rtx_of(sent.fields.payload_type),
            sequence: SequenceNumber(self.rtx_sequence),
            ssrc: Ssrc(self.ssrc + 50),
            ..sent.fields
        };
        let rid = self.rid.map(|rid| (REPAIRED_RID, rid.as_bytes()));
        let mut header = header(&fields, mid, &[rid, sent.extension()], transport_sequence);
        if payload.is_empty() {
            header[0] |= 0x20;
        }
        header
    }

    /// The packets of one frame.
    fn frame(&mut self) -> Vec<Built> {
        if let Some(layered) = &mut self.layered {
            let key = std::mem::take(&mut self.keyframe_wanted);
            self.keyframes += u64::from(key);
            return layered.picture(key);
        }
        let payloads = self.vp8_frame();
        let count = payloads.len();
        let built = payloads.into_iter().enumerate();
        built
            .map(|(index, payload)| Built {
                payload,
                descriptor: None,
                marker: index + 1 == count,
            })
            .collect()
    }

    /// The packets of one VP8 frame: descriptors with a 15-bit picture id and TL0PICIDX, then the
    /// frame tag, and for a key frame its start code and size (RFC 7741, RFC 6386).
    fn vp8_frame(&mut self) -> Vec<Vec<u8>> {
        self.picture = (self.picture + 1) & 0x7fff;
        let [high, low] = (self.picture | 0x8000).to_be_bytes();
        let number = if self.short_picture_ids {
            vec![low & 0x7f]
        } else {
            vec![high, low]
        };
        let tl0 = low;
        let descriptor = |first: u8| [&[first, 0xe0], &number[..], &[tl0, 0x00]].concat();
        let mut payload = descriptor(0x90);
        let mut count = self.packets_per_frame;
        if std::mem::take(&mut self.keyframe_wanted) {
            count = count.max(self.packets_per_key_frame);
            self.keyframes += 1;
            let [w1, w0] = u16::try_from(self.size.width).unwrap().to_be_bytes();
            let [h1, h0] = u16::try_from(self.size.height).unwrap().to_be_bytes();
            payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]);
        } else {
            payload.extend([0x11, 0, 0]);
        }
        payload.extend([0xaa; 200]);
        let mut rest = descriptor(0x80);
        rest.extend([0xbb; 200]);
        let mut packets = vec![payload];
        packets.resize(count, rest);
        packets
    }
}
