# shellcheck shell=bash
# What the house checks share. Source it; it changes to the repository's root.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# findings TEXT: fails with TEXT unless it is empty.
findings() {
  [[ -n $1 ]] || return 0
  printf '%s\n' "$1"
  exit 1
}

# Every file a reader may open, NUL-separated, without build output and git's own files.
house_files() {
  find . \( -name .git -o -path ./build -o -path ./.cache \) -prune -o -type f -print0
}

sources() { find include src test -name '*.[ch]pp' -print0; }

tool() {
  command -v "$1" >/dev/null && return
  echo "$1 is missing; ./dev test installs it"
  exit 1
}
