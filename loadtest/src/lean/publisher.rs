//! What a lean participant sends: Opus 50 times a second, and pictures 30 times a second, each
//! picture's packets at once or spread over a time. Decides when and what; knows no keys and no
//! sockets.

use super::feedback::{SenderReport, write_sender_report};
use super::header::{self, AUDIO_LEVEL_ID, Fields, MID_ID, RID_ID, TRANSPORT_CC_ID};
use super::stamp::{self, STAMP_LEN};
use crate::media_source::vp8::{Encoding, TICKS_PER_FRAME};
use crate::media_source::{
    AUDIO_PAYLOAD_TYPE, FRAME_TIME, KeyFrameRequests, PictureSource, VIDEO_PAYLOAD_TYPE, Video,
    key_frame_due, level, next_due, opus,
};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Cuts the 1.7 Mbit/s of the largest encoding into seven or eight packets a picture, so that with
/// sound a receiver gets the 272 packets/s of the published comparisons.
const PAYLOAD_LEN_MAX: usize = 1_020;
/// As often libwebrtc reports on what it sends.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Packets that say which section and encoding they belong to: as in libwebrtc, until reports of
/// the receiver come, which is about a second.
const LABELLED_PACKETS: u32 = 200;

/// What one participant publishes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// The microphone's section, its SSRC, and the participant's place among so many speakers.
    pub(super) microphone: (usize, u32, (u32, u32)),
    /// The camera's section and its encodings, if there is a camera.
    pub(super) camera: Option<CameraPlan>,
    /// Over how long the packets of one picture are spread.
    pub(super) spread: Duration,
}

/// What a camera sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct CameraPlan {
    /// Its place in the offer.
    pub(super) section: usize,
    /// What it sends.
    pub(super) video: Video,
    /// The stream of a camera with one stream, which offers name; several are named by their RIDs.
    pub(super) ssrc: u32,
}

/// What was sent that every subscriber gets, in packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Sound and the largest pictures.
    pub(super) wanted: u64,
    /// Everything.
    pub(super) all: u64,
}

/// The sending half of one participant.
pub(super) struct Publisher {
    microphone: Stream,
    turn: (u32, u32),
    camera: Option<Camera>,
    waiting: VecDeque<Waiting>,
    started_at: Instant,
    sound_at: Instant,
    report_at: Instant,
    transport_cc: u16,
    sent: Sent,
    rng: StdRng,
}

struct Camera {
    films: Vec<Film>,
    requests: KeyFrameRequests,
    frames: u64,
    picture_at: Instant,
    spread: Duration,
}

/// One encoding.
struct Film {
    stream: Stream,
    source: PictureSource,
    last_key: Option<u64>,
}

/// One RTP stream.
struct Stream {
    ssrc: u32,
    payload_type: u8,
    mid: String,
    rid: Option<&'static str>,
    sequence: u16,
    timestamp: u32,
    packets: u32,
    bytes: u32,
}

/// A packet of a picture whose time has not come.
struct Waiting {
    at: Instant,
    encoding: usize,
    payload: Bytes,
    marker: bool,
    timestamp: u32,
}

impl Publisher {
    /// Sends from now on.
    pub(super) fn new(now: Instant, plan: &Plan) -> Self {
        let mut rng = StdRng::from_os_rng();
        let (section, ssrc, turn) = plan.microphone;
        let camera = plan.camera.map(|camera| {
            let films = films(&camera, &mut rng);
            let ssrcs: Vec<u32> = films.iter().map(|film| film.stream.ssrc).collect();
            Camera {
                requests: KeyFrameRequests::new(&ssrcs),
                films,
                frames: 0,
                // Participants do not take their pictures at the same moment.
                picture_at: now + FRAME_TIME.mul_f64(rng.random()),
                spread: plan.spread,
            }
        });
        Self {
            microphone: Stream::new(ssrc, AUDIO_PAYLOAD_TYPE, section, None, &mut rng),
            turn,
            camera,
            waiting: VecDeque::new(),
            started_at: now,
            sound_at: now + opus::PACKET_TIME.mul_f64(rng.random()),
            report_at: now,
            transport_cc: rng.random(),
            sent: Sent::default(),
            rng,
        }
    }

