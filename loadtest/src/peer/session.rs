//! The course of one peer's meeting: answers every message of the server until one side ends it.
//! Decides the order of steps; the modules beside it know each step.

use super::answer;
use super::connection::{Connection, add_receiving_sections};
use super::negotiation::Negotiation;
use super::publication::Publication;
use super::shared::{Shared, count_data};
use crate::layout::Gallery;
use crate::reception::Kind;
use crate::requests;
use crate::signal::{SignalReceiver, SignalSender};
use anyhow::{Context, bail};
use bytes::{Bytes, BytesMut};
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    JoinResponse, LeaveRequest, MediaSectionsRequirement, ParticipantInfo, Ping, RequestResponse,
    SessionDescription, SignalTarget, SubscriptionPermission, TrickleRequest,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior};
use tracing::trace;
use webrtc::peer_connection::{RTCIceCandidateInit, RTCPeerConnectionState, RTCSessionDescription};

/// Receiving sections that one peer adds at the server's wish: every section makes every further
/// offer longer.
const SECTIONS_MAX: u32 = 1_000;
/// Candidates that may come before the first answer.
const EARLY_CANDIDATES_MAX: usize = 64;
/// The protocol's usual pace of pings, for servers that name none.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Where a peer stands.
#[derive(Debug, Clone)]
pub(super) enum Status {
    /// On the way in.
    Joining,
    /// Media can flow.
    Connected,
    /// Out, for this reason.
    Ended(String),
}

/// What the owner of a peer asks of its session.
pub(super) enum Order {
    /// Send an encoded `DataPacket` on the reliable channel.
    SendData(Bytes),
    /// Say goodbye.
    Leave,
}

/// A peer's side of a meeting.
pub(super) struct Session {
    connection: Connection,
    signal: SignalSender,
    negotiation: Negotiation,
    publication: Publication,
    shared: Arc<Shared>,
    gallery: Gallery,
    stop_media: watch::Receiver<bool>,
    early_candidates: Vec<RTCIceCandidateInit>,
    sections_added: u32,
    ping: Interval,
}

impl Session {
    /// A session whose first offer went out with the join request.
    pub(super) fn new(
        connection: Connection,
        signal: SignalSender,
        publication: Publication,
        (shared, gallery): (Arc<Shared>, Gallery),
        stop_media: watch::Receiver<bool>,
    ) -> Self {
        Self {
            connection,
            signal,
            negotiation: Negotiation::joining(),
            publication,
            shared,
            gallery,
            stop_media,
            early_candidates: Vec::new(),
            sections_added: 0,
            ping: interval(PING_INTERVAL),
        }
    }

