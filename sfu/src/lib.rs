//! Runs the media engines.
