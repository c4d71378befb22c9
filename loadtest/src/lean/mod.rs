//! Participants for throughput: each receives and answers as a real client does, and costs a tenth
//! of one, so that a test measures the server and not itself.
//!
//! What is lean about them: they count by the RTP header, which SRTP leaves readable, and decrypt
//! one packet in sixteen for the send time inside; one thread reads the sockets of all of them by a
//! timer; their session descriptions have what this needs and no more. They have no data channels.
//!
//! # Layout
//! * [`peer`]: one participant's media, told bytes and times; of `checks` (ICE), `handshake` (DTLS),
//!   `keys` (SRTP), `streams` (what came), `feedback` (what is reported) and `publisher` (what is sent)
//! * [`pump`]: the thread with the sockets
//! * `receivers`: plain receivers, to compare with
//! * [`session`]: one participant as a scenario sees it; `talk` is its signal connection, `offer` and
//!   `answer` are its descriptions

mod answer;
mod arrivals;
mod checks;
mod feedback;
mod handshake;
mod header;
mod keys;
mod offer;
mod peer;
mod publisher;
mod sockets;
mod stamp;
mod streams;
mod talk;

pub mod pump;
pub(crate) mod receivers;
pub mod session;
