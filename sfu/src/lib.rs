//! Runs the media engines: threads, sockets and the clock around `sfu-core`, which decides.
//!
//! # Layout
//! - [`media`]: starts and stops the workers, and places rooms on them.
//! - `start_error`: why that can fail, in a sentence for the operator.
//! - `worker`: the event loop of one worker: a turn takes commands and datagrams in, and sends what
//!   the engine answers.
//! - `gathering`: how long a turn waits for what comes right behind.
//! - `engine`: what the event loop needs of an engine.
//! - `exchange`: carries what engines tell each other.
//! - `inbox`: what other threads leave for a worker.
//! - `load`: how busy a worker is.
//! - `socket`, `send`: the UDP sockets, in batches both ways.
//! - `sources`: which address of the machine the kernel sends from.
//! - `handover`: datagrams that the kernel gave to the wrong worker.
//! - `addresses`: where clients are told to send.
//! - `metrics`: what is counted, as text for Prometheus.

mod addresses;
mod engine;
mod exchange;
mod gathering;
mod handover;
mod inbox;
mod load;
pub mod media;
mod metrics;
mod send;
mod socket;
mod sources;
mod start_error;
#[cfg(test)]
mod tests;
mod worker;

pub use media::{Media, MediaLoad, MediaSettings, Worker};
pub use start_error::StartError;
