//! A room on a virtual clock, with scripted clients and a scripted media plane around it.
//!
//! The media plane answers every offer at once: tracks whose section was offered become ready, the
//! answer carries every subscription, and a peer is connected with its first answer. The clients
//! offer again when asked for sections, and ping. Both only do what the real ones were seen to do.

use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, ClientInfo, LeaveRequest, ParticipantInfo, SessionDescription, SignalRequest,
    TrackInfo, TrackSource, TrackType, VideoLayer, VideoQuality,
};
use sfu_core::command::DataChannel;
use sfu_core::ids::{PeerId, TrackId};
use sfu_core::units::{Codec, MediaKind};
use sfu_core::{Command, Event};
use signaling_core::wire::join::Join;
use signaling_core::{
    Admission, Claims, CloseReason, ConnectionId, Effect, Keys, Limits, Room, RoomSettings,
    RtcVersion, ServerDescription, check_admission,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// 1 January 2026, midnight: tokens and times on the wire are the same in every run.
pub(crate) const MIDNIGHT: u64 = 1_767_225_600;

/// A room with everybody around it.
pub(crate) struct Meeting {
    pub(crate) room: Room,
    pub(crate) now: Instant,
    pub(crate) media: Media,
    /// Everything the room ever wanted done, if it is to be compared.
    pub(crate) log: Option<Vec<Effect>>,
    lines: BTreeMap<ConnectionId, Line>,
    next_connection: u64,
}

/// One client's WebSocket.
#[derive(Debug, Default)]
struct Line {
    inbox: Vec<Message>,
    closed: Option<CloseReason>,
    peer: Option<PeerId>,
    offers: u32,
    pings: bool,
}

/// The media plane as far as a room can see it.
#[derive(Debug, Default)]
pub(crate) struct Media {
    /// Everything asked of it.
    pub(crate) commands: Vec<Command>,
    /// It does not answer by itself.
    pub(crate) is_manual: bool,
    pending: BTreeMap<PeerId, Vec<(TrackId, MediaKind)>>,
    subscriptions: BTreeMap<PeerId, BTreeSet<TrackId>>,
    connected: BTreeSet<PeerId>,
    events: VecDeque<Event>,
}

/// Somebody with a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person(pub(crate) ConnectionId);

/// How somebody comes to the meeting.
pub(crate) struct Visitor {
    pub(crate) claims: Claims,
    pub(crate) join: Join,
}

impl Visitor {
    /// A Chromium with auto-subscribe that offers with its join request.
    pub(crate) fn named(identity: &str) -> Self {
        let mut claims = Claims::joining(identity, "council");
        claims.issuer = "devkey".into();
        claims.name = format!("{identity} the Guest");
        let join = Join {
            version: RtcVersion::V1,
            client: ClientInfo {
                sdk: livekit_protocol::client_info::Sdk::Js.into(),
                protocol: 16,
                browser: "chrome".to_owned(),
                client_protocol: 1,
                capabilities: vec![2],
                ..ClientInfo::default()
            },
            auto_subscribe: true,
            adaptive_stream: false,
            reconnect: None,
            offer: Some((1, "offer 1".to_owned())),
            add_tracks: Vec::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            sync_state: None,
        };
        Self { claims, join }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Claims)) -> Self {
        change(&mut self.claims);
        self
    }

    pub(crate) fn asking(mut self, change: impl FnOnce(&mut Join)) -> Self {
        change(&mut self.join);
        self
    }

    /// Comes back to the place `peer`.
    pub(crate) fn resuming(self, peer: PeerId) -> Self {
        self.asking(|join| {
            join.reconnect = Some(peer);
            join.offer = None;
        })
    }

    fn admission(&self) -> Admission {
        check_admission(&self.claims, &self.join).unwrap()
    }
}

