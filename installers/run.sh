#!/usr/bin/env bash
# Builds Exemplar and opens its sample project. Without a screen it does the same job from the command line.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
"$top/installers/setup-debian.sh" build run

say "Building; the first time takes ten minutes and more"
cd "$top"
cargo test --workspace --no-run --quiet

folder=${1:-$cache/sample}
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    say "Opening the sample in $folder"
    "$binary" sample "$folder"
    exec "$binary" "$folder/ct/images"
fi
say "There is no screen: the same job from the command line, in $folder"
"$binary" demo "$folder"
