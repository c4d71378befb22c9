//! One room's task: what reaches the room, one after another, and the doing of what it then wants
//! done. Decides nothing of the meeting itself: see `signaling_core::Room`.

use crate::media::RoomMedia;
use livekit_protocol::{SignalRequest, SignalResponse};
use sfu_core::Event;
use signaling_core::{Admission, ConnectionId, Effect, Room};
use std::collections::HashMap;
use std::time::Instant;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

/// What a room is told from outside its media.
#[derive(Debug)]
pub(crate) enum ToRoom {
    /// Somebody comes in.
    Join(Box<Arrival>),
    /// Somebody asks for something.
    Request {
        /// Over which connection.
        connection: ConnectionId,
        /// What.
        request: Box<SignalRequest>,
    },
    /// A connection is gone.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
    /// The room shall end.
    Close,
    /// The room shall break, so that a test sees what becomes of the others.
    #[cfg(test)]
    Break,
}

/// Somebody who comes in, and how they are reached.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Their connection.
    pub(crate) connection: ConnectionId,
    /// Who they are and what they may do.
    pub(crate) admission: Admission,
    /// Takes the messages for them; dropping it closes the connection after the last.
    pub(crate) replies: mpsc::Sender<Box<SignalResponse>>,
    /// Closes the connection at once.
    pub(crate) cut: oneshot::Sender<()>,
    /// Tells that the room has taken them in.
    pub(crate) seated: oneshot::Sender<()>,
}

/// How a connection is reached.
#[derive(Debug)]
struct Line {
    replies: mpsc::Sender<Box<SignalResponse>>,
    cut: oneshot::Sender<()>,
}

/// A room with all it needs to act.
#[derive(Debug)]
pub(crate) struct RoomActor {
    room: Room,
    media: RoomMedia,
    events: mpsc::Receiver<Event>,
    inbox: mpsc::Receiver<ToRoom>,
    lines: HashMap<ConnectionId, Line>,
}

impl RoomActor {
    pub(crate) fn new(
        room: Room,
        media: RoomMedia,
        events: mpsc::Receiver<Event>,
        inbox: mpsc::Receiver<ToRoom>,
    ) -> Self {
        Self {
            room,
            media,
            events,
            inbox,
            lines: HashMap::new(),
        }
    }

    /// Lives until the room is finished.
    pub(crate) async fn run(mut self) {
        let mut effects = Vec::new();
        while !self.room.is_finished() {
            let wake_at = self.room.next_timeout();
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.hear(Instant::now(), message, &mut effects),
                    None => return,
                },
                event = self.events.recv() => match event {
                    Some(event) => self.hear_media(Instant::now(), event, &mut effects),
                    // It did not keep up with its events: what it believes is no longer true.
                    None => self.room.close(Instant::now(), &mut effects),
                },
                () = sleep_until(wake_at) => self.room.handle_timeout(Instant::now(), &mut effects),
            }
            self.carry_out(&mut effects);
        }
    }

    fn hear(&mut self, now: Instant, message: ToRoom, effects: &mut Vec<Effect>) {
        match message {
            ToRoom::Join(arrival) => {
                let Arrival {
                    connection,
                    admission,
                    replies,
                    cut,
                    seated,
                } = *arrival;
                self.lines.insert(connection, Line { replies, cut });
                self.room.join(now, connection, admission, effects);
                if seated.send(()).is_err() {
                    // They hung up while they waited, and have no seat whose end would tell.
                    self.lines.remove(&connection);
                    self.room.connection_closed(now, connection, effects);
                }
            }
            ToRoom::Request {
                connection,
                request,
            } => {
                self.room.handle_request(now, connection, *request, effects);
            }
            ToRoom::Closed { connection } => {
                if self.lines.remove(&connection).is_some() {
                    self.room.connection_closed(now, connection, effects);
                }
            }
            ToRoom::Close => self.room.close(now, effects),
            #[cfg(test)]
            ToRoom::Break => panic!("broken for a test"),
        }
    }

    fn hear_media(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        if let Event::Lost { peer, .. } = &event {
            self.media.forget(*peer);
        }
        self.room.handle_media(now, event, effects);
    }

    /// Does what the room wants done, and leaves `effects` empty.
    fn carry_out(&mut self, effects: &mut Vec<Effect>) {
        while !effects.is_empty() {
            let mut unread = Vec::new();
            for effect in effects.drain(..) {
                match effect {
                    Effect::Reply {
                        connection,
                        response,
                    } => {
                        if !self.reply(connection, response) {
                            unread.push(connection);
                        }
                    }
                    Effect::Close { connection, reason } => {
                        debug!(%connection, reason = reason.as_str(), "connection closed");
                        self.lines.remove(&connection);
                    }
                    Effect::Media(command) => self.media.send(command),
                }
            }
            for connection in unread {
                self.room
                    .connection_closed(Instant::now(), connection, effects);
            }
        }
    }

    /// Queues a message; false if the client let its queue run full and was cut off for it.
    fn reply(&mut self, connection: ConnectionId, response: SignalResponse) -> bool {
        let Some(line) = self.lines.get(&connection) else {
            return true;
        };
        match line.replies.try_send(Box::new(response)) {
            // A closed line is one whose departure waits in the inbox.
            Ok(()) | Err(TrySendError::Closed(_)) => true,
            Err(TrySendError::Full(_)) => {
                let line = self
                    .lines
                    .remove(&connection)
                    .expect("it was found a line above");
                line.cut.send(()).ok();
                false
            }
        }
    }
}

async fn sleep_until(wake_at: Option<Instant>) {
    match wake_at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
