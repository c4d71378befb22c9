//! What came of each stream of one participant, by the clear headers. Decides what counts as lost
//! and what is asked for again; knows neither sockets nor what payloads mean.

use super::header::Header;
use super::offer::REPAIR_PAYLOAD_TYPE;
use crate::media_source::{AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE};
use crate::reception::Kind;
use crate::sequence::SequenceLog;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Streams one participant counts. Packets of further ones are ignored, so that a server which
/// invents SSRCs cannot fill the memory.
const STREAMS_MAX: usize = 4_000;
/// Packets of one stream that are asked for at a time. More missing ones are lost.
const MISSING_MAX: usize = 128;
/// A packet is asked for this long after the gap was seen: reordered ones come by then.
const FIRST_ASKED_AFTER: Duration = Duration::from_millis(5);
/// As often and as many times as libwebrtc asks on a line of that round trip.
const ASKED_EVERY: Duration = Duration::from_millis(40);
const ASKED_MAX: u8 = 10;
/// One packet in so many is looked into: decrypting all would cost what the server's encrypting does.
const OPENED_ONE_IN: u32 = 16;
/// Pictures are looked into at their ends, where the stamp is; one picture in so many, so that it is
/// one packet in about sixteen.
const PICTURES_OPENED_ONE_IN: u32 = 2;

/// What was received, as one number each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// Different packets of media.
    pub packets: u64,
    /// Packets of media that never came, by gaps in the sequence numbers.
    pub lost: u64,
    /// Bytes of datagrams with media.
    pub bytes: u64,
    /// Packets that came again on streams of their own, probes among them.
    pub repairs: u64,
    /// Streams of media of which something came.
    pub streams: u64,
}

impl Received {
    /// Adds what another participant received.
    pub fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.lost += other.lost;
        self.bytes += other.bytes;
        self.repairs += other.repairs;
        self.streams += other.streams;
    }
}

/// Whether a packet is worth decrypting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Its payload has a send time.
    Stamp(Kind),
    /// It begins with the number of the packet that it repairs (RFC 4588, section 4).
    Repair,
    /// Its header says enough.
    No,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    kind: Kind,
    log: SequenceLog,
    bytes: u64,
    highest: u64,
    missing: Vec<Missing>,
    /// Received and lost up to the last report, for the share that was lost since.
    reported: (u64, u64),
    /// What the last sender report said (the middle of its NTP time), and when it came.
    sender_report: Option<(u32, Instant)>,
    until_opened: u32,
}

#[derive(Debug)]
struct Missing {
    sequence: u16,
    ask_at: Instant,
    asked: u8,
}

/// All streams of one participant.
#[derive(Debug, Default)]
pub(super) struct Streams {
    list: Vec<Stream>,
    /// The stream of the last packet: packets come in runs.
    last: usize,
    repairs: u64,
    repaired_by: BTreeMap<u32, u32>,
}

impl Streams {
    /// Which stream repairs which, as answers tell.
    pub(super) fn learn_repairs(&mut self, pairs: &[(u32, u32)]) {
        self.repaired_by.extend(pairs.iter().copied());
    }

    /// Counts one packet of `len` bytes.
    pub(super) fn note(&mut self, now: Instant, header: &Header, len: usize) -> Look {
        let kind = match header.payload_type {
            AUDIO_PAYLOAD_TYPE => Kind::Audio,
            VIDEO_PAYLOAD_TYPE => Kind::Video,
            REPAIR_PAYLOAD_TYPE => {
                self.repairs += 1;
                return Look::Repair;
            }
            _ => return Look::No,
        };
        if let Some(stream) = self.find(header.ssrc) {
            return stream.note(now, header, len);
        }
        if self.list.len() < STREAMS_MAX {
            self.list.push(Stream::starting(kind, header, len));
        }
        Look::No
    }

