//! The meeting: rooms of equal size in which some publish and all receive. Decides who joins when
//! and what is measured; a peer knows nothing of it.

use crate::attendance::{Attendance, TOLD_EVERY};
use crate::endpoint::Endpoint;
use crate::latency::LatencyHistogram;
use crate::layout::Layout;
use crate::media_source::NEVER;
use crate::media_source::vp8::Encoding;
use crate::overrun;
use crate::peer::{Peer, PeerSettings};
use crate::progress::Progress;
use crate::reception::Tally;
use crate::report::{Latency, PeerOutcome, Report, Window};
use crate::token::ApiKey;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// After the senders stopped, packets under way and repairs get this long to arrive.
const DRAIN: Duration = Duration::from_millis(500);

/// Meetings of equal size.
#[derive(Clone)]
pub struct Meeting {
    /// The server.
    pub endpoint: Endpoint,
    /// Signs the peers' tokens.
    pub api_key: ApiKey,
    /// The address of this machine from which media goes out.
    pub address: IpAddr,
    /// How many meetings at once.
    pub rooms: u32,
    /// Participants of each.
    pub peers: u32,
    /// How many of them publish microphone and camera.
    pub publishers: u32,
    /// How long media flows after the last peer joined.
    pub length: Duration,
    /// The time from one join to the next, over all meetings.
    pub pace: Duration,
    /// What the names of the meetings begin with.
    pub room_prefix: String,
    /// How large everybody shows the others.
    pub layout: Layout,
    /// What cameras send, smallest first.
    pub encodings: &'static [Encoding],
    /// Nobody speaks: microphones send as in silence.
    pub quiet: bool,
}

impl Meeting {
    /// Runs the meetings until their time is over or `interrupted` resolves, telling of it in
    /// between.
    pub async fn run(
        &self,
        interrupted: impl Future<Output = ()>,
        mut tell: impl FnMut(Progress),
    ) -> Report {
        tokio::pin!(interrupted);
        let mut run = Run {
            planned: self.rooms * self.peers,
            ..Run::default()
        };
        tokio::select! {
            () = self.let_in(&mut run, &mut tell) => {
                tokio::select! {
                    () = self.observe(&mut run, &mut tell) => {}
                    () = &mut interrupted => {}
                }
            }
            () = &mut interrupted => {}
        }
        run.close_window();
        run.came.peers.iter().for_each(Peer::stop_media);
        sleep(DRAIN).await;
        run.window.dropped_here = overrun::dropped_here();
        let outcomes: Vec<PeerOutcome> = run.came.peers.iter().map(outcome).collect();
        let mut leaving = JoinSet::new();
        for peer in run.came.peers {
            leaving.spawn(peer.leave());
        }
        leaving.join_all().await;
        Report::new(self.rooms.into(), &outcomes, &run.came.refused, run.window)
    }

    async fn let_in(&self, run: &mut Run, tell: &mut impl FnMut(Progress)) {
        let attempts = self
            .settings()
            .map(|settings| async { Box::pin(Peer::join(settings?)).await });
        let planned = run.planned;
        let told = &mut run.told;
        let tell = async |came: &Attendance<Peer>| tell(progress(planned, came, None, told));
        run.came.let_in(self.pace, attempts, tell).await;
    }

    async fn observe(&self, run: &mut Run, tell: &mut impl FnMut(Progress)) {
        run.open_window();
        if run.came.peers.is_empty() {
            return;
        }
        tell(progress(
            run.planned,
            &run.came,
            Some(Duration::ZERO),
            &mut run.told,
        ));
        let ends_at = Instant::now() + self.length;
        while Instant::now() < ends_at && run.came.peers.iter().any(|peer| peer.ended().is_none()) {
            sleep(TOLD_EVERY.min(ends_at - Instant::now())).await;
            let elapsed = run.opened.map(|(at, _)| at.elapsed());
            tell(progress(run.planned, &run.came, elapsed, &mut run.told));
        }
    }

    fn settings(&self) -> impl Iterator<Item = anyhow::Result<PeerSettings>> {
        let seats = (0..self.peers).flat_map(|seat| (0..self.rooms).map(move |room| (room, seat)));
        seats.map(|(room, seat)| {
            let room = format!("{}-{room}", self.room_prefix);
            let token = self.api_key.token(&room, &format!("peer-{seat}"))?;
            let publishes = seat < self.publishers;
            let place = if self.quiet { NEVER } else { seat };
            Ok(PeerSettings {
                endpoint: self.endpoint.clone(),
                token,
                address: self.address,
                layout: self.layout,
                encodings: self.encodings,
                publish_in_turn: publishes.then_some((place, self.publishers)),
            })
        })
    }
}

#[derive(Default)]
struct Run {
    planned: u32,
    came: Attendance<Peer>,
    opened: Option<(Instant, Tally)>,
    /// Travel times that were told.
    told: LatencyHistogram,
    window: Window,
}

impl Run {
    fn open_window(&mut self) {
        self.opened = Some((Instant::now(), total(&self.came)));
    }

    fn close_window(&mut self) {
        let Some((opened_at, before)) = self.opened else {
            return;
        };
        let total = total(&self.came);
        self.window = Window {
            length: opened_at.elapsed(),
            bytes_in: total.bytes - before.bytes,
            bytes_out: total.bytes_sent - before.bytes_sent,
            dropped_here: None,
        };
    }
}

fn progress(
    planned: u32,
    came: &Attendance<Peer>,
    elapsed: Option<Duration>,
    told: &mut LatencyHistogram,
) -> Progress {
    let mut latency = LatencyHistogram::new();
    came.peers
        .iter()
        .for_each(|peer| latency.add(&peer.latency()));
    let since = latency.since(told);
    *told = latency;
    Progress {
        peers: planned,
        joined: came.peers.len(),
        failed: came.refused.len(),
        elapsed,
        total: total(came),
        latency: Latency::of(&since),
    }
}

fn total(came: &Attendance<Peer>) -> Tally {
    let mut total = Tally::default();
    came.peers.iter().for_each(|peer| total.add(peer.tally()));
    total
}

fn outcome(peer: &Peer) -> PeerOutcome {
    PeerOutcome {
        time_to_join: peer.time_to_join(),
        total: peer.tally(),
        subscriptions: peer.subscriptions(),
        latency: peer.latency(),
        ended: peer.ended(),
    }
}
