//! Payloads as far as they must be read: the first bytes of pictures, to choose where to begin
//! forwarding and to renumber, and the blocks of redundant sound. Nothing is decoded.

pub mod h264;
pub mod red;
pub mod vp8;
