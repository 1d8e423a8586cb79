#!/usr/bin/env bash
# tidy.sh BUILD_DIR: clang-tidy finds nothing in src/ and the headers it includes.
#
# A pass is remembered in BUILD_DIR/tidy under a hash of all its inputs: the checks, the compiler flags, the
# source and each file of ours it includes (as ninja recorded them). So a second run costs a second.
. "$(dirname "$0")/lib.sh"
tool clang-tidy-19
build=$1
passes=$build/tidy
mkdir -p "$passes"

ground=$({
  clang-tidy-19 --version
  cat .clang-tidy
  sed -n '/"command":/{s/ -o .*//;p}' "$build/compile_commands.json" | sort -u
} | sha256sum)

# "SOURCE FILE" for each file of ours that a compiled source includes: one of src/, or those of a room together.
rests_on=$(ninja -C "$build" -t deps | awk -v root="$PWD/" -v build="$(cd "$build" && pwd)" '
  function whole(path,  parts, count, i, depth, out) { # From the build directory, without "..".
    count = split(path ~ /^\// ? path : build "/" path, parts, "/")
    for (i = 2; i <= count; i++) {
      if (parts[i] == "..") depth--
      else parts[++depth] = parts[i]
    }
    for (i = 1; i <= depth; i++) out = out "/" parts[i]
    return out
  }
  /^[^ ]/ { source = "" }
  /^ / {
    file = whole(substr($0, 5))
    if (index(file, root) != 1) next
    file = substr(file, length(root) + 1)
    if (source == "") source = file
    if (source ~ /^src\/.*\.cpp$|\/Unity\/unity_.*\.cxx$/) print source, file
  }')
unseen=$(comm -13 <(cut -d' ' -f2 <<<"$rests_on" | sort -u) <(find src -name '*.cpp' | sort))
findings "${unseen:+never compiled in $build, so that nothing is known of its headers: $unseen}"

key_of() {
  local files
  mapfile -t files < <(awk -v source="$1" '$1 == source { print $2 }' <<<"$rests_on" | sort -u)
  { printf '%s\n' "$ground" && sha256sum "${files[@]}"; } | sha256sum | cut -d' ' -f1
}

examine() { # examine SOURCE PASS
  local found
  if found=$(clang-tidy-19 --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option "$1" 2>&1); then
    : >"$2"
  else
    grep -v ' warnings\? generated' <<<"$found"
    return 1
  fi
}
export -f examine
export build

todo=()
current=()
while IFS= read -r source; do
  [[ -e $source ]] || continue # Compiled once, under a name that is no more.
  key=$(key_of "$source")
  current+=("$key")
  [[ -e $passes/$key ]] || todo+=("$source" "$passes/$key")
done < <(cut -d' ' -f1 <<<"$rests_on" | sort -u)

find "$passes" -type f -printf '%f\n' | { grep -vxF -f <(printf '%s\n' "${current[@]}") || true; } |
  xargs -r -I{} rm "$passes/{}"
printf '%d of %d sources to examine\n' $((${#todo[@]} / 2)) ${#current[@]}
((${#todo[@]} == 0)) || printf '%s\0' "${todo[@]}" |
  xargs -0 -n 2 -P "$(nproc)" bash -c 'examine "$@"' examine
