//! Stories of one client and its transport, on a virtual clock and over a bad network.

#![expect(
    clippy::unwrap_used,
    reason = "all of it is tests: a surprise must end them"
)]

mod address_change;
mod client;
mod data_channels;
mod handshake;
mod media;
mod network;
mod validation;
