//! Sends the generated media of one participant at the pace of a microphone and a camera. Decides
//! when and what; knows no signaling.

mod codec;
mod h264;
pub mod opus;
mod stamp;
mod stream_writer;
pub mod vp8;
mod vp9;

pub use codec::{Codec, Video};
pub use stream_writer::{Labels, StreamWriter};

pub(crate) use codec::PictureSource;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use vp8::{Encoding, FrameSource};

/// The payload type that every offer gives to Opus.
pub const AUDIO_PAYLOAD_TYPE: u8 = 111;
/// The payload type that every offer gives to the codec of its pictures.
pub const VIDEO_PAYLOAD_TYPE: u8 = 96;

pub(crate) const FRAME_TIME: Duration =
    Duration::from_nanos(1_000_000_000 / vp8::FRAMES_PER_SECOND as u64);
/// Key frames come on request; this often they come anyway, as a floor under lost requests.
const FRAMES_PER_KEY_FRAME: u64 = 30 * vp8::FRAMES_PER_SECOND as u64;
/// Key frames of one encoding are at least this many frames apart, as libwebrtc's are (300 ms).
const FRAMES_BETWEEN_REQUESTED: u64 = 9;
/// A generator that is further behind gives the missed media up instead of sending a burst.
const LAG_MAX: Duration = Duration::from_millis(500);
/// How long a participant speaks before the next one does.
const TURN: Duration = Duration::from_secs(3);
/// The place of who never speaks, and whose microphone sends what browsers send in silence.
pub const NEVER: u32 = u32::MAX;
/// In silence, Opus encoders send a packet in 400 ms (RFC 7587, section 3.1.3: DTX).
const SILENT_PACKETS: u64 = 20;

/// Which encodings were asked for a key frame.
#[derive(Debug)]
pub struct KeyFrameRequests {
    due: Vec<(u32, AtomicBool)>,
}

impl KeyFrameRequests {
    /// Listens for requests of these SSRCs, in the order of the encodings.
    pub fn new(ssrcs: &[u32]) -> Self {
        let due = ssrcs.iter().map(|ssrc| (*ssrc, AtomicBool::new(false)));
        Self { due: due.collect() }
    }

