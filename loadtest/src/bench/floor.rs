//! The price of the simplest sender: for each packet one AES-256-GCM seal and one `sendto`, on
//! loopback. Whoever forwards packet by packet cannot be cheaper on the same machine.
//!
//! The sender is a process of its own, pinned as the measured server is, and paced alike.

use super::{SERVER_CORE, server};
use crate::lean::receivers::Receivers;
use crate::process;
use anyhow::Context;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::net::{SocketAddr, UdpSocket};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long one measurement takes.
const LENGTH: Duration = Duration::from_secs(2);
/// Packets a second, as in the meeting of 8 senders and 16 receivers.
const PACKETS_PER_SECOND: u32 = 34_816;
/// What a server does in a turn: a picture's packets to all.
const BURST: u32 = 112;
/// An RTP header with one extension, which is sent in the clear.
const HEADER_LEN: usize = 20;
/// The tag that authenticates a packet (RFC 7714).
const TAG_LEN: usize = 16;
/// Longer than any packet it is asked for.
const LEN_MAX: usize = 1500;

/// What the simplest sender is to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// Receivers, one after the other.
    pub destinations: usize,
    /// Bytes of a datagram.
    pub len: usize,
}

/// What was measured, in microseconds a packet.
#[derive(Debug, Clone, Default)]
pub struct Floor {
    /// One for each round.
    pub samples: Vec<f64>,
}

/// Measures once, with this program as the sender.
pub(super) async fn measure(shape: Shape) -> anyhow::Result<f64> {
    let receivers = Receivers::start(shape.destinations)?;
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = server::pinned(&program, SERVER_CORE);
    command.args(["floor", "--len", &shape.len.to_string()]);
    let addresses = receivers.addresses();
    command.args(addresses.iter().map(ToString::to_string));
    let output = tokio::task::spawn_blocking(move || {
        let child = command.stdout(Stdio::piped()).spawn()?;
        child.wait_with_output()
    });
    let output = output.await.context("waiting for the sender")?;
    let output = output.context("starting the sender")?;
    drop(receivers);
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.trim();
    line.parse()
        .with_context(|| format!("the sender said {line:?} where a number was expected"))
}

/// Sends for [`LENGTH`] and returns the microseconds of processor time for each packet.
pub fn send(len: usize, destinations: &[SocketAddr]) -> anyhow::Result<f64> {
    anyhow::ensure!(
        (HEADER_LEN + TAG_LEN..=LEN_MAX).contains(&len) && !destinations.is_empty(),
        "a packet of {} to {LEN_MAX} bytes and a destination are needed",
        HEADER_LEN + TAG_LEN
    );
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32])
        .ok()
        .context("a key")?;
    let key = LessSafeKey::new(key);
    let socket = UdpSocket::bind(("127.0.0.1", 0)).context("opening a UDP socket")?;
    let shared = [0xAB; LEN_MAX];
    let mut packet = [0; LEN_MAX];
    let mut number = 0_u64;
    let pause = Duration::from_secs(1) * BURST / PACKETS_PER_SECOND;
    let started_at = Instant::now();
    let before = process::cpu_time(std::process::id())?;
    let mut burst_at = started_at;
    let mut to = destinations.iter().cycle();
    while burst_at < started_at + LENGTH {
        for _ in 0..BURST {
            number += 1;
            let packet = &mut packet[..len];
            packet.copy_from_slice(&shared[..len]);
            let (header, body) = packet.split_at_mut(HEADER_LEN);
            let (payload, tag) = body.split_at_mut(body.len() - TAG_LEN);
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&number.to_be_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload);
            tag.copy_from_slice(sealed.ok().context("sealing")?.as_ref());
            let to = to.next().expect("a cycle does not end");
            socket.send_to(packet, to).context("sending")?;
        }
        burst_at += pause;
        std::thread::sleep(burst_at.saturating_duration_since(Instant::now()));
    }
    let used = process::cpu_time(std::process::id())?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e6 / f64::from(u32::try_from(number).context("too many packets")?))
}
