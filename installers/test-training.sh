#!/usr/bin/env bash
# Trains the bundled nets for a few steps, to see that the program that makes the weights still runs.
# EXEMPLAR_TRAINING_PYTHON may name a Python that has what engine/training/pyproject.toml asks for.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
project=$top/engine/training

python=${EXEMPLAR_TRAINING_PYTHON:-}
if [ -z "$python" ]; then
    venv=$cache/training-$(sha256sum "$project/pyproject.toml" | cut -c1-12)
    python=$venv/bin/python
    if [ ! -e "$venv/ready" ]; then
        python3 -m venv "$venv"
        # The packages that the project names, not the project: the folder it would be linked to may be gone tomorrow.
        "$python" -c 'import sys, tomllib; print(*tomllib.load(open(sys.argv[1], "rb"))["project"]["dependencies"], sep="\n")' \
            "$project/pyproject.toml" > "$venv/packages.txt"
        # PyTorch is gigabytes: a slow line must not fail a change that has nothing to do with it.
        if ! timeout 900 "$python" -m pip install --quiet --disable-pip-version-check -r "$venv/packages.txt"; then
            echo "PyTorch could not be installed within a quarter of an hour: the training program is NOT TESTED"
            exit 0
        fi
        touch "$venv/ready"
    fi
fi
cd "$project"
PATH=$(dirname "$python"):$PATH PYTHONPATH=$project ./smoke
