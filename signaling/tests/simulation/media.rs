//! What simulated clients send: packets that say what they are, so that whoever gets one knows
//! which it is, and which are missing.

use crate::sdp::{AUDIO_LEVEL, MID, OPUS, REPAIRED_RID, RID, RIDS, RTX, TRANSPORT_CC, VP8};
use sfu_core::rtp::rtcp::{SenderFields, write_cname, write_sender_report};
use sfu_core::rtp::{HEADER_LEN_MAX, HeaderFields, SequenceNumber, Ssrc, write_header};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(crate) const AUDIO_INTERVAL: Duration = Duration::from_millis(40);
pub(crate) const FRAME_INTERVAL: Duration = Duration::from_millis(100);
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Packets kept to be sent again: some seconds.
const HISTORY: usize = 200;
const MAGIC: [u8; 2] = [0xa5, 0x5a];
const TAG_LEN: usize = 20;

/// Names one stream of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamName {
    /// Whose.
    pub(crate) session: u32,
    /// Which of their tracks.
    pub(crate) track: u8,
    pub(crate) encoding: u8,
}

/// Stands at the end of every payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) stream: StreamName,
    /// Counts the packets of the stream.
    pub(crate) number: u32,
    /// Whether it is the first of a key frame, or sound.
    pub(crate) starts: bool,
    pub(crate) is_audio: bool,
}

impl Tag {
    fn bytes(self) -> [u8; TAG_LEN] {
        let mut bytes = [0; TAG_LEN];
        bytes[..2].copy_from_slice(&MAGIC);
        bytes[2..6].copy_from_slice(&self.stream.session.to_be_bytes());
        bytes[6] = self.stream.track;
        bytes[7] = self.stream.encoding;
        bytes[8..12].copy_from_slice(&self.number.to_be_bytes());
        bytes[12] = self.starts.into();
        bytes[13] = self.is_audio.into();
        bytes
    }

    /// `None` for what carries none, such as padding.
    pub(crate) fn of(payload: &[u8]) -> Option<Self> {
        let bytes = payload.last_chunk::<TAG_LEN>()?;
        let number = |at: usize| {
            let number = bytes[at..at + 4].try_into().expect("four bytes");
            u32::from_be_bytes(number)
        };
        (bytes[..2] == MAGIC).then(|| Self {
            stream: StreamName {
                session: number(2),
                track: bytes[6],
                encoding: bytes[7],
            },
            number: number(8),
            starts: bytes[12] != 0,
            is_audio: bytes[13] != 0,
        })
    }
}

/// A packet to be encrypted.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Rtp(Vec<u8>, Tag),
    Rtcp(Vec<u8>),
}

/// A microphone or a camera.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) mid: String,
    pub(crate) is_audio: bool,
    pub(crate) encodings: Vec<Encoding>,
    started_at: Instant,
    sent_at: Option<Instant>,
    reported_at: Option<Instant>,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Encoding {
    name: StreamName,
    rid: Option<&'static str>,
    pub(crate) ssrc: u32,
    /// Until then the client sends nothing of it.
    pub(crate) stalled_until: Option<Instant>,
    /// Whether the server says that anybody wants it.
    pub(crate) is_wanted: bool,
    first_sequence: u16,
    next: u32,
    rtx_sequence: u16,
    picture: u16,
    base: u32,
    keyframe_wanted: bool,
    history: VecDeque<(HeaderFields, Vec<u8>, Tag)>,
}

impl Source {
    /// The track `name` of a session, in the section `mid`.
    pub(crate) fn new(now: Instant, session: u32, track: u8, is_audio: bool, mid: String) -> Self {
        let rids: Vec<Option<&'static str>> = if is_audio {
            vec![None]
        } else {
            RIDS.iter().copied().map(Some).collect()
        };
        let encodings = rids.into_iter().zip(0_u8..).map(|(rid, encoding)| {
            let ssrc = session * 1000 + u32::from(track) * 10 + u32::from(encoding);
            Encoding {
                name: StreamName {
                    session,
                    track,
                    encoding,
                },
                rid,
                ssrc,
                stalled_until: None,
                is_wanted: true,
                // Near a wrap, and different for each; not so near that the loss of the first two
                // seconds hides it (RFC 3711, section 3.3.1).
                first_sequence: 65_480 - u16::from(encoding) * 40,
                next: 0,
                rtx_sequence: 65_500,
                picture: 32_750,
                base: 0xffff_f000_u32.wrapping_add(ssrc * 7919),
                keyframe_wanted: true,
                history: VecDeque::new(),
            }
        });
        Self {
            mid,
            is_audio,
            encodings: encodings.collect(),
            started_at: now,
            sent_at: None,
            reported_at: None,
        }
    }

    pub(crate) fn want_keyframe(&mut self, ssrc: u32) {
        for encoding in &mut self.encodings {
            encoding.keyframe_wanted |= encoding.ssrc == ssrc;
        }
    }

    /// Appends what is due.
    pub(crate) fn tick(
        &mut self,
        now: Instant,
        transport_sequence: &mut u16,
        out: &mut Vec<Outgoing>,
    ) {
        let interval = if self.is_audio {
            AUDIO_INTERVAL
        } else {
            FRAME_INTERVAL
        };
        if self.sent_at.is_some_and(|at| now < at + interval) {
            return;
        }
        self.sent_at = Some(now);
        let reports = self
            .reported_at
            .is_none_or(|at| now >= at + REPORT_INTERVAL);
        if reports {
            self.reported_at = Some(now);
        }
        let elapsed = now - self.started_at;
        for encoding in &mut self.encodings {
            let is_stalled = encoding.stalled_until.is_some_and(|until| now < until);
            if is_stalled || !encoding.is_wanted {
                continue;
            }
            encoding.frame(elapsed, &self.mid, transport_sequence, out);
            if reports {
                out.push(Outgoing::Rtcp(encoding.report(elapsed)));
            }
        }
    }

    /// The packet that was lost, as a retransmission (RFC 4588).
    pub(crate) fn again(
        &mut self,
        ssrc: u32,
        number: SequenceNumber,
        transport_sequence: &mut u16,
    ) -> Option<Outgoing> {
        let mid = &self.mid;
        let encoding = self.encodings.iter_mut().find(|it| it.ssrc == ssrc)?;
        let rid = encoding.rid?;
        let lost = encoding
            .history
            .iter()
            .find(|(fields, ..)| fields.sequence == number);
        let (fields, payload, tag) = lost.cloned()?;
        encoding.rtx_sequence = encoding.rtx_sequence.wrapping_add(1);
        let fields = HeaderFields {
            payload_type: RTX,
            sequence: SequenceNumber(encoding.rtx_sequence),
            ssrc: Ssrc(ssrc + 500),
            ..fields
        };
        let own = (REPAIRED_RID, rid.as_bytes());
        let mut packet = header(&fields, mid, own, transport_sequence);
        packet.extend(number.0.to_be_bytes());
        packet.extend(payload);
        Some(Outgoing::Rtp(packet, tag))
    }
}

