//! Turns an offer into its answer: the engine's side of negotiation.

use crate::downlink::layer::Layer;
use crate::downlink::layer_selector::Ceiling;
use crate::downlink::line::Line;
use crate::downlink::repair::{Repair, Rtx};
use crate::downlink::rewriter::Rewriter;
use crate::downlink::sent_packets::SentPackets;
use crate::downlink::subscription::Subscription;
use crate::engine::{Engine, PeerKey, TrackKey};
use crate::event::Event;
use crate::ids::{PeerId, TrackId};
use crate::negotiation::{Offered, Use};
use crate::outbox::Outbox;
use crate::rtp::Ssrc;
use crate::sdp::{
    self, AnswerSection, Extension, Offer, OfferedCodec, Receiving, Section, Sending,
};
use crate::transport::{DtlsRole, Fingerprint, IceCredentials, RemoteParameters};
use crate::units::Codec;
use crate::uplink::SendingSection;
use crate::uplink::redundancy::Form;
use crate::uplink::track::Track;
use rand::Rng;
use std::time::Instant;
use tracing::debug;

impl Engine {
    /// Answers an offer, or says why it cannot be answered. A refused offer changes nothing.
    pub(crate) fn handle_offer(
        &mut self,
        now: Instant,
        key: PeerKey,
        id: u32,
        text: &str,
        out: &mut Outbox,
    ) {
        let peer = self.peers[key].id;
        match self.accept(now, key, text) {
            Ok(offer) => {
                self.claim_sections(now, key, &offer, out);
                self.place_subscriptions(now, key, &offer, out);
                self.write_answer(now, key, id, &offer, out);
                self.request_keyframes(now, out);
            }
            Err(reason) => {
                debug!(%peer, id, reason, "offer refused");
                self.stats.offers_refused += 1;
                out.events.push(Event::OfferRefused { peer, id, reason });
            }
        }
    }

    /// Ties an announced track to a section that was offered before the announcement came.
    pub(crate) fn claim_late(&mut self, now: Instant, key: PeerKey, out: &mut Outbox) {
        for index in 0..self.peers[key].negotiation.sections.len() {
            let used = self.peers[key].negotiation.sections[index].used.clone();
            let Use::Unclaimed(offered) = used else {
                continue;
            };
            self.claim_section(now, key, index, offered, out);
        }
    }

    fn accept(&mut self, now: Instant, key: PeerKey, text: &str) -> Result<Offer, String> {
        let offer = sdp::parse_offer(text).map_err(|error| error.to_string())?;
        let peer = &mut self.peers[key];
        if !peer.negotiation.continues(&offer.sections) {
            return Err("the offer drops or reorders sections of the one before it".to_owned());
        }
        let fingerprint =
            Fingerprint::parse(&offer.fingerprint).map_err(|error| error.to_string())?;
        let role = match offer.setup.answered() {
            sdp::Setup::Active => DtlsRole::Active,
            sdp::Setup::Passive | sdp::Setup::ActPass => DtlsRole::Passive,
        };
        let ice = IceCredentials {
            ufrag: offer.ice_ufrag.clone(),
            pwd: offer.ice_pwd.clone(),
        };
        peer.transport
            .set_remote(
                now,
                RemoteParameters {
                    ice,
                    fingerprint,
                    role,
                },
            )
            .map_err(|error| error.to_string())?;
        if peer.negotiation.restarts(&offer.ice_ufrag) {
            self.restart_ice(key);
        }
        Ok(offer)
    }

    /// What the client sends: new sections are claimed by tracks, those it closed end them.
    fn claim_sections(&mut self, now: Instant, key: PeerKey, offer: &Offer, out: &mut Outbox) {
        self.peers[key].negotiation.place(&offer.sections);
        for (index, section) in offer.sections.iter().enumerate() {
            self.peers[key].uplink.learn_extensions(&section.extensions);
            let sends = section.direction.sends() && !section.rejected;
            match (
                self.peers[key].negotiation.sections[index].used.clone(),
                sends,
            ) {
                (Use::Publishing(track), false) => self.end_track(now, track, Some(out)),
                (Use::Unclaimed(_), false) => {
                    self.peers[key].negotiation.sections[index].used = Use::Free;
                }
                // A section that only ever receives has no msid: old clients say sendrecv there.
                (Use::Free, true) if section.msid.is_some() => {
                    if let Some(sending) = SendingSection::of(section) {
                        let msid = section.msid.clone();
                        self.claim_section(now, key, index, Offered { sending, msid }, out);
                    }
                }
                _ => {}
            }
        }
    }

