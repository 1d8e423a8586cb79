#!/usr/bin/env bash
# Every shell script parses and shellcheck finds nothing in it.
# (SC2016 takes every backtick and dollar in single quotes for a mistake; here they are intended.)
. "$(dirname "$0")/lib.sh"
tool shellcheck

if printf '%s\n' '#!/bin/sh' 'rm $1' | shellcheck - >/dev/null; then
  findings "shellcheck does not object to an unquoted variable"
fi
house_files | xargs -0 grep -lIE --max-count=1 '^#!/usr/bin/env bash|^#!/bin/(ba)?sh' | xargs shellcheck -x -P SCRIPTDIR -e SC2016
shellcheck test/house/lib.sh