    /// Notes a request; SSRCs of others are ignored.
    pub fn raise(&self, ssrc: u32) {
        if let Some((_, due)) = self.due.iter().find(|(own, _)| *own == ssrc) {
            due.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn take(&self, encoding: usize) -> bool {
        self.due[encoding].1.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn is_raised(&self, encoding: usize) -> bool {
        self.due[encoding].1.load(Ordering::Relaxed)
    }
}

/// A microphone that sends Opus.
pub struct Microphone {
    /// Where its packets go.
    pub writer: StreamWriter,
    /// The header extension for the audio level (RFC 6464), if the server took it.
    pub level_extension: Option<u8>,
    /// Its place in the order of speakers, and how many there are.
    pub turn: (u32, u32),
}

/// A camera that sends VP8.
pub struct Camera {
    /// What it sends, smallest first.
    pub encodings: &'static [Encoding],
    /// Where the packets of each encoding go.
    pub writers: Vec<StreamWriter>,
    /// What receivers ask for.
    pub requests: Arc<KeyFrameRequests>,
}

/// What one participant sends.
pub struct MediaSource {
    microphone: Option<Microphone>,
    camera: Option<(Camera, Vec<Filming>)>,
    frames: u64,
    sounds: u64,
    rng: StdRng,
}

/// The frames of one encoding.
struct Filming {
    source: FrameSource,
    last_key: Option<u64>,
}

impl MediaSource {
    /// A source that is not sending yet.
    pub fn new(microphone: Option<Microphone>, camera: Option<Camera>) -> Self {
        let mut rng = StdRng::from_os_rng();
        let camera = camera.map(|camera| {
            let films = camera.encodings.iter().map(|encoding| Filming {
                source: FrameSource::new(*encoding, &mut rng),
                last_key: None,
            });
            let films = films.collect();
            (camera, films)
        });
        Self {
            microphone,
            camera,
            frames: 0,
            sounds: 0,
            rng,
        }
    }

    /// Sends until `stop` becomes true or its sender is gone.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let started_at = Instant::now();
        let mut sound_at = started_at;
        // Participants do not take their pictures at the same moment.
        let mut picture_at = started_at + FRAME_TIME.mul_f64(self.rng.random());
        loop {
            let due = sound_at.min(picture_at);
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let now = Instant::now();
            if now >= sound_at {
                self.send_sound(now, started_at).await;
                sound_at = next_due(now, sound_at, opus::PACKET_TIME);
            }
            if now >= picture_at {
                self.send_pictures(now).await;
                picture_at = next_due(now, picture_at, FRAME_TIME);
            }
        }
    }

    async fn send_sound(&mut self, now: Instant, started_at: Instant) {
        let Some(microphone) = &mut self.microphone else {
            return;
        };
        self.sounds += 1;
        if microphone.turn.0 == NEVER && !self.sounds.is_multiple_of(SILENT_PACKETS) {
            microphone.writer.advance(opus::TICKS_PER_PACKET);
            return;
        }
        let level = level(now - started_at, microphone.turn);
        let extension = microphone
            .level_extension
            .map(|id| (id, Bytes::copy_from_slice(&[level])));
        microphone
            .writer
            .send(opus::packet(now), false, extension)
            .await;
        microphone.writer.advance(opus::TICKS_PER_PACKET);
    }

    async fn send_pictures(&mut self, now: Instant) {
        let Some((camera, films)) = &mut self.camera else {
            return;
        };
        let encodings = camera.writers.iter_mut().zip(films).enumerate();
        for (index, (writer, film)) in encodings {
            let key = key_frame_due(self.frames, film.last_key, || {
                camera.requests.is_raised(index)
            });
            if key {
                camera.requests.take(index);
                film.last_key = Some(self.frames);
            }
            let mut payloads = film
                .source
                .frame(key, now, &mut self.rng)
                .into_iter()
                .peekable();
            while let Some(payload) = payloads.next() {
                writer.send(payload, payloads.peek().is_none(), None).await;
            }
            writer.advance(vp8::TICKS_PER_FRAME);
        }
        self.frames += 1;
    }
}

pub(crate) fn key_frame_due(
    frame: u64,
    last: Option<u64>,
    requested: impl FnOnce() -> bool,
) -> bool {
    let Some(last) = last else { return true };
    let since = frame - last;
    since >= FRAMES_PER_KEY_FRAME || (since >= FRAMES_BETWEEN_REQUESTED && requested())
}

pub(crate) fn next_due(now: Instant, due: Instant, period: Duration) -> Instant {
    if now - due > LAG_MAX {
        now + period
    } else {
        due + period
    }
}

/// The flag beside the audio level that says: this is voice (RFC 6464, section 3).
const VOICE: u8 = 0x80;
/// The level of who speaks and of who does not, in −dBov.
const SPEAKING: u8 = 0x14;
const SILENT: u8 = 0x5A;

/// The content of the audio level extension at this time.
pub(crate) fn level(elapsed: Duration, (place, speakers): (u32, u32)) -> u8 {
    let turn = elapsed.as_millis() / TURN.as_millis() % u128::from(speakers.max(1));
    if turn == u128::from(place) {
        VOICE | SPEAKING
    } else {
        SILENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_begins_with_a_key_frame() {
        assert!(key_frame_due(0, None, || false));
    }

    #[test]
    fn a_requested_key_frame_waits_for_its_distance_from_the_last() {
        assert!(!key_frame_due(8, Some(0), || true));
        assert!(key_frame_due(9, Some(0), || true));
        assert!(!key_frame_due(9, Some(0), || false));
    }

    #[test]
    fn without_requests_a_key_frame_comes_every_thirty_seconds() {
        assert!(!key_frame_due(899, Some(0), || false));
        assert!(key_frame_due(900, Some(0), || false));
    }

    #[test]
    fn a_request_concerns_only_its_encoding() {
        let requests = KeyFrameRequests::new(&[1, 2, 3]);
        requests.raise(2);
        requests.raise(99);
        assert!(!requests.take(0) && requests.take(1) && !requests.take(2));
        assert!(!requests.take(1), "answered once");
    }

    #[test]
    fn one_participant_speaks_at_a_time() {
        for second in 0..30 {
            let elapsed = Duration::from_secs(second);
            let speaking = (0..4).filter(|place| level(elapsed, (*place, 4)) & VOICE != 0);
            assert_eq!(speaking.count(), 1);
        }
    }

    #[test]
    fn who_never_speaks_is_silent_all_the_time() {
        let seconds = (0..30).map(Duration::from_secs);
        let levels: Vec<u8> = seconds.map(|at| level(at, (NEVER, 4))).collect();
        assert!(levels.iter().all(|level| *level == SILENT), "{levels:?}");
    }

    #[test]
    fn a_generator_far_behind_sends_no_burst() {
        let due = Instant::now();
        let period = Duration::from_millis(20);
        let slightly_late = due + Duration::from_millis(100);
        assert_eq!(next_due(slightly_late, due, period), due + period);
        let far_behind = due + Duration::from_secs(2);
        assert_eq!(next_due(far_behind, due, period), far_behind + period);
    }
}
