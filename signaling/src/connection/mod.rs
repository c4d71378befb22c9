//! One client's WebSocket: its frames become requests for the room, the room's replies become
//! frames. Knows the limits of a connection and nothing of what is said on it.

mod budget;

use crate::metrics::{Counter, Metrics};
use crate::rooms::Seat;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use budget::FrameBudget;
use livekit_protocol::SignalResponse;
use signaling_core::{Encoded, Frame, Framing};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tracing::debug;

/// Keeps proxies from closing quiet connections, and finds dead ones.
const PING_PERIOD: Duration = Duration::from_secs(10);
/// How long the socket stays open after the last frame, so that the client reads why it was
/// closed: a reset would throw the frame away unread.
const LINGER: Duration = Duration::from_secs(1);

/// What one connection may do at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of one message.
    pub(crate) message_bytes: usize,
    /// Silence in either direction.
    pub(crate) silence: Duration,
    /// Frames of any kind in a second, on average. The room counts requests; this counts what
    /// never reaches a room as well.
    pub(crate) frames_per_second: u32,
    /// Frames at once.
    pub(crate) frames_burst: u32,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The client closed it or vanished.
    Left,
    /// The room closed it.
    Removed,
    /// A message over the limit.
    MessageTooLong,
    /// Not a WebSocket frame.
    Malformed,
    /// Too many messages.
    Flooded,
    /// The client did not read what it was sent.
    Unread,
    /// Nothing came for too long.
    Silent,
}

/// Serves the connection until it ends; dropping the seat tells the room.
pub(crate) async fn run(
    mut socket: WebSocket,
    mut seat: Seat,
    limits: Limits,
    metrics: Arc<Metrics>,
) {
    let _counted = metrics.connections.enter();
    let cut = seat.cut();
    let mut talk = Talk {
        socket: &mut socket,
        seat: &mut seat,
        framing: Framing::Binary,
        limits,
        metrics: &metrics,
    };
    let ending = tokio::select! {
        biased;
        () = cut => Ending::Unread,
        ending = talk.run() => ending,
    };
    // The others see the participant go before the socket lingers.
    drop(seat);
    ending.counter(&metrics).increment();
    debug!(?ending, "connection ended");
    close(socket, ending).await;
}

/// Says goodbye with the reason's code, if the client still listens.
async fn close(mut socket: WebSocket, ending: Ending) {
    let Some(frame) = ending.close_frame() else {
        return;
    };
    let goodbye = async {
        socket.send(Message::Close(Some(frame))).await.ok();
        if ending == Ending::MessageTooLong {
            // What remains of that message must not be read: its length is the client's claim.
            tokio::time::sleep(LINGER).await;
        } else {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    timeout(LINGER * 2, goodbye).await.ok();
}

/// The conversation on an open socket.
struct Talk<'a> {
    socket: &'a mut WebSocket,
    seat: &'a mut Seat,
    framing: Framing,
    limits: Limits,
    metrics: &'a Metrics,
}

impl Talk<'_> {
    async fn run(&mut self) -> Ending {
        let period = PING_PERIOD.min(self.limits.silence / 2);
        let mut ping = interval_at(tokio::time::Instant::now() + period, period);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        let Limits {
            frames_per_second,
            frames_burst,
            ..
        } = self.limits;
        let mut budget = FrameBudget::new(heard_at, frames_per_second, frames_burst);
        loop {
            let done = tokio::select! {
                reply = self.seat.next_reply() => match reply {
                    Some(reply) => {
                        let message = self.to_message(&reply);
                        self.metrics.replies.increment();
                        self.send(message).await
                    }
                    None => Err(Ending::Removed),
                },
                received = self.socket.recv() => {
                    heard_at = Instant::now();
                    if budget.take(heard_at) {
                        self.receive(received).await
                    } else {
                        Err(Ending::Flooded)
                    }
                }
                _ = ping.tick() => {
                    if heard_at.elapsed() > self.limits.silence {
                        Err(Ending::Silent)
                    } else {
                        self.send(Message::Ping(bytes::Bytes::new())).await
                    }
                }
            };
            if let Err(ending) = done {
                return ending;
            }
        }
    }

    async fn receive(
        &mut self,
        received: Option<Result<Message, axum::Error>>,
    ) -> Result<(), Ending> {
        let message = match received {
            None | Some(Ok(Message::Close(_))) => return Err(Ending::Left),
            Some(Err(error)) => return Err(Ending::of(&error)),
            Some(Ok(message)) => message,
        };
        let frame = match &message {
            Message::Binary(payload) => Frame::Binary(payload),
            Message::Text(text) => Frame::Text(text),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        self.framing = frame.framing();
        self.metrics.requests.increment();
        match signaling_core::decode(frame) {
            Ok(Some(request)) => self
                .seat
                .request(request)
                .await
                .map_err(|_| Ending::Removed),
            Ok(None) => Ok(()),
            Err(error) => {
                // A client that is broken in one place can still be useful in others.
                self.metrics.requests_malformed.increment();
                debug!(%error, "request ignored");
                Ok(())
            }
        }
    }

    fn to_message(&self, reply: &SignalResponse) -> Message {
        match signaling_core::encode(reply, self.framing) {
            Encoded::Binary(bytes) => Message::Binary(bytes.into()),
            Encoded::Text(text) => Message::Text(text.into()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Ending> {
        match timeout(self.limits.silence, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ending::Left),
            Err(_) => Err(Ending::Unread),
        }
    }
}

impl Ending {
    fn of(error: &axum::Error) -> Self {
        use tokio_tungstenite::tungstenite::Error;
        let cause =
            std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
        match cause {
            Some(Error::Capacity(_)) => Self::MessageTooLong,
            Some(Error::Protocol(_) | Error::Utf8(_)) => Self::Malformed,
            _ => Self::Left,
        }
    }

    fn close_frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            // Nobody is there to read it.
            Self::Left | Self::Unread => return None,
            Self::Removed => (close_code::NORMAL, ""),
            Self::MessageTooLong => (close_code::SIZE, "the message is too long"),
            Self::Malformed => (close_code::PROTOCOL, "this is not a WebSocket message"),
            Self::Flooded => (close_code::POLICY, "too many messages"),
            Self::Silent => (close_code::POLICY, "nothing was heard for too long"),
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }

    fn counter(self, metrics: &Metrics) -> &Counter {
        let ended = &metrics.connections_ended;
        match self {
            Self::Left => &ended.left,
            Self::Removed => &ended.removed,
            Self::MessageTooLong => &ended.message_too_long,
            Self::Malformed => &ended.malformed,
            Self::Flooded => &ended.flooded,
            Self::Unread => &ended.unread,
            Self::Silent => &ended.silent,
        }
    }
}