    fn claim_section(
        &mut self,
        now: Instant,
        key: PeerKey,
        index: usize,
        mut offered: Offered,
        out: &mut Outbox,
    ) {
        let peer = &mut self.peers[key];
        let tracks = &self.tracks;
        let spec_of = |track: TrackKey| tracks.get(track).map(|track| &track.spec);
        let kind = offered.sending.section.codec.kind();
        let Some(track_key) = peer.negotiation.claim(offered.msid.as_ref(), spec_of, kind) else {
            offered.sending.settle();
            peer.negotiation.sections[index].used = Use::Unclaimed(offered);
            return;
        };
        let mut sending = offered.sending;
        if let Some(codec) = tracks.get(track_key).and_then(|track| track.spec.codec) {
            sending.choose(codec);
        }
        peer.negotiation.sections[index].used = Use::Publishing(track_key);
        let track = &mut self.tracks[track_key];
        track.bind(sending.section.clone(), &sending.rids);
        let (codec, mid) = (sending.section.codec, sending.section.mid.clone());
        if let Some(first) = track.first {
            out.events.push(Event::BackupReady {
                peer: peer.id,
                track: track.id,
                codec,
                mid,
            });
            peer.uplink.bind(track_key, &sending, &mut self.tracks);
            self.announce(track_key);
            return self.serve_waiting(now, first, codec);
        }
        out.events.push(Event::TrackReady {
            peer: peer.id,
            track: track.id,
            codec,
            mid,
        });
        let waiting: Vec<PeerKey> = track.subscriptions.iter().map(|sub| sub.peer).collect();
        peer.uplink.bind(track_key, &sending, &mut self.tracks);
        self.announce(track_key);
        for subscriber in waiting {
            self.peers[subscriber].negotiation.ask_soon(now);
        }
    }

    /// What we send: free sections go to the subscriptions that wait, oldest first.
    fn place_subscriptions(&mut self, now: Instant, key: PeerKey, offer: &Offer, out: &mut Outbox) {
        let mut still_waiting = Vec::new();
        for (first, kind) in std::mem::take(&mut self.peers[key].negotiation.waiting) {
            let Some(track) = self.tracks.get(first) else {
                continue;
            };
            let sections = &self.peers[key].negotiation.sections;
            let free = sections.iter().position(|placed| {
                placed.kind == Some(kind) && placed.receives && placed.used == Use::Free
            });
            let Some(index) = free.filter(|_| track.section.is_some()) else {
                still_waiting.push((first, kind));
                continue;
            };
            let offered = &offer.sections[index];
            let Some(track_key) = self.choose_rendition(now, key, first, offered, out) else {
                continue;
            };
            let (peer, track) = (&mut self.peers[key], &mut self.tracks[track_key]);
            let section = track.section.as_ref();
            let codec = section.and_then(|it| sdp::codec_for(offered, it.codec, &it.fmtp));
            let Some(codec) = codec else { continue };
            let clock_rate = codec.codec.clock_rate();
            let (form, payload_type) = track.form_for(codec);
            let Some(subscription) = track.subscriptions.iter_mut().find(|sub| sub.peer == key)
            else {
                continue;
            };
            let first_sequence = self.rng.random();
            let ssrc = unused_ssrc(&mut self.rng, &peer.downlink);
            (subscription.form, subscription.payload_type) = (form, Some(payload_type));
            let plain = (Form::Plain, codec.payload_type);
            subscription.other_form = (form == Form::Redundant).then_some(plain);
            subscription.is_open = peer.connected;
            subscription.rewriter = Rewriter::new(Ssrc(ssrc), first_sequence, clock_rate);
            peer.downlink.insert(ssrc, track_key);
            subscription.repair = repair(&mut self.rng, codec, &peer.downlink);
            if let Repair::Rtx(rtx) = subscription.repair {
                peer.downlink.insert(rtx.ssrc.0, track_key);
            }
            subscription.dependency_id = id_of(offered, Extension::DependencyDescriptor);
            let numbered = numbered(offered, codec, subscription.repair);
            subscription.transport_cc = numbered.filter(|_| self.config.congestion_control);
            if subscription.transport_cc.is_some() {
                let luck = self.rng.random();
                peer.line
                    .get_or_insert_with(|| Box::new(Line::new(now, luck)));
            }
            subscription.sent = SentPackets::default();
            subscription.selector.restart();
            if subscription.transport_cc.is_some() {
                // The next allocation says whether the line carries more.
                subscription.selector.limit(Ceiling::Layer(Layer::LOWEST));
            }
            subscription.selector.retarget(&track.available);
            peer.negotiation.sections[index].used = Use::Subscribed(track_key);
        }
        self.peers[key].negotiation.waiting = still_waiting;
    }

