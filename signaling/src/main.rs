//! The Saal server.

fn main() {}