impl Encoding {
    /// The SSRC and number that a packet of this stream was first sent under.
    pub(crate) fn number(&self, tag: Tag) -> Option<(u32, SequenceNumber)> {
        let sequence = self.first_sequence.wrapping_add(low_half(tag.number));
        (self.name == tag.stream).then_some((self.ssrc, SequenceNumber(sequence)))
    }

    /// One packet of sound, or the packets of one picture: one for the smallest, two for others.
    fn frame(
        &mut self,
        elapsed: Duration,
        mid: &str,
        transport_sequence: &mut u16,
        out: &mut Vec<Outgoing>,
    ) {
        let is_audio = self.rid.is_none();
        let starts = std::mem::take(&mut self.keyframe_wanted) || is_audio;
        self.picture = (self.picture + 1) & 0x7fff;
        let parts = 1 + u32::from(self.name.encoding);
        for part in 0..parts {
            let tag = Tag {
                stream: self.name,
                number: self.next,
                starts: starts && part == 0,
                is_audio,
            };
            let mut payload = if is_audio {
                vec![0xfc; 20]
            } else {
                self.picture_part(part == 0, starts)
            };
            payload.extend(tag.bytes());
            let sequence = self.first_sequence.wrapping_add(low_half(self.next));
            let fields = HeaderFields {
                marker: !is_audio && part + 1 == parts,
                payload_type: if is_audio { OPUS } else { VP8 },
                sequence: SequenceNumber(sequence),
                timestamp: self.timestamp(elapsed),
                ssrc: Ssrc(self.ssrc),
            };
            self.next += 1;
            // Speech, so that there is a loudest.
            let level = [0x80 | 0x1e];
            let own: (u8, &[u8]) = self
                .rid
                .map_or((AUDIO_LEVEL, &level), |rid| (RID, rid.as_bytes()));
            let mut packet = header(&fields, mid, own, transport_sequence);
            packet.extend(&payload);
            out.push(Outgoing::Rtp(packet, tag));
            self.history.push_back((fields, payload, tag));
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
    }

    /// A VP8 descriptor with a 15-bit picture id and TL0PICIDX, and the frame tag; in a key frame
    /// its start code and size (RFC 7741, RFC 6386).
    fn picture_part(&self, is_first: bool, is_key: bool) -> Vec<u8> {
        let [high, low] = (self.picture | 0x8000).to_be_bytes();
        let first = if is_first { 0x90 } else { 0x80 };
        let mut payload = vec![first, 0xe0, high, low, low, 0];
        if is_first && is_key {
            let width = 320_u16 << self.name.encoding;
            payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a]);
            payload.extend(width.to_le_bytes());
            payload.extend((width / 16 * 9).to_le_bytes());
        } else {
            payload.extend([0x11, 0, 0]);
        }
        payload.extend([0xaa; 30]);
        payload
    }

    fn timestamp(&self, elapsed: Duration) -> u32 {
        let per_ms = if self.rid.is_none() { 48 } else { 90 };
        let ms = u32::try_from(elapsed.as_millis()).expect("a simulation is short");
        self.base.wrapping_add(ms * per_ms)
    }

    fn report(&self, elapsed: Duration) -> Vec<u8> {
        let fraction = (elapsed.as_micros() << 32) / 1_000_000;
        let fields = SenderFields {
            ssrc: Ssrc(self.ssrc),
            ntp: (1000 << 32) + u64::try_from(fraction).expect("a simulation is short"),
            rtp_timestamp: self.timestamp(elapsed),
            packets: self.next,
            octets: 0,
        };
        let mut compound = Vec::new();
        write_sender_report(&mut compound, &fields, &[]);
        write_cname(&mut compound, Ssrc(self.ssrc), "client");
        compound
    }
}

fn low_half(number: u32) -> u16 {
    u16::try_from(number & 0xffff).expect("masked to 16 bits")
}

/// A packet's header with the extensions of every packet, and one of its own.
fn header(
    fields: &HeaderFields,
    mid: &str,
    own: (u8, &[u8]),
    transport_sequence: &mut u16,
) -> Vec<u8> {
    *transport_sequence = transport_sequence.wrapping_add(1);
    let number = transport_sequence.to_be_bytes();
    let extensions = [(MID, mid.as_bytes()), (TRANSPORT_CC, &number), own];
    let mut buffer = [0; HEADER_LEN_MAX];
    let len = write_header(&mut buffer, fields, &extensions);
    buffer[..len].to_vec()
}
