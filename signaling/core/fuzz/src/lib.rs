//! What the fuzz targets call. The corpora are replayed through the same functions by
//! `signaling/core/tests/fuzz_corpus.rs`, without a fuzzer.

pub mod entries;
