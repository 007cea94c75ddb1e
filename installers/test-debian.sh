#!/usr/bin/env bash
# Installs the Debian package, starts the program on a screen without a screen, sees its window, removes it. Needs root.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
"$top/installers/setup-debian.sh" run test

package=$(ls -t "$CARGO_TARGET_DIR"/exemplar_*.deb | head -n 1)
work=$(mktemp -d)
cleanup() {
    dpkg --purge exemplar >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

fail() {
    echo "test-debian: $*" >&2
    exit 1
}

dpkg -i "$package" >/dev/null
cd "$work" # so that nothing of the clone is found by chance
exemplar --version
for file in applications/exemplar.desktop mime/packages/exemplar.xml icons/hicolor/scalable/apps/exemplar.svg; do
    [ -s "/usr/share/$file" ] || fail "the package lacks $file"
done
exemplar sample "$work/sample" >/dev/null

cat > "$work/in-window" <<'WINDOW'
exemplar "$1/sample/ct/images" &
program=$!
for _ in $(seq 120); do
    kill -0 $program 2>/dev/null || exit 1
    xdotool search --onlyvisible --name Exemplar >/dev/null 2>&1 && break
    sleep 1
done
window=$(xdotool search --onlyvisible --name Exemplar | head -n 1)
[ -n "$window" ] || exit 1
sleep 5
import -window root "$1/window.png"
kill -0 $program && kill $program
WINDOW
env HOME="$work" XDG_RUNTIME_DIR="$work" xvfb-run -a -s "-screen 0 1440x900x24" bash "$work/in-window" "$work" || fail "the window did not open"
colours=$(identify -format %k "$work/window.png")
[ "$colours" -gt 50 ] || fail "the window is empty: $colours colours"
cp "$work/window.png" "$CARGO_TARGET_DIR/installed-window.png"

dpkg --purge exemplar >/dev/null
[ ! -e /usr/bin/exemplar ] && [ ! -e /usr/share/exemplar ] || fail "something is left after removal"
echo "The package installs, opens its window ($colours colours, $CARGO_TARGET_DIR/installed-window.png) and leaves nothing behind."
