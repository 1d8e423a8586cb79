#!/usr/bin/env bash
# No comment is torn: prose fills the width of the code, as ./dev format wraps it (the formatter itself leaves comments alone,
# since it only ever breaks lines and never joins them).
. "$(dirname "$0")/lib.sh"

torn() { # torn FILE...: "file:line" where a paragraph should be wrapped otherwise.
  local file line
  for file in "$@"; do
    line=$(awk -f test/house/comments.awk "$file" | cmp - "$file" 2>&1 | sed -nE 's/.*line ([0-9]+)$/\1/p')
    [[ -z $line ]] || echo "$file:$line: a torn comment; ./dev format mends it"
  done
}

# A comment after code is wrapped by hand.
too_long() { awk 'length > 110 && /(^|[^:])\/\// && !/^ *\/\/\/? *[^ ]+$/ { print FILENAME ":" FNR ": a comment of over 110 columns" }' "$@"; }

planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
printf '%s\n' '// What the formatter tears' '// apart.' >"$planted/a.cpp"
printf '%s\n' '// - A list item whose second line is' '//   short.' '' '//   a drawing' '//   of lines' '//   x   y' >"$planted/b.cpp"
printf '%s\n' '// A sentence.' '// Another.' '//' '//     code();' '//     more();' >"$planted/good.cpp"
printf 'int a;  // %0110d b\n' 0 >"$planted/c.cpp"
found=$(torn "$planted"/*.cpp && too_long "$planted"/*.cpp)
[[ $found == *a.cpp:1*b.cpp:1*c.cpp:1* && $(wc -l <<<"$found") == 3 ]] || findings "the check does not see what was planted:
$found"

mapfile -d '' -t files < <(sources)
findings "$(
  torn "${files[@]}"
  too_long "${files[@]}"
)"
