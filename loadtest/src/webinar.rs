//! The webinar: few send and many watch, played by lean participants. Decides who joins when and
//! what is measured; a participant knows nothing of it.

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
use tokio::time::{sleep, sleep_until};

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);
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
        for peer in run.peers {
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
        while Instant::now() < ends_at && run.peers.iter().any(LeanPeer::is_in) {
            sleep(TOLD_EVERY.min(ends_at - Instant::now())).await;
            let counts = pump.counts().await?;
            run.latency.add(&counts.latency);
            tell(self.progress(run, &counts));
        }
        Ok(())
    }

    /// Starts the participants one after the other, senders first, and waits for the last.
    async fn let_in(
        &self,
        pump: &Pump,
        run: &mut Run,
        tell: &mut impl FnMut(Progress),
    ) -> anyhow::Result<()> {
        let started_at = Instant::now();
        let mut told_at = started_at;
        let pace = Duration::from_secs(1) / self.joins_per_second.max(1);
        let mut joining = JoinSet::new();
        for seat in 0..self.publishers + self.watchers {
            let due = started_at + pace * seat;
            while Instant::now() < due {
                tokio::select! {
                    () = sleep_until(due.into()) => {}
                    Some(joined) = joining.join_next() => run.note(joined),
                }
            }
            let is_publisher = seat < self.publishers;
            let settings = LeanSettings {
                url: self.url.clone(),
                token: self.api_key.token(&self.room, &format!("peer-{seat}"))?,
                publishes: is_publisher.then_some((self.publishes, (seat, self.publishers))),
                subscribes: !is_publisher,
            };
            joining.spawn(LeanPeer::join(settings, pump.clone()));
            if told_at.elapsed() >= TOLD_EVERY {
                told_at = Instant::now();
                tell(self.progress(run, &Counts::default()));
            }
        }
        while let Some(joined) = joining.join_next().await {
            run.note(joined);
        }
        Ok(())
    }

    fn progress(&self, run: &Run, counts: &Counts) -> Progress {
        Progress {
            peers: self.publishers + self.watchers,
            joined: run.peers.len(),
            failed: run.refused.len(),
            elapsed: run.opened.as_ref().map(|(at, _)| at.elapsed()),
            total: Tally {
                packets: counts.received.packets,
                lost: counts.received.lost,
                ..Tally::default()
            },
        }
    }

    fn report(&self, run: &Run, counts: &Counts, window: Window) -> Report {
        let mut failures = BTreeMap::new();
        for reason in &run.refused {
            *failures.entry(reason.clone()).or_insert(0) += 1;
        }
        let fallen = run.peers.iter().filter(|peer| !peer.is_in()).count();
        if fallen > 0 {
            let reason = "fell out of the meeting".to_owned();
            failures.insert(reason, u64::try_from(fallen).unwrap_or(u64::MAX));
        }
        let tracks = match self.publishes {
            Publishes::Sound => 1,
            Publishes::SoundAndPictures => 2,
        };
        let joins = run.peers.iter().map(LeanPeer::time_to_join).collect();
        let millis = |percent| {
            let time = run.latency.percentile(percent);
            time.map(|time| time.as_secs_f64() * 1e3)
        };
        Report {
            peers: u64::from(self.publishers + self.watchers),
            joined: u64::try_from(run.peers.len()).unwrap_or(u64::MAX),
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
    peers: Vec<LeanPeer>,
    refused: Vec<String>,
    opened: Option<(Instant, Counts)>,
    latency: crate::latency::LatencyHistogram,
}

impl Run {
    fn note(&mut self, joined: Result<anyhow::Result<LeanPeer>, tokio::task::JoinError>) {
        match joined {
            Ok(Ok(peer)) => self.peers.push(peer),
            Ok(Err(error)) => self.refused.push(format!("{error:#}")),
            Err(_) => self.refused.push("the load test itself failed".to_owned()),
        }
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
