#!/usr/bin/env bash
# Builds Exemplar and opens its sample project. Without a screen it does the same job from the command line.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
"$top/installers/setup-debian.sh" build run

say "Building; the first time takes ten minutes and more"
cd "$top"
cargo test --workspace --no-run

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    say "Opening the sample in $cache/sample"
    "$binary" sample "$cache/sample"
    if "$binary" "$cache/sample/ct/images"; then exit 0; fi
fi
say "Without a window: the same job from the command line, in $cache/demo"
"$binary" demo "$cache/demo"
