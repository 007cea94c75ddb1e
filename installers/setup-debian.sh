#!/usr/bin/env bash
# Installs the system packages of debian-packages.txt that are missing: setup-debian.sh build run test
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

wanted() { # the packages of the groups named
    for group in "$@"; do awk -v group="$group" '$1 == group { print $2 }' "$here/debian-packages.txt"; done
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

if ! command -v apt-get >/dev/null; then
    echo "This is no Debian; see installers/debian-packages.txt for what has to be there." >&2
    exit 0
fi
missing=()
for package in $(wanted "$@"); do is_installed "$package" || missing+=("$package"); done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Installing: ${missing[*]}"
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
export DEBIAN_FRONTEND=noninteractive
as_root apt-get update -qq
as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
