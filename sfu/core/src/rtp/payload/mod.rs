//! The first bytes of video payloads: as much as is needed to choose where to begin forwarding and
//! to renumber. Nothing is decoded.

pub mod h264;
pub mod vp8;
