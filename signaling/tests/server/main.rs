//! Stories through the server's front door: real sockets on loopback, ports chosen by the system.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a story that meets something unexpected ends there"
)]

mod doors;
mod http;
mod limits;
mod pages;
mod signal;
mod start;
mod tls;
mod trial;
