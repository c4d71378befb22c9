//! Where virtual time begins in tests. The only place of this crate that asks the machine's clock.

use std::time::Instant;

/// Any instant will do: tests only add to it.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can only be made by asking for one"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}
