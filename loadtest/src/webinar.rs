//! The webinar: few send and many watch, played by lean participants. Decides who joins when and
//! what is measured; a participant knows nothing of it.

use crate::attendance::{Attendance, TOLD_EVERY};
use crate::lean::pump::{Counts, Pump, PumpSettings};
use crate::lean::session::{LeanPeer, LeanSettings, Publishes};
use crate::overrun;
use crate::reception::Tally;
use crate::report::{Latency, Report, Spread, Window};
use crate::scenario::Progress;
use crate::token::ApiKey;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// After the senders stopped, packets under way and repairs get this long to arrive.
const DRAIN: Duration = Duration::from_millis(500);

/// One meeting in which few send to many.
#[derive(Clone)]
pub struct Webinar {
    /// `ws://host:port` of the server.
    pub url: String,
    /// Signs the participants' tokens.
    pub api_key: ApiKey,
    /// How media is received and sent.
    pub pump: PumpSettings,
    /// The meeting's name.
    pub room: String,
    /// Participants who send, and are sent nothing.
    pub publishers: u32,
    /// What they send.
    pub publishes: Publishes,
    /// Participants who are sent everything, and send nothing.
    pub watchers: u32,
    /// How long media flows after the last participant joined.
    pub length: Duration,
    /// Joins per second, at least 1.
    pub joins_per_second: u32,
}

impl Webinar {
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
        sleep(DRAIN).await;
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
        let before = pump.counts().await?;
        run.latency.add(&before.latency);
        run.opened = Some((Instant::now(), before));
        let ends_at = Instant::now() + self.length;
        while Instant::now() < ends_at && run.came.peers.iter().any(LeanPeer::is_in) {
            sleep(TOLD_EVERY.min(ends_at - Instant::now())).await;
            let counts = pump.counts().await?;
            run.latency.add(&counts.latency);
            let elapsed = run.opened.as_ref().map(|(at, _)| at.elapsed());
            tell(self.progress(&run.came, elapsed, &counts));
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
        let tell =
            |came: &Attendance<LeanPeer>| tell(self.progress(came, None, &Counts::default()));
        run.came.let_in(self.joins_per_second, attempts, tell).await;
        Ok(())
    }

    fn settings(&self) -> impl Iterator<Item = anyhow::Result<LeanSettings>> {
        (0..self.publishers + self.watchers).map(|seat| {
            let is_publisher = seat < self.publishers;
            Ok(LeanSettings {
                url: self.url.clone(),
                token: self.api_key.token(&self.room, &format!("peer-{seat}"))?,
                publishes: is_publisher.then_some((self.publishes, (seat, self.publishers))),
                subscribes: !is_publisher,
            })
        })
    }

    fn progress(
        &self,
        came: &Attendance<LeanPeer>,
        elapsed: Option<Duration>,
        counts: &Counts,
    ) -> Progress {
        Progress {
            peers: self.publishers + self.watchers,
            joined: came.peers.len(),
            failed: came.refused.len(),
            elapsed,
            total: Tally {
                packets: counts.received.packets,
                lost: counts.received.lost,
                ..Tally::default()
            },
        }
    }

    fn report(&self, run: &Run, counts: &Counts, window: Window) -> Report {
        let mut failures = BTreeMap::new();
        for reason in &run.came.refused {
            *failures.entry(reason.clone()).or_insert(0) += 1;
        }
        let fallen = run.came.peers.iter().filter(|peer| !peer.is_in()).count();
        if fallen > 0 {
            let reason = "fell out of the meeting".to_owned();
            failures.insert(reason, u64::try_from(fallen).unwrap_or(u64::MAX));
        }
        let tracks = match self.publishes {
            Publishes::Sound => 1,
            Publishes::SoundAndPictures => 2,
        };
        let joins = run.came.peers.iter().map(LeanPeer::time_to_join).collect();
        let millis = |percent| {
            let time = run.latency.percentile(percent);
            time.map(|time| time.as_secs_f64() * 1e3)
        };
        Report {
            peers: u64::from(self.publishers + self.watchers),
            joined: u64::try_from(run.came.peers.len()).unwrap_or(u64::MAX),
            failed: failures.values().sum(),
            failures,
            packets_sent: counts.sent,
            tracks_expected: u64::from(self.publishers * tracks) * u64::from(self.watchers),
            tracks_received: counts.received.streams,
            join: Spread::of(joins),
            latency: Latency {
                p50_ms: millis(50),
                p99_ms: millis(99),
            },
            ..Report::of_counts(1, counts.received.packets, counts.received.lost, window)
        }
    }
}

#[derive(Default)]
struct Run {
    came: Attendance<LeanPeer>,
    opened: Option<(Instant, Counts)>,
    latency: crate::latency::LatencyHistogram,
}

fn window(length: Duration, before: &Counts, after: &Counts) -> Window {
    Window {
        length,
        bytes_in: after.received.bytes - before.received.bytes,
        bytes_out: 0,
        dropped_here: overrun::dropped_here(),
    }
}
