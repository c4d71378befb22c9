"""Checks the rules of CONTRIBUTING.md that no other tool checks: sizes, names, module heads, seams.

Prints each breach with its file and ends with 1 if there is one. Knows the rules, not the reasons:
those are in CONTRIBUTING.md.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

SOURCES = {".rs", ".ts", ".tsx", ".css", ".py", ".sh"}
LINES_MAX = 600
LINES_P95_MAX = 400
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
CORES = ("sfu/core", "signaling/core")
NOT_IN_CORES = {"tokio", "socket2", "libc", "mio", "async-trait", "futures", "futures-util"}
# Written so that this file does not match itself.
REGISTRY_HOST = re.compile(r"registry[.]npmjs[.]org|files[.]pythonhosted[.]org|proxy[.]golang[.]org|deb[.]debian[.]org|static[.]crates[.]io")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|home/[a-z]\w*|work)/")


def breaches(root: Path, tracked: list[Path]) -> list[str]:
    """All breaches among the tracked files, in the order of the rules."""
    found = []
    sources = [path for path in tracked if path.suffix in SOURCES and not is_test(path)]
    lengths = {path: lines_without_tests((root / path).read_text()) for path in sources}
    for path, lines in lengths.items():
        if lines > LINES_MAX:
            found.append(f"{path}: {lines} lines without tests, at most {LINES_MAX}: split it by purpose")
    ordered = sorted(lengths.values())
    if ordered and ordered[len(ordered) * 95 // 100] > LINES_P95_MAX:
        long = [str(path) for path, lines in lengths.items() if lines > LINES_P95_MAX]
        found.append(f"more than 5 % of files are over {LINES_P95_MAX} lines: {', '.join(long)}")
    for path in tracked:
        if path.suffix in SOURCES and EMPTY_NAMES & {part.split(".")[0] for part in path.parts}:
            found.append(f"{path}: the name says nothing; name it for what is in it")
        # A fuzz target is one line: the call that it is named for.
        if path.suffix == ".rs" and "fuzz_targets" not in path.parts and not (root / path).read_text().startswith("//!"):
            found.append(f"{path}: open the module with //! and what it decides")
    found += core_breaches(root)
    for path in tracked:
        found += text_breaches(path, root / path)
    return found


def is_test(path: Path) -> bool:
    return bool({"tests", "e2e", "benches"} & set(path.parts)) or ".test." in path.name or path.name.startswith("test_")


def lines_without_tests(text: str) -> int:
    """The lines up to the test module at the end of a Rust file."""
    return len(re.split(r"^#\[cfg\(test\)\]\nmod \w+ \{$", text, flags=re.MULTILINE)[0].splitlines())


def core_breaches(root: Path) -> list[str]:
    found = []
    for core in CORES:
        manifest = tomllib.loads((root / core / "Cargo.toml").read_text())
        for name in sorted(NOT_IN_CORES & manifest.get("dependencies", {}).keys()):
            found.append(f"{core}/Cargo.toml: a core decides and does nothing, so it has no use for {name}")
    return found


def text_breaches(path: Path, file: Path) -> list[str]:
    if path.name == "Cargo.lock":
        return []
    try:
        text = file.read_text()
    except UnicodeDecodeError:
        return []
    found = []
    if REGISTRY_HOST.search(text):
        found.append(f"{path}: names the host of a package registry")
    if MACHINE_PATH.search(text):
        found.append(f"{path}: names a folder of one machine: {MACHINE_PATH.search(text).group()}")
    if path.name == "package-lock.json" and '"resolved"' in text:
        found.append(f"{path}: has download addresses; .npmrc should keep them out")
    return found


def tracked_files(root: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True)
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [path for path in paths if (root / path).is_file()]


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    found = breaches(here, tracked_files(here))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
