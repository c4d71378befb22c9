//! The binary `saal`: reads the command line and prints what a person needs to know.

use clap::Parser;
use saal::cli::{Cli, Command, Grant, ServeArguments, TokenArguments};
use saal::{Mode, Server, StartError};
use saal_config::{Settings, SettingsError};
use signaling_core::{Claims, Keys};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(arguments) => serve(&arguments),
        Command::Token(arguments) => print_token(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &ServeArguments) -> Result<(), StartError> {
    let mode = match (arguments.dev, arguments.lan) {
        (false, _) => Mode::Production,
        (true, false) => Mode::Dev,
        (true, true) => Mode::DevLan,
    };
    let settings = match mode {
        Mode::Production => {
            Settings::load(arguments.config.as_deref(), saal_config::environment())?
        }
        Mode::Dev | Mode::DevLan => {
            Settings::load_dev(arguments.config.as_deref(), saal_config::environment())?
        }
    };
    saal::logging::start(&settings.log);
    let runtime = tokio::runtime::Runtime::new().map_err(StartError::System)?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(StartError::System)?;
        let server = Server::start(settings, mode).await?;
        say(&server.greeting());
        tokio::select! {
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(StartError::System)?,
        }
        server.stop().await;
        Ok(())
    })
}

fn print_token(arguments: &TokenArguments) -> Result<(), StartError> {
    let keys = signing_keys(arguments.config.as_deref())?;
    let mut claims = Claims::joining(&arguments.identity, &arguments.room);
    claims.name = arguments
        .name
        .clone()
        .unwrap_or_else(|| arguments.identity.clone());
    for grant in &arguments.grants {
        let grants = &mut claims.grants;
        let granted = match grant {
            Grant::RoomAdmin => &mut grants.room_admin,
            Grant::RoomCreate => &mut grants.room_create,
            Grant::RoomList => &mut grants.room_list,
            Grant::UpdateOwnMetadata => &mut grants.can_update_own_metadata,
            Grant::Hidden => &mut grants.hidden,
            Grant::Recorder => &mut grants.recorder,
        };
        *granted = true;
    }
    say(&keys.sign(&claims, saal::unix_time(), arguments.ttl));
    Ok(())
}

/// The operator's keys, or that of a trial where none are set.
fn signing_keys(config: Option<&Path>) -> Result<Keys, SettingsError> {
    let settings = match Settings::load(config, saal_config::environment()) {
        Err(SettingsError::NoKeys) => Settings::load_dev(config, saal_config::environment()),
        loaded => loaded,
    }?;
    Ok(saal::keys(&settings))
}

fn say(text: &str) {
    // Nobody reads any more: not worth dying for.
    writeln!(std::io::stdout(), "{text}").ok();
}

fn say_error(error: &StartError) {
    writeln!(std::io::stderr(), "saal: {error}").ok();
}
