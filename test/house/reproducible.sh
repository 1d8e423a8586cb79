#!/usr/bin/env bash
# reproducible.sh TARGET...: builds the targets (ninja's names) twice, as they are shipped, from copies of the sources in two
# directories with names of different lengths, and compares the bytes. ./dev reproducible does it with the program.
set -euo pipefail
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build_in() { # build_in DIRECTORY TARGET...
  mkdir -p "$1"
  cp -a "$root"/{CMakeLists.txt,LICENSE,README.md,CHANGELOG.md,etc,include,src,docs} "$1"
  cmake -S "$1" -B "$1/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DLOGZIO_OKTA_TESTS=OFF >"$1.log" 2>&1 ||
    { cat "$1.log"; return 1; }
  CCACHE_DISABLE=1 ninja -C "$1/build" "${@:2}" >"$1.log" 2>&1 || { cat "$1.log"; return 1; }
}
build_in "$work/a" "$@"
build_in "$work/another-directory-with-a-longer-name" "$@"
for target in "$@"; do
  cmp "$work/a/build/$target" "$work/another-directory-with-a-longer-name/build/$target"
done
