//! One client's stay in a meeting, from its join request to its end: what it asks for, what it
//! believes of the others, and what it sends. It does what client libraries were seen to do.

use crate::media::{Outgoing, Source, Tag};
use crate::pipe::{Carries, Datagram, Learned, Pipe};
use crate::sdp::{self, Content, Section};
use crate::tracks::{OwnTrack, add_track};
use crate::view::View;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    MuteTrackRequest, SessionDescription, SubscribedQuality, SyncState, TrackInfo,
    TrackPublishedResponse, UpdateSubscription, UpdateTrackSettings, VideoQuality,
};
use sfu_core::ids::PeerId;
use sfu_core::rtp::SequenceNumber;
use signaling_core::ConnectionId;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Clients ping every five seconds; everything here takes its time in fifths or less.
const PING_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) struct Session {
    /// Never given twice.
    pub(crate) id: u32,
    pub(crate) person: usize,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) peer: Option<PeerId>,
    pub(crate) view: View,
    pub(crate) tracks: Vec<OwnTrack>,
    pub(crate) pipe: Pipe,
    /// Asked for, to be sent over the WebSocket.
    pub(crate) requests: Vec<Asked>,
    /// What the server wants of the client as a whole.
    pub(crate) verdict: Option<Verdict>,
    /// Offers that could not be answered, and the like.
    pub(crate) complaints: Vec<String>,
    pub(crate) reads_from: Option<Instant>,
    /// It shows nothing of anybody at the moment.
    pub(crate) hides: bool,
    /// It does without everybody's tracks at the moment.
    pub(crate) refuses: bool,
    /// How often it changed its address.
    pub(crate) moves: u16,
    height: u32,
    sections: Vec<Section>,
    /// The number of the last offer, and whether it waits for its answer.
    offer: (u32, bool),
    offers_again: bool,
    pinged_at: Instant,
}

/// What a client does about a `leave`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    BeginAnew,
    Gone,
}

impl Session {
    pub(crate) fn new(now: Instant, id: u32, person: usize, address: SocketAddr) -> Self {
        let receive = |is_audio| Section {
            is_audio,
            content: Content::Receive,
        };
        Self {
            id,
            person,
            connection: None,
            peer: None,
            view: View::default(),
            tracks: Vec::new(),
            pipe: Pipe::new(now, address),
            requests: Vec::new(),
            verdict: None,
            complaints: Vec::new(),
            reads_from: None,
            hides: false,
            refuses: false,
            moves: 0,
            height: 360,
            sections: vec![receive(true), receive(false)],
            offer: (0, false),
            offers_again: false,
            pinged_at: now,
        }
    }

    /// The offer that goes with the join request.
    pub(crate) fn first_offer(&mut self) -> (u32, String) {
        self.offer = (1, true);
        (1, sdp::offer(&self.sections, &self.pipe.identity))
    }

    pub(crate) fn publish(&mut self, is_audio: bool) {
        let cid = format!("cid-{}-{}", self.id, self.tracks.len());
        self.requests
            .push(Asked::AddTrack(add_track(&cid, is_audio)));
        self.tracks.push(OwnTrack {
            cid,
            is_audio,
            sid: None,
            muted: false,
            source: None,
            is_over: false,
        });
    }

    /// Takes a track away: the next offer no longer sends it.
    pub(crate) fn unpublish(&mut self) -> bool {
        let sending = |track: &&mut OwnTrack| track.source.is_some() && !track.is_over;
        let Some(track) = self.tracks.iter_mut().find(sending) else {
            return false;
        };
        track.is_over = true;
        let source = track.source.take().expect("it sends");
        let mid: usize = source.mid.parse().expect("mids are numbers");
        self.sections[mid].content = Content::Stopped;
        self.offer_soon();
        true
    }

    /// Offers, now or once the offer under way is answered.
    pub(crate) fn offer_soon(&mut self) {
        if self.offer.1 {
            self.offers_again = true;
            return;
        }
        self.offers_again = false;
        self.offer = (self.offer.0 + 1, true);
        self.requests.push(Asked::Offer(SessionDescription {
            r#type: "offer".to_owned(),
            sdp: sdp::offer(&self.sections, &self.pipe.identity),
            id: self.offer.0,
            ..SessionDescription::default()
        }));
    }

