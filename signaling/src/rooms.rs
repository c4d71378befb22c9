//! Finds the room of a name, or opens it, and seats those who come. Knows where rooms are, not
//! what happens in them.

use crate::capacity::{Capacity, CapacityLimits, Full};
use crate::media::MediaPlane;
use crate::metrics::Metrics;
use crate::room_actor::{Arrival, RoomActor, ToRoom};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use livekit_protocol::{SignalRequest, SignalResponse};
use sfu_core::ids::RoomId;
use signaling_core::{Admission, ConnectionId, Room, RoomSettings};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

/// Messages that wait for one room. Those who send wait for a place, so nothing is lost; the
/// length only decides how far senders and the room may drift apart.
const INBOX_LEN_MAX: usize = 1_024;
/// A room may end between being found and being asked; then the next one of its name is fresh.
/// A room that ends the second time as well fails on this very join.
const JOIN_ATTEMPTS_MAX: usize = 2;

/// All rooms of this server. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Rooms(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    open: DashMap<String, Place>,
    media: Arc<MediaPlane>,
    metrics: Arc<Metrics>,
    capacity: Capacity,
    settings: RoomSettings,
    replies_len_max: usize,
    connections: AtomicU64,
}

/// Where an open room is reached.
#[derive(Debug)]
struct Place {
    id: RoomId,
    inbox: mpsc::Sender<ToRoom>,
}

/// The room failed while somebody joined.
#[derive(Debug, thiserror::Error)]
#[error("the room cannot be entered; try again")]
pub(crate) struct RoomFailed;

/// Why nobody was seated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSeated {
    #[error(transparent)]
    Failed(#[from] RoomFailed),
    /// It would have been a new meeting.
    #[error(transparent)]
    Full(#[from] Full),
}

impl Rooms {
    /// No rooms yet, and as many as `limits` allow; `replies_len_max` bounds what waits for a client
    /// that does not read.
    pub(crate) fn new(
        media: Arc<MediaPlane>,
        metrics: Arc<Metrics>,
        settings: RoomSettings,
        limits: CapacityLimits,
        replies_len_max: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            open: DashMap::new(),
            media,
            metrics,
            capacity: Capacity::new(limits),
            settings,
            replies_len_max,
            connections: AtomicU64::new(0),
        }))
    }

    /// Seats somebody in the room their admission names.
    pub(crate) async fn join(&self, admission: Admission) -> Result<Seat, NotSeated> {
        let connection = ConnectionId(self.0.connections.fetch_add(1, Ordering::Relaxed));
        for _ in 0..JOIN_ATTEMPTS_MAX {
            let inbox = self.inbox(&admission.room)?;
            let (replies, receiver) = mpsc::channel(self.0.replies_len_max);
            let (cut, is_cut) = oneshot::channel();
            let (seated, is_seated) = oneshot::channel();
            let admission = admission.clone();
            let arrival = Arrival {
                connection,
                admission,
                replies,
                cut,
                seated,
            };
            let asked = inbox.send(ToRoom::Join(Box::new(arrival))).await;
            if asked.is_ok() && is_seated.await.is_ok() {
                return Ok(Seat {
                    connection,
                    inbox,
                    replies: receiver,
                    cut: Some(is_cut),
                });
            }
        }
        Err(RoomFailed.into())
    }

    /// What there is not enough of for another meeting; `None` if one may begin.
    pub(crate) fn full(&self) -> Option<Full> {
        let load = self.0.media.load();
        self.0.capacity.full(Instant::now(), load)
    }

    /// The same for a meeting of that name, which goes on if it runs.
    pub(crate) fn full_for(&self, name: &str) -> Option<Full> {
        let place = self.0.open.get(name);
        let runs = place.is_some_and(|place| !place.inbox.is_closed());
        if runs { None } else { self.full() }
    }

    /// Ends all rooms and waits until they have told everyone.
    pub(crate) async fn close(&self) {
        let inboxes: Vec<_> = self
            .0
            .open
            .iter()
            .map(|place| place.inbox.clone())
            .collect();
        for inbox in inboxes {
            // A room that is gone needs no telling.
            inbox.send(ToRoom::Close).await.ok();
        }
        self.0.metrics.rooms.emptied().await;
    }

    fn inbox(&self, name: &str) -> Result<mpsc::Sender<ToRoom>, Full> {
        let admit = || self.full().map_or(Ok(()), Err);
        let inbox = match self.0.open.entry(name.to_owned()) {
            Entry::Occupied(place) if !place.get().inbox.is_closed() => place.get().inbox.clone(),
            Entry::Occupied(mut place) => {
                admit()?;
                place.insert(self.open(name));
                place.get().inbox.clone()
            }
            Entry::Vacant(vacant) => {
                admit()?;
                vacant.insert(self.open(name)).inbox.clone()
            }
        };
        Ok(inbox)
    }

    fn open(&self, name: &str) -> Place {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let settings = self.0.settings.clone();
        let seed = rand::random();
        let room = Room::new(Instant::now(), settings, name.to_owned(), since_1970, seed);
        let id = room.id();
        let (media, events) = self.0.media.open(id);
        let (inbox, messages) = mpsc::channel(INBOX_LEN_MAX);
        let actor = RoomActor::new(room, media, events, messages);
        let listing = Listing {
            rooms: self.clone(),
            name: name.to_owned(),
            id,
            _counted: self.0.metrics.rooms.enter(),
        };
        info!(room = %id, "room opened");
        tokio::spawn(async move {
            let _listing = listing;
            actor.run().await;
        });
        Place { id, inbox }
    }
}

