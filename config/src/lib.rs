//! Settings of Saal.
