//! The Saal server: HTTP, WebSocket, rooms and their media in one process.
//!
//! # Layout
//! - `capacity`: whether another meeting may begin.
//! - [`cli`]: what can be said on the command line.
//! - [`server`]: starting and stopping, in order.
//! - [`logging`], `metrics`, `census`: what is told and counted.
//! - `http/`: which address leads where; `http/rtc` is the door for clients.
//! - `tls`: certificates.
//! - `connection/`: one client's WebSocket.
//! - `rooms`, `room_actor`: finding a room, and the task it lives in.
//! - `media`: the seam to the media plane.
//! - `room_settings`: the operator's settings as a room wants them.

mod capacity;
mod census;
pub mod cli;
mod connection;
mod http;
pub mod logging;
mod media;
mod metrics;
mod room_actor;
mod room_settings;
mod rooms;
pub mod server;
mod start_error;
mod tls;

pub use http::unix_time;
pub use room_settings::{keys, media as media_settings, room as room_settings};
pub use server::{Mode, Server};
pub use start_error::StartError;