/// A room's entry in the list. Dropped with the room's task, even by a panic: that room is gone
/// then, and nothing else.
struct Listing {
    rooms: Rooms,
    name: String,
    id: RoomId,
    _counted: crate::census::Presence,
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.rooms
            .0
            .open
            .remove_if(&self.name, |_, place| place.id == self.id);
        if std::thread::panicking() {
            self.rooms.0.metrics.rooms_crashed.increment();
            error!(room = %self.id, "room ended by an error");
        } else {
            info!(room = %self.id, "room ended");
        }
    }
}

/// A connection's place in a room; dropping it tells the room that the connection is gone.
#[derive(Debug)]
pub(crate) struct Seat {
    connection: ConnectionId,
    inbox: mpsc::Sender<ToRoom>,
    /// Boxed, because a queue makes room for 32 of them at once, and they have almost a kilobyte each.
    replies: mpsc::Receiver<Box<SignalResponse>>,
    cut: Option<oneshot::Receiver<()>>,
}

impl Seat {
    /// The next message for the client; `None` when the room has nothing more to say to it, ever.
    pub(crate) async fn next_reply(&mut self) -> Option<Box<SignalResponse>> {
        self.replies.recv().await
    }

    /// Passes on what the client asks.
    pub(crate) async fn request(&self, request: SignalRequest) -> Result<(), RoomFailed> {
        let request = ToRoom::Request {
            connection: self.connection,
            request: Box::new(request),
        };
        self.inbox.send(request).await.map_err(|_| RoomFailed)
    }