impl Meeting {
    pub(crate) fn new() -> Self {
        Self::with_settings(settings())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a virtual clock must start at some instant"
    )]
    pub(crate) fn with_settings(settings: RoomSettings) -> Self {
        let now = Instant::now();
        let unix_time = Duration::from_secs(MIDNIGHT);
        Self {
            room: Room::new(now, settings, "council".to_owned(), unix_time, [7; 32]),
            now,
            media: Media::default(),
            log: None,
            lines: BTreeMap::new(),
            next_connection: 1,
        }
    }

    /// Somebody joins as most do.
    pub(crate) fn join(&mut self, identity: &str) -> Person {
        self.arrive(&Visitor::named(identity))
    }

    pub(crate) fn arrive(&mut self, visitor: &Visitor) -> Person {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.lines.insert(
            connection,
            Line {
                offers: 1,
                pings: true,
                ..Line::default()
            },
        );
        self.act(|room, now, effects| room.join(now, connection, visitor.admission(), effects));
        Person(connection)
    }

    pub(crate) fn ask(&mut self, person: Person, message: Asked) {
        let request = SignalRequest {
            message: Some(message),
        };
        self.act(|room, now, effects| room.handle_request(now, person.0, request, effects));
    }

    /// A client offers anew, with the next number.
    pub(crate) fn offer(&mut self, person: Person) {
        let line = self.lines.get_mut(&person.0).unwrap();
        line.offers += 1;
        let id = line.offers;
        self.ask(
            person,
            Asked::Offer(SessionDescription {
                r#type: "offer".to_owned(),
                sdp: format!("offer {id}"),
                id,
                ..SessionDescription::default()
            }),
        );
    }

    /// Adds a track, offers its section, and returns its sid as the client is told it.
    pub(crate) fn publish(&mut self, person: Person, request: AddTrackRequest) -> TrackId {
        let cid = request.cid.clone();
        self.ask(person, Asked::AddTrack(request));
        let track = self
            .published(person, &cid)
            .expect("the track is published");
        self.offer(person);
        TrackId::parse(&track.sid).unwrap()
    }

    pub(crate) fn leave(&mut self, person: Person) {
        self.ask(person, Asked::Leave(LeaveRequest::default()));
    }

    /// The WebSocket is gone without a word.
    pub(crate) fn cut(&mut self, person: Person) {
        self.lines.get_mut(&person.0).unwrap().closed = Some(CloseReason::Left);
        self.act(|room, now, effects| room.connection_closed(now, person.0, effects));
    }

    /// The client still has its WebSocket and says nothing more.
    pub(crate) fn silence(&mut self, person: Person) {
        self.lines.get_mut(&person.0).unwrap().pings = false;
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.act(|room, now, effects| room.handle_media(now, event, effects));
    }

    /// A message comes in on somebody's data channel.
    pub(crate) fn data(&mut self, person: Person, channel: DataChannel, payload: Vec<u8>) {
        let event = Event::Data {
            peer: self.peer(person),
            channel,
            payload: payload.into(),
        };
        self.tell(event);
    }

    pub(crate) fn shut_down(&mut self) {
        self.act(Room::close);
    }

    /// Lets time pass, waking the room whenever it wants to be, and every client ping each 5 s.
    pub(crate) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut ping_at = self.now + Duration::from_secs(5);
        for _ in 0..100_000 {
            let wake_at = self.room.next_timeout().unwrap_or(end).max(self.now);
            self.now = wake_at.min(ping_at).min(end);
            if self.now == ping_at {
                self.ping_all();
                ping_at += Duration::from_secs(5);
            }
            self.act(Room::handle_timeout);
            if self.now == end {
                return;
            }
        }
        panic!("the room wakes itself without end");
    }

    fn ping_all(&mut self) {
        let pinging: Vec<Person> = self
            .lines
            .iter()
            .filter(|(_, line)| line.pings && line.closed.is_none())
            .map(|(&connection, _)| Person(connection))
            .collect();
        for person in pinging {
            self.ask(person, Asked::Ping(0));
        }
    }

    fn act(&mut self, step: impl FnOnce(&mut Room, Instant, &mut Vec<Effect>)) {
        let mut effects = Vec::new();
        step(&mut self.room, self.now, &mut effects);
        self.carry_out(effects);
        while let Some(event) = self.media.events.pop_front() {
            let mut effects = Vec::new();
            self.room.handle_media(self.now, event, &mut effects);
            self.carry_out(effects);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut to_offer = Vec::new();
        if let Some(log) = &mut self.log {
            log.extend(effects.iter().cloned());
        }
        for effect in effects {
            match effect {
                Effect::Reply {
                    connection,
                    response,
                } => {
                    let message = response.message.expect("a response has a message");
                    let line = self.lines.get_mut(&connection).expect("a known connection");
                    assert_eq!(line.closed, None, "a message on a closed WebSocket");
                    if let Message::MediaSectionsRequirement(_) = message {
                        to_offer.push(Person(connection));
                    }
                    if let Message::Join(join) = &message {
                        let participant = join.participant.as_ref().unwrap();
                        line.peer = PeerId::parse(&participant.sid);
                    }
                    line.inbox.push(message);
                }
                Effect::Close { connection, reason } => {
                    self.lines.get_mut(&connection).unwrap().closed = Some(reason);
                }
                Effect::Media(command) => self.media.obey(command),
            }
        }
        for person in to_offer {
            if !self.media.is_manual && !self.is_closed(person) {
                self.offer(person);
            }
        }
    }

    /// What a client has received and not yet looked at.
    pub(crate) fn inbox(&mut self, person: Person) -> Vec<Message> {
        std::mem::take(&mut self.lines.get_mut(&person.0).unwrap().inbox)
    }

    /// Lets news that can wait go out, and empties everybody's inbox and the media plane's, so that
    /// a test sees only what follows.
    pub(crate) fn settle(&mut self) {
        self.wait(Duration::from_secs(1));
        for line in self.lines.values_mut() {
            line.inbox.clear();
        }
        self.media.commands.clear();
    }

    pub(crate) fn closed(&self, person: Person) -> Option<CloseReason> {
        self.lines[&person.0].closed
    }

    pub(crate) fn is_closed(&self, person: Person) -> bool {
        self.closed(person).is_some()
    }

    pub(crate) fn peer(&self, person: Person) -> PeerId {
        self.lines[&person.0].peer.expect("the person has joined")
    }

    /// Gives a resumed connection the peer it stands for.
    pub(crate) fn identify(&mut self, person: Person, peer: PeerId) {
        self.lines.get_mut(&person.0).unwrap().peer = Some(peer);
    }

    fn published(&self, person: Person, cid: &str) -> Option<TrackInfo> {
        let inbox = &self.lines[&person.0].inbox;
        inbox.iter().rev().find_map(|message| match message {
            Message::TrackPublished(published) if published.cid == cid => published.track.clone(),
            _ => None,
        })
    }

    /// Which tracks the media plane forwards to somebody.
    pub(crate) fn receives(&self, person: Person) -> BTreeSet<TrackId> {
        let subscriptions = self.media.subscriptions.get(&self.peer(person));
        subscriptions.cloned().unwrap_or_default()
    }
}

