//! Replays corpora of fuzz targets. Shared by the tests of all crates that have some.

use std::path::{Path, PathBuf};

/// What a target calls.
type Entry = fn(&[u8]);

/// Gives each target's function what it was started from or has found, whole and cut.
pub(crate) fn replay(crate_folder: &str, entries: &[(&str, Entry)]) {
    for (name, entry) in entries {
        let files = files_in(&corpora(crate_folder).join(name));
        assert!(!files.is_empty(), "{name} has nothing to start from");
        for file in files {
            let bytes = std::fs::read(&file).expect("it was listed");
            entry(&bytes);
            // Cut input is what a fuzzer tries first; long texts have their own tests.
            for len in 0..bytes.len().min(200) {
                entry(&bytes[..len]);
            }
        }
    }
}

/// Looks that there is a target and a corpus for each function, and none besides.
pub(crate) fn compare(crate_folder: &str, entries: &[(&str, Entry)]) {
    let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
    let corpora = corpora(crate_folder);
    let targets = files_in(&corpora.join("../fuzz_targets"));
    for found in [files_in(&corpora), targets] {
        let name_of = |path: &PathBuf| {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            stem.expect("it has a name").to_owned()
        };
        let found: Vec<String> = found.iter().map(name_of).collect();
        assert_eq!(found, names);
    }
}

fn corpora(crate_folder: &str) -> PathBuf {
    Path::new(crate_folder).join("fuzz/corpus")
}

/// What stands in a folder, sorted by name.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is part of the repository");
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}
