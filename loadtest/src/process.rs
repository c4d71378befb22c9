//! What the kernel says that a process uses: processor time, memory, open files. Linux alone, and
//! only of processes of the same user, or as root.

use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// What a process uses, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time so far by the name of the threads, without their numbers.
    pub cpu: BTreeMap<String, Duration>,
    /// Its share of memory (PSS), in bytes.
    pub memory: u64,
    /// Open files and sockets.
    pub descriptors: u64,
}

impl Usage {
    /// Asks the kernel.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let path = format!("/proc/{pid}/fd");
        let open = fs::read_dir(&path).with_context(|| format!("reading {path}"))?;
        Ok(Self {
            cpu: cpu_by_thread(pid)?,
            memory: memory(pid)?,
            descriptors: u64::try_from(open.count()).unwrap_or(u64::MAX),
        })
    }

    /// Processor time of all threads so far.
    pub fn cpu_time(&self) -> Duration {
        self.cpu.values().sum()
    }
}

/// The processor time of all threads of a process.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    Ok(cpu_by_thread(pid)?.values().sum())
}

/// The share of memory (PSS) of a process, in bytes.
pub(crate) fn memory(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    pss(&text).context("no Pss in smaps_rollup")
}

/// The first field of `schedstat` of every thread (proc(5)).
fn cpu_by_thread(pid: u32) -> anyhow::Result<BTreeMap<String, Duration>> {
    let path = format!("/proc/{pid}/task");
    let mut by_name: BTreeMap<String, Duration> = BTreeMap::new();
    for task in fs::read_dir(&path).with_context(|| format!("reading {path}"))? {
        let task = task.context("reading the threads")?.path();
        // A thread that ended meanwhile had next to nothing to do.
        let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
        let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
        let nanos = text.split_ascii_whitespace().next();
        let nanos = nanos.and_then(|field| field.parse().ok()).unwrap_or(0);
        *by_name.entry(kind_of(&name).to_owned()).or_default() += Duration::from_nanos(nanos);
    }
    if by_name.is_empty() {
        bail!("process {pid} has no threads");
    }
    Ok(by_name)
}

/// The name of a thread without its number.
fn kind_of(comm: &str) -> &str {
    comm.trim_end()
        .trim_end_matches(|letter: char| letter.is_ascii_digit())
        .trim_end_matches(['-', '_', '#', ' '])
}

fn pss(smaps_rollup: &str) -> Option<u64> {
    let line = smaps_rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_memory_is_told_in_bytes() {
        let text = "0-1 ---p 0 00:00 0 [rollup]\nRss:  9 kB\nPss:       1234 kB\nPss_Anon: 5 kB\n";
        assert_eq!(pss(text), Some(1234 * 1024));
    }

    #[test]
    fn threads_of_one_kind_are_told_as_one() {
        assert_eq!(kind_of("media-12\n"), "media");
        assert_eq!(kind_of("tokio-rt-worker\n"), "tokio-rt-worker");
    }

    #[test]
    fn work_takes_processor_time() {
        let pid = std::process::id();
        let before = cpu_time(pid).unwrap();
        let mut sum = 0_u64;
        while cpu_time(pid).unwrap() < before + Duration::from_millis(5) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
    }

    #[test]
    fn the_memory_and_the_open_files_of_a_process_are_told() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.descriptors >= 3, "{usage:?}");
        assert!(usage.memory > 100_000, "{usage:?}");
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = Usage::of(u32::MAX).unwrap_err();
        assert!(error.to_string().contains("4294967295"), "{error:#}");
    }
}
