//! A worker's UDP sockets: how they are opened so that all workers share one port, and how
//! datagrams are read in batches (recvmmsg and GRO). Sending is in `send`.

use crate::start_error::StartError;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use sfu_core::outbox::Path;
use socket2::{Domain, Protocol, SockRef, Type};
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tracing::info;

/// With GRO the kernel joins datagrams of one sender up to what a UDP message can hold.
const RECEIVE_BUFFER_LEN: usize = 65_535;
/// A second of 32 Mbit/s: what may pile up while a worker is busy. The kernel grants what
/// `net.core.rmem_max` and `wmem_max` allow.
const KERNEL_BUFFER_LEN: usize = 4 << 20;
/// When the system chooses the port, it must be free on every address. So many are tried.
const CHOSEN_PORTS_MAX: usize = 16;

/// One UDP socket of one worker.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(super) io: UdpSocket,
    pub(super) state: UdpSocketState,
    pub(super) bound: SocketAddr,
    /// Whether datagrams may wait: set by the poll, cleared once a batch is not full.
    pub(crate) readable: bool,
}

/// Opens the sockets of each worker, in the order of `addresses`, all on the same port.
pub(crate) fn open_all(
    addresses: &[IpAddr],
    port: u16,
    workers: usize,
) -> Result<Vec<Vec<Socket>>, StartError> {
    let addresses = with_both_kinds(addresses);
    if addresses.is_empty() {
        return Err(StartError::NothingToBind);
    }
    if port != 0 {
        return open_on(&addresses, port, workers);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let opened = choose_port(addresses[0]).and_then(|port| open_on(&addresses, port, workers));
        match opened {
            Err(StartError::PortTaken(_)) if tries < CHOSEN_PORTS_MAX => {}
            result => return result,
        }
    }
}

/// An unspecified IPv6 address stands for every address of both kinds.
fn with_both_kinds(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let mut all = addresses.to_vec();
    let every_v4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if all.iter().any(|ip| ip.is_ipv6() && ip.is_unspecified()) && !all.contains(&every_v4) {
        all.insert(0, every_v4);
    }
    all
}

fn choose_port(ip: IpAddr) -> Result<u16, StartError> {
    let address = SocketAddr::new(ip, 0);
    let chosen = open(address, false).and_then(|socket| socket.local_addr());
    let chosen = chosen.map_err(|cause| explain(address, cause))?;
    Ok(chosen.as_socket().map_or(0, |address| address.port()))
}

fn open_on(
    addresses: &[IpAddr],
    port: u16,
    workers: usize,
) -> Result<Vec<Vec<Socket>>, StartError> {
    let mut usable = Vec::with_capacity(addresses.len());
    for &ip in addresses {
        // A shared port can be opened a second time by another program of the same user, which
        // would then get half of the datagrams. So it is first opened unshared.
        match open(SocketAddr::new(ip, port), false) {
            Ok(_) => usable.push(SocketAddr::new(ip, port)),
            Err(cause) if is_missing_ipv6(ip, &cause) && addresses.len() > 1 => {
                info!("this machine has no IPv6, so media uses IPv4 only");
            }
            Err(cause) => return Err(explain(SocketAddr::new(ip, port), cause)),
        }
    }
    let open_worker = |_| {
        usable
            .iter()
            .map(|&address| Socket::open(address))
            .collect()
    };
    (0..workers).map(open_worker).collect()
}

/// Whether every IPv6 address was asked for, and there is none.
fn is_missing_ipv6(ip: IpAddr, cause: &io::Error) -> bool {
    let is_none = cause.kind() == ErrorKind::AddrNotAvailable
        || cause.raw_os_error() == Some(ADDRESS_FAMILY_NOT_SUPPORTED);
    ip.is_ipv6() && ip.is_unspecified() && is_none
}

/// What Linux says without IPv6 in the kernel (`EAFNOSUPPORT`), which std has no kind for.
const ADDRESS_FAMILY_NOT_SUPPORTED: i32 = 97;

