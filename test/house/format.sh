#!/usr/bin/env bash
# The sources are formatted as .clang-format says; ./dev format makes it so.
. "$(dirname "$0")/lib.sh"
tool clang-format-19

# It must see a fault, or its silence says nothing.
if printf 'int  a ;\n' | clang-format-19 --dry-run --Werror --assume-filename=a.cpp 2>/dev/null; then
  findings "clang-format-19 does not object to a badly formatted line"
fi
sources | xargs -0 -r clang-format-19 --dry-run --Werror
