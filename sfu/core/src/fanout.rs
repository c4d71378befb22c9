//! Sends what came to everyone who is subscribed to it: steps 9 to 13 of a packet's path.
//!
//! The packets of a picture wait until all datagrams of their turn are read. Then each subscriber gets
//! them one behind the other: what belongs to it is in the processor's cache for all of them but the
//! first, and they make one run. Sound does not wait, so it also leaves before the pictures.

use crate::downlink::decode_targets::Dependencies;
use crate::downlink::line::Numbered;
use crate::downlink::outgoing::{Extensions, FrameExtension};
use crate::downlink::packet_cache::PacketCache;
use crate::downlink::sent_packets::{SentPacket, low_half};
use crate::downlink::subscription::Subscription;
use crate::downlink::waiting::Held;
use crate::engine::{Engine, TrackKey};
use crate::gathered::{Gathered, Packet};
use crate::outbox::Outbox;
use crate::pacing::Pacing;
use crate::peer::Peer;
use crate::repair::repeat_end;
use crate::rtp::{HEADER_LEN_MAX, write_header};
use crate::stats::Stats;
use crate::units::MediaKind;
use crate::uplink::track::{Arrival, Track};
use std::time::Instant;

/// With so much in the outbox it is time to send: two thirds of what the nearest cache of a processor
/// holds. It is four subscribers' parts of a picture.
const SLICE_BYTES: usize = 32 * 1024;

impl Engine {
    /// Sends the packets that wait for the end of their turn.
    pub(crate) fn forward_gathered(&mut self, now: Instant, out: &mut Outbox) {
        self.forward_up_to(usize::MAX, now, out);
    }

    /// Sends some of the packets whose turn ends, and returns whether more are left. If what it wrote is
    /// sent before it goes on, it writes again where it wrote before, which is in the processor's
    /// cache.
    pub fn forward_slice(&mut self, now: Instant, out: &mut Outbox) -> bool {
        self.forward_up_to(SLICE_BYTES, now, out)
    }

    fn forward_up_to(&mut self, bytes_max: usize, now: Instant, out: &mut Outbox) -> bool {
        if self.gathered.due_at().is_none() {
            return false;
        }
        let mut gathered = std::mem::take(&mut self.gathered);
        gathered.sort();
        let (mut at, mut served) = gathered.done;
        let turns = gathered.turns;
        let Gathered { packets, bytes, .. } = &mut gathered;
        while let Some(first) = packets.get(at).copied() {
            let picture = packets[at..].iter_mut();
            let len = picture.take_while(|it| it.picture == first.picture).count();
            let picture = &mut packets[at..at + len];
            let order = Order {
                first: turns,
                served,
                bytes_max,
            };
            if let Some(so_far) = self.serve(now, (picture, bytes), order, out) {
                gathered.done = (at, so_far);
                self.gathered = gathered;
                return true;
            }
            (at, served) = (at + len, 0);
        }
        gathered.clear();
        self.gathered = gathered;
        false
    }

    /// Sends one packet at once to everyone who is subscribed to its encoding and takes it in this
    /// form.
    pub(crate) fn send_to_subscribers(
        &mut self,
        now: Instant,
        track: TrackKey,
        arrival: &Arrival,
        payload: &mut [u8],
        out: &mut Outbox,
    ) {
        let packet = Packet::alone(track, arrival, payload.len());
        let order = Order {
            first: 0,
            served: 0,
            bytes_max: usize::MAX,
        };
        self.serve(now, (&mut [packet], payload), order, out);
    }

    /// Sends packets of one encoding, in the same form, to one subscriber after another. If it ends
    /// before all are served, it returns how many are.
    fn serve(
        &mut self,
        now: Instant,
        (packets, bytes): (&mut [Packet], &mut [u8]),
        order: Order,
        out: &mut Outbox,
    ) -> Option<usize> {
        let Packet { track, arrival, .. } = *packets.first()?;
        let Track {
            subscriptions,
            encodings,
            audience,
            spec,
            ..
        } = self.tracks.get_mut(track)?;
        let (cache, layers) = encodings[arrival.incoming.encoding].cache_for(arrival.form);
        let mut fanout = Fanout {
            now,
            track,
            is_video: spec.kind == MediaKind::Video,
            dependencies: layers.dependencies(),
            cache,
            pacing: &mut self.pacing,
            stats: &mut self.stats,
            again: &mut self.again,
            out,
        };
        let all = subscriptions.quietly();
        let mut awaits = false;
        let mut served = order.served;
        while served < all.len() && fanout.out.bytes() < order.bytes_max {
            let index = (order.first.wrapping_add(served)) % all.len();
            let subscription = &mut all[index];
            served += 1;
            if subscription.form != arrival.form
                || !audience.includes(subscription.ear)
                || !subscription.forwards()
            {
                continue;
            }
            let peer = &mut self.peers[subscription.peer];
            for packet in &mut *packets {
                awaits |= fanout.send(peer, (index, subscription), packet, bytes);
            }
        }
        let is_done = served >= all.len();
        if awaits {
            subscriptions.wait(true);
        }
        (!is_done).then_some(served)
    }
}

