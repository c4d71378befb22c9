//! The seam to the media plane: commands go to the workers a room lives on, events come to the room
//! they are for. Decides which of the room's workers a peer is on; knows neither what is commanded nor
//! what happened.

use crate::census::Presence;
use crate::metrics::Metrics;
use dashmap::DashMap;
use sfu::{Media, MediaLoad, MediaSettings, StartError, Worker};
use sfu_core::command::DataChannel;
use sfu_core::ids::{PeerId, RoomId};
use sfu_core::{Command, Event};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::error;

/// Events that wait for one room. A room handles one in microseconds, so a queue of this length
/// means that it hangs: it is ended, because a lost event would leave its members in the dark.
const EVENTS_LEN_MAX: usize = 16_384;

/// The media plane and who its events go to.
pub(crate) struct MediaPlane {
    media: Arc<Media>,
    routes: Arc<Routes>,
}

/// Where events go. Filled by the rooms' own commands.
struct Routes {
    rooms: DashMap<RoomId, mpsc::Sender<Event>>,
    peers: DashMap<PeerId, RoomId>,
    metrics: Arc<Metrics>,
}

/// A room's own access to the media plane; dropping it takes the room's peers away.
#[derive(Debug)]
pub(crate) struct RoomMedia {
    room: RoomId,
    media: Arc<Media>,
    routes: Arc<Routes>,
    /// The workers it lives on; more than one if it is large.
    places: Vec<Place>,
    peers: HashMap<PeerId, Home>,
}

/// A worker of the room.
#[derive(Debug)]
struct Place {
    worker: Worker,
    peers: usize,
}

/// Where a peer is.
#[derive(Debug)]
struct Home {
    /// Which of the places.
    place: usize,
    _counted: Presence,
}

impl MediaPlane {
    /// Opens the socket and starts the workers.
    pub(crate) fn start(
        settings: MediaSettings,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StartError> {
        let routes = Arc::new(Routes {
            rooms: DashMap::new(),
            peers: DashMap::new(),
            metrics,
        });
        let events_to = Arc::clone(&routes);
        let media = Media::start(settings, move |event| events_to.deliver(event))?;
        Ok(Self {
            media: Arc::new(media),
            routes,
        })
    }

    /// Places a room on a worker. The receiver ends when the room did not keep up with its events.
    pub(crate) fn open(&self, room: RoomId) -> (RoomMedia, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(EVENTS_LEN_MAX);
        self.routes.rooms.insert(room, events);
        let media = RoomMedia {
            room,
            media: Arc::clone(&self.media),
            routes: Arc::clone(&self.routes),
            places: vec![Place {
                worker: self.media.assign(room),
                peers: 0,
            }],
            peers: HashMap::new(),
        };
        (media, receiver)
    }

    /// How much the media plane has to do.
    pub(crate) fn load(&self) -> MediaLoad {
        self.media.load()
    }

    /// What the media plane counts, as Prometheus text.
    pub(crate) fn metrics(&self) -> String {
        self.media.metrics()
    }

    /// Stops the workers and closes the socket.
    pub(crate) fn shutdown(&self) {
        self.media.shutdown();
    }
}

impl RoomMedia {
    /// Passes a command on to the worker it is for, and notes whose events are the room's.
    pub(crate) fn send(&mut self, command: Command) {
        let Some(peer) = command.peer() else {
            return self.send_to_all(&command);
        };
        if matches!(command, Command::AddPeer { .. }) {
            return self.add(peer, command);
        }
        // Nobody knows a peer that was given up.
        if let Some(home) = self.peers.get(&peer) {
            let removes = matches!(command, Command::RemovePeer { .. });
            self.places[home.place].worker.send(command);
            if removes {
                self.forget(peer);
            }
        }
    }

    /// Notes that the media plane itself gave a peer up.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.routes.peers.remove(&peer);
        if let Some(home) = self.peers.remove(&peer) {
            self.places[home.place].peers -= 1;
        }
    }

    fn add(&mut self, peer: PeerId, command: Command) {
        let before = self.places.len();
        let place = match self.peers.get(&peer) {
            Some(home) => home.place,
            None => self.seat(peer),
        };
        self.places[place].worker.send(command);
        if self.places.len() == 1 {
            return;
        }
        let spread = self.spread();
        if self.places.len() > before {
            self.send_to_all(&spread);
        } else {
            // It may have forgotten the room when its last peer there was lost.
            self.places[place].worker.send(spread);
        }
    }

    /// Finds a place for a newcomer: where the fewest are, and on one more worker if all are full.
    fn seat(&mut self, peer: PeerId) -> usize {
        let fewest = |places: &[Place]| {
            let counts = places.iter().enumerate();
            let fewest = counts.min_by_key(|(_, place)| place.peers);
            fewest.map(|(index, _)| index)
        };
        let mut place = fewest(&self.places).expect("a room is on one worker at least");
        if self.places[place].peers >= self.media.peers_per_worker() {
            let taken: Vec<u8> = self.numbers();
            if let Some(worker) = self.media.assign_beside(self.room, &taken) {
                place = self.places.len();
                self.places.push(Place { worker, peers: 0 });
            }
        }
        self.places[place].peers += 1;
        let home = Home {
            place,
            _counted: self.routes.metrics.participants.enter(),
        };
        self.peers.insert(peer, home);
        self.routes.peers.insert(peer, self.room);
        place
    }

