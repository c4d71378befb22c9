//! Synthetic participants that join meetings over the real wire, send generated media, and count
//! what arrives.
//!
//! # Layout
//! * [`scenario`]: who joins when, and for how long
//! * [`webinar`]: few send, many watch
//! * [`peer`]: one participant; `peer::session` is its course
//! * [`signal`], [`join_request`], [`token`]: the signal connection
//! * [`media_source`]: Opus and VP8 that decoders accept, at the pace of a microphone and a camera
//! * [`reception`], [`sequence`], [`latency`]: what arrived, what was lost, how long it took
//! * [`overrun`]: which loss is the load test's own
//! * [`report`], [`budget`]: what is told about it, and what was demanded
//! * [`lean`]: participants that cost little, to measure throughput with
//! * [`bench`]: what a forwarded packet costs a server
//! * [`relay`]: a bad line between clients and a server, for tests of any client

mod attendance;
pub mod bench;
pub mod budget;
pub mod join_request;
pub mod latency;
pub mod lean;
pub mod media_source;
pub mod overrun;
pub mod peer;
pub mod reception;
pub mod relay;
pub mod report;
mod requests;
pub mod scenario;
pub mod sequence;
pub mod signal;
pub mod token;
pub mod webinar;
