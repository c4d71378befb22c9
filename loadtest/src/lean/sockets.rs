//! The socket of one lean participant: read without waiting, joined datagrams (UDP GRO) taken apart,
//! each with the time at which the kernel got it. Knows nothing of what is in a datagram.

use anyhow::Context;
use nix::sys::socket::{setsockopt, sockopt::UdpGroSegment};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use std::io::{ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// What a UDP message can hold.
const BUFFER_LEN: usize = 65_535;
/// A tenth of a second of 300 Mbit/s, so that a pause of this process loses nothing. The kernel
/// grants what `net.core.rmem_max` allows.
const KERNEL_BUFFER_LEN: usize = 4 << 20;

/// A socket that never waits.
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
}

/// Memory for one read, shared by all sockets of a thread.
pub(super) struct Buffers {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH_SIZE * BUFFER_LEN],
            metas: [RecvMeta::default(); BATCH_SIZE],
        }
    }
}

impl Socket {
    /// On any free port of `address`. `joins` says whether the kernel hands over runs of datagrams
    /// as one, as Chromium's sockets do on Linux.
    pub(super) fn open(address: IpAddr, joins: bool) -> anyhow::Result<Self> {
        let io = UdpSocket::bind((address, 0)).context("opening a UDP socket")?;
        let state = UdpSocketState::new(UdpSockRef::from(&io)).context("a UDP socket")?;
        if !joins {
            setsockopt(&io, UdpGroSegment, &false).context("switching UDP GRO off")?;
        }
        state
            .set_recv_buffer_size(UdpSockRef::from(&io), KERNEL_BUFFER_LEN)
            .context("enlarging a receive buffer")?;
        io.set_nonblocking(true).context("a UDP socket")?;
        Ok(Self { io, state })
    }

    /// Where it is.
    pub(super) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.io.local_addr().context("a UDP socket has an address")
    }

    /// Sends one datagram. What the kernel does not take is lost, as on any line.
    pub(super) fn send(&self, datagram: &[u8], to: SocketAddr) {
        self.io.send_to(datagram, to).ok();
    }

    /// Reads everything that waits; `take` gets each datagram and when the kernel got it.
    pub(super) fn receive(&self, buffers: &mut Buffers, mut take: impl FnMut(Duration, &[u8])) {
        loop {
            let Buffers { bytes, metas } = buffers;
            let mut chunks = bytes.chunks_exact_mut(BUFFER_LEN);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
                IoSliceMut::new(chunks.next().expect("there is a chunk for each buffer"))
            });
            let filled = match self.state.recv((&self.io).into(), &mut slices, metas) {
                Ok(filled) => filled,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // Nothing waits, or the port at the other end is closed for now.
                Err(_) => return,
            };
            for (meta, slice) in metas[..filled].iter().zip(&slices) {
                let at = meta.timestamp.unwrap_or_else(super::stamp::wall_clock);
                for datagram in slice[..meta.len].chunks(meta.stride.max(1)) {
                    take(at, datagram);
                }
            }
            if filled < BATCH_SIZE {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lean::stamp;
    use std::net::Ipv4Addr;

    #[test]
    fn datagrams_come_one_by_one_with_their_times_whether_they_were_joined_or_not() {
        for joins in [true, false] {
            let from = Socket::open(Ipv4Addr::LOCALHOST.into(), joins).unwrap();
            let to = Socket::open(Ipv4Addr::LOCALHOST.into(), joins).unwrap();
            let address = to.address().unwrap();
            let before = stamp::wall_clock();
            from.send(b"one", address);
            from.send(b"other", address);
            let mut received = Vec::new();
            to.receive(&mut Buffers::new(), |at, datagram| {
                assert!(at >= before && at <= stamp::wall_clock());
                received.push(datagram.to_vec());
            });
            assert_eq!(received, [b"one".to_vec(), b"other".to_vec()]);
        }
    }
}
