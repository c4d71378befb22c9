#!/usr/bin/env bash
# Installs what is missing to build, check or test Saal, and leaves alone what is there.
# Usage: scripts/setup.sh build|check|test
#
# Programs come from Debian, Python packages from PyPI into .venv; crates and npm packages are
# fetched by cargo and npm themselves. Nothing is fetched from anywhere else, and nothing is asked.
set -euo pipefail
cd "$(dirname "$0")/.."

# What the web client's build tools need; web/package.json says the same.
NODE_MIN=20.19

main() {
    case "${1:-}" in
        build) build ;;
        check) build && rust_tools && python_packages check ;;
        test) build && browsers && python_packages test ;;
        *) fail "usage: scripts/setup.sh build|check|test" ;;
    esac
}

build() {
    command -v cargo >/dev/null || fail "Rust is missing. Install it with rustup (see rustup.rs), then try again."
    command -v npm >/dev/null || fail "Node is missing. Install Node $NODE_MIN or newer with npm, then try again."
    printf '%s\n' "$NODE_MIN" "$(node --print process.versions.node)" | sort --check=quiet --version-sort ||
        fail "Node $(node --version) is too old. Install Node $NODE_MIN or newer, then try again."
    # The ciphers are C and assembler, which need a compiler and nothing more.
    command -v cc >/dev/null || debian gcc libc6-dev
}

rust_tools() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 ||
        fail "rustfmt or clippy is missing. Type: rustup component add rustfmt clippy"
}

browsers() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    command -v firefox-esr >/dev/null || missing+=(firefox-esr)
    command -v ffmpeg >/dev/null || missing+=(ffmpeg)
    # Without any font the pages of a test have no letters.
    fc-list 2>/dev/null | grep -qi dejavu || missing+=(fontconfig fonts-dejavu-core)
    ((${#missing[@]} == 0)) || debian "${missing[@]}"
}

python_packages() {
    local wanted="scripts/requirements-$1.txt" installed=".venv/requirements-$1.txt"
    if ! .venv/bin/python --version >/dev/null 2>&1; then
        python3 -c 'import ensurepip, venv' 2>/dev/null || debian python3 python3-venv
        rm -rf .venv
        python3 -m venv .venv
    fi
    cmp -s "$wanted" "$installed" && return
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$installed"
}

debian() {
    command -v apt-get >/dev/null ||
        fail "This is no Debian system: install by its own means what Debian calls: $*"
    echo "Installing from Debian: $*"
    local lock=(-o DPkg::Lock::Timeout=300)
    as_root "$*" apt-get "${lock[@]}" update -qq
    as_root "$*" env DEBIAN_FRONTEND=noninteractive \
        apt-get "${lock[@]}" install --yes -qq --no-install-recommends "$@"
}

# as_root PACKAGES COMMAND...
as_root() {
    local packages=$1
    shift
    if (($(id -u) == 0)); then
        "$@"
    elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo --non-interactive true 2>/dev/null; }; then
        sudo "$@"
    else
        fail "Not allowed to install. As root: apt-get install --no-install-recommends $packages"
    fi
}

fail() {
    echo "$*" >&2
    exit 1
}

main "$@"
