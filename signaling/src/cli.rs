//! What can be said on the command line, and nothing of what then happens.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Video conferences on your own server.
#[derive(Debug, Parser)]
#[command(name = "saal", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One thing the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until it is told to stop.
    Serve(ServeArguments),
    /// Prints an access token for one participant of one room.
    Token(TokenArguments),
}

/// How to run the server.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Tries Saal out: a known key, a temporary data folder, reachable from this machine only.
    #[arg(long)]
    pub dev: bool,
    /// With --dev: reachable from the local network, with a certificate made for this run.
    #[arg(long, requires = "dev")]
    pub lan: bool,
    /// The settings that differ from the defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What the token shall say.
#[derive(Debug, Args)]
pub struct TokenArguments {
    /// The room it opens.
    #[arg(long)]
    pub room: String,
    /// The participant's unique name; a second connection with it replaces the first.
    #[arg(long)]
    pub identity: String,
    /// The name shown to others; the identity if absent.
    #[arg(long)]
    pub name: Option<String>,
    /// A right beyond joining; may be repeated.
    #[arg(long = "grant", value_enum, value_name = "GRANT")]
    pub grants: Vec<Grant>,
    /// How long it can be used: a number with s, m, h or d.
    #[arg(long, default_value = "1h", value_parser = parse_lifetime)]
    pub ttl: Duration,
    /// The settings that hold the key to sign with; without a key there, the --dev key signs.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// A right that a token can carry, spelled as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Grant {
    /// May moderate the room.
    #[value(name = "roomAdmin")]
    RoomAdmin,
    /// May create and delete rooms.
    #[value(name = "roomCreate")]
    RoomCreate,
    /// May list rooms.
    #[value(name = "roomList")]
    RoomList,
    /// Records the meeting, which everybody is told.
    #[value(name = "recorder")]
    Recorder,
    /// May change their own name, metadata and attributes.
    #[value(name = "canUpdateOwnMetadata")]
    UpdateOwnMetadata,
    /// Takes part without being seen.
    #[value(name = "hidden")]
    Hidden,
}

/// Reads `90s`, `5m`, `1h` or `7d`.
fn parse_lifetime(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 90s, 5m, 1h or 7d");
    let unit_at = text.len().checked_sub(1).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let total = number
        .checked_mul(seconds)
        .filter(|&total| total > 0)
        .ok_or_else(wrong)?;
    Ok(Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_lifetime_needs_a_positive_number_and_a_unit() {
        assert_eq!(parse_lifetime("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(parse_lifetime("7d"), Ok(Duration::from_hours(7 * 24)));
        for wrong in [
            "",
            "h",
            "0s",
            "-1h",
            "10",
            "1w",
            "1ü",
            "99999999999999999999d",
        ] {
            assert!(parse_lifetime(wrong).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn the_local_network_is_offered_in_trials_only() {
        assert!(Cli::try_parse_from(["saal", "serve", "--lan"]).is_err());
        assert!(Cli::try_parse_from(["saal", "serve", "--dev", "--lan"]).is_ok());
    }

    #[test]
    fn grants_are_spelled_as_on_the_wire_and_others_are_refused() {
        let parse = |grant| {
            Cli::try_parse_from([
                "saal",
                "token",
                "--room",
                "r",
                "--identity",
                "i",
                "--grant",
                grant,
            ])
        };
        assert!(parse("roomAdmin").is_ok());
        assert!(parse("room_admin").is_err());
    }
}