    /// A packet came again: `sequence` is what its payload says.
    pub(super) fn note_repair(&mut self, ssrc: u32, sequence: u16) {
        let Some(media) = self.repaired_by.get(&ssrc).copied() else {
            return;
        };
        if let Some(stream) = self.find(media) {
            // Probes repeat what came long ago, or nothing that was ever sent.
            let before = stream.missing.len();
            stream
                .missing
                .retain(|missing| missing.sequence != sequence);
            if stream.missing.len() < before {
                stream.log.note(sequence);
            }
        }
    }

    /// Notes a sender report: the middle 32 bits of its NTP time (RFC 3550, section 6.4.1).
    pub(super) fn note_sender_report(&mut self, now: Instant, ssrc: u32, ntp: u32) {
        if let Some(stream) = self.find(ssrc) {
            stream.sender_report = Some((ntp, now));
        }
    }

    /// Sums over all streams.
    pub(super) fn received(&self) -> Received {
        let mut sum = Received {
            repairs: self.repairs,
            streams: len_of(self.list.len()),
            ..Received::default()
        };
        for stream in &self.list {
            sum.packets += stream.log.received();
            sum.lost += stream.log.lost();
            sum.bytes += stream.bytes;
        }
        sum
    }

    /// Every stream, to report on or to ask for packets of.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.list.iter_mut()
    }

    fn find(&mut self, ssrc: u32) -> Option<&mut Stream> {
        if self
            .list
            .get(self.last)
            .is_none_or(|last| last.ssrc != ssrc)
        {
            self.last = self.list.iter().position(|stream| stream.ssrc == ssrc)?;
        }
        self.list.get_mut(self.last)
    }
}

impl Stream {
    fn starting(kind: Kind, header: &Header, len: usize) -> Self {
        Self {
            ssrc: header.ssrc,
            kind,
            log: SequenceLog::starting_at(header.sequence),
            bytes: len_of(len),
            highest: u64::from(header.sequence),
            missing: Vec::new(),
            reported: (0, 0),
            sender_report: None,
            until_opened: 1,
        }
    }

    fn note(&mut self, now: Instant, header: &Header, len: usize) -> Look {
        let low = u16::try_from(self.highest & 0xFFFF).expect("16 bits");
        let step = header.sequence.wrapping_sub(low).cast_signed();
        if let Ok(step @ 1..) = u64::try_from(step) {
            for skipped in (self.highest + 1)..(self.highest + step) {
                if self.missing.len() < MISSING_MAX {
                    self.missing.push(Missing {
                        sequence: u16::try_from(skipped & 0xFFFF).expect("16 bits"),
                        ask_at: now + FIRST_ASKED_AFTER,
                        asked: 0,
                    });
                }
            }
            self.highest += step;
        } else if !self.missing.is_empty() {
            self.missing
                .retain(|missing| missing.sequence != header.sequence);
        }
        self.log.note(header.sequence);
        self.bytes += len_of(len);
        let (counts, one_in) = match self.kind {
            Kind::Audio => (true, OPENED_ONE_IN),
            Kind::Video => (header.marker, PICTURES_OPENED_ONE_IN),
        };
        self.until_opened -= u32::from(counts);
        if self.until_opened > 0 {
            return Look::No;
        }
        self.until_opened = one_in;
        Look::Stamp(self.kind)
    }

    /// The packets to ask for now. What was asked for often enough is given up.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<u16> {
        self.missing.retain(|missing| missing.asked < ASKED_MAX);
        let due = self
            .missing
            .iter_mut()
            .filter(|missing| missing.ask_at <= now);
        let due = due.map(|missing| {
            missing.asked += 1;
            missing.ask_at = now + ASKED_EVERY;
            missing.sequence
        });
        due.collect()
    }

    /// One report block (RFC 3550, section 6.4.1) on what came since the last one.
    pub(super) fn report(&mut self, now: Instant) -> [u8; 24] {
        let (received, lost) = (self.log.received(), self.log.lost());
        let lost_since = lost.saturating_sub(self.reported.1);
        let expected = lost_since + received.saturating_sub(self.reported.0);
        self.reported = (received, lost);
        let fraction = (lost_since * 256).checked_div(expected).unwrap_or(0);
        let mut block = [0; 24];
        block[..4].copy_from_slice(&self.ssrc.to_be_bytes());
        block[4] = u8::try_from(fraction).unwrap_or(u8::MAX);
        let cumulative = u32::try_from(lost.min(0x7F_FFFF)).expect("23 bits");
        block[5..8].copy_from_slice(&cumulative.to_be_bytes()[1..]);
        let highest = u32::try_from(self.highest & 0xFFFF_FFFF).expect("32 bits");
        block[8..12].copy_from_slice(&highest.to_be_bytes());
        if let Some((ntp, at)) = self.sender_report {
            block[16..20].copy_from_slice(&ntp.to_be_bytes());
            let delay = (now - at).as_micros() * 65_536 / 1_000_000;
            let delay = u32::try_from(delay).unwrap_or(u32::MAX);
            block[20..].copy_from_slice(&delay.to_be_bytes());
        }
        block
    }
}

