#!/usr/bin/env bash
# The rooms of the core include only those before them, and nothing that touches the world.
. "$(dirname "$0")/lib.sh"

rooms=(base http okta logzio config flow)
worldly='fstream|iostream|filesystem|thread|mutex|shared_mutex|condition_variable|future|stop_token|random'
worldly+='|ctime|time\.h|csignal|unistd\.h|fcntl\.h|netdb\.h|poll\.h|(sys|netinet|arpa)/.*|curl/.*|openssl/.*'
worldly+='|spdlog/.*|sqlite3\.h|yaml-cpp/.*|cxxopts\.hpp|microhttpd\.h|prometheus/.*'

# violations DIRECTORY...: "file:line:include" of each include that its room may not have.
violations() {
  local i room later
  for i in "${!rooms[@]}"; do
    room=${rooms[i]}
    later=$(IFS='|' && echo "${rooms[*]:i+1}")
    grep -rnE "#include [<\"]($worldly|shell/.*|commands/.*${later:+|logzio_okta/($later)/.*})[>\"]" \
      "${@/%//$room}" || true
  done
}

planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
mkdir "${rooms[@]/#/$planted/}"
echo '#include "logzio_okta/flow/org.hpp"' >"$planted/http/a.hpp"
echo '#include <sys/socket.h>' >"$planted/flow/b.cpp"
echo '#include "logzio_okta/base/time.hpp"' >"$planted/flow/c.cpp"
[[ $(violations "$planted" | wc -l) == 2 ]] || findings "the check does not see the includes planted for it"

findings "$(violations include/logzio_okta src)"
