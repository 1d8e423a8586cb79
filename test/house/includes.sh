#!/usr/bin/env bash
# Each file of ours includes what it uses of others, by itself or through what it includes. The suite compiles the files of
# a room together, so that the compiler would not see one that leans on those before it (includes.awk says how it is seen).
. "$(dirname "$0")/lib.sh"

# leaning DIRECTORY: the findings in its include/ and src/.
leaning() {
  local files
  mapfile -d '' files < <(find "$1"/{include,src} -name '*.[ch]pp' -print0)
  awk -f test/house/includes.awk "${files[@]}" | sort
}

planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
mkdir -p "$planted"/{include/logzio_okta/base,src/base}
printf 'namespace words {\nclass Hash {};\n}\nint fold(int);\n' >"$planted/include/logzio_okta/base/hash.hpp"
printf '#include "logzio_okta/base/hash.hpp"\n' >"$planted/include/logzio_okta/base/time.hpp"
printf '#include "logzio_okta/base/time.hpp"\nHash through_another;\n' >"$planted/src/base/a.cpp"
printf 'void b() {\n  Hash();\n}\n' >"$planted/src/base/b.cpp"
printf 'auto c() {\n  return fold(words::last);\n}\n' >"$planted/src/base/c.cpp"
printf 'void d() { log("fold()"); }  // Of a Hash, by fold().\n' >"$planted/src/base/d.cpp"
[[ $(leaning "$planted" | sed 's/.*uses \([a-zA-Z]*\) .*/\1/' | xargs) == "Hash fold words" ]] ||
  findings "the check does not see what was planted for it, or sees more: $(leaning "$planted")"

findings "$(leaning .)"
