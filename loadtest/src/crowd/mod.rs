//! Rooms full of lean participants, of whom few send and many watch, or nobody sends at all. Decides
//! who joins when and what is measured; a participant knows nothing of it.

mod churn;

pub use churn::{Churn, Churned};

use crate::attendance::{Attendance, TOLD_EVERY};
use crate::endpoint::Endpoint;
use crate::latency::LatencyHistogram;
use crate::layout::Layout;
use crate::lean::pump::{Counts, Pump, PumpSettings};
use crate::lean::session::{LeanPeer, LeanSettings, Publishes};
use crate::media_source::Video;
use crate::overrun;
use crate::progress::Progress;
use crate::quantity::count;
use crate::reception::Tally;
use crate::report::{Latency, Report, Spread, Window};
use crate::spread;
use crate::token::ApiKey;
use churn::Comings;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// After the senders stopped, packets under way and repairs get this long to arrive.
const DRAIN: Duration = Duration::from_millis(500);

/// Rooms of equal size.
#[derive(Clone)]
pub struct Crowd {
    /// The server.
    pub endpoint: Endpoint,
    /// Signs the participants' tokens.
    pub api_key: ApiKey,
    /// How media is received and sent.
    pub pump: PumpSettings,
    /// The name of the only room; several have a number behind it.
    pub room: String,
    /// How many rooms.
    pub rooms: u32,
    /// Participants of each who send, and are sent nothing.
    pub publishers: u32,
    /// What they send.
    pub publishes: Publishes,
    /// What their cameras send.
    pub video: Video,
    /// Participants of each who are sent everything, and send nothing.
    pub watchers: u32,
    /// How large they show the others.
    pub layout: Layout,
    /// How long it goes on after the last participant joined.
    pub length: Duration,
    /// The time from one join to the next.
    pub pace: Duration,
    /// Who goes and comes back meanwhile; `None` lets everybody stay.
    pub churn: Option<Churn>,
}

impl Crowd {
    /// Participants of all rooms.
    pub fn participants(&self) -> u32 {
        self.rooms * (self.publishers + self.watchers)
    }

    /// Plays it until its time is over or `interrupted` resolves, telling of it in between.
    pub async fn run(
        &self,
        interrupted: impl Future<Output = ()>,
        mut tell: impl FnMut(Progress),
    ) -> anyhow::Result<Report> {
        tokio::pin!(interrupted);
        let pump = Pump::start(self.pump)?;
        let mut run = Run::default();
        tokio::select! {
            done = self.play(&pump, &mut run, &mut tell) => done?,
            () = &mut interrupted => {}
        }
        let window = match &run.opened {
            Some((at, before)) => window(at.elapsed(), before, &pump.counts().await?),
            None => Window::default(),
        };
        pump.stop_publishing()?;
        if self.publishers > 0 {
            sleep(DRAIN).await;
        }
        let counts = pump.counts().await?;
        run.latency.add(&counts.latency);
        let report = self.report(&run, &counts, window);
        let mut leaving = JoinSet::new();
        for peer in run.came.peers {
            leaving.spawn(peer.leave());
        }
        leaving.join_all().await;
        Ok(report)
    }

    async fn play(
        &self,
        pump: &Pump,
        run: &mut Run,
        tell: &mut impl FnMut(Progress),
    ) -> anyhow::Result<()> {
        self.let_in(pump, run, tell).await?;
        let before = self.look(pump, run, tell).await?;
        let opened_at = Instant::now();
        run.opened = Some((opened_at, before));
        run.comings = self.churn.map(|churn| Comings::new(churn, pump.clone()));
        self.look(pump, run, tell).await?;
        let ends_at = opened_at + self.length;
        while Instant::now() < ends_at && run.somebody_is_in() {
            let tell_at = ends_at.min(Instant::now() + TOLD_EVERY);
            match &mut run.comings {
                Some(comings) => comings.go_on(tell_at, &mut run.came.peers).await,
                None => sleep(tell_at - Instant::now()).await,
            }
            self.look(pump, run, tell).await?;
        }
        if let Some(comings) = &mut run.comings {
            comings.end(&mut run.came.peers).await;
            self.look(pump, run, tell).await?;
        }
        Ok(())
    }

    /// Senders first.
    async fn let_in(
        &self,
        pump: &Pump,
        run: &mut Run,
        tell: &mut impl FnMut(Progress),
    ) -> anyhow::Result<()> {
        let settings: Vec<LeanSettings> = self.settings().collect::<anyhow::Result<_>>()?;
        let attempts = settings
            .into_iter()
            .map(|settings| LeanPeer::join(settings, pump.clone()));
        let latency = &mut run.latency;
        let told = async |came: &Attendance<LeanPeer>| {
            // A pump that has ended is told by whoever counts next.
            let counts = pump.counts().await.unwrap_or_default();
            latency.add(&counts.latency);
            tell(self.progress((came.peers.len(), came.refused.len()), None, &counts));
        };
        run.came.let_in(self.pace, attempts, told).await;
        Ok(())
    }

