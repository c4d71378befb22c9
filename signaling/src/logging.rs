//! Where log lines go and how they look. What is logged at which level is each module's matter.

use saal_config::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error from here on. Does nothing when that was already set up.
pub fn start(settings: &Log) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(settings))
        // Colours are for people at a terminal; in a file they are rubbish.
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was set up before");
    }
}

/// Libraries below our own code speak only when something is wrong: at their lower levels some
/// print addresses and whole requests, tokens included. Those that read what clients send call each
/// malformed packet a warning, with which a client could fill the log; the engine counts them.
fn filter(settings: &Log) -> EnvFilter {
    let level = settings.level.as_str();
    let directives = format!(
        "warn,sctp_proto=off,dimpl=off,saal={level},sfu={level},sfu_core={level},signaling_core={level}"
    );
    EnvFilter::new(directives)
}

#[cfg(test)]
mod tests {
    use super::*;
    use saal_config::LogLevel;

    #[test]
    fn at_trace_the_http_library_still_prints_no_requests() {
        let settings = Log {
            format: LogFormat::Text,
            level: LogLevel::Trace,
        };
        let text = filter(&settings).to_string();
        assert!(
            text.contains("saal=trace") && text.contains("warn"),
            "{text}"
        );
        assert!(!text.contains("hyper"), "{text}");
        assert!(text.contains("sctp_proto=off"), "{text}");
    }
}
