//! One case, one time: a fresh server, a meeting, a measurement. Decides whether the measurement
//! counts: a round in which anything was lost, or not everybody got everything, is void.

use super::SERVER_CORE;
use super::case::Case;
use super::server::Server;
use crate::endpoint::Endpoint;
use crate::layout::Layout;
use crate::lean::pump::{Counts, Pump, PumpSettings};
use crate::lean::session::{LeanPeer, LeanSettings};
use crate::media_source::Video;
use crate::overrun;
use crate::process;
use crate::token::ApiKey;
use anyhow::Context;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What happens when a meeting begins is not what a meeting costs.
const DROPPED: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_secs(1);
/// How long the server may take until everybody gets everything.
const SETTLED_WITHIN: u32 = 25;
const SECOND: Duration = Duration::from_secs(1);
/// Everybody gets everything if at least this share of it comes: what is under way at the edges of
/// the measurement is less than the rest.
const COMPLETE: f64 = 0.99;
/// One after the other, this far apart, so that nobody is refused.
const JOIN_PAUSE: Duration = Duration::from_millis(10);
/// The key of `saal serve --dev`.
const KEY: (&str, &str) = ("devkey", "secret");

/// What became of a round.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// It counts.
    Measured(Sample),
    /// It does not, for this reason.
    Void(String),
}

/// What one round measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Processor time of the server for each packet that a receiver got.
    pub micros_per_packet: f64,
    /// Packets that all receivers got, a second.
    pub packets_per_second: f64,
    /// Bytes of an average packet.
    pub packet_len: f64,
    /// The share of its core that the server used, 0 to 1.
    pub core_share: f64,
    /// The share of its core that the generator used, 0 to 1.
    pub generator_share: f64,
    /// Datagrams that the server sent in one call, on average.
    pub run_len: f64,
    /// Travel time through the server that half of the packets kept.
    pub p50_ms: f64,
    /// Travel time that 99 of 100 packets kept.
    pub p99_ms: f64,
    /// Memory above that of the idle server, for each participant.
    pub kilobytes_per_participant: f64,
}

/// Measures a case once.
pub(super) async fn measure(
    program: &Path,
    case: &Case,
    length: Duration,
) -> anyhow::Result<Outcome> {
    let server = Server::start(program, SERVER_CORE).await?;
    warm_up(&server, case).await?;
    let idle = server.memory()?;
    let pump = start_pump(case)?;
    let peers = join_all(&server, case, &pump).await?;
    sleep(DROPPED).await;
    let outcome = match settle(case, &pump).await? {
        Some(share) => Outcome::Void(format!(
            "receivers got {:.1} % of what they should",
            share * 100.0
        )),
        None => observe(&server, case, &pump, idle, length).await?,
    };
    let all_in = peers.iter().all(LeanPeer::is_in);
    leave_all(peers).await;
    server.stop().await?;
    Ok(if all_in {
        outcome
    } else {
        Outcome::Void("somebody fell out of the meeting".to_owned())
    })
}

/// A short meeting of two before the real one, so that the program's own code is in memory and is
/// not taken for what participants need.
async fn warm_up(server: &Server, case: &Case) -> anyhow::Result<()> {
    let two = Case {
        publishers: 1,
        receivers: 1,
        ..*case
    };
    let pump = start_pump(case)?;
    let peers = join_all(server, &two, &pump).await?;
    sleep(WARM_UP).await;
    leave_all(peers).await;
    Ok(())
}

fn start_pump(case: &Case) -> anyhow::Result<Pump> {
    Pump::start(PumpSettings {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        joins_datagrams: case.joins_datagrams,
        spread: case.spread,
        loss: 0.0,
    })
}

async fn leave_all(peers: Vec<LeanPeer>) {
    let mut leaving = JoinSet::new();
    for peer in peers {
        leaving.spawn(peer.leave());
    }
    leaving.join_all().await;
}