    fn settings(&self) -> impl Iterator<Item = anyhow::Result<LeanSettings>> {
        let seats = (0..self.publishers + self.watchers)
            .flat_map(|seat| (0..self.rooms).map(move |room| (room, seat)));
        seats.map(|(room, seat)| {
            let is_publisher = seat < self.publishers;
            let room = if self.rooms == 1 {
                self.room.clone()
            } else {
                format!("{}-{room}", self.room)
            };
            Ok(LeanSettings {
                endpoint: self.endpoint.clone(),
                token: self.api_key.token(&room, &format!("peer-{seat}"))?,
                publishes: is_publisher.then_some((self.publishes, (seat, self.publishers))),
                video: self.video,
                subscribes: !is_publisher,
                layout: self.layout,
            })
        })
    }

    /// Counts, and tells of it.
    async fn look(
        &self,
        pump: &Pump,
        run: &mut Run,
        tell: &mut impl FnMut(Progress),
    ) -> anyhow::Result<Counts> {
        let counts = pump.counts().await?;
        run.latency.add(&counts.latency);
        let elapsed = run.opened.as_ref().map(|(at, _)| at.elapsed());
        let failed = run.came.refused.len() + run.lost().len();
        tell(self.progress((run.came.peers.len(), failed), elapsed, &counts));
        Ok(counts)
    }

    fn progress(
        &self,
        (joined, failed): (usize, usize),
        elapsed: Option<Duration>,
        counts: &Counts,
    ) -> Progress {
        Progress {
            peers: self.participants(),
            joined,
            failed,
            elapsed,
            total: Tally {
                packets: counts.received.packets,
                lost: counts.received.lost,
                ..Tally::default()
            },
            latency: Latency::of(&counts.latency),
        }
    }

    fn report(&self, run: &Run, counts: &Counts, window: Window) -> Report {
        let mut failures = BTreeMap::new();
        for reason in run.came.refused.iter().chain(run.lost()) {
            *failures.entry(reason.clone()).or_insert(0) += 1;
        }
        let fallen = run.came.peers.iter().filter(|peer| !peer.is_in()).count();
        if fallen > 0 {
            failures.insert("fell out of the meeting".to_owned(), count(fallen));
        }
        let tracks = match self.publishes {
            Publishes::Sound => self.publishers,
            Publishes::SoundAndPictures => self.publishers + self.layout.shown(self.publishers),
        };
        // Who comes back gets new streams, so that tracks cannot be counted by their streams.
        let tracks = match self.churn {
            Some(_) => 0,
            None => u64::from(self.rooms * tracks) * u64::from(self.watchers),
        };
        let joins = run.came.peers.iter().map(LeanPeer::time_to_join);
        let joins: Vec<Duration> = joins.collect();
        Report {
            peers: u64::from(self.participants()),
            joined: u64::from(self.participants()) - count(run.came.refused.len()),
            failed: failures.values().sum(),
            failures,
            packets_sent: counts.sent,
            tracks_expected: tracks,
            tracks_received: counts.received.streams.min(tracks),
            join: Spread::of(joins.clone()),
            join_curve_ms: spread::curve(joins),
            latency: Latency::of(&run.latency),
            churn: run.comings.as_ref().map(Comings::told),
            ..Report::of_counts(
                self.rooms.into(),
                counts.received.packets,
                counts.received.lost,
                window,
            )
        }
    }
}

#[derive(Default)]
struct Run {
    came: Attendance<LeanPeer>,
    comings: Option<Comings>,
    opened: Option<(Instant, Counts)>,
    latency: LatencyHistogram,
}

impl Run {
    fn somebody_is_in(&self) -> bool {
        let some_return = self.comings.as_ref().is_some_and(Comings::some_are_away);
        some_return || self.came.peers.iter().any(LeanPeer::is_in)
    }

    /// Why each of those who did not come back did not.
    fn lost(&self) -> &[String] {
        self.comings.as_ref().map_or(&[], Comings::lost)
    }
}

fn window(length: Duration, before: &Counts, after: &Counts) -> Window {
    Window {
        length,
        bytes_in: after.received.bytes - before.received.bytes,
        bytes_out: 0,
        dropped_here: overrun::dropped_here(),
    }
}