    /// The client came back over a new WebSocket: what was under way may be lost.
    pub(crate) fn resumed(&mut self) {
        let publish_tracks = self
            .tracks
            .iter()
            .filter(|track| !track.is_over)
            .filter_map(|track| {
                Some(TrackPublishedResponse {
                    cid: track.cid.clone(),
                    track: Some(TrackInfo {
                        sid: track.sid.clone()?,
                        ..TrackInfo::default()
                    }),
                })
            })
            .collect();
        self.requests.push(Asked::SyncState(SyncState {
            publish_tracks,
            ..SyncState::default()
        }));
        for track in self.tracks.iter().filter(|track| track.sid.is_none()) {
            let request = add_track(&track.cid, track.is_audio);
            self.requests.push(Asked::AddTrack(request));
        }
        for track in 0..self.tracks.len() {
            let muted = self.tracks[track].muted;
            self.mute(track, muted);
        }
        self.show(None);
        self.subscribe();
        self.offer.1 = false;
        self.offer_soon();
    }

    /// Mutes or unmutes a track that was published.
    pub(crate) fn mute(&mut self, track: usize, muted: bool) {
        let track = &mut self.tracks[track];
        if let (Some(sid), false) = (track.sid.clone(), track.is_over) {
            track.muted = muted;
            let request = MuteTrackRequest { sid, muted };
            self.requests.push(Asked::Mute(request));
        }
    }

    /// Says in which size it shows everybody's pictures; `None` for the size there was.
    pub(crate) fn show(&mut self, height: Option<u32>) {
        self.height = height.unwrap_or(self.height);
        self.requests.push(Asked::TrackSetting(UpdateTrackSettings {
            track_sids: self.view.tracks(),
            disabled: self.hides,
            quality: VideoQuality::High.into(),
            width: self.height * 16 / 9,
            height: self.height,
            ..UpdateTrackSettings::default()
        }));
    }

    /// Says whether it wants everybody's tracks.
    pub(crate) fn subscribe(&mut self) {
        self.requests.push(Asked::Subscription(UpdateSubscription {
            track_sids: self.view.tracks(),
            subscribe: !self.refuses,
            ..UpdateSubscription::default()
        }));
    }

    /// Whether the server knows the client, so that it may ask for something.
    pub(crate) fn may_ask(&self) -> bool {
        self.peer.is_some()
    }