    /// When [`Publisher::poll`] is due.
    pub(super) fn next_at(&self) -> Instant {
        let picture_at = self.camera.as_ref().map(|camera| camera.picture_at);
        let waiting_at = self.waiting.front().map(|waiting| waiting.at);
        let others = [picture_at, waiting_at].into_iter().flatten();
        others.fold(self.sound_at, Instant::min)
    }

    /// What was sent so far.
    pub(super) fn sent(&self) -> Sent {
        self.sent
    }

    /// A key frame of one stream is needed. Streams of others are passed over.
    pub(super) fn request_key_frame(&self, ssrc: u32) {
        if let Some(camera) = &self.camera {
            camera.requests.raise(ssrc);
        }
    }

    /// The next packet that is due, unencrypted, with the send time inside.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self
            .camera
            .as_ref()
            .is_some_and(|camera| camera.picture_at <= now)
        {
            self.take_picture(now);
        }
        if self.sound_at <= now {
            self.sound_at = next_due(now, self.sound_at, opus::PACKET_TIME);
            return Some(self.sound(now));
        }
        if self.waiting.front().is_none_or(|waiting| waiting.at > now) {
            return None;
        }
        let waiting = self.waiting.pop_front()?;
        let camera = self.camera.as_mut()?;
        let is_largest = waiting.encoding + 1 == camera.films.len();
        let stream = &mut camera.films[waiting.encoding].stream;
        stream.timestamp = waiting.timestamp;
        let mut packet = stream.packet(waiting.marker, None, self.transport_cc, &waiting.payload);
        if waiting.marker {
            let stamp_at = packet.len() - STAMP_LEN;
            stamp::write(&mut packet[stamp_at..], stamp::wall_clock());
        }
        // Every subscriber of a throughput test gets the largest.
        self.count(is_largest);
        Some(packet)
    }

    /// The sender reports that are due, appended to `out`; false if none are.
    pub(super) fn write_reports(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if now < self.report_at {
            return false;
        }
        self.report_at = now + REPORT_INTERVAL;
        let wall_clock = stamp::wall_clock();
        let films = self.camera.iter().flat_map(|camera| &camera.films);
        let cameras = films.map(|film| &film.stream);
        for stream in std::iter::once(&self.microphone).chain(cameras) {
            write_sender_report(&stream.report(wall_clock), out);
        }
        true
    }

    fn sound(&mut self, now: Instant) -> Vec<u8> {
        let level = level(now - self.started_at, self.turn);
        let payload = opus::packet(now);
        let stream = &mut self.microphone;
        let mut packet = stream.packet(false, Some(level), self.transport_cc, &payload);
        let stamp_at = packet.len() - payload.len() + opus::STAMP_AT;
        stamp::write(&mut packet[stamp_at..], stamp::wall_clock());
        stream.timestamp = stream.timestamp.wrapping_add(opus::TICKS_PER_PACKET);
        self.count(true);
        packet
    }

    fn count(&mut self, is_wanted: bool) {
        self.transport_cc = self.transport_cc.wrapping_add(1);
        self.sent.all += 1;
        self.sent.wanted += u64::from(is_wanted);
    }

    fn take_picture(&mut self, now: Instant) {
        let Some(camera) = &mut self.camera else {
            return;
        };
        let taken_at = camera.picture_at;
        camera.picture_at = next_due(now, taken_at, FRAME_TIME);
        for (encoding, film) in camera.films.iter_mut().enumerate() {
            let requests = &camera.requests;
            let raised = || requests.is_raised(encoding);
            let key = key_frame_due(camera.frames, film.last_key, raised);
            if key {
                requests.take(encoding);
                film.last_key = Some(camera.frames);
            }
            let payloads = film.source.picture(key, now, &mut self.rng);
            let timestamp = film.stream.timestamp_of(camera.frames);
            let count = u32::try_from(payloads.len()).expect("a picture has few packets");
            for (number, payload) in (0..count).zip(payloads) {
                self.waiting.push_back(Waiting {
                    at: taken_at + camera.spread * number / count,
                    encoding,
                    payload,
                    marker: number + 1 == count,
                    timestamp,
                });
            }
        }
        camera.frames += 1;
        // Stable, so that packets of one time keep the order of the encodings.
        self.waiting
            .make_contiguous()
            .sort_by_key(|waiting| waiting.at);
    }
}

