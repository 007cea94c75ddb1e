#!/usr/bin/env bash
# Builds a Debian package and prints where it is. PROFILE=dev packs the binary of the tests, which is quick to build
# and slow to run. Packed by dpkg-deb itself: it is on every Debian, and what goes where can be read here.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
"$top/installers/setup-debian.sh" build

cd "$top"
if [ "${PROFILE:-release}" = dev ]; then
    cargo test --workspace --no-run --quiet
    compress="-Zgzip -z1"
else
    cargo build --workspace --release
    binary=$CARGO_TARGET_DIR/release/exemplar
    compress="-Zxz -z6"
fi

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

install -D -m 755 --strip "$binary" "$root/usr/bin/exemplar"
install -D -m 644 installers/exemplar.desktop "$root/usr/share/applications/exemplar.desktop"
install -D -m 644 installers/exemplar-mime.xml "$root/usr/share/mime/packages/exemplar.xml"
install -D -m 644 assets/icons/exemplar.svg "$root/usr/share/icons/hicolor/scalable/apps/exemplar.svg"
install -D -m 644 assets/icons/exemplar.png "$root/usr/share/icons/hicolor/256x256/apps/exemplar.png"
install -D -m 644 README.md "$root/usr/share/doc/exemplar/README.md"
install -D -m 644 installers/copyright "$root/usr/share/doc/exemplar/copyright"
for file in assets/weights/*; do
    install -D -m 644 "$file" "$root/usr/share/exemplar/weights/$(basename "$file")"
done

depends=$(awk '$1 == "run" && $2 != "mesa-vulkan-drivers" { printf "%s%s", separator, $2; separator = ", " }' installers/debian-packages.txt)
mkdir "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<CONTROL
Package: exemplar
Version: $version
Architecture: $architecture
Maintainer: The Exemplar developers <exemplar@localhost>
Section: science
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Recommends: mesa-vulkan-drivers, xdg-desktop-portal
Description: Segments many medical images from marks on a few
 Mark a structure on one image or on a few, by clicks, boxes, lines or a brush,
 and let it be found in all the others; review, correct and export the masks.
 Research use only: not a medical device.
CONTROL

package=$CARGO_TARGET_DIR/exemplar_${version}_${architecture}.deb
# shellcheck disable=SC2086 # two words
dpkg-deb --root-owner-group $compress --build "$root" "$package" >/dev/null
echo "$package"
