//! The command lines of the scenarios with lean participants: how each fills a [`Crowd`].

use super::{PictureArguments, Reached, RunArguments, Target, interruption};
use crate::crowd::{Churn, Crowd};
use crate::lean::pump::PumpSettings;
use crate::lean::session::Publishes;
use crate::quantity;
use anyhow::ensure;
use clap::Args;
use std::time::Duration;

/// Joins a second that this machine and a server on it do beside media.
const JOINS_PER_SECOND: u32 = 50;
/// How much more memory or open files a soak may find in its last third.
const SOAK_GROWTH_MAX: f64 = 0.02;

/// What `webinar` and `audio` are told.
#[derive(Args)]
pub struct WebinarArguments {
    /// Participants who send, and are sent nothing.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    publishers: u32,
    /// Participants who are sent everything, and send nothing.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=2_000))]
    watchers: u32,
    /// How long media flows after everyone has joined.
    #[arg(long, alias = "seconds", default_value = "10s", value_parser = quantity::duration)]
    duration: Duration,
    /// The meeting's name.
    #[arg(long, default_value = "loadtest")]
    room: String,
    #[command(flatten)]
    media: MediaArguments,
    #[command(flatten)]
    run: RunArguments,
}

/// What `join-spike` is told.
#[derive(Args)]
pub struct SpikeArguments {
    /// Participants over all rooms.
    #[arg(long, default_value_t = 800, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    participants: u32,
    /// Meetings that begin at this time, of equal size.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rooms: u32,
    /// How long they stay after the last has joined.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    duration: Duration,
    #[command(flatten)]
    rest: CrowdArguments,
}

/// What `signal` is told.
#[derive(Args)]
pub struct SignalArguments {
    /// Meetings at once.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rooms: u32,
    /// Participants of each.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    peers: u32,
    /// How long they do nothing after the last has joined.
    #[arg(long, default_value = "30s", value_parser = quantity::duration)]
    duration: Duration,
    #[command(flatten)]
    rest: CrowdArguments,
}

/// What `churn` and `soak` are told.
#[derive(Args)]
pub struct ChurnArguments {
    /// Meetings at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rooms: u32,
    /// Participants of each who send microphone and camera, and are sent nothing; in `churn` nobody,
    /// in `soak` two, if not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=100))]
    publishers: Option<u32>,
    /// Participants of each who are sent everything, and send nothing.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    watchers: u32,
    /// How often somebody goes: with a goodbye, without one, or losing the signal connection alone,
    /// in equal parts; ten times a second in `churn` and twice in `soak`, if not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200))]
    goings_per_second: Option<u32>,
    /// How long each stays away; who loses the signal connection alone is back at once.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    away: Duration,
    /// How long it goes on after the last has joined; 30s in `churn` and 30m in `soak`, if not given.
    #[arg(long, value_parser = quantity::duration)]
    duration: Option<Duration>,
    #[command(flatten)]
    rest: CrowdArguments,
}

/// How lean participants send and receive media.
#[derive(Args)]
pub struct MediaArguments {
    /// Over how long the packets of one picture are spread, in milliseconds; at most a picture's
    /// time.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=33))]
    spread_ms: u64,
    /// Receive every datagram by itself, as receivers without UDP GRO do.
    #[arg(long)]
    no_gro: bool,
    /// Throw away this share of what comes to participants, as a bad line would: 1%. It is asked for
    /// again, as browsers do.
    #[arg(long, default_value = "0", value_parser = quantity::share)]
    loss: f64,
    #[command(flatten)]
    pictures: PictureArguments,
}

impl MediaArguments {
    /// Refuses what means nothing where nobody sends it.
    fn refuse_for(&self, shape: &Shape) -> anyhow::Result<()> {
        let has_media = shape.publishers > 0;
        if !has_media || shape.publishes == Publishes::Sound {
            self.pictures.refuse()?;
            ensure!(
                self.spread_ms == 0,
                "--spread-ms is about pictures, and nobody sends any here."
            );
        }
        ensure!(
            has_media || self.loss <= 0.0,
            "--loss is about media, and nobody sends any here."
        );
        Ok(())
    }
}

/// What every scenario with several rooms of lean participants may be told.
#[derive(Args)]
pub struct CrowdArguments {
    /// What the names of the meetings begin with; the only one has no number behind it.
    #[arg(long, default_value = "loadtest")]
    room_prefix: String,
    #[command(flatten)]
    media: MediaArguments,
    #[command(flatten)]
    run: RunArguments,
}

/// How large a crowd is, and what it does.
struct Shape {
    scenario: &'static str,
    rooms: u32,
    publishers: u32,
    publishes: Publishes,
    watchers: u32,
    length: Duration,
    joins_per_second: u32,
    churn: Option<Churn>,
}

