//! One lean participant, as a scenario sees it: it joins, goes, comes back. Knows no messages.

use super::peer::Phase;
use super::pump::Pump;
use super::talk::{Order, Talk};
use crate::endpoint::Endpoint;
use crate::layout::Layout;
use crate::media_source::Video;
use anyhow::{Context, bail};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// As long as livekit-client waits for a connection before it gives up.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);
/// As long as a participant waits for its own goodbye.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Orders a session may have before it; the one who orders waits for room.
const ORDERS_MAX: usize = 4;

/// What a participant sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishes {
    /// A microphone.
    Sound,
    /// A microphone and a camera.
    SoundAndPictures,
}

/// How one participant joins.
#[derive(Debug, Clone)]
pub struct LeanSettings {
    /// The server.
    pub endpoint: Endpoint,
    /// Its access token.
    pub token: String,
    /// What it sends, and its place among so many speakers; `None` sends nothing.
    pub publishes: Option<(Publishes, (u32, u32))>,
    /// Whether it is sent everybody's tracks.
    pub subscribes: bool,
    /// What its camera sends, and what it is sent.
    pub video: Video,
    /// How large it shows them.
    pub layout: Layout,
}

/// A lean participant in a meeting.
pub struct LeanPeer {
    time_to_join: Duration,
    settings: LeanSettings,
    phase: watch::Receiver<Phase>,
    orders: mpsc::Sender<Order>,
    session: JoinHandle<anyhow::Result<()>>,
}

impl LeanPeer {
    /// Joins and waits until media can flow, or says in one line why it cannot.
    pub async fn join(settings: LeanSettings, pump: Pump) -> anyhow::Result<Self> {
        let started_at = Instant::now();
        let joined =
            tokio::time::timeout(JOIN_TIMEOUT, Talk::connect(settings.clone(), pump)).await;
        let (session, receiver, mut phase) = joined.context("not connected in 15 s")??;
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        let session = tokio::spawn(session.run(receiver, ordered));
        let decided = phase.wait_for(|phase| *phase != Phase::Connecting);
        let decided = tokio::time::timeout(JOIN_TIMEOUT, decided).await;
        let decided = decided.context("ICE or DTLS did not connect in 15 s")?;
        match decided.context("the pump has ended")?.clone() {
            Phase::Connected | Phase::Connecting => {}
            Phase::Failed(reason) => bail!(reason),
        }
        Ok(Self {
            time_to_join: started_at.elapsed(),
            settings,
            phase,
            orders,
            session,
        })
    }

    /// From the first step to a connection that carries media.
    pub fn time_to_join(&self) -> Duration {
        self.time_to_join
    }

    /// How it joined.
    pub fn settings(&self) -> &LeanSettings {
        &self.settings
    }

    /// Whether it is still in the meeting.
    pub fn is_in(&self) -> bool {
        !self.session.is_finished() && *self.phase.borrow() == Phase::Connected
    }

    /// Says goodbye and ends its media.
    pub async fn leave(self) {
        self.end(Order::Leave).await;
    }

    /// Is gone without a goodbye.
    pub async fn vanish(self) {
        self.end(Order::Vanish).await;
    }

    /// Loses its signal connection, and takes up the session over a new one.
    pub async fn resume(&self) -> anyhow::Result<()> {
        let (done, resumed) = oneshot::channel();
        let ordered = self.orders.send(Order::Resume(done)).await;
        ordered.ok().context("the session has ended")?;
        let resumed = tokio::time::timeout(JOIN_TIMEOUT, resumed).await;
        resumed
            .context("no connection in 15 s")?
            .context("the server did not take the session up")
    }

    async fn end(self, order: Order) {
        // A session that has ended has left.
        self.orders.send(order).await.ok();
        let mut session = self.session;
        if tokio::time::timeout(LEAVE_TIMEOUT, &mut session)
            .await
            .is_err()
        {
            session.abort();
        }
    }
}