async fn join_all(server: &Server, case: &Case, pump: &Pump) -> anyhow::Result<Vec<LeanPeer>> {
    let key = ApiKey {
        key: KEY.0.to_owned(),
        secret: KEY.1.to_owned(),
    };
    let endpoint = Endpoint::parse(&server.url, None)?;
    let mut joining = JoinSet::new();
    for seat in 0..case.publishers + case.receivers {
        let is_publisher = seat < case.publishers;
        let settings = LeanSettings {
            endpoint: endpoint.clone(),
            token: key.token("bench", &format!("peer-{seat}"))?,
            publishes: is_publisher.then_some((case.publishes, (seat, case.publishers))),
            video: Video::USUAL,
            subscribes: !is_publisher,
            layout: Layout::Everything,
        };
        joining.spawn(LeanPeer::join(settings, pump.clone()));
        sleep(JOIN_PAUSE).await;
    }
    let mut peers = Vec::new();
    while let Some(joined) = joining.join_next().await {
        peers.push(joined.context("joining")?.context("joining")?);
    }
    Ok(peers)
}

/// Waits until everybody gets everything; the share that came, if that is never the case.
async fn settle(case: &Case, pump: &Pump) -> anyhow::Result<Option<f64>> {
    let mut before = pump.counts().await?;
    let mut share = 0.0;
    for _ in 0..SETTLED_WITHIN {
        sleep(SECOND).await;
        let after = pump.counts().await?;
        share = share_received(case, &before, &after);
        if share >= COMPLETE {
            return Ok(None);
        }
        before = after;
    }
    Ok(Some(share))
}

async fn observe(
    server: &Server,
    case: &Case,
    pump: &Pump,
    idle: u64,
    length: Duration,
) -> anyhow::Result<Outcome> {
    let overrun = overrun::dropped_here();
    let (datagrams_before, calls_before) = server.sent().await?;
    let before = pump.counts().await?;
    let own_before = process::cpu_time(std::process::id())?;
    let cpu_before = server.cpu_time()?;
    sleep(length).await;
    let cpu = server.cpu_time()?.saturating_sub(cpu_before);
    let own = process::cpu_time(std::process::id())?.saturating_sub(own_before);
    let after = pump.counts().await?;
    let (datagrams, calls) = server.sent().await?;
    let memory = server.memory()?.saturating_sub(idle);
    if overrun::dropped_here() != overrun {
        return Ok(Outcome::Void(
            "the generator did not read in time".to_owned(),
        ));
    }
    let lost = after.received.lost - before.received.lost;
    if lost > 0 {
        return Ok(Outcome::Void(format!("{lost} packets were lost")));
    }
    let share = share_received(case, &before, &after);
    if share < COMPLETE {
        let percent = share * 100.0;
        return Ok(Outcome::Void(format!(
            "receivers got {percent:.1} % of what they should"
        )));
    }
    let packets = float(after.received.packets - before.received.packets);
    let millis = |percent| {
        let time = after.latency.percentile(percent);
        time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    Ok(Outcome::Measured(Sample {
        micros_per_packet: cpu.as_secs_f64() * 1e6 / packets,
        packets_per_second: packets / length.as_secs_f64(),
        packet_len: float(after.received.bytes - before.received.bytes) / packets,
        core_share: cpu.as_secs_f64() / length.as_secs_f64(),
        generator_share: own.as_secs_f64() / length.as_secs_f64(),
        run_len: float(datagrams - datagrams_before) / float((calls - calls_before).max(1)),
        p50_ms: millis(50),
        p99_ms: millis(99),
        kilobytes_per_participant: float(memory)
            / 1e3
            / f64::from(case.publishers + case.receivers),
    }))
}

fn share_received(case: &Case, before: &Counts, after: &Counts) -> f64 {
    let wanted = (after.sent_wanted - before.sent_wanted) * u64::from(case.receivers);
    float(after.received.packets - before.received.packets) / float(wanted.max(1))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a minute are far below 2^53"
)]
fn float(count: u64) -> f64 {
    count as f64
}