    /// Completes when the room gives the connection up because its replies were not read. What
    /// still waits for the client is lost then.
    pub(crate) fn cut(&mut self) -> impl Future<Output = ()> + use<> {
        let cut = self.cut.take();
        async move {
            let is_cut = match cut {
                Some(cut) => cut.await.is_ok(),
                None => false,
            };
            if !is_cut {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let gone = ToRoom::Closed {
            connection: self.connection,
        };
        if let Err(mpsc::error::TrySendError::Full(gone)) = self.inbox.try_send(gone) {
            let inbox = self.inbox.clone();
            // A room that ended meanwhile needs no telling.
            tokio::spawn(async move { inbox.send(gone).await.ok() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use livekit_protocol::participant_info::State;
    use livekit_protocol::signal_response::Message;
    use saal_config::Settings;
    use signaling_core::{Claims, RtcPath};
    use std::task::{Context, Waker};
    use std::time::Duration;

    #[tokio::test]
    async fn a_room_that_breaks_ends_alone_and_can_be_entered_afresh() {
        let (rooms, metrics) = rooms();
        let mut broken = rooms.join(admission("alice", "broken")).await.unwrap();
        let mut sound = rooms.join(admission("bob", "sound")).await.unwrap();
        assert!(broken.next_reply().await.is_some(), "alice joined");
        assert!(sound.next_reply().await.is_some(), "bob joined");

        broken.inbox.send(ToRoom::Break).await.unwrap();

        while broken.next_reply().await.is_some() {}
        assert_eq!(metrics.rooms_crashed.value(), 1);
        assert_eq!(metrics.rooms.count(), 1, "only the broken room is gone");
        assert!(sound.request(SignalRequest::default()).await.is_ok());
        let mut carol = rooms.join(admission("carol", "sound")).await.unwrap();
        assert!(
            carol.next_reply().await.is_some(),
            "carol joined the sound room"
        );
        let mut again = rooms.join(admission("alice", "broken")).await.unwrap();
        assert!(again.next_reply().await.is_some(), "alice joined afresh");
    }

    #[tokio::test]
    async fn closing_tells_everyone_and_waits_for_every_room() {
        let (rooms, metrics) = rooms();
        let mut seats = Vec::new();
        for room in ["a", "b"] {
            seats.push(rooms.join(admission("alice", room)).await.unwrap());
        }
        rooms.close().await;
        assert_eq!(metrics.rooms.count(), 0);
        for seat in &mut seats {
            let mut last = None;
            while let Some(reply) = seat.next_reply().await {
                last = reply.message;
            }
            let left = matches!(last, Some(Message::Leave(_)));
            assert!(left, "{last:?}");
        }
    }

    #[tokio::test]
    async fn a_full_server_refuses_new_meetings_and_running_ones_grow() {
        let (rooms, _) = rooms_with(|settings| settings.media.load_max_percent = 1);
        let _alice = rooms.join(admission("alice", "running")).await.unwrap();
        // Each new room is expected to weigh until it is measured, so soon it is enough.
        let mut others = Vec::new();
        let refusal = loop {
            assert!(others.len() < 100, "the server never was full");
            let room = format!("room {}", others.len());
            match rooms.join(admission("bob", &room)).await {
                Ok(seat) => others.push(seat),
                Err(refusal) => break refusal,
            }
        };
        assert!(matches!(refusal, NotSeated::Full(Full::Processor)));
        assert!(rooms.full().is_some());
        assert_eq!(rooms.full_for("running"), None);
        assert!(rooms.join(admission("carol", "running")).await.is_ok());
    }

    #[tokio::test]
    async fn who_hangs_up_while_waiting_to_be_seated_leaves_no_ghost() {
        let (rooms, _) = rooms();
        let mut bob = rooms.join(admission("bob", "room")).await.unwrap();
        {
            let mut joining = std::pin::pin!(rooms.join(admission("alice", "room")));
            let mut context = Context::from_waker(Waker::noop());
            assert!(
                joining.as_mut().poll(&mut context).is_pending(),
                "the room was asked"
            );
        }
        let is_farewell = |reply: Box<SignalResponse>| match reply.message {
            Some(Message::Update(update)) => update.participants.iter().any(|participant| {
                participant.identity == "alice" && participant.state() == State::Disconnected
            }),
            _ => false,
        };
        let farewell = async { while !bob.next_reply().await.is_some_and(is_farewell) {} };
        let patience = Duration::from_secs(10);
        tokio::time::timeout(patience, farewell)
            .await
            .expect("alice is taken out");
    }

    fn rooms() -> (Rooms, Arc<Metrics>) {
        rooms_with(|_| {})
    }

    fn rooms_with(change: impl FnOnce(&mut Settings)) -> (Rooms, Arc<Metrics>) {
        let nothing: [(String, String); 0] = [];
        let mut settings = Settings::load_dev(None, nothing).unwrap();
        settings.media.udp_port = 0;
        settings.media.workers = 1;
        settings.room.update_interval = Duration::from_millis(1);
        settings.room.reconnect_grace = Duration::from_millis(100);
        change(&mut settings);
        let metrics = Arc::new(Metrics::default());
        let media = crate::room_settings::media(&settings.media);
        let media = Arc::new(MediaPlane::start(media, Arc::clone(&metrics)).unwrap());
        let keys = Arc::new(crate::room_settings::keys(&settings));
        let room = crate::room_settings::room(&settings, &keys);
        let limits = crate::room_settings::capacity(&settings.media);
        let rooms = Rooms::new(media, Arc::clone(&metrics), room, limits, 64);
        (rooms, metrics)
    }

    fn admission(identity: &str, room: &str) -> Admission {
        // An empty request, as a client without wishes would send it.
        let query = [("join_request".to_owned(), String::new())];
        let join = signaling_core::parse_join(RtcPath::V1, &query).unwrap();
        signaling_core::check_admission(&Claims::joining(identity, room), &join).unwrap()
    }
}