    fn spread(&self) -> Command {
        Command::Spread {
            room: self.room,
            workers: self.numbers(),
        }
    }

    fn numbers(&self) -> Vec<u8> {
        let workers = self.places.iter().map(|place| place.worker.number());
        workers.collect()
    }

    fn send_to_all(&self, command: &Command) {
        for place in &self.places {
            place.worker.send(command.clone());
        }
    }
}

impl Drop for RoomMedia {
    fn drop(&mut self) {
        self.routes.rooms.remove(&self.room);
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.send(Command::RemovePeer { peer });
        }
    }
}

impl Routes {
    fn deliver(&self, event: Event) {
        let Some(room) = self.room_of(&event) else {
            return;
        };
        let Some(events) = self.rooms.get(&room).map(|events| events.clone()) else {
            return;
        };
        match events.try_send(event) {
            // The room just ended.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(event)) => {
                self.metrics.events_dropped.increment();
                if !is_news_only(&event) {
                    error!(%room, "the room does not keep up with its media events and is ended");
                    self.rooms.remove(&room);
                }
            }
        }
    }

    fn room_of(&self, event: &Event) -> Option<RoomId> {
        if let Event::Speakers { room, .. } = event {
            return Some(*room);
        }
        self.peers.get(&event.peer()?).map(|room| *room)
    }
}

/// Whether the next event of its kind makes up for a lost one.
fn is_news_only(event: &Event) -> bool {
    match event {
        Event::Speakers { .. } | Event::Quality { .. } => true,
        Event::Data { channel, .. } => *channel == DataChannel::Lossy,
        Event::Answer { .. }
        | Event::OfferRefused { .. }
        | Event::SectionsNeeded { .. }
        | Event::Connected { .. }
        | Event::Lost { .. }
        | Event::TrackReady { .. }
        | Event::TrackEnded { .. }
        | Event::BackupReady { .. }
        | Event::Undecodable { .. }
        | Event::StreamState { .. }
        | Event::LayersWanted { .. }
        | Event::DataOpen { .. } => false,
    }
}

impl fmt::Debug for MediaPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaPlane").finish_non_exhaustive()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("rooms", &self.rooms.len())
            .field("peers", &self.peers.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saal_config::Settings;

    #[tokio::test]
    async fn a_room_takes_another_worker_when_the_first_is_full_and_not_before() {
        let plane = plane();
        let (mut small, _events) = plane.open(RoomId(1));
        add(&mut small, 1..=2);
        assert_eq!(counts(&small), [2]);
        let (mut large, _events) = plane.open(RoomId(2));
        add(&mut large, 11..=14);
        assert_eq!(counts(&large), [2, 2]);
        add(&mut large, 15..=16);
        assert_eq!(counts(&large), [3, 3], "there is no third worker");
        assert_ne!(large.numbers()[0], large.numbers()[1]);
    }

    #[tokio::test]
    async fn newcomers_take_the_places_of_those_who_left_and_who_comes_twice_stays() {
        let plane = plane();
        let (mut room, _events) = plane.open(RoomId(1));
        add(&mut room, 1..=4);
        for peer in [PeerId(1), PeerId(2)] {
            room.send(Command::RemovePeer { peer });
        }
        assert_eq!(counts(&room), [0, 2]);
        add(&mut room, 3..=3);
        assert_eq!(counts(&room), [0, 2]);
        add(&mut room, 5..=5);
        assert_eq!(counts(&room), [1, 2]);
        drop(room);
        plane.shutdown();
        let text = plane.metrics();
        for worker in 0..2 {
            let line = format!("saal_media_peers{{worker=\"{worker}\"}} 0\n");
            assert!(text.contains(&line), "{text}");
        }
    }

    fn plane() -> MediaPlane {
        let nothing: [(String, String); 0] = [];
        let mut settings = Settings::load_dev(None, nothing).unwrap();
        settings.media.udp_port = 0;
        settings.media.workers = 2;
        settings.media.peers_per_worker = 2;
        let settings = crate::room_settings::media(&settings.media);
        MediaPlane::start(settings, Arc::default()).unwrap()
    }

    fn add(room: &mut RoomMedia, peers: std::ops::RangeInclusive<u64>) {
        for peer in peers.map(PeerId) {
            let room_id = room.room;
            room.send(Command::AddPeer {
                room: room_id,
                peer,
            });
        }
    }

    fn counts(room: &RoomMedia) -> Vec<usize> {
        room.places.iter().map(|place| place.peers).collect()
    }
}
