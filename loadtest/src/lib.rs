//! Synthetic participants that join meetings over the real wire, send generated media, and count
//! what arrives.
//!
//! # Layout
//! * [`arguments`]: the command line
//! * [`scenario`]: meetings in which everybody receives everybody
//! * [`crowd`]: rooms of lean participants, who may go and come back
//! * [`layout`]: how large participants show each other
//! * [`peer`]: one participant; `peer::session` is its course
//! * [`endpoint`], [`signal`], [`join_request`], [`token`]: the signal connection
//! * [`media_source`]: Opus and VP8 that decoders accept, at the pace of a microphone and a camera
//! * [`reception`], [`sequence`], [`latency`]: what arrived, what was lost, how long it took
//! * [`overrun`]: which loss is the load test's own
//! * [`progress`], [`course`], [`process`]: what is told meanwhile, noted, and asked of the kernel
//! * [`report`], [`spread`], [`budget`]: what is told at the end, and what was demanded; [`rows`] and
//!   [`html`] show it
//! * [`lean`]: participants that cost little, to measure throughput with
//! * [`bench`]: what a forwarded packet costs a server
//! * [`relay`]: a bad line between clients and a server, for tests of any client

pub mod arguments;
mod attendance;
pub mod bench;
pub mod budget;
pub mod course;
pub mod crowd;
pub mod endpoint;
pub mod html;
pub mod join_request;
pub mod latency;
pub mod layout;
pub mod lean;
pub mod media_source;
pub mod overrun;
pub mod peer;
pub mod process;
pub mod progress;
mod quantity;
pub mod reception;
pub mod relay;
pub mod report;
mod requests;
pub mod rows;
pub mod scenario;
pub mod sequence;
pub mod signal;
pub mod spread;
pub mod token;
