//! The seam to the media plane: commands go to the worker a room lives on, events come to the room
//! they are for. Knows neither what is commanded nor what happened.

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
    media: Media,
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
    worker: Worker,
    routes: Arc<Routes>,
    peers: HashMap<PeerId, Presence>,
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
        Ok(Self { media, routes })
    }

    /// Places a room on a worker. The receiver ends when the room did not keep up with its events.
    pub(crate) fn open(&self, room: RoomId) -> (RoomMedia, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(EVENTS_LEN_MAX);
        self.routes.rooms.insert(room, events);
        let media = RoomMedia {
            room,
            worker: self.media.assign(room),
            routes: Arc::clone(&self.routes),
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
    /// Passes a command on, and notes whose events are the room's.
    pub(crate) fn send(&mut self, command: Command) {
        if let Command::AddPeer { peer, .. } = &command {
            self.peers
                .insert(*peer, self.routes.metrics.participants.enter());
            self.routes.peers.insert(*peer, self.room);
        }
        if let Command::RemovePeer { peer } = &command {
            self.forget(*peer);
        }
        self.worker.send(command);
    }

    /// Notes that the media plane itself gave a peer up.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.routes.peers.remove(&peer);
    }
}

impl Drop for RoomMedia {
    fn drop(&mut self) {
        self.routes.rooms.remove(&self.room);
        let peers = std::mem::take(&mut self.peers);
        for peer in peers.into_keys() {
            self.routes.peers.remove(&peer);
            self.worker.send(Command::RemovePeer { peer });
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
