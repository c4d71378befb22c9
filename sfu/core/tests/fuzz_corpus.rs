//! Replays the corpora of the fuzz targets through the functions that the targets call.

#[path = "../fuzz/src/entries.rs"]
#[expect(
    unreachable_pub,
    reason = "the fuzz targets reach it in their own crate"
)]
mod entries;
#[path = "../fuzz/src/replay.rs"]
mod replay;

use entries::ENTRIES;

#[test]
fn whatever_a_fuzzer_was_started_from_or_has_found_is_read_without_a_panic() {
    replay::replay(env!("CARGO_MANIFEST_DIR"), &ENTRIES);
}

#[test]
fn every_corpus_and_every_target_has_an_entry() {
    replay::compare(env!("CARGO_MANIFEST_DIR"), &ENTRIES);
}
