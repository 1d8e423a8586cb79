#!/usr/bin/env bash
# Each room includes only itself and those before it: first the core's rooms, which touch nothing of the world, then the
# shell's, then the commands.
. "$(dirname "$0")/lib.sh"

core=(base http okta logzio config flow inspect)
shell=(os output settings state postgres net serve hooks process)
worldly='fstream|iostream|filesystem|thread|mutex|shared_mutex|condition_variable|future|stop_token|random'
worldly+='|ctime|time\.h|csignal|unistd\.h|fcntl\.h|netdb\.h|poll\.h|(sys|netinet|arpa)/.*|curl/.*|openssl/.*'
worldly+='|spdlog/.*|sqlite3\.h|yaml-cpp/.*|cxxopts\.hpp|microhttpd\.h|prometheus/.*'

# includes_of PATTERN DIRECTORY...: "file:line:include" of each include of these directories that the pattern fits.
includes_of() {
  local pattern=$1
  shift
  grep -rnE "#include [<\"]($pattern)[>\"]" "$@" || true
}

# either WORD...: a pattern that fits each word.
either() {
  local IFS='|'
  echo "$*"
}

# violations DIRECTORY: each include below include/logzio_okta and src of it that its room may not have.
violations() {
  local i later
  for i in "${!core[@]}"; do
    later=$(either "${core[@]:i+1}")
    includes_of "$worldly|shell/.*|commands/.*${later:+|logzio_okta/($later)/.*}" "$1"/{include/logzio_okta,src}/"${core[i]}"
  done
  for i in "${!shell[@]}"; do
    later=$(either "${shell[@]:i+1}")
    includes_of "commands/.*${later:+|shell/($later)/.*}" "$1/src/shell/${shell[i]}"
  done
}

planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
mkdir -p "${core[@]/#/$planted/include/logzio_okta/}" "${core[@]/#/$planted/src/}" "${shell[@]/#/$planted/src/shell/}"
echo '#include "logzio_okta/flow/org.hpp"' >"$planted/include/logzio_okta/http/a.hpp"
echo '#include <sys/socket.h>' >"$planted/src/flow/b.cpp"
echo '#include "logzio_okta/base/time.hpp"' >"$planted/src/flow/c.cpp"
echo '#include "shell/net/curl_client.hpp"' >"$planted/src/shell/state/d.cpp"
echo '#include "shell/os/clock.hpp"' >"$planted/src/shell/state/e.cpp"
[[ $(violations "$planted" | wc -l) == 3 ]] || findings "the check does not see the includes planted for it"

findings "$(violations .)"
findings "$(find src/shell include/logzio_okta -maxdepth 1 -type f | sed 's/$/: belongs in a room/')"
findings "$(comm -3 <(ls src/shell) <(printf '%s\n' "${shell[@]}" | sort) | sed 's/^\s*/a room that this check or the tree does not know: /')"