    fn write_answer(
        &mut self,
        now: Instant,
        key: PeerKey,
        id: u32,
        offer: &Offer,
        out: &mut Outbox,
    ) {
        let mut tracks = Vec::new();
        let mut sections = Vec::with_capacity(offer.sections.len());
        for (index, section) in offer.sections.iter().enumerate() {
            let placed = &mut self.peers[key].negotiation.sections[index];
            if placed.used == Use::Releasing {
                placed.used = Use::Free;
                sections.push(AnswerSection::Inactive);
                continue;
            }
            let used = placed.used.clone();
            sections.push(self.answer_section(key, section, &used, &mut tracks));
        }
        let peer = &mut self.peers[key];
        peer.negotiation.version += 1;
        let fingerprint = format!("sha-256 {}", self.transport_config.fingerprint());
        let local = sdp::Local {
            ice_ufrag: &peer.transport.local().ufrag,
            ice_pwd: &peer.transport.local().pwd,
            fingerprint: &fingerprint,
            setup: offer.setup.answered(),
            candidates: &self.config.candidates,
            session_id: peer.id.0 >> 1,
            session_version: peer.negotiation.version,
        };
        let sdp = sdp::write_answer(offer, &local, &sections);
        peer.negotiation.answered(now);
        out.events.push(Event::Answer {
            peer: peer.id,
            id,
            sdp,
            tracks,
        });
    }

    fn answer_section(
        &self,
        key: PeerKey,
        section: &Section,
        used: &Use,
        tracks: &mut Vec<(String, TrackId)>,
    ) -> AnswerSection {
        if section.rejected {
            return AnswerSection::Rejected;
        }
        match used {
            Use::Application => AnswerSection::Application,
            Use::Publishing(track) => AnswerSection::Receive(receiving(self.tracks.get(*track))),
            Use::Unclaimed(_) => AnswerSection::Receive(receiving(None)),
            Use::Subscribed(track) => match self.sending(key, *track) {
                Some((sending, id)) => {
                    tracks.push((section.mid.clone(), id));
                    AnswerSection::Send(sending)
                }
                None => AnswerSection::Inactive,
            },
            Use::Free | Use::Releasing => AnswerSection::Inactive,
        }
    }

    fn sending(&self, key: PeerKey, track_key: TrackKey) -> Option<(Sending, TrackId)> {
        let track = self.tracks.get(track_key)?;
        let subscription = track.subscriptions.iter().find(|sub| sub.peer == key)?;
        let sending = Sending {
            stream: subscription.stream.clone(),
            track: track.id.to_string(),
            ssrc: subscription.rewriter.ssrc.0,
            rtx_ssrc: match subscription.repair {
                Repair::Rtx(rtx) => Some(rtx.ssrc.0),
                Repair::Never | Repair::Same => None,
            },
            cname: self.cname_of(track),
            codec: track.section.as_ref().map(|section| section.codec),
            stereo: track.spec.stereo,
            redundancy: subscription.takes(Form::Redundant),
        };
        Some((sending, track.id))
    }