impl WebinarArguments {
    /// Plays one room in which few send, and returns a sentence for each budget that was missed.
    pub async fn run(&self, target: &Target, publishes: Publishes) -> anyhow::Result<Vec<String>> {
        let shape = Shape {
            scenario: match publishes {
                Publishes::Sound => "audio",
                Publishes::SoundAndPictures => "webinar",
            },
            rooms: 1,
            publishers: self.publishers,
            publishes,
            watchers: self.watchers,
            length: self.duration,
            joins_per_second: JOINS_PER_SECOND,
            churn: None,
        };
        play(target, &self.room, &shape, &self.media, &self.run).await
    }
}

impl SpikeArguments {
    /// Lets everybody in at once, and returns a sentence for each budget that was missed.
    pub async fn run(&self, target: &Target) -> anyhow::Result<Vec<String>> {
        ensure!(
            self.participants.is_multiple_of(self.rooms),
            "{} participants cannot be divided among {} rooms of equal size.",
            self.participants,
            self.rooms
        );
        let shape = Shape {
            scenario: "join-spike",
            rooms: self.rooms,
            watchers: self.participants / self.rooms,
            length: self.duration,
            // All within ten seconds.
            joins_per_second: self.participants.div_ceil(10),
            ..SILENT
        };
        self.rest.play(target, &shape).await
    }
}

impl SignalArguments {
    /// Fills rooms in which nothing happens, and returns a sentence for each budget that was missed.
    pub async fn run(&self, target: &Target) -> anyhow::Result<Vec<String>> {
        let shape = Shape {
            scenario: "signal",
            rooms: self.rooms,
            watchers: self.peers,
            length: self.duration,
            ..SILENT
        };
        self.rest.play(target, &shape).await
    }
}

impl ChurnArguments {
    /// Lets participants go and come back, without media if nobody is to send.
    pub async fn churn(&self, target: &Target) -> anyhow::Result<Vec<String>> {
        let shape = self.shape(0, 10, Duration::from_secs(30));
        self.rest.play(target, &shape).await
    }

    /// The same for long and with media; a server that grows has missed.
    pub async fn soak(&mut self, target: &Target) -> anyhow::Result<Vec<String>> {
        let shape = Shape {
            scenario: "soak",
            ..self.shape(2, 2, Duration::from_mins(30))
        };
        let run = &mut self.rest.run;
        if run.server_pid.is_some() {
            run.budget.max_growth.get_or_insert(SOAK_GROWTH_MAX);
        }
        self.rest.play(target, &shape).await
    }

    fn shape(&self, publishers: u32, goings_per_second: u32, length: Duration) -> Shape {
        let goings_per_second = self.goings_per_second.unwrap_or(goings_per_second);
        Shape {
            scenario: "churn",
            rooms: self.rooms,
            publishers: self.publishers.unwrap_or(publishers),
            publishes: Publishes::SoundAndPictures,
            watchers: self.watchers,
            length: self.duration.unwrap_or(length),
            joins_per_second: JOINS_PER_SECOND,
            churn: Some(Churn {
                pace: Duration::from_secs(1) / goings_per_second,
                away: self.away,
            }),
        }
    }
}

/// Nobody sends.
const SILENT: Shape = Shape {
    scenario: "signal",
    rooms: 1,
    publishers: 0,
    publishes: Publishes::Sound,
    watchers: 0,
    length: Duration::ZERO,
    joins_per_second: JOINS_PER_SECOND,
    churn: None,
};

impl CrowdArguments {
    async fn play(&self, target: &Target, shape: &Shape) -> anyhow::Result<Vec<String>> {
        play(target, &self.room_prefix, shape, &self.media, &self.run).await
    }
}

async fn play(
    target: &Target,
    room: &str,
    shape: &Shape,
    media: &MediaArguments,
    run: &RunArguments,
) -> anyhow::Result<Vec<String>> {
    media.refuse_for(shape)?;
    let video = media.pictures.video()?;
    let participants = shape.rooms * (shape.publishers + shape.watchers);
    let Reached {
        endpoint,
        api_key,
        address,
    } = target.reach(participants).await?;
    let crowd = Crowd {
        endpoint,
        api_key,
        pump: PumpSettings {
            address,
            joins_datagrams: !media.no_gro,
            spread: Duration::from_millis(media.spread_ms),
            loss: media.loss,
        },
        room: room.to_owned(),
        rooms: shape.rooms,
        publishers: shape.publishers,
        publishes: shape.publishes,
        video,
        watchers: shape.watchers,
        layout: media.pictures.layout(),
        length: shape.length,
        pace: run.pace(participants, shape.joins_per_second),
        churn: shape.churn,
    };
    let mut observation = run.observe(shape.length)?;
    let report = crowd
        .run(interruption(), |progress| observation.tell(progress))
        .await?;
    run.conclude(shape.scenario, observation, report)
}