impl Media {
    fn obey(&mut self, command: Command) {
        self.commands.push(command.clone());
        match command {
            Command::Subscribe { peer, track, .. } => {
                self.subscriptions.entry(peer).or_default().insert(track);
                if self.connected.contains(&peer) && !self.is_manual {
                    self.events.push_back(Event::SectionsNeeded {
                        peer,
                        audio: 0,
                        video: 0,
                    });
                }
            }
            Command::Unsubscribe { peer, track } => {
                self.subscriptions.entry(peer).or_default().remove(&track);
            }
            Command::Publish { peer, track, spec } => {
                self.pending
                    .entry(peer)
                    .or_default()
                    .push((track, spec.kind));
            }
            Command::Unpublish { track } => self.forget(track),
            Command::RemovePeer { peer } => {
                self.subscriptions.remove(&peer);
                self.pending.remove(&peer);
                self.connected.remove(&peer);
            }
            Command::Offer { peer, id, .. } if !self.is_manual => self.answer(peer, id),
            Command::Offer { .. }
            | Command::AddPeer { .. }
            | Command::MuteTrack { .. }
            | Command::Prefer { .. }
            | Command::SendData { .. } => {}
        }
    }

    fn forget(&mut self, track: TrackId) {
        for subscriptions in self.subscriptions.values_mut() {
            subscriptions.remove(&track);
        }
        for pending in self.pending.values_mut() {
            pending.retain(|&(own, _)| own != track);
        }
    }