fn films(camera: &CameraPlan, rng: &mut StdRng) -> Vec<Film> {
    let CameraPlan {
        section,
        video: Video { codec, encodings },
        ssrc,
    } = *camera;
    let mut film = |encodings: &[Encoding], ssrc: u32, rid| Film {
        source: PictureSource::new(codec, encodings, PAYLOAD_LEN_MAX, rng),
        stream: Stream::new(ssrc, VIDEO_PAYLOAD_TYPE, section, rid, rng),
        last_key: None,
    };
    if camera.video.streams() == 1 {
        return vec![film(encodings, ssrc, None)];
    }
    let each = encodings.chunks(1);
    each.map(|one| film(one, rand::random(), Some(one[0].rid)))
        .collect()
}

impl Stream {
    fn new(
        ssrc: u32,
        payload_type: u8,
        section: usize,
        rid: Option<&'static str>,
        rng: &mut StdRng,
    ) -> Self {
        Self {
            ssrc,
            payload_type,
            mid: section.to_string(),
            rid,
            sequence: rng.random(),
            timestamp: rng.random(),
            packets: 0,
            bytes: 0,
        }
    }

    fn timestamp_of(&self, frames: u64) -> u32 {
        // Every picture is taken, so the last one's time is one picture ago.
        let step = if frames == 0 { 0 } else { TICKS_PER_FRAME };
        self.timestamp.wrapping_add(step)
    }

    fn packet(
        &mut self,
        marker: bool,
        level: Option<u8>,
        transport_cc: u16,
        payload: &[u8],
    ) -> Vec<u8> {
        let (number, level) = (transport_cc.to_be_bytes(), level.map(|level| [level]));
        let mut extensions: Vec<(u8, &[u8])> = vec![(TRANSPORT_CC_ID, &number)];
        extensions.extend(level.iter().map(|level| (AUDIO_LEVEL_ID, &level[..])));
        if self.packets < LABELLED_PACKETS {
            extensions.push((MID_ID, self.mid.as_bytes()));
            extensions.extend(self.rid.map(|rid| (RID_ID, rid.as_bytes())));
        }
        let fields = Fields {
            payload_type: self.payload_type,
            marker,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            extensions: &extensions,
        };
        let mut packet = Vec::with_capacity(payload.len() + 64);
        header::write(&mut packet, &fields);
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        let len = u32::try_from(payload.len()).expect("a datagram");
        self.bytes = self.bytes.wrapping_add(len);
        packet
    }

