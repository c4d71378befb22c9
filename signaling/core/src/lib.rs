//! Rooms as a state machine.
