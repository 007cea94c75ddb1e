# Read by the scripts beside it: where things are, and what they share. Not to be run by itself.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${EXEMPLAR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/exemplar}
# Outside the clone, so that a second clone finds what the first one built.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
export EXEMPLAR_DATA=${EXEMPLAR_DATA:-$(cd "$top/.." && pwd)/shared/data}
# One shape of cargo command everywhere: another one would compile the dependencies anew.
binary=$CARGO_TARGET_DIR/debug/exemplar

say() { printf '\n== %s\n' "$*"; }

# A Python with the packages of python-packages.txt, made once for each version of that list.
python_with_packages() {
    local list=$top/installers/python-packages.txt
    local venv
    venv=$cache/python-$(sha256sum "$list" | cut -c1-12)
    if [ ! -e "$venv/ready" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$list"
        touch "$venv/ready"
    fi
    echo "$venv/bin/python"
}
