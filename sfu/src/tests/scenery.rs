//! What stories of the event loop begin with: settings for loopback, and a socket of a client.
//! Shared with `tests/media.rs`.

use super::{Media, MediaSettings, PATIENCE};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

pub(crate) fn settings(workers: usize, udp_port: u16) -> MediaSettings {
    MediaSettings {
        bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        udp_port,
        workers,
        advertise: Vec::new(),
        include_loopback: true,
        connect_timeout: PATIENCE,
        silence_timeout: PATIENCE,
        congestion_control: true,
        dynacast_pause_delay: Duration::from_secs(5),
        loudest_max: 12,
        peers_per_worker: 100,
    }
}

pub(crate) fn client_of(media: &Media) -> UdpSocket {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.connect(media.candidates()[0]).unwrap();
    client
}
