//! One synthetic participant: joins, publishes, receives, counts, leaves. Tests of other crates may
//! use it as a peer that is no browser.

mod answer;
mod connection;
pub(crate) mod negotiation;
pub(crate) mod publication;
mod room_view;
mod runtime;
mod session;
mod shared;
mod tap;

use crate::endpoint::Endpoint;
use crate::join_request;
use crate::latency::LatencyHistogram;
use crate::layout::{Gallery, Layout};
use crate::media_source::KeyFrameRequests;
use crate::media_source::vp8::Encoding;
use crate::reception::{Reception, Tally};
use crate::requests;
use crate::signal;
use anyhow::{Context, bail};
use bytes::Bytes;
use negotiation::Negotiation;
use publication::{Publication, Ssrcs};
use session::{Order, Session, Status};
use shared::Shared;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tap::Tap;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// As long as livekit-client waits for a connection before it gives up.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);
/// As long as a peer waits for its own goodbye.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Orders a session may have before it; the one who orders waits for room.
const ORDERS_MAX: usize = 16;

/// How one peer joins.
#[derive(Debug, Clone)]
pub struct PeerSettings {
    /// The server.
    pub endpoint: Endpoint,
    /// Its access token.
    pub token: String,
    /// The address of this machine from which its media goes out.
    pub address: IpAddr,
    /// How large it shows the others.
    pub layout: Layout,
    /// What its camera sends, smallest first.
    pub encodings: &'static [Encoding],
    /// Publishes microphone and camera: its place among the speakers, and how many they are.
    pub publish_in_turn: Option<(u32, u32)>,
}

/// A participant in a meeting.
pub struct Peer {
    shared: Arc<Shared>,
    status: watch::Receiver<Status>,
    orders: mpsc::Sender<Order>,
    stop_media: watch::Sender<bool>,
    session: JoinHandle<()>,
    time_to_join: Duration,
}

/// One track of another participant, as a peer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The track's sid.
    pub track: String,
    /// From hearing of the track, or from being connected if that is later, to its first packet;
    /// `None` while none has come.
    pub first_media: Option<Duration>,
}

impl Peer {
    /// Joins and waits until media can flow, or says in one line why it cannot.
    pub async fn join(settings: PeerSettings) -> anyhow::Result<Self> {
        let started_at = Instant::now();
        let ssrcs = Ssrcs {
            audio: rand::random(),
            video: settings.encodings.iter().map(|_| rand::random()).collect(),
        };
        let reception = Arc::new(Reception::default());
        let requests = Arc::new(KeyFrameRequests::new(&ssrcs.video));
        let (counts, raised) = (Arc::clone(&reception), Arc::clone(&requests));
        let tap = Tap::new(counts, raised, connection::MID_EXTENSION);
        let connection = Box::pin(connection::open(settings.address, tap)).await?;
        let first_offer = connection
            .pc
            .create_offer(None)
            .await
            .context("the first offer")?;
        let sdp = first_offer.sdp.clone();
        connection
            .pc
            .set_local_description(first_offer)
            .await
            .context("the first offer")?;
        let request = join_request::encode(requests::offer(Negotiation::FIRST_ID, sdp), true)?;
        let connected = signal::connect(&settings.endpoint, &settings.token, &request).await;
        let (sender, receiver) = match connected {
            Ok(halves) => halves,
            Err(error) => {
                connection.pc.close().await.ok();
                return Err(error);
            }
        };
        let publication = Publication::new(
            settings.encodings,
            ssrcs,
            requests,
            settings.publish_in_turn,
        );
        let shared = Arc::new(Shared::new(reception));
        let (status_sender, status) = watch::channel(Status::Joining);
        let (orders, order_receiver) = mpsc::channel(ORDERS_MAX);
        let (stop_media, stopped) = watch::channel(false);
        let session = Session::new(
            connection,
            sender,
            publication,
            (Arc::clone(&shared), Gallery::new(settings.layout)),
            stopped,
        );
        let session = tokio::spawn(session.run(receiver, order_receiver, status_sender));
        let time_to_join = Duration::ZERO;
        let mut peer = Self {
            shared,
            status,
            orders,
            stop_media,
            session,
            time_to_join,
        };
        match peer.wait_until_connected().await {
            Ok(()) => {
                peer.time_to_join = started_at.elapsed();
                Ok(peer)
            }
            Err(error) => {
                peer.leave().await;
                Err(error)
            }
        }
    }

    /// From the first step to a connection that carries media.
    pub fn time_to_join(&self) -> Duration {
        self.time_to_join
    }

    /// What it received and sent so far.
    pub fn tally(&self) -> Tally {
        self.shared.reception.tally()
    }

    /// The travel times of packets from peers in this process.
    pub fn latency(&self) -> LatencyHistogram {
        self.shared.reception.latency()
    }

    /// Every track that it should be receiving.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.shared.subscriptions()
    }

    /// Why it is no longer in the meeting; `None` while it is.
    pub fn ended(&self) -> Option<String> {
        match &*self.status.borrow() {
            Status::Joining | Status::Connected => None,
            Status::Ended(reason) => Some(reason.clone()),
        }
    }

    /// Sends one message, an encoded `DataPacket`, to all others on the reliable channel.
    pub async fn send_data(&self, packet: Bytes) -> anyhow::Result<()> {
        self.orders
            .send(Order::SendData(packet))
            .await
            .ok()
            .context("the peer has left")
    }

    /// Messages that came on both data channels so far.
    pub fn data_received(&self) -> u64 {
        self.shared.data_received()
    }

    /// Stops its microphone and camera; it goes on receiving.
    pub fn stop_media(&self) {
        self.stop_media.send_replace(true);
    }

    /// Says goodbye and closes everything.
    pub async fn leave(mut self) {
        self.stop_media();
        self.orders.send(Order::Leave).await.ok();
        if tokio::time::timeout(LEAVE_TIMEOUT, &mut self.session)
            .await
            .is_err()
        {
            self.session.abort();
        }
    }

    async fn wait_until_connected(&mut self) -> anyhow::Result<()> {
        let decided = self
            .status
            .wait_for(|status| !matches!(status, Status::Joining));
        let status = match tokio::time::timeout(JOIN_TIMEOUT, decided).await {
            Ok(status) => status.context("the peer ended without a reason")?.clone(),
            Err(_) => Status::Ended(self.shared.progress().to_owned()),
        };
        match status {
            Status::Joining | Status::Connected => Ok(()),
            Status::Ended(reason) => bail!(reason),
        }
    }
}