    /// All tracks of a publisher share a canonical name, which is what lets a client play them in
    /// sync (RFC 3550, section 6.5.1).
    pub(crate) fn cname_of(&self, track: &Track) -> String {
        let publisher = track.publisher_among(&self.peers);
        publisher.map_or(PeerId(0), |(peer, _)| peer).to_string()
    }

    /// Subscribes a peer to a track; the media section comes with the peer's next offer.
    pub(crate) fn subscribe(
        &mut self,
        now: Instant,
        key: PeerKey,
        track: TrackKey,
        stream: String,
    ) {
        let rendition = self.rendition_for(track, key);
        let known = &self.tracks[rendition].subscriptions;
        let is_known = known.iter().any(|sub| sub.peer == key);
        let (peer, track_key) = (&mut self.peers[key], track);
        let track = &mut self.tracks[track_key];
        if track.publisher == key || is_known {
            return;
        }
        let rewriter = Rewriter::new(Ssrc(0), 0, 1);
        track
            .subscriptions
            .push(Subscription::new(key, peer.ear, stream, rewriter));
        peer.negotiation.waiting.push((track_key, track.spec.kind));
        peer.negotiation.ask_soon(now);
    }

    /// Ends one subscription and frees its section.
    pub(crate) fn unsubscribe(&mut self, now: Instant, key: PeerKey, track_key: TrackKey) {
        if let Some(track) = self.tracks.get_mut(track_key) {
            track.subscriptions.retain(|sub| sub.peer != key);
        }
        if let Some(peer) = self.peers.get_mut(key) {
            peer.downlink.retain(|_, track| *track != track_key);
            peer.negotiation.release(now, track_key);
        }
    }
}

fn receiving(track: Option<&Track>) -> Receiving {
    let section = track.and_then(|track| track.section.as_ref());
    Receiving {
        stereo: track.is_some_and(|track| track.spec.stereo),
        dtx: track.is_some_and(|track| track.spec.dtx),
        redundancy: track.is_some_and(|track| track.spec.redundancy),
        codec: section.map(|section| section.codec),
    }
}

/// How a subscriber can be sent packets again, of what it offers for the codec.
fn repair(
    rng: &mut impl Rng,
    codec: &OfferedCodec,
    used: &std::collections::HashMap<u32, TrackKey>,
) -> Repair {
    match codec.rtx {
        Some(payload_type) if codec.takes_nack() => {
            let ssrc = unused_ssrc(rng, used);
            Repair::Rtx(Rtx::new(Ssrc(ssrc), payload_type, rng.random()))
        }
        // Sound goes again unasked as well.
        Some(_) | None if codec.takes_nack() || codec.codec == Codec::Opus => Repair::Same,
        Some(_) | None => Repair::Never,
    }
}

/// Under which id the packets of a subscription are numbered. A picture's packet that is sent again just
/// as it was would tell of its first journey, and is left out with all its stream; of sound, the number
/// is remembered.
fn numbered(offered: &Section, codec: &OfferedCodec, repair: Repair) -> Option<u8> {
    let told = codec.feedback.iter().any(|kind| kind == "transport-cc");
    let is_possible = repair != Repair::Same || codec.codec == Codec::Opus;
    id_of(offered, Extension::TransportCc).filter(|_| told && is_possible)
}

/// The id under which a client offers a header extension.
fn id_of(offered: &Section, wanted: Extension) -> Option<u8> {
    let mut ids = offered.extensions.iter();
    ids.find(|(_, extension)| *extension == wanted)
        .map(|(id, _)| *id)
}

fn unused_ssrc(rng: &mut impl Rng, used: &std::collections::HashMap<u32, TrackKey>) -> u32 {
    loop {
        let ssrc = rng.random_range(1..u32::MAX);
        if !used.contains_key(&ssrc) {
            return ssrc;
        }
    }
}
