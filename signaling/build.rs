//! Makes sure that there is a folder to embed the web client from: the server compiles before the
//! client is built.

use std::path::Path;

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    if let Err(error) = std::fs::create_dir_all(&dist) {
        println!(
            "cargo::error=cannot make the folder {}: {error}",
            dist.display()
        );
    }
}
