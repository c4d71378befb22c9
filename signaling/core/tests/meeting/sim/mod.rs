//! A room on a virtual clock, with scripted clients and a scripted media plane around it.
//!
//! The media plane answers every offer at once: tracks whose section was offered become ready, the
//! answer carries every subscription, and a peer is connected with its first answer. The clients
//! offer again when asked for sections, and ping. Both only do what the real ones were seen to do.

mod media;
mod scenery;
mod visitor;

pub(crate) use media::Media;
pub(crate) use scenery::{MIDNIGHT, camera, keys, microphone, settings, updates};
pub(crate) use visitor::Visitor;

use livekit_protocol::signal_request::Message as Asked;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, LeaveRequest, SessionDescription, SignalRequest, TrackInfo,
};
use sfu_core::Event;
use sfu_core::command::DataChannel;
use sfu_core::ids::{PeerId, TrackId};
use signaling_core::{CloseReason, ConnectionId, Effect, Room, RoomSettings};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

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

/// Somebody with a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person(pub(crate) ConnectionId);

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
