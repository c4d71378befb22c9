//! The async runtime of the peers: tokio, with sockets that hold a burst while this process is busy
//! elsewhere. Decides nothing else.

use socket2::SockRef;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime,
    TokioRuntime,
};

/// A second of eight streams at 2 Mbit/s. The kernel grants less where `net.core.rmem_max` is less.
const RECEIVE_BUFFER_LEN: usize = 2 << 20;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tokio with large receive buffers.
#[derive(Debug)]
pub(super) struct RoomyRuntime(TokioRuntime);

impl RoomyRuntime {
    /// Call within tokio.
    pub(super) fn new() -> Self {
        Self(TokioRuntime)
    }
}

impl Runtime for RoomyRuntime {
    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        // A refusal leaves the kernel's default, and drops are told in the report.
        SockRef::from(&socket)
            .set_recv_buffer_size(RECEIVE_BUFFER_LEN)
            .ok();
        self.0.wrap_udp_socket(socket)
    }

    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        self.0.spawn(future)
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.0.wrap_tcp_listener(listener)
    }

    fn connect_tcp(&self, to: SocketAddr) -> Boxed<'_, io::Result<Arc<dyn AsyncTcpStream>>> {
        self.0.connect_tcp(to)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        self.0.resolve_host(host)
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        self.0.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.0.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.0.block_on(future);
    }
}
