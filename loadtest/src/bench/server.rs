//! The measured program: starts it on one core, and asks the kernel what it used. Linux alone.

use crate::process;
use anyhow::{Context, bail, ensure};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Ports that nobody else of the project uses.
const HTTP_PORT: u16 = 7990;
const UDP_PORT: u16 = 7992;
/// A start takes a quarter of a second.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// What a goodbye may take before the program is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running server. Dropped, it is killed.
pub(super) struct Server {
    child: Child,
    /// Where participants connect.
    pub(super) url: String,
}

impl Server {
    /// Starts it, pinned to a core, and waits until it takes meetings.
    pub(super) async fn start(program: &Path, core: usize) -> anyhow::Result<Self> {
        ensure!(
            TcpStream::connect(("127.0.0.1", HTTP_PORT)).await.is_err(),
            "something listens on port {HTTP_PORT} already"
        );
        let mut command = pinned(program, core);
        command
            .args(["serve", "--dev"])
            .env("SAAL_HTTP_PORT", HTTP_PORT.to_string())
            .env("SAAL_MEDIA_UDP_PORT", UDP_PORT.to_string())
            .env("SAAL_LOG_LEVEL", "warn")
            .stdout(Stdio::null());
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut server = Self {
            child,
            url: format!("ws://127.0.0.1:{HTTP_PORT}"),
        };
        let started_at = Instant::now();
        while get("/readyz").await.is_err() {
            if let Some(status) = server.child.try_wait().context("waiting for the server")? {
                bail!("the server ended at its start: {status}");
            }
            ensure!(
                started_at.elapsed() < START_TIMEOUT,
                "the server does not get ready"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(server)
    }

    /// The processor time of all its threads so far.
    pub(super) fn cpu_time(&self) -> anyhow::Result<Duration> {
        process::cpu_time(self.child.id())
    }

    /// Its share of memory (PSS), in bytes.
    pub(super) fn memory(&self) -> anyhow::Result<u64> {
        process::memory(self.child.id())
    }

    /// How many datagrams it sent, and in how many calls, as its metrics say.
    pub(super) async fn sent(&self) -> anyhow::Result<(u64, u64)> {
        let metrics = get("/metrics").await?;
        let sum = |name: &str| sum_of(&metrics, name);
        Ok((
            sum("saal_media_datagrams_sent_total"),
            sum("saal_media_send_run_datagrams_count"),
        ))
    }

    /// Asks it to stop, and waits.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        ensure!(
            asked.context("stopping the server")?.success(),
            "the server is gone"
        );
        let asked_at = Instant::now();
        while self
            .child
            .try_wait()
            .context("waiting for the server")?
            .is_none()
        {
            ensure!(
                asked_at.elapsed() < STOP_TIMEOUT,
                "the server does not stop"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A command on one core alone.
pub(super) fn pinned(program: &Path, core: usize) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// Moves this process with all its threads to one core.
pub(super) fn pin_this_process(core: usize) -> anyhow::Result<()> {
    let pid = std::process::id().to_string();
    let output = Command::new("taskset")
        .args([
            "--all-tasks",
            "--cpu-list",
            "--pid",
            &core.to_string(),
            &pid,
        ])
        .output()
        .context("starting taskset, which util-linux has")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "no core {core} to run on: {}",
        said.trim()
    );
    Ok(())
}

/// Adds up a metric over its labels.
fn sum_of(metrics: &str, name: &str) -> u64 {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with([' ', '{']) {
            return None;
        }
        rest.rsplit(' ').next()?.parse::<u64>().ok()
    });
    values.sum()
}

/// The body of a page of the server, which must answer with status 200.
async fn get(path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", HTTP_PORT)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    ensure!(
        head.starts_with("HTTP/1.1 200"),
        "{path}: {}",
        head.lines().next().unwrap_or("")
    );
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_added_up_over_its_labels_and_not_over_longer_names() {
        let metrics = "# HELP a x\na{worker=\"0\"} 3\na{worker=\"1\"} 4\nab 9\na_count 7\n";
        assert_eq!(sum_of(metrics, "a"), 7);
    }
}
