//! Counts the media of one peer, stream by stream. Decides what a stream counts; knows neither
//! rooms nor which track a stream carries.

use crate::latency::LatencyHistogram;
use crate::media_source::{AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE, opus, vp8};
use crate::sequence::SequenceLog;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// Streams one peer counts: audio and video of 2,000 others. Packets of further ones are ignored,
/// so that a server which invents SSRCs cannot fill the memory.
const STREAMS_MAX: usize = 4_000;

/// Sound or pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Opus.
    Audio,
    /// VP8.
    Video,
}

/// What has come of one stream.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Sound or pictures.
    pub kind: Kind,
    /// The media section named in the first packets (RFC 9143, section 15), if they name one.
    pub mid: Option<String>,
    /// When its first packet came.
    pub first_at: Instant,
    /// RTP bytes: headers and payloads.
    pub bytes: u64,
    /// Key frames that began.
    pub key_frames: u64,
    sequence: SequenceLog,
}

/// Sums over streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Different packets received.
    pub packets: u64,
    /// Packets that never came, by gaps in the sequence numbers.
    pub lost: u64,
    /// RTP bytes received.
    pub bytes: u64,
    /// Key frames that began.
    pub key_frames: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP bytes sent.
    pub bytes_sent: u64,
}

impl Tally {
    /// Adds another sum.
    pub fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.lost += other.lost;
        self.bytes += other.bytes;
        self.key_frames += other.key_frames;
        self.packets_sent += other.packets_sent;
        self.bytes_sent += other.bytes_sent;
    }
}

/// One received RTP packet, as far as counting needs it.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Which stream (RFC 3550, section 8).
    pub ssrc: u32,
    /// Its payload type tells the codec.
    pub payload_type: u8,
    /// Its place in the stream.
    pub sequence: u16,
    /// Whether it ends a frame.
    pub marker: bool,
    /// Bytes of the header with its extensions.
    pub header_len: usize,
    /// The content of the MID header extension, if there is one.
    pub mid: Option<&'a [u8]>,
    /// What it carries.
    pub payload: &'a [u8],
}

/// Everything one peer received and sent so far.
#[derive(Debug, Default)]
pub struct Reception {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    streams: BTreeMap<u32, Stream>,
    latency: LatencyHistogram,
    packets_sent: u64,
    bytes_sent: u64,
}

impl Reception {
    /// Counts one received packet. Payload types that no peer offered are not media.
    pub fn note_received(&self, now: Instant, arrival: &Arrival<'_>) {
        let kind = match arrival.payload_type {
            AUDIO_PAYLOAD_TYPE => Kind::Audio,
            VIDEO_PAYLOAD_TYPE => Kind::Video,
            _ => return,
        };
        // Padding alone is a probe for bandwidth, but it takes a sequence number like media.
        let counts = &mut *self.counts();
        if let Some(stream) = counts.streams.get_mut(&arrival.ssrc) {
            stream.sequence.note(arrival.sequence);
        } else if counts.streams.len() < STREAMS_MAX {
            counts
                .streams
                .insert(arrival.ssrc, Stream::starting(now, kind, arrival));
        }
        let Some(stream) = counts.streams.get_mut(&arrival.ssrc) else {
            return;
        };
        stream.bytes += len(arrival.header_len + arrival.payload.len());
        let age = match kind {
            Kind::Audio => opus::age(arrival.payload, now),
            Kind::Video => {
                stream.key_frames += u64::from(vp8::starts_key_frame(arrival.payload));
                arrival
                    .marker
                    .then(|| vp8::age(arrival.payload, now))
                    .flatten()
            }
        };
        if let Some(age) = age {
            counts.latency.note(age);
        }
    }

    /// Counts one RTP packet of `bytes` that goes out.
    pub fn note_sent(&self, bytes: usize) {
        let mut counts = self.counts();
        counts.packets_sent += 1;
        counts.bytes_sent += len(bytes);
    }

    /// The sums so far.
    pub fn tally(&self) -> Tally {
        let counts = self.counts();
        let mut tally = Tally {
            packets_sent: counts.packets_sent,
            bytes_sent: counts.bytes_sent,
            ..Tally::default()
        };
        for stream in counts.streams.values() {
            tally.packets += stream.packets();
            tally.lost += stream.lost();
            tally.bytes += stream.bytes;
            tally.key_frames += stream.key_frames;
        }
        tally
    }

    /// All streams by SSRC.
    pub fn streams(&self) -> BTreeMap<u32, Stream> {
        self.counts().streams.clone()
    }

    /// The travel times of stamped packets.
    pub fn latency(&self) -> LatencyHistogram {
        self.counts().latency.clone()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("counting does not panic")
    }
}

impl Stream {
    fn starting(now: Instant, kind: Kind, arrival: &Arrival<'_>) -> Self {
        let mid = arrival.mid.and_then(|mid| std::str::from_utf8(mid).ok());
        Self {
            kind,
            mid: mid.map(str::to_owned),
            first_at: now,
            bytes: 0,
            key_frames: 0,
            sequence: SequenceLog::starting_at(arrival.sequence),
        }
    }

    /// Different packets received.
    pub fn packets(&self) -> u64 {
        self.sequence.received()
    }

    /// Packets that never came.
    pub fn lost(&self) -> u64 {
        self.sequence.lost()
    }
}

fn len(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a length fits 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn loss_is_counted_per_stream() {
        let reception = Reception::default();
        for (ssrc, sequence) in [(1, 10), (2, 65_535), (1, 11), (2, 1), (1, 13)] {
            reception.note_received(Instant::now(), &audio(ssrc, sequence, &[0; 80]));
        }
        let tally = reception.tally();
        assert_eq!((tally.packets, tally.lost), (5, 2));
    }

    #[test]
    fn other_payload_types_are_not_media() {
        let reception = Reception::default();
        let packet = Arrival {
            payload_type: 97,
            ..audio(1, 1, &[0; 20])
        };
        reception.note_received(Instant::now(), &packet);
        assert_eq!(reception.tally(), Tally::default());
    }

    #[test]
    fn the_bytes_are_those_of_the_rtp_packet() {
        let reception = Reception::default();
        reception.note_received(Instant::now(), &audio(1, 1, &[0; 80]));
        reception.note_sent(100);
        let tally = reception.tally();
        assert_eq!(
            (tally.bytes, tally.bytes_sent, tally.packets_sent),
            (92, 100, 1)
        );
    }

    #[test]
    fn the_travel_time_is_read_from_the_packet() {
        let reception = Reception::default();
        let sent_at = Instant::now() + Duration::from_secs(1);
        let arrived_at = sent_at + Duration::from_millis(8);
        reception.note_received(arrived_at, &audio(1, 1, &opus::packet(sent_at)));
        let median = reception.latency().percentile(50).unwrap();
        assert!(median.abs_diff(Duration::from_millis(8)) < Duration::from_millis(1));
    }

    #[test]
    fn the_section_is_the_one_the_first_packet_names() {
        let reception = Reception::default();
        let packet = Arrival {
            mid: Some(b"4"),
            ..audio(9, 1, &[0; 80])
        };
        reception.note_received(Instant::now(), &packet);
        assert_eq!(reception.streams()[&9].mid.as_deref(), Some("4"));
    }

    fn audio(ssrc: u32, sequence: u16, payload: &[u8]) -> Arrival<'_> {
        Arrival {
            ssrc,
            payload_type: AUDIO_PAYLOAD_TYPE,
            sequence,
            marker: false,
            header_len: 12,
            mid: None,
            payload,
        }
    }
}