    fn report(&self, wall_clock: Duration) -> SenderReport {
        SenderReport {
            ssrc: self.ssrc,
            wall_clock,
            timestamp: self.timestamp,
            packets: self.packets,
            bytes: self.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lean::header::Header;

    fn plan(spread: Duration) -> Plan {
        Plan {
            microphone: (0, 1, (0, 1)),
            camera: Some(CameraPlan {
                section: 1,
                video: Video::USUAL,
                ssrc: 9,
            }),
            spread,
        }
    }

    /// Every packet of some seconds, with the time it left.
    fn sent(plan: &Plan, seconds: u64) -> Vec<(Instant, Vec<u8>)> {
        let start = Instant::now();
        let mut publisher = Publisher::new(start, plan);
        let mut packets = Vec::new();
        let mut now = publisher.next_at();
        while now < start + Duration::from_secs(seconds) {
            while let Some(packet) = publisher.poll(now) {
                packets.push((now, packet));
            }
            now = publisher.next_at();
        }
        packets
    }

    fn of_largest(packets: &[(Instant, Vec<u8>)]) -> Vec<(Instant, Header)> {
        let headers = packets
            .iter()
            .map(|(at, packet)| (*at, Header::parse(packet).unwrap()));
        let headers: Vec<_> = headers
            .filter(|(_, header)| header.payload_type == 96)
            .collect();
        let count = |ssrc| {
            headers
                .iter()
                .filter(|(_, header)| header.ssrc == ssrc)
                .count()
        };
        let largest = headers
            .iter()
            .map(|(_, header)| header.ssrc)
            .max_by_key(|ssrc| count(*ssrc));
        headers
            .into_iter()
            .filter(|(_, header)| Some(header.ssrc) == largest)
            .collect()
    }

    #[test]
    fn a_subscriber_of_the_largest_pictures_gets_about_272_packets_a_second() {
        let packets = sent(&plan(Duration::ZERO), 10);
        let sounds = packets
            .iter()
            .filter(|(_, packet)| packet[1] & 0x7F == 111)
            .count();
        assert!((499..=501).contains(&sounds), "{sounds}");
        let a_second = (of_largest(&packets).len() + sounds) / 10;
        assert!((262..=282).contains(&a_second), "{a_second}");
    }

    #[test]
    fn the_packets_of_a_picture_are_spread_and_keep_their_order() {
        let packets = of_largest(&sent(&plan(Duration::from_millis(33)), 2));
        let mut numbers = packets.windows(2);
        assert!(numbers.all(|pair| pair[0].1.sequence.wrapping_add(1) == pair[1].1.sequence));
        let last_but_one = packets
            .iter()
            .rposition(|(_, header)| header.marker)
            .unwrap();
        let picture = &packets[..last_but_one];
        let first = picture
            .iter()
            .rposition(|(_, header)| header.marker)
            .unwrap()
            + 1;
        let time = packets[last_but_one].0 - packets[first].0;
        assert!(time > Duration::from_millis(25), "{time:?}");
        assert!(time < Duration::from_millis(33), "{time:?}");
    }

    #[test]
    fn a_picture_that_ends_says_when_it_was_sent() {
        let packets = sent(&plan(Duration::ZERO), 1);
        let later = stamp::wall_clock() + Duration::from_secs(1);
        let (_, last) = packets
            .iter()
            .rfind(|(_, packet)| packet[1] == 0x80 + 96)
            .unwrap();
        assert!(stamp::age(&last[last.len() - STAMP_LEN..], later).is_some());
    }

    #[test]
    fn pictures_are_a_thirtieth_of_a_second_apart_on_their_own_clock() {
        let packets = sent(&plan(Duration::ZERO), 1);
        let ssrc = of_largest(&packets)[0].1.ssrc;
        let of_stream = packets
            .iter()
            .map(|(_, packet)| packet)
            .filter(|packet| Header::parse(packet).unwrap().ssrc == ssrc);
        let mut times: Vec<u32> = of_stream
            .map(|packet| u32::from_be_bytes(*packet[4..].first_chunk().unwrap()))
            .collect();
        times.dedup();
        assert!(times.len() >= 29);
        assert!(
            times
                .windows(2)
                .all(|pair| pair[1].wrapping_sub(pair[0]) == TICKS_PER_FRAME)
        );
    }

    #[test]
    fn every_stream_is_reported_once_a_second() {
        let now = Instant::now();
        let mut publisher = Publisher::new(now, &plan(Duration::ZERO));
        let mut reports = Vec::new();
        assert!(publisher.write_reports(now, &mut reports));
        assert_eq!(reports.len(), 4 * 28);
        assert!(!publisher.write_reports(now, &mut reports));
        assert!(publisher.write_reports(now + REPORT_INTERVAL, &mut reports));
    }
}
