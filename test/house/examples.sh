#!/usr/bin/env bash
# examples.sh COMPILER: the headers of include/ and src/ hold up to a compiler. Each is complete by itself: it is the
# first include of its own source, which the build compiles, or is compiled here. The code in its comments compiles with the
# declarations that examples.txt adds.
. "$(dirname "$0")/lib.sh"
compiler=$1
read -ra libpq <<<"$(pkg-config --cflags-only-I libpq)"

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

compiles() { # compiles FILE: what the compiler has against it, as "file:line: what".
  "$compiler" -std=c++23 -fsyntax-only -w -Iinclude -Isrc "${libpq[@]}" "$1" 2>&1 | { grep -E ': (fatal )?error: ' || true; }
}

# Headers without a source of their own, whose completeness the build does not show.
without_source() {
  local header name source
  find include src -name '*.hpp' | while read -r header; do
    name=${header#include/}
    name=${name#src/}
    source=src/${name#logzio_okta/}
    source=${source%.hpp}.cpp
    [[ -f $source && $(grep -m1 '^#include' "$source") == "#include \"$name\"" ]] || echo "$header"
  done
}

# Each example becomes a function whose parameters are what it is given. Lines of code are those indented by four in a comment
# that has a statement among them; a drawing has none.
functions_of() { # functions_of HEADER PARAMETERS
  awk -v header="$1" -v given="$2" '
    function flush() {
      if (code ~ /[;{] *(\/\/[^\n]*)?\n/) {
        name = header
        gsub(/[^a-z]/, "_", name)
        printf "namespace logzio_okta::%s {\nauto example_%d(%s) {\n#line %d \"%s\"\n%s}\n}\n", name, first, given, first, header, code
      }
      code = ""
    }
    match($0, /^ *\/\/\/?     +/) || (code != "" && /^ *\/\/\/? *$/ && open) {
      if (code == "") first = FNR
      sub(/^ *\/\/\/? ?/, "")
      code = code $0 "\n"
      next
    }
    { flush() }
    END { flush() }' "$1"
}

examples() { # examples FILE HEADER...: a source with all examples of the headers.
  local header given into=$1
  shift
  {
    printf '#include "%s"\n' "${@/#/$PWD/}"
    echo 'using namespace std::chrono_literals;'
    for header in "$@"; do
      given=$(sed -n "s|^$header: ||p" test/house/examples.txt)
      functions_of "$header" "$given"
    done
  } >"$into"
}

stale_givens() {
  sed -n 's/^\([^#:]*\): .*/\1/p' test/house/examples.txt | while read -r header; do
    [[ -f $header && -n $(functions_of "$header" "") ]] || echo "test/house/examples.txt: $header has no example"
  done
}

# The check must find planted faults, or a pass means nothing.
cat >"$scratch/liar.hpp" <<'LIAR'
// Liar: whose example is out of date.
//
//     Liar liar(1);
//
//     Liar  --->  truth
#pragma once
struct Liar {
  std::string text;
};
LIAR
functions_of "$scratch/liar.hpp" "" >"$scratch/example.cpp"
[[ $(compiles "$scratch/liar.hpp") == *liar.hpp:8:* && $(printf '#include <string>\n#include "liar.hpp"\n' | cat - "$scratch/example.cpp" \
  >"$scratch/both.cpp" && compiles "$scratch/both.cpp") == *liar.hpp:3:* && $(grep -c example_ "$scratch/example.cpp") == 1 ]] ||
  findings "the check does not see what was planted"

mapfile -t alone < <(without_source)
mapfile -t headers < <(find include src -name '*.hpp' | sort)
examples "$scratch/examples.cpp" "${headers[@]}"
findings "$(
  stale_givens
  for header in "${alone[@]}"; do
    printf '#include "%s"\n' "$PWD/$header" >"$scratch/alone.cpp"
    compiles "$scratch/alone.cpp"
  done
  compiles "$scratch/examples.cpp" | sed 's|$| (an example; test/house/examples.txt has what it is given)|'
)"