    fn answer(&mut self, peer: PeerId, id: u32) {
        for (track, kind) in self.pending.remove(&peer).unwrap_or_default() {
            let codec = match kind {
                MediaKind::Audio => Codec::Opus,
                MediaKind::Video => Codec::Vp8,
            };
            let mid = format!("m{}", track.0 % 1000);
            self.events.push_back(Event::TrackReady {
                peer,
                track,
                codec,
                mid,
            });
        }
        let subscriptions = self.subscriptions.get(&peer).into_iter().flatten();
        let tracks = subscriptions.enumerate();
        self.events.push_back(Event::Answer {
            peer,
            id,
            sdp: format!("answer {id}"),
            tracks: tracks
                .map(|(mid, &track)| (mid.to_string(), track))
                .collect(),
        });
        if self.connected.insert(peer) {
            self.events.push_back(Event::Connected { peer });
            for channel in [DataChannel::Reliable, DataChannel::Lossy] {
                self.events.push_back(Event::DataOpen { peer, channel });
            }
        }
    }

    /// What was sent to a peer on data channels, in order.
    pub(crate) fn data_for(&self, peer: PeerId) -> Vec<(DataChannel, Vec<u8>)> {
        self.commands
            .iter()
            .filter_map(|command| match command {
                Command::SendData {
                    peer: to,
                    channel,
                    payload,
                } if *to == peer => Some((*channel, payload.to_vec())),
                _ => None,
            })
            .collect()
    }
}

/// Everybody in the updates among `messages`, in order.
pub(crate) fn updates(messages: &[Message]) -> Vec<ParticipantInfo> {
    let updates = messages.iter().filter_map(|message| match message {
        Message::Update(update) => Some(update.participants.clone()),
        _ => None,
    });
    updates.flatten().collect()
}

pub(crate) fn microphone(cid: &str) -> AddTrackRequest {
    AddTrackRequest {
        cid: cid.to_owned(),
        name: "microphone".to_owned(),
        r#type: TrackType::Audio.into(),
        source: TrackSource::Microphone.into(),
        ..AddTrackRequest::default()
    }
}

/// 720p in three layers.
pub(crate) fn camera(cid: &str) -> AddTrackRequest {
    let layer = |quality: VideoQuality, height: u32, bitrate| VideoLayer {
        quality: quality.into(),
        width: height * 16 / 9,
        height,
        bitrate,
        ..VideoLayer::default()
    };
    AddTrackRequest {
        cid: cid.to_owned(),
        name: "camera".to_owned(),
        r#type: TrackType::Video.into(),
        source: TrackSource::Camera.into(),
        width: 1280,
        height: 720,
        layers: vec![
            layer(VideoQuality::High, 720, 1_700_000),
            layer(VideoQuality::Medium, 360, 450_000),
            layer(VideoQuality::Low, 180, 160_000),
        ],
        ..AddTrackRequest::default()
    }
}

pub(crate) fn keys() -> Keys {
    Keys::new([(
        "devkey".to_owned(),
        "a secret of at least 32 characters".to_owned(),
    )])
}

pub(crate) fn settings() -> RoomSettings {
    RoomSettings {
        server: ServerDescription {
            version: "1.13.5".to_owned(),
            protocol: 17,
            region: String::new(),
            node_id: "test".to_owned(),
            debug_info: "Saal".to_owned(),
        },
        codecs: vec![Codec::Vp8, Codec::H264, Codec::Opus],
        ice_servers: Vec::new(),
        keys: Arc::new(keys()),
        ping_interval: Duration::from_secs(5),
        ping_timeout: Duration::from_secs(15),
        reconnect_grace: Duration::from_secs(30),
        connect_timeout: Duration::from_mins(1),
        empty_timeout: Duration::from_mins(5),
        departure_timeout: Duration::from_secs(20),
        token_refresh_interval: Duration::from_mins(5),
        token_ttl: Duration::from_mins(10),
        update_interval: Duration::from_secs(1),
        data_replay: Duration::from_secs(2),
        limits: Limits {
            participants: 300,
            tracks_per_participant: 8,
            pending_tracks: 5,
            metadata_bytes: 1000,
            attributes_bytes: 1000,
            name_chars: 100,
            sdp_bytes: 100_000,
            data_packet_bytes: 64_000,
            replayed_packets: 10,
            replayed_bytes: 100_000,
            subscription_permissions: 100,
            requests_per_second: 50,
            requests_burst: 500,
            departures: 100,
        },
    }
}
