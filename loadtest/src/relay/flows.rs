//! The sockets of a relay: one that clients send to, and one towards the server for each client.

use super::DATAGRAM_LEN_MAX;
use anyhow::Context;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Many more than a test has. Further clients are not relayed.
const FLOWS_MAX: usize = 256;
/// Read but not yet looked at: more means a relay that cannot keep up, and the kernel drops then.
const UNREAD_MAX: usize = 1_024;
/// Holds a burst of several pictures; the kernel grants what it allows.
const SOCKET_BUFFER_LEN: usize = 4 << 20;

/// What was read.
pub enum Taken {
    /// It is in the buffer that was given.
    FromClient {
        /// Who sent it.
        client: SocketAddr,
        /// Of the datagram.
        len: usize,
    },
    /// The server answers a client.
    FromServer {
        /// Whom it is for.
        client: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
}

/// One client's way to the server. What the server sends there reaches nobody once this is gone.
struct Flow {
    socket: Arc<UdpSocket>,
    listening: AbortHandle,
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// All sockets of one relay.
pub struct Flows {
    listen: UdpSocket,
    to: SocketAddr,
    by_client: HashMap<SocketAddr, Flow>,
    answers: mpsc::Receiver<(SocketAddr, Vec<u8>)>,
    answer: mpsc::Sender<(SocketAddr, Vec<u8>)>,
}

impl Flows {
    /// Listens for clients. Only within a tokio runtime.
    pub fn open(listen: SocketAddr, to: SocketAddr) -> anyhow::Result<Self> {
        let (answer, answers) = mpsc::channel(UNREAD_MAX);
        Ok(Self {
            listen: socket(listen)?,
            to,
            by_client: HashMap::new(),
            answers,
            answer,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.listen.local_addr().context("the listening socket")
    }

    /// The next datagram of either side. `None` is a failed read, after which the next may succeed.
    pub async fn take(&mut self, buffer: &mut [u8; DATAGRAM_LEN_MAX]) -> Option<Taken> {
        tokio::select! {
            Some((client, bytes)) = self.answers.recv() => Some(Taken::FromServer { client, bytes }),
            read = self.listen.recv_from(buffer) => match read {
                Ok((len, client)) if self.knows(client) => Some(Taken::FromClient { client, len }),
                Ok(_) | Err(_) => None,
            }
        }
    }

    /// Passes on what a client sent, past the runtime, which would refuse to write to a socket until
    /// it has heard that this is possible; what cannot be sent is lost.
    pub fn send_to_server(&self, client: SocketAddr, bytes: &[u8]) {
        if let Some(flow) = self.by_client.get(&client) {
            let _lost = SockRef::from(flow.socket.as_ref()).send(bytes);
        }
    }

    /// Passes on what the server sent; what cannot be sent is lost.
    pub fn send_to_client(&self, client: SocketAddr, bytes: &[u8]) {
        let _lost = SockRef::from(&self.listen).send_to(bytes, &client.into());
    }

    /// From here on each client has a new address for the server.
    pub fn rebind(&mut self) {
        self.by_client.clear();
    }

    /// Gives a new client its socket; false if there are too many.
    fn knows(&mut self, client: SocketAddr) -> bool {
        if self.by_client.contains_key(&client) {
            return true;
        }
        if self.by_client.len() >= FLOWS_MAX {
            return false;
        }
        let Ok(flow) = self.towards_server() else {
            return false;
        };
        let socket = Arc::new(flow);
        let listening = listen_to_server(client, Arc::clone(&socket), self.answer.clone());
        let listening = tokio::spawn(listening).abort_handle();
        self.by_client.insert(client, Flow { socket, listening });
        true
    }

    fn towards_server(&self) -> anyhow::Result<UdpSocket> {
        let any: IpAddr = if self.to.is_ipv4() {
            [0, 0, 0, 0].into()
        } else {
            std::net::Ipv6Addr::UNSPECIFIED.into()
        };
        let flow = socket((any, 0).into())?;
        SockRef::from(&flow).connect(&self.to.into())?;
        Ok(flow)
    }
}

async fn listen_to_server(
    client: SocketAddr,
    flow: Arc<UdpSocket>,
    answer: mpsc::Sender<(SocketAddr, Vec<u8>)>,
) {
    let mut buffer = [0; DATAGRAM_LEN_MAX];
    loop {
        // A failed read tells of an earlier send, and the next read waits again.
        let Ok(len) = flow.recv(&mut buffer).await else {
            continue;
        };
        if answer.send((client, buffer[..len].to_vec())).await.is_err() {
            return;
        }
    }
}

fn socket(address: SocketAddr) -> anyhow::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )
    .context("opening a UDP socket")?;
    // Smaller buffers only mean that bursts may be lost here.
    let _smaller = socket.set_recv_buffer_size(SOCKET_BUFFER_LEN);
    let _smaller = socket.set_send_buffer_size(SOCKET_BUFFER_LEN);
    socket.set_nonblocking(true)?;
    socket
        .bind(&address.into())
        .with_context(|| format!("listening on {address}"))?;
    UdpSocket::from_std(socket.into()).context("a UDP socket")
}
