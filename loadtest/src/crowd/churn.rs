//! Lets participants go and come back at a steady pace: with a goodbye, without one, or by a new
//! signal connection alone. Decides who and how; knows no messages.

use crate::lean::pump::Pump;
use crate::lean::session::LeanPeer;
use crate::report::Spread;
use anyhow::Context;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, sleep_until};

/// The same who and how in every run, so that runs can be compared.
const SEED: u64 = 4;

/// How participants come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Churn {
    /// The time from one departure to the next.
    pub pace: Duration,
    /// How long one stays away.
    pub away: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Churned {
    /// How often somebody said goodbye and joined again.
    pub left: u64,
    /// How often somebody fell silent without a goodbye, and joined again.
    pub vanished: u64,
    /// How often somebody lost the signal connection alone, and took up the session.
    pub resumed: u64,
    /// How often somebody was back.
    pub came_back: u64,
    /// From the first step of coming back to a connection that carries media again.
    pub back: Spread,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Leave,
    Vanish,
    Resume,
}

const WAYS: [Way; 3] = [Way::Leave, Way::Vanish, Way::Resume];

/// Those who are away, and what became of the others.
pub(super) struct Comings {
    churn: Churn,
    pump: Pump,
    rng: StdRng,
    next_at: Instant,
    away: JoinSet<anyhow::Result<(LeanPeer, Duration)>>,
    churned: Churned,
    times: Vec<Duration>,
    lost: Vec<String>,
}

impl Comings {
    /// Begins now.
    pub(super) fn new(churn: Churn, pump: Pump) -> Self {
        Self {
            churn,
            pump,
            rng: StdRng::seed_from_u64(SEED),
            next_at: Instant::now() + churn.pace,
            away: JoinSet::new(),
            churned: Churned::default(),
            times: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Lets participants go and takes back those who return, until then.
    pub(super) async fn go_on(&mut self, until: Instant, peers: &mut Vec<LeanPeer>) {
        loop {
            let due = self.next_at.min(until);
            tokio::select! {
                () = sleep_until(due.into()) => {}
                Some(back) = self.away.join_next() => {
                    self.take_back(back, peers);
                    continue;
                }
            }
            if due >= until {
                return;
            }
            self.next_at += self.churn.pace;
            self.let_one_go(peers);
        }
    }

    /// Waits for all who are away. Each comes back within the time that joining may take.
    pub(super) async fn end(&mut self, peers: &mut Vec<LeanPeer>) {
        while let Some(back) = self.away.join_next().await {
            self.take_back(back, peers);
        }
    }

    /// Whether somebody is still to come back.
    pub(super) fn some_are_away(&self) -> bool {
        !self.away.is_empty()
    }

    /// Why each of those who did not come back did not.
    pub(super) fn lost(&self) -> &[String] {
        &self.lost
    }

    /// What came of it so far.
    pub(super) fn told(&self) -> Churned {
        Churned {
            back: Spread::of(self.times.clone()),
            ..self.churned
        }
    }

    fn let_one_go(&mut self, peers: &mut Vec<LeanPeer>) {
        if peers.is_empty() {
            return;
        }
        let chosen = self.rng.random_range(0..peers.len());
        // Who fell out by themselves is told at the end, and does not come back.
        if !peers[chosen].is_in() {
            return;
        }
        let way = WAYS[self.rng.random_range(0..WAYS.len())];
        match way {
            Way::Leave => self.churned.left += 1,
            Way::Vanish => self.churned.vanished += 1,
            Way::Resume => self.churned.resumed += 1,
        }
        let peer = peers.swap_remove(chosen);
        let returning = go_and_return(peer, way, self.churn.away, self.pump.clone());
        self.away.spawn(returning);
    }

    fn take_back(
        &mut self,
        back: Result<anyhow::Result<(LeanPeer, Duration)>, JoinError>,
        peers: &mut Vec<LeanPeer>,
    ) {
        match back {
            Ok(Ok((peer, time))) => {
                peers.push(peer);
                self.times.push(time);
                self.churned.came_back += 1;
            }
            Ok(Err(error)) => self.lost.push(format!("{error:#}")),
            Err(_) => self.lost.push("the load test itself failed".to_owned()),
        }
    }
}

async fn go_and_return(
    peer: LeanPeer,
    way: Way,
    away: Duration,
    pump: Pump,
) -> anyhow::Result<(LeanPeer, Duration)> {
    let settings = peer.settings().clone();
    match way {
        Way::Leave => peer.leave().await,
        Way::Vanish => peer.vanish().await,
        Way::Resume => {
            let started_at = Instant::now();
            peer.resume().await.context("did not resume")?;
            return Ok((peer, started_at.elapsed()));
        }
    }
    sleep(away).await;
    let peer = LeanPeer::join(settings, pump).await;
    let peer = peer.context("did not come back")?;
    let time = peer.time_to_join();
    Ok((peer, time))
}
