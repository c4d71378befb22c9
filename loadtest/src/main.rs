//! Synthetic peers.

fn main() {}