/// Which subscribers come when.
#[derive(Debug, Clone, Copy)]
struct Order {
    /// The place of the first of them, modulo their number.
    first: usize,
    /// How many were served before.
    served: usize,
    /// With so many bytes in the outbox the rest has to wait.
    bytes_max: usize,
}

/// What all packets and subscribers of one fan-out share.
struct Fanout<'a> {
    now: Instant,
    track: TrackKey,
    is_video: bool,
    dependencies: Option<&'a Dependencies>,
    cache: &'a mut PacketCache,
    pacing: &'a mut Pacing,
    stats: &'a mut Stats,
    again: &'a mut Vec<u8>,
    out: &'a mut Outbox,
}

impl Fanout<'_> {
    /// Sends one packet to one subscriber, if it is for it, and says whether that one waits for a key
    /// frame of what it gets. The subscription comes with its place among the track's.
    fn send(
        &mut self,
        peer: &mut Peer,
        (index, subscription): (usize, &mut Subscription),
        packet: &mut Packet,
        bytes: &mut [u8],
    ) -> bool {
        let now = self.now;
        let arrival = &packet.arrival;
        let incoming = &arrival.incoming;
        let Some(mut forwarded) =
            subscription.forward(now, incoming, arrival.switchable, self.dependencies)
        else {
            return false;
        };
        let awaits = subscription.filter.awaits_keyframe();
        let (descriptor, payload) = packet.split(bytes);
        // Once for all, and before the first of them has its numbers written into it.
        if !packet.kept && subscription.is_repairable() {
            let sequence = low_half(incoming.sequence);
            self.cache.keep(now, sequence, descriptor, payload);
            packet.kept = true;
        }
        let rewritten = &forwarded.rewritten;
        let marker = (arrival.marker && !forwarded.is_filler) || forwarded.ends_picture;
        let mut line = peer.line.as_mut().zip(subscription.transport_cc);
        if self.is_video
            && subscription.is_repairable()
            && let Some((line, _)) = &mut line
            && line.holds(now)
        {
            let held = Held::new(self.track, index, rewritten, payload.len());
            self.pacing.hold(subscription.peer, line, held);
            subscription.sent(now, incoming, &forwarded, marker, payload.len());
            return awaits;
        }
        if let Some((picture, numbers)) = incoming.picture.zip(rewritten.picture) {
            picture.numbers().rewrite(payload, numbers.id, numbers.tl0);
        }
        let payload: &[u8] = if forwarded.is_filler { &[] } else { payload };
        let outgoing = SentPacket::of(incoming, &forwarded, marker);
        let fields = subscription.fields(&outgoing, forwarded.payload_type);
        let number = line.as_ref().map(|(line, id)| line.number(*id));
        forwarded.number = number.map(Numbered::number);
        let id = subscription.dependency_id;
        let frame = FrameExtension::new(id, rewritten.frame_number, descriptor);
        let extensions = Extensions::of(number.as_ref(), frame.as_ref());
        let mut header = [0; HEADER_LEN_MAX];
        let header_len = write_header(&mut header, &fields, extensions.as_slice());
        let header = &header[..header_len];
        if peer
            .transport
            .send_rtp(header, payload, rewritten.rollover, self.out)
        {
            if let Some((line, _)) = line {
                line.sent(now, header_len, payload.len());
            }
            subscription.sent(now, incoming, &forwarded, marker, payload.len());
            self.stats.packets_forwarded += 1;
            let end = (&outgoing, (descriptor, payload), &mut *self.again);
            self.stats.ends_repeated += repeat_end(now, peer, subscription, end, self.out);
        }
        awaits
    }
}
