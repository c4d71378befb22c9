//! Lets video that waits for a narrow line leave in turns: the engine's side of `bandwidth::pacer`.
//! What waits was numbered and remembered when it came; its payload is read from the cache from which
//! it would be sent again. Lines that are not narrow have nothing to do with it.

use crate::downlink::line::Line;
use crate::downlink::outgoing::{Extensions, FrameExtension};
use crate::downlink::waiting::Held;
use crate::engine::{Engine, PeerKey, Tracks};
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::repair::repeat_end;
use crate::uplink::track::Track;
use std::time::Instant;

/// Lines with packets that wait.
#[derive(Debug, Default)]
pub(crate) struct Pacing {
    lines: Vec<PeerKey>,
    next_at: Option<Instant>,
}

impl Pacing {
    /// When the next turn of any line is.
    pub(crate) const fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Puts a packet into the queue of its line.
    pub(crate) fn hold(&mut self, peer: PeerKey, line: &mut Line, held: Held) {
        if line.waiting.is_empty() {
            self.lines.push(peer);
        }
        line.waiting.push(held);
        self.wake_at(line.next_turn_at());
    }

    fn wake_at(&mut self, at: Instant) {
        self.next_at = Some(self.next_at.map_or(at, |next| next.min(at)));
    }
}

impl Engine {
    /// Sends of every line that waits what its turn allows.
    pub(crate) fn send_waiting(&mut self, now: Instant, out: &mut Outbox) {
        let mut lines = std::mem::take(&mut self.pacing.lines);
        self.pacing.next_at = None;
        lines.retain(|key| {
            let next_at = self.send_turn(now, *key, out);
            if let Some(at) = next_at {
                self.pacing.wake_at(at);
            }
            next_at.is_some()
        });
        self.pacing.lines = lines;
    }

    /// Sends one turn of a line, and says when the next one is.
    fn send_turn(&mut self, now: Instant, key: PeerKey, out: &mut Outbox) -> Option<Instant> {
        let Self {
            peers,
            tracks,
            stats,
            again,
            ..
        } = self;
        let peer = peers.get_mut(key)?;
        let mut turn = peer.line.as_mut()?.turn(now);
        while turn > 0 {
            let held = peer.line.as_mut()?.waiting.pop()?;
            turn = turn.saturating_sub(u64::try_from(held.size).expect("a packet is small"));
            let buffers = (&mut *again, &mut *out);
            let sent = send_held(now, (key, &mut *peer), tracks, &held, buffers);
            stats.packets_forwarded += u64::from(sent.is_some());
            stats.ends_repeated += sent.unwrap_or(0);
        }
        let line = peer.line.as_ref()?;
        (!line.waiting.is_empty()).then(|| line.next_turn_at())
    }
}

/// Encrypts a packet that waited, and says how often it was sent again; `None` if its subscription or
/// its payload is gone by then. The buffer is for its payload.
fn send_held(
    now: Instant,
    (key, peer): (PeerKey, &mut Peer),
    tracks: &mut Tracks,
    held: &Held,
    (again, out): (&mut Vec<u8>, &mut Outbox),
) -> Option<u64> {
    let Track {
        subscriptions,
        encodings,
        ..
    } = tracks.get_mut(held.track)?;
    let place = held.subscription;
    let is_there = subscriptions.get(place).is_some_and(|it| it.peer == key);
    let place = Some(place).filter(|_| is_there);
    let place = place.or_else(|| subscriptions.iter().position(|it| it.peer == key))?;
    let subscription = &mut subscriptions.quietly()[place];
    let packet = subscription.sent.leave(now, held.sequence)?;
    let (descriptor, payload) = if packet.is_filler {
        (&[][..], &[][..])
    } else {
        let cache = encodings.get(packet.encoding)?.cache_of(packet.form);
        cache.packet(packet.incoming)?
    };
    let (line, id) = peer.line.as_mut().zip(subscription.transport_cc)?;
    let number = line.number(id);
    let frame_number = packet.rewritten.frame_number;
    let frame = FrameExtension::new(subscription.dependency_id, frame_number, descriptor);
    let extensions = Extensions::of(Some(&number), frame.as_ref());
    let written = subscription.first(&packet, payload, extensions.as_slice(), again)?;
    let header = &written.header[..written.header_len];
    if !peer
        .transport
        .send_rtp(header, again, written.rollover, out)
    {
        return None;
    }
    line.sent(now, header.len(), again.len());
    let end = (&packet, (descriptor, payload), again);
    Some(repeat_end(now, peer, subscription, end, out))
}