    /// Runs until an order, the server or a failure ends it.
    pub(super) async fn run(
        mut self,
        mut receiver: SignalReceiver,
        mut orders: mpsc::Receiver<Order>,
        status: watch::Sender<Status>,
    ) {
        let channels = [&self.connection.reliable, &self.connection.lossy];
        let counting = channels
            .map(|channel| tokio::spawn(count_data(Arc::clone(channel), Arc::clone(&self.shared))));
        let reason = match self.serve(&mut receiver, &mut orders, &status).await {
            Ok(()) => "left".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        status.send_replace(Status::Ended(reason));
        counting.iter().for_each(JoinHandle::abort);
        self.connection.pc.close().await.ok();
        self.signal.close().await;
    }

    async fn serve(
        &mut self,
        receiver: &mut SignalReceiver,
        orders: &mut mpsc::Receiver<Order>,
        status: &watch::Sender<Status>,
    ) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                message = receiver.next() => self.handle(message?).await?,
                Some(candidate) = self.connection.candidates.recv() => self.trickle(candidate).await?,
                changed = self.connection.state.changed() => {
                    changed.context("the peer connection stopped")?;
                    let state = *self.connection.state.borrow_and_update();
                    self.connection_changed(state, status).await?;
                }
                _ = self.ping.tick() => self.send_ping().await?,
                order = orders.recv() => match order {
                    Some(Order::SendData(packet)) => {
                        self.connection.reliable.send(BytesMut::from(&packet[..])).await?;
                    }
                    Some(Order::Leave) | None => return self.say_goodbye().await,
                },
            }
            self.offer_if_due().await?;
            self.start_media_if_due().await?;
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a client ignores what it does not use"
    )]
    async fn handle(&mut self, message: Response) -> anyhow::Result<()> {
        match message {
            Response::Join(join) => self.joined(join).await?,
            Response::Answer(answer) => self.answered(answer).await?,
            Response::Trickle(trickle) => self.remote_candidate(&trickle).await?,
            Response::Update(update) => self.show(&update.participants).await?,
            Response::TrackPublished(published) => {
                let pc = self.connection.pc.as_ref();
                if self.publication.named(&published.cid, pc).await? {
                    self.negotiation.want();
                }
            }
            Response::MediaSectionsRequirement(wanted) => self.add_sections(wanted).await?,
            Response::RequestResponse(response) => refused(&response)?,
            Response::Leave(leave) => bail!("the server said leave: {}", reason_name(&leave)),
            _ => {}
        }
        Ok(())
    }

    async fn joined(&mut self, join: JoinResponse) -> anyhow::Result<()> {
        let own = join
            .participant
            .context("the join response names no participant")?;
        {
            let mut view = self.shared.view();
            view.joined = true;
            view.room.joined_as(&own.sid);
        }
        self.gallery.joined_as(&own.sid);
        self.show(&join.other_participants).await?;
        if let Ok(seconds @ 1..=60) = u64::try_from(join.ping_interval) {
            self.ping = interval(Duration::from_secs(seconds));
        }
        for request in self.publication.track_requests() {
            self.signal.send(Request::AddTrack(request)).await?;
        }
        Ok(())
    }

    async fn show(&mut self, others: &[ParticipantInfo]) -> anyhow::Result<()> {
        let now = Instant::now();
        let settings = self.gallery.note(others);
        {
            let mut view = self.shared.view();
            for other in others {
                view.room.note(now, other);
            }
            for setting in &settings {
                view.room.show(&setting.track_sids, !setting.disabled);
            }
        }
        for setting in settings {
            self.signal.send(Request::TrackSetting(setting)).await?;
        }
        Ok(())
    }

    async fn answered(&mut self, description: SessionDescription) -> anyhow::Result<()> {
        if !self.negotiation.accepts(description.id) {
            return Ok(());
        }
        trace!(id = description.id, sdp = %description.sdp, "answer");
        let declared = answer::declared_streams(&description.sdp);
        let sdp = answer::with_candidates_last(&description.sdp);
        let remote = RTCSessionDescription::answer(sdp);
        let remote = remote.context("the server's answer does not parse")?;
        let applied = self.connection.pc.set_remote_description(remote).await;
        applied.context("the server's answer does not fit the offer")?;
        self.publication.answered(description.id);
        {
            let mut view = self.shared.view();
            view.answered = true;
            view.declared.extend(declared);
            view.tracks_by_mid.extend(description.mid_to_track_id);
        }
        for candidate in std::mem::take(&mut self.early_candidates) {
            let added = self.connection.pc.add_ice_candidate(candidate).await;
            added.context("the server's candidate does not fit")?;
        }
        Ok(())
    }

    async fn remote_candidate(&mut self, trickle: &TrickleRequest) -> anyhow::Result<()> {
        if trickle.candidate_init.is_empty() {
            return Ok(());
        }
        let candidate: RTCIceCandidateInit = serde_json::from_str(&trickle.candidate_init)
            .context("the server's candidate does not parse")?;
        let answered = self.shared.view().answered;
        if answered {
            self.connection
                .pc
                .add_ice_candidate(candidate)
                .await
                .context("the server's candidate does not fit")?;
        } else if self.early_candidates.len() < EARLY_CANDIDATES_MAX {
            self.early_candidates.push(candidate);
        }
        Ok(())
    }

    async fn add_sections(&mut self, wanted: MediaSectionsRequirement) -> anyhow::Result<()> {
        let pc = self.connection.pc.as_ref();
        for (kind, count) in [
            (Kind::Audio, wanted.num_audios),
            (Kind::Video, wanted.num_videos),
        ] {
            let count = count.min(SECTIONS_MAX - self.sections_added);
            add_receiving_sections(pc, kind, count).await?;
            self.sections_added += count;
        }
        // Even without a new section: the server asks this way for an offer to answer.
        self.negotiation.want();
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum that may grow"
    )]
    async fn connection_changed(
        &mut self,
        state: RTCPeerConnectionState,
        status: &watch::Sender<Status>,
    ) -> anyhow::Result<()> {
        match state {
            RTCPeerConnectionState::Connected => {
                self.shared
                    .view()
                    .connected_at
                    .get_or_insert_with(Instant::now);
                status.send_replace(Status::Connected);
                let permission = SubscriptionPermission {
                    all_participants: true,
                    ..Default::default()
                };
                self.signal
                    .send(Request::SubscriptionPermission(permission))
                    .await
            }
            RTCPeerConnectionState::Failed => bail!("the media connection failed"),
            RTCPeerConnectionState::Closed => bail!("the server closed the media connection"),
            // On the way, or to be repaired by ICE.
            _ => Ok(()),
        }
    }

    async fn offer_if_due(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.negotiation.next_offer() else {
            return Ok(());
        };
        let description = self
            .connection
            .pc
            .create_offer(None)
            .await
            .context("an offer")?;
        let sdp = description.sdp.clone();
        self.connection
            .pc
            .set_local_description(description)
            .await
            .context("an offer")?;
        trace!(id, %sdp, "offer");
        self.publication.offered(id);
        self.signal
            .send(Request::Offer(requests::offer(id, sdp)))
            .await
    }

    async fn start_media_if_due(&mut self) -> anyhow::Result<()> {
        if self.shared.view().connected_at.is_none() {
            return Ok(());
        }
        if let Some(source) = self.publication.start().await? {
            tokio::spawn(source.run(self.stop_media.clone()));
        }
        Ok(())
    }

    async fn trickle(&mut self, candidate: RTCIceCandidateInit) -> anyhow::Result<()> {
        trace!(candidate = %candidate.candidate, "own candidate");
        let trickle = TrickleRequest {
            candidate_init: serde_json::to_string(&candidate).context("a candidate")?,
            target: SignalTarget::Publisher.into(),
            ..TrickleRequest::default()
        };
        self.signal.send(Request::Trickle(trickle)).await
    }

    async fn send_ping(&mut self) -> anyhow::Result<()> {
        let timestamp = requests::ping_time();
        self.signal.send(Request::Ping(timestamp)).await?;
        self.signal
            .send(Request::PingReq(Ping { timestamp, rtt: 0 }))
            .await
    }

    async fn say_goodbye(&mut self) -> anyhow::Result<()> {
        self.signal.send(requests::leave()).await
    }
}

fn refused(response: &RequestResponse) -> anyhow::Result<()> {
    match response.reason() {
        Reason::Ok | Reason::Queued => Ok(()),
        Reason::NotFound
        | Reason::NotAllowed
        | Reason::LimitExceeded
        | Reason::UnsupportedType
        | Reason::UnclassifiedError
        | Reason::InvalidHandle
        | Reason::InvalidName
        | Reason::DuplicateHandle
        | Reason::DuplicateName
        | Reason::InvalidRequest => {
            bail!(
                "the server refused a request: {} {}",
                response.reason().as_str_name(),
                response.message
            )
        }
    }
}

fn reason_name(leave: &LeaveRequest) -> &'static str {
    leave.reason().as_str_name()
}

fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
