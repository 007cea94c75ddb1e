#!/usr/bin/env bash
# Trains the bundled nets for a few steps, to see that the program that makes the weights still runs.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
project=$top/engine/training

venv=$cache/training-$(sha256sum "$project/pyproject.toml" | cut -c1-12)
if [ ! -e "$venv/ready" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -e "$project"
    touch "$venv/ready"
fi
PATH=$venv/bin:$PATH "$project/smoke"
