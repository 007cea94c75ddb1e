#!/usr/bin/env bash
# Passes the tests, bringing what they need.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
"$top/installers/setup-debian.sh" build run test
EXEMPLAR_PYTHON=${EXEMPLAR_PYTHON:-$(python_with_packages)}
export EXEMPLAR_PYTHON

cd "$top"
if cargo nextest --version >/dev/null 2>&1; then
    say "Tests"
    cargo nextest run --workspace
    say "Examples in the documentation"
    cargo test --workspace --doc --quiet
else
    say "Tests"
    cargo test --workspace
fi
