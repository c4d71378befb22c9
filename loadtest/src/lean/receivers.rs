//! Plain receivers that are read as lean participants are, and look at nothing: the other end of the
//! simplest sender.

use super::pump::READ_INTERVAL;
use super::sockets::{Buffers, Socket};
use anyhow::Context;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Some sockets on loopback and the thread that reads them, until it is dropped.
pub(crate) struct Receivers {
    addresses: Vec<SocketAddr>,
    stops: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receivers {
    /// Opens `count` ordinary sockets, without UDP GRO.
    pub(crate) fn start(count: usize) -> anyhow::Result<Self> {
        let open = |_| Socket::open(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
        let sockets: Vec<Socket> = (0..count).map(open).collect::<anyhow::Result<_>>()?;
        let addresses = sockets
            .iter()
            .map(Socket::address)
            .collect::<anyhow::Result<_>>()?;
        let stops = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stops);
        let thread = thread::Builder::new()
            .name("receivers".to_owned())
            .spawn(move || {
                let mut buffers = Buffers::new();
                while !stopped.load(Ordering::Relaxed) {
                    for socket in &sockets {
                        socket.receive(&mut buffers, |_, _| {});
                    }
                    thread::sleep(READ_INTERVAL);
                }
            });
        Ok(Self {
            addresses,
            stops,
            thread: Some(thread.context("starting a thread")?),
        })
    }

    /// Where they are.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("reading a socket does not panic");
        }
    }
}