fn len_of(len: usize) -> u64 {
    u64::try_from(len).expect("a length has at most 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(payload_type: u8, sequence: u16) -> Header {
        Header {
            payload_type,
            marker: true,
            sequence,
            ssrc: 7,
            transport_cc: None,
            len: 12,
        }
    }

    fn streams(sequences: &[u16]) -> Streams {
        let mut streams = Streams::default();
        let now = Instant::now();
        for &sequence in sequences {
            streams.note(now, &header(VIDEO_PAYLOAD_TYPE, sequence), 100);
        }
        streams
    }

    fn due(streams: &mut Streams, now: Instant) -> Vec<u16> {
        streams
            .all_mut()
            .flat_map(|stream| stream.take_due(now))
            .collect()
    }

    #[test]
    fn a_gap_is_lost_until_its_repair_comes() {
        let mut streams = streams(&[65_534, 65_535, 1]);
        assert_eq!(streams.received().lost, 1);
        streams.learn_repairs(&[(8, 7)]);
        streams.note_repair(8, 0);
        let received = streams.received();
        assert_eq!((received.packets, received.lost), (4, 0));
        streams.note_repair(8, 40_000);
        assert_eq!(streams.received().packets, 4, "a probe is no media");
    }

    #[test]
    fn missing_packets_are_asked_for_again_and_then_given_up() {
        let mut streams = streams(&[1, 4]);
        let mut now = Instant::now();
        assert!(due(&mut streams, now).is_empty(), "they may be on the way");
        let mut times = 0;
        for _ in 0..20 {
            now += ASKED_EVERY;
            times += usize::from(due(&mut streams, now) == [2, 3]);
        }
        assert_eq!(times, usize::from(ASKED_MAX));
    }

    #[test]
    fn what_was_only_late_is_not_asked_for() {
        let mut streams = streams(&[1, 3, 2]);
        let later = Instant::now() + ASKED_EVERY;
        assert!(due(&mut streams, later).is_empty());
        assert_eq!(streams.received().lost, 0);
    }

    #[test]
    fn one_sound_in_sixteen_is_looked_into() {
        let mut streams = Streams::default();
        let now = Instant::now();
        let looks = (0..161).filter(|sequence| {
            let look = streams.note(now, &header(AUDIO_PAYLOAD_TYPE, *sequence), 100);
            look == Look::Stamp(Kind::Audio)
        });
        assert_eq!(looks.count(), 10);
    }

    #[test]
    fn a_report_tells_the_share_that_was_lost_since_the_last() {
        let mut streams = streams(&[1, 3]);
        let now = Instant::now();
        let stream = streams.all_mut().next().unwrap();
        let first = stream.report(now);
        assert_eq!((first[4], first[7], first[11]), (85, 1, 3));
        assert_eq!(stream.report(now)[4], 0);
    }

    #[test]
    fn a_report_tells_how_long_ago_the_sender_reported() {
        let mut streams = streams(&[1]);
        let now = Instant::now();
        streams.note_sender_report(now, 7, 0x0102_0304);
        let block = streams
            .all_mut()
            .next()
            .unwrap()
            .report(now + Duration::from_secs(1));
        assert_eq!(block[16..], [1, 2, 3, 4, 0, 1, 0, 0]);
    }
}