fn explain(address: SocketAddr, cause: io::Error) -> StartError {
    let kind = cause.kind();
    if kind == ErrorKind::AddrInUse {
        StartError::PortTaken(address)
    } else if kind == ErrorKind::PermissionDenied {
        StartError::PortForbidden(address)
    } else if kind == ErrorKind::AddrNotAvailable {
        StartError::ForeignAddress(address.ip())
    } else {
        StartError::Socket { address, cause }
    }
}

fn open(address: SocketAddr, shared: bool) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

impl Socket {
    fn open(address: SocketAddr) -> Result<Self, StartError> {
        let socket = open(address, true).map_err(|cause| explain(address, cause))?;
        enlarge_buffers(&socket);
        let failed = |cause| StartError::Socket { address, cause };
        let io: std::net::UdpSocket = socket.into();
        let state = UdpSocketState::new(UdpSockRef::from(&io)).map_err(failed)?;
        io.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            bound: io.local_addr().map_err(failed)?,
            io: UdpSocket::from_std(io),
            state,
            readable: true,
        })
    }

    /// Lets a poll tell when datagrams come.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.io, token, Interest::READABLE)
    }

    /// The address and port it is bound to.
    pub(crate) fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Fills a batch with what waits, and clears `readable` if nothing more does.
    pub(crate) fn receive(&mut self, batch: &mut ReceiveBatch) -> io::Result<()> {
        batch.filled = 0;
        let (io, state) = (&self.io, &self.state);
        let read = io.try_io(|| batch.fill(|buffers, metas| state.recv(io.into(), buffers, metas)));
        self.readable = batch.filled == BATCH_SIZE;
        match read {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Best effort: a small buffer loses packets in bursts and nothing else.
fn enlarge_buffers(socket: &socket2::Socket) {
    let socket = SockRef::from(socket);
    let set = socket
        .set_recv_buffer_size(KERNEL_BUFFER_LEN)
        .and_then(|()| socket.set_send_buffer_size(KERNEL_BUFFER_LEN));
    let granted = socket.recv_buffer_size().unwrap_or(0);
    if set.is_err() || granted < KERNEL_BUFFER_LEN {
        info!(
            granted,
            wanted = KERNEL_BUFFER_LEN,
            "the media socket's receive buffer is small: raise net.core.rmem_max for large meetings"
        );
    }
}

/// The datagrams of one read, in memory that is kept from read to read.
pub(crate) struct ReceiveBatch {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
    filled: usize,
}

impl ReceiveBatch {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH_SIZE * RECEIVE_BUFFER_LEN],
            metas: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
        }
    }

    fn fill(
        &mut self,
        receive: impl FnOnce(&mut [IoSliceMut<'_>], &mut [RecvMeta]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut chunks = self.bytes.chunks_exact_mut(RECEIVE_BUFFER_LEN);
        let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
            IoSliceMut::new(chunks.next().expect("there is a chunk for each buffer"))
        });
        self.filled = receive(&mut buffers, &mut self.metas)?;
        Ok(())
    }

    /// The datagrams one by one; what the kernel joined is taken apart. Port 0 cannot be answered
    /// and is never a client's.
    pub(crate) fn datagrams_mut(&mut self) -> impl Iterator<Item = (Path, &mut [u8])> {
        let chunks = self.bytes.chunks_exact_mut(RECEIVE_BUFFER_LEN);
        let filled = self.metas[..self.filled].iter().zip(chunks);
        filled
            .filter(|(meta, _)| meta.addr.port() != 0)
            .flat_map(|(meta, chunk)| {
                let path = Path {
                    local: meta.dst_ip,
                    remote: meta.addr,
                };
                let datagrams = chunk[..meta.len].chunks_mut(meta.stride.max(1));
                datagrams.map(move |datagram| (path, datagram))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn received(batch: &mut ReceiveBatch) -> Vec<(u16, Vec<u8>)> {
        batch
            .datagrams_mut()
            .map(|(path, datagram)| (path.remote.port(), datagram.to_vec()))
            .collect()
    }

    /// Pretends that the kernel read these buffers: (sender's port, bytes, stride).
    fn batch(buffers: &[(u16, &[u8], usize)]) -> ReceiveBatch {
        let mut batch = ReceiveBatch::new();
        let fill = |slices: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]| {
            for (index, &(port, bytes, stride)) in buffers.iter().enumerate() {
                slices[index][..bytes.len()].copy_from_slice(bytes);
                metas[index].addr = SocketAddr::new(LOCALHOST, port);
                metas[index].len = bytes.len();
                metas[index].stride = stride;
            }
            Ok(buffers.len())
        };
        batch.fill(fill).unwrap();
        batch
    }

    #[test]
    fn joined_datagrams_are_taken_apart_and_the_last_may_be_shorter() {
        let mut batch = batch(&[(1, &[1, 2, 3, 4, 5], 2), (2, &[6, 7], 2)]);
        let expected = [
            (1, vec![1, 2]),
            (1, vec![3, 4]),
            (1, vec![5]),
            (2, vec![6, 7]),
        ];
        assert_eq!(received(&mut batch), expected);
    }

    #[test]
    fn empty_datagrams_and_senders_without_a_port_are_passed_over() {
        let mut batch = batch(&[(1, &[], 0), (0, &[1, 2], 2), (3, &[9], 1)]);
        assert_eq!(received(&mut batch), [(3, vec![9])]);
    }

    #[test]
    fn a_batch_read_from_a_socket_tells_sender_and_own_address() {
        let mut sockets = open_all(&[LOCALHOST], 0, 1).unwrap();
        let socket = &mut sockets[0][0];
        let client = std::net::UdpSocket::bind((LOCALHOST, 0)).unwrap();
        client.send_to(b"one", socket.bound()).unwrap();
        client.send_to(b"other", socket.bound()).unwrap();
        let mut batch = ReceiveBatch::new();
        socket.receive(&mut batch).unwrap();
        let received: Vec<_> = batch
            .datagrams_mut()
            .map(|(path, datagram)| (path, datagram.to_vec()))
            .collect();
        let path = Path {
            local: Some(LOCALHOST),
            remote: client.local_addr().unwrap(),
        };
        assert_eq!(
            received,
            [(path, b"one".to_vec()), (path, b"other".to_vec())]
        );
        assert!(!socket.readable);
    }

    #[test]
    fn all_workers_share_one_port() {
        let sockets = open_all(&[LOCALHOST], 0, 3).unwrap();
        let port = sockets[0][0].bound().port();
        assert_ne!(port, 0);
        assert!(
            sockets
                .iter()
                .all(|worker| worker[0].bound().port() == port)
        );
    }

    #[test]
    fn a_taken_port_is_named_even_if_the_other_program_shares_it() {
        let taken = open(SocketAddr::new(LOCALHOST, 0), true).unwrap();
        let address = taken.local_addr().unwrap().as_socket().unwrap();
        let error = open_all(&[LOCALHOST], address.port(), 2).unwrap_err();
        assert!(matches!(error, StartError::PortTaken(taken) if taken == address));
        let port = address.port();
        let sentence = format!(
            "UDP port {port} of 127.0.0.1 is taken: \
             stop the program that has it, or set media.udp_port to another"
        );
        assert_eq!(error.to_string(), sentence);
    }

    #[test]
    fn an_address_of_another_machine_is_named() {
        // Reserved for documentation (RFC 5737), so no machine has it.
        let foreign = IpAddr::from([203, 0, 113, 77]);
        let error = open_all(&[foreign], 0, 1).unwrap_err();
        assert!(matches!(error, StartError::ForeignAddress(ip) if ip == foreign));
        assert!(matches!(
            open_all(&[], 0, 1),
            Err(StartError::NothingToBind)
        ));
    }

    #[test]
    fn every_ipv6_address_stands_for_both_kinds() {
        let every_v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let both = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), every_v6];
        assert_eq!(with_both_kinds(&[every_v6]), both);
        assert_eq!(with_both_kinds(&both), both);
        assert_eq!(with_both_kinds(&[LOCALHOST]), [LOCALHOST]);
    }
}
