//! Replays the corpora of the fuzz targets through the functions that the targets call.

#[path = "../fuzz/src/entries.rs"]
#[expect(
    unreachable_pub,
    reason = "the fuzz targets reach it in their own crate"
)]
mod entries;

use entries::ENTRIES;
use std::path::{Path, PathBuf};

#[test]
fn whatever_a_fuzzer_was_started_from_or_has_found_is_read_without_a_panic() {
    for (name, entry) in ENTRIES {
        let files = files_in(&corpora().join(name));
        assert!(!files.is_empty(), "{name} has nothing to start from");
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            entry(&bytes);
            // Cut messages are what a fuzzer tries first.
            for len in 0..bytes.len().min(200) {
                entry(&bytes[..len]);
            }
        }
    }
}

#[test]
fn every_corpus_and_every_target_has_an_entry() {
    let names: Vec<&str> = ENTRIES.iter().map(|(name, _)| *name).collect();
    let targets = files_in(&corpora().join("../fuzz_targets"));
    for found in [files_in(&corpora()), targets] {
        let found: Vec<&str> = found
            .iter()
            .map(|path| path.file_stem().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(found, names);
    }
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

#[expect(
    clippy::unwrap_used,
    reason = "without the corpora there is nothing to test"
)]
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}
