//! A newcomer's first pictures: their connection stands, and what was kept of each encoding's
//! beginning is sent to them before the next key frame comes.

use crate::downlink::rewriter::Incoming;
use crate::downlink::sent_packets::low_half;
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::outbox::Outbox;
use crate::uplink::opening::BYTES_MAX;
use crate::uplink::redundancy::Form;
use crate::uplink::track::Arrival;
use crate::uplink::understanding::read;
use std::time::Instant;

/// Bytes that one newcomer is sent at once: half a second of 1 Mbit/s. Whoever finds more cameras
/// than that waits for the others' key frames.
const WELCOME_BYTES_MAX: usize = BYTES_MAX;
/// A millisecond at 90 kHz: the pictures of the past follow each other so fast.
const TICKS_BETWEEN: u32 = 90;

impl Engine {
    /// Opens the subscriptions of a peer whose connection stands.
    pub(crate) fn open_subscriptions(&mut self, now: Instant, key: PeerKey, out: &mut Outbox) {
        let tracks = self
            .peers
            .get(key)
            .and_then(|peer| self.rooms.get(&peer.room));
        let tracks = tracks.map_or_else(Vec::new, |room| room.tracks.clone());
        let mut left = WELCOME_BYTES_MAX;
        for track in tracks {
            let subscriptions = &mut self.tracks[track].subscriptions;
            let Some(index) = subscriptions.iter().position(|sub| sub.peer == key) else {
                continue;
            };
            subscriptions[index].is_open = true;
            left = left.saturating_sub(self.welcome(now, track, index, left, out));
        }
    }

    /// Sends one subscription what is kept of the smallest encoding, if it is so many bytes at most.
    /// Returns how many it was.
    fn welcome(
        &mut self,
        now: Instant,
        key: TrackKey,
        index: usize,
        bytes_max: usize,
        out: &mut Outbox,
    ) -> usize {
        let track = &mut self.tracks[key];
        let Some(encoding) = track.encodings.first_mut() else {
            return 0;
        };
        let Some(codec) = track.section.as_ref().map(|section| section.codec) else {
            return 0;
        };
        let is_sent = encoding.is_alive(now) && !track.muted;
        let opening = encoding.opening(TICKS_BETWEEN).filter(|_| is_sent);
        let Some((len, packets)) = opening.filter(|(len, _)| *len <= bytes_max) else {
            return 0;
        };
        let clock = encoding.clock;
        // Alone for a moment, because the packets are for nobody else.
        let mut others = std::mem::take(&mut track.subscriptions);
        track.subscriptions.push(others.remove(index));
        for opener in packets {
            let cache = self.tracks[key].encodings[0].cache_of(Form::Plain);
            let Some((_, payload)) = cache.packet(low_half(opener.sequence)) else {
                break; // It was here a moment ago, and nothing came since.
            };
            let arrival = Arrival {
                incoming: Incoming {
                    encoding: 0,
                    sequence: opener.sequence,
                    timestamp: opener.timestamp,
                    picture: read(codec, payload).and_then(|it| it.picture),
                    frame: None,
                    clock,
                },
                switchable: opener.switchable,
                marker: opener.marker,
                form: Form::Plain,
            };
            self.again.clear();
            self.again.extend_from_slice(payload);
            let mut payload = std::mem::take(&mut self.again);
            self.send_to_subscribers(now, key, &arrival, &mut payload, out);
            self.again = payload;
        }
        let track = &mut self.tracks[key];
        if let Some(newcomer) = track.subscriptions.pop() {
            others.insert(index, newcomer);
        }
        track.subscriptions = others;
        len
    }
}
