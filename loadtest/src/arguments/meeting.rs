//! The command line of `meeting`: participants on a complete WebRTC stack.

use super::{PictureArguments, Reached, RunArguments, Target, interruption};
use crate::media_source::Codec;
use crate::quantity;
use crate::scenario::Meeting;
use anyhow::ensure;
use clap::Args;
use std::time::Duration;

/// Joins a second: each makes a certificate, which takes processor time here.
const JOINS_PER_SECOND: u32 = 10;

/// What `meeting` is told.
#[derive(Args)]
pub struct MeetingArguments {
    /// Meetings at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rooms: u32,
    /// Participants of each meeting.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=500))]
    peers: u32,
    /// How many participants of each meeting send microphone and camera; all, if not given.
    #[arg(long)]
    publishers: Option<u32>,
    /// How long media flows after everyone has joined.
    #[arg(long, alias = "seconds", default_value = "10s", value_parser = quantity::duration)]
    duration: Duration,
    /// What the names of the meetings begin with.
    #[arg(long, default_value = "loadtest")]
    room_prefix: String,
    /// Nobody speaks: microphones send what browsers send in silence.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    pictures: PictureArguments,
    #[command(flatten)]
    run: RunArguments,
}

impl MeetingArguments {
    /// Runs the meetings and returns a sentence for each budget that was missed.
    pub async fn run(&self, target: &Target) -> anyhow::Result<Vec<String>> {
        let participants = self.rooms * self.peers;
        let video = self.pictures.video()?;
        ensure!(
            video.codec == Codec::Vp8,
            "`meeting` sends VP8 alone: `webinar` can send other codecs."
        );
        let Reached {
            endpoint,
            api_key,
            address,
        } = target.reach(participants).await?;
        let plan = Meeting {
            endpoint,
            api_key,
            address,
            rooms: self.rooms,
            peers: self.peers,
            publishers: self.publishers.unwrap_or(self.peers).min(self.peers),
            length: self.duration,
            pace: self.run.pace(participants, JOINS_PER_SECOND),
            room_prefix: self.room_prefix.clone(),
            layout: self.pictures.layout(),
            encodings: video.encodings,
            quiet: self.quiet,
        };
        let mut observation = self.run.observe(self.duration)?;
        let report = plan
            .run(interruption(), |progress| observation.tell(progress))
            .await;
        self.run.conclude("meeting", observation, report)
    }
}
