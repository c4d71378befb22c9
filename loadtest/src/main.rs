//! The load test's command line: reads the arguments and decides the exit code. Knows no scenario
//! but by its name.

use clap::{Parser, Subcommand};
use loadtest::arguments::Target;
use loadtest::arguments::crowd::{
    ChurnArguments, SignalArguments, SpikeArguments, WebinarArguments,
};
use loadtest::arguments::meeting::MeetingArguments;
use loadtest::bench::arguments::{BenchArguments, FloorArguments};
use loadtest::lean::session::Publishes;
use loadtest::relay::arguments::RelayArguments;
use std::process::ExitCode;

/// A budget was missed.
const MISSED: u8 = 1;
/// The arguments or the server do not allow a run.
const UNUSABLE: u8 = 2;

/// Fills meetings on a video server with synthetic participants and reports what arrives.
///
/// The server is Saal or any other that speaks the LiveKit protocol. Exit code 0: the run met every
/// budget; 1: a budget was missed, or nobody joined; 2: the arguments are wrong or the server cannot
/// be reached.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Everyone receives everyone: microphone and camera in three sizes.
    Meeting(MeetingArguments),
    /// Few send microphone and camera, many watch; everyone is lean, so that one machine plays
    /// hundreds.
    Webinar(WebinarArguments),
    /// Few speak, many listen; there are no cameras.
    Audio(WebinarArguments),
    /// Hundreds join within seconds, as at nine in the morning: signaling, ICE and DTLS.
    JoinSpike(SpikeArguments),
    /// Many are connected and nothing happens: what the server costs at rest.
    Signal(SignalArguments),
    /// Participants go and come back, by every way there is; all must be back in the end.
    Churn(ChurnArguments),
    /// The same for half an hour and with media; with --server-pid, a server that grows has missed.
    Soak(ChurnArguments),
    /// A bad line for tests: passes UDP datagrams on, later, fewer and slower.
    Relay(RelayArguments),
    /// What a forwarded packet costs a server on this machine, which is started for it.
    Bench(BenchArguments),
    /// The simplest sender, which `bench` compares with.
    #[command(hide = true)]
    Floor(FloorArguments),
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_default())
        .with_writer(std::io::stderr)
        .init();
    let Arguments { target, scenario } = Arguments::parse();
    let done = if let Scenario::Meeting(meeting) = &scenario {
        run_full(&target, meeting)
    } else {
        run(&target, scenario)
    };
    match done {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            for sentence in missed {
                eprintln!("Missed: {sentence}.");
            }
            ExitCode::from(MISSED)
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Complete peers use all cores.
#[tokio::main]
async fn run_full(target: &Target, meeting: &MeetingArguments) -> anyhow::Result<Vec<String>> {
    meeting.run(target).await
}

/// One thread for signaling, because lean participants' media has its own, and so that datagrams
/// leave the relay in the order in which they came.
#[tokio::main(flavor = "current_thread")]
async fn run(target: &Target, scenario: Scenario) -> anyhow::Result<Vec<String>> {
    match scenario {
        Scenario::Meeting(meeting) => meeting.run(target).await,
        Scenario::Webinar(webinar) => webinar.run(target, Publishes::SoundAndPictures).await,
        Scenario::Audio(audio) => audio.run(target, Publishes::Sound).await,
        Scenario::JoinSpike(spike) => spike.run(target).await,
        Scenario::Signal(signal) => signal.run(target).await,
        Scenario::Churn(churn) => churn.churn(target).await,
        Scenario::Soak(mut soak) => soak.soak(target).await,
        Scenario::Relay(relay) => relay.run().await.map(|()| Vec::new()),
        Scenario::Bench(bench) => bench.run().await,
        Scenario::Floor(floor) => floor.run(),
    }
}