    /// What is due by the clock.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        if now >= self.pinged_at + PING_INTERVAL {
            self.pinged_at = now;
            self.requests.push(Asked::Ping(0));
        }
        self.pipe.tick(now, out);
        if self.pipe.keys.is_none() {
            return;
        }
        let mut packets = Vec::new();
        for track in self.tracks.iter_mut().filter(|track| !track.muted) {
            if let Some(source) = &mut track.source {
                source.tick(now, &mut self.pipe.transport_sequence, &mut packets);
            }
        }
        for packet in packets {
            self.send(packet, out);
        }
    }

    /// Takes a datagram; returns the packets that came with it, as they were first sent.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: &[u8],
        out: &mut Vec<Datagram>,
    ) -> Vec<(u32, SequenceNumber, Tag)> {
        let mut arrived = Vec::new();
        for learned in self.pipe.receive(now, datagram, out) {
            match learned {
                Learned::KeyframeWanted(ssrc) => {
                    for source in self.sources() {
                        source.want_keyframe(ssrc);
                    }
                }
                Learned::Wanted(ssrc, numbers) => {
                    let mut again = Vec::new();
                    let mut transport_sequence = self.pipe.transport_sequence;
                    for number in numbers {
                        for source in self.sources() {
                            again.extend(source.again(ssrc, number, &mut transport_sequence));
                        }
                    }
                    self.pipe.transport_sequence = transport_sequence;
                    for packet in again {
                        self.send(packet, out);
                    }
                }
                Learned::Packet(ssrc, number, tag) => arrived.push((ssrc, number, tag)),
            }
        }
        arrived
    }

    fn sources(&mut self) -> impl Iterator<Item = &mut Source> {
        self.tracks
            .iter_mut()
            .filter_map(|track| track.source.as_mut())
    }

    fn send(&mut self, packet: Outgoing, out: &mut Vec<Datagram>) {
        let (bytes, carries) = match packet {
            Outgoing::Rtcp(compound) => (self.pipe.encrypt(&compound, true), Carries::Other),
            Outgoing::Rtp(packet, tag) => {
                let sources = self.tracks.iter().filter_map(|track| track.source.as_ref());
                let encodings = sources.flat_map(|source| &source.encodings);
                let named = encodings.filter_map(|encoding| encoding.number(tag));
                let carries = named
                    .map(|(ssrc, number)| Carries::Media(tag, ssrc, number))
                    .next()
                    .unwrap_or(Carries::Other);
                (self.pipe.encrypt(&packet, false), carries)
            }
        };
        out.extend(bytes.map(|bytes| Datagram { bytes, carries }));
    }

    /// Takes a message of the server's.
    pub(crate) fn hear(&mut self, now: Instant, message: Message) {
        match message {
            Message::Join(join) => {
                let own = join.participant.expect("a join names its participant");
                self.peer = PeerId::parse(&own.sid);
                for other in join.other_participants {
                    self.view.learn(&other);
                }
            }
            Message::Reconnect(_) => self.resumed(),
            Message::Update(update) => {
                let own = self.peer.map(|peer| peer.to_string());
                for other in &update.participants {
                    if Some(&other.sid) != own.as_ref() {
                        self.view.learn(other);
                    }
                }
            }
            Message::TrackPublished(published) => self.published(now, published),
            Message::TrackUnpublished(over) => {
                self.complaints
                    .push(format!("the server took {} away", over.track_sid));
            }
            Message::Answer(answer) => self.take_answer(&answer),
            Message::MediaSectionsRequirement(needed) => {
                for (count, is_audio) in [(needed.num_audios, true), (needed.num_videos, false)] {
                    let section = Section {
                        is_audio,
                        content: Content::Receive,
                    };
                    let len = self.sections.len() + count as usize;
                    self.sections.resize(len, section);
                }
                self.offer_soon();
            }
            Message::Leave(leave) => {
                let begins_anew = leave.action == i32::from(Action::Reconnect);
                self.verdict = Some(if begins_anew {
                    Verdict::BeginAnew
                } else {
                    Verdict::Gone
                });
            }
            Message::SubscribedQualityUpdate(wanted) => {
                let qualities = wanted.subscribed_codecs.into_iter();
                let qualities = qualities.flat_map(|codec| codec.qualities);
                for wanted_layer in qualities {
                    self.want_layer(&wanted.track_sid, wanted_layer);
                }
            }
            Message::RequestResponse(response) => {
                self.complaints
                    .push(format!("refused: {}", response.message));
            }
            _ => {}
        }
    }

    fn want_layer(&mut self, sid: &str, wanted: SubscribedQuality) {
        let named = |track: &&mut OwnTrack| track.sid.as_deref() == Some(sid);
        if let Some(track) = self.tracks.iter_mut().find(named) {
            track.want_layer(wanted);
        }
    }

    fn published(&mut self, now: Instant, published: TrackPublishedResponse) {
        let info = published.track.expect("it describes the track");
        let index = self
            .tracks
            .iter()
            .position(|track| track.cid == published.cid);
        let Some(index) = index else { return };
        let track = &mut self.tracks[index];
        // Asked again after a resume, it is told again.
        if track.sid.replace(info.sid).is_some() || track.is_over {
            return;
        }
        let mid = self.sections.len();
        self.sections.push(Section {
            is_audio: track.is_audio,
            content: Content::Send(track.cid.clone()),
        });
        let number = u8::try_from(index).expect("a few tracks");
        let source = Source::new(now, self.id, number, track.is_audio, mid.to_string());
        track.source = Some(source);
        self.offer_soon();
    }

    fn take_answer(&mut self, answer: &SessionDescription) {
        if answer.id != self.offer.0 {
            return; // Of an offer that a resume has overtaken.
        }
        self.offer.1 = false;
        let line = |name| sdp::attribute(&answer.sdp, name);
        if let (Some(ufrag), Some(pwd)) = (line("ice-ufrag"), line("ice-pwd")) {
            self.pipe.learn_server(ufrag, pwd);
        }
        self.pipe.ssrcs.clear();
        for sending in sdp::sending(&answer.sdp) {
            if answer.mid_to_track_id.contains_key(&sending.mid) {
                self.pipe.ssrcs.insert(sending.ssrc);
            }
            // What was once said of an SSRC holds: packets of before may still be under way.
            self.pipe
                .rtx
                .extend(sending.rtx.map(|rtx| (rtx, sending.ssrc)));
        }
        if self.offers_again {
            self.offer_soon();
        }
    }
}
