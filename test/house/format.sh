#!/usr/bin/env bash
# The sources are formatted as .clang-format says; ./dev format makes it so.
. "$(dirname "$0")/lib.sh"
tool clang-format-19

# The check must find a planted fault, or a pass means nothing.
if printf 'int  a ;\n' | clang-format-19 --dry-run --Werror --assume-filename=a.cpp 2>/dev/null; then
  findings "clang-format-19 does not object to a badly formatted line"
fi
if ! found=$(sources | xargs -0 -r clang-format-19 --dry-run --Werror 2>&1); then
  findings "not formatted, first at these lines; ./dev format mends it
$(grep -oE '^[^: ]+:[0-9]+' <<<"$found" | sort -u -t: -k1,1 || echo "$found")"
fi
