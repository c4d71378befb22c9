//! Why the media plane cannot start: one sentence each that says what is wrong and what to do.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// Why the media plane cannot start. The settings are called what they are called in the
/// configuration file.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program has the port.
    #[error(
        "UDP port {} of {} is taken: stop the program that has it, or set media.udp_port to another",
        .0.port(),
        .0.ip()
    )]
    PortTaken(SocketAddr),
    /// The operating system does not let this user open the port.
    #[error(
        "UDP port {} may not be opened by this user: set media.udp_port to one above 1023, \
         or grant the capability CAP_NET_BIND_SERVICE",
        .0.port()
    )]
    PortForbidden(SocketAddr),
    /// The address to bind belongs to another machine, or to none.
    #[error("{0} is not an address of this machine: correct media.bind")]
    ForeignAddress(IpAddr),
    /// There is nowhere to listen.
    #[error("no address to listen on: name one in media.bind")]
    NothingToBind,
    /// The socket cannot be opened for any other reason.
    #[error("cannot open UDP port {} of {}: {cause}", .address.port(), .address.ip())]
    Socket {
        /// The address and port.
        address: SocketAddr,
        /// What the operating system says.
        cause: io::Error,
    },
    /// Clients could not be told where to send.
    #[error(
        "this machine has no address that clients could reach: name one in media.advertise, \
         or set media.include_loopback for browsers on this machine"
    )]
    NoCandidates,
    /// The machine's addresses cannot be listed.
    #[error("cannot list the addresses of this machine: {0}; name them in media.advertise")]
    Addresses(io::Error),
    /// A thread could not be started, or not be set up.
    #[error("cannot start a media worker: {0}")]
    Thread(io::Error),
    /// An engine could not be made.
    #[error("cannot start a media engine: {0}")]
    Engine(String),
}
