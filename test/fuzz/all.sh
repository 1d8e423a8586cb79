#!/usr/bin/env bash
# all.sh BUILD_DIR MINUTES [TARGET...]: runs each fuzzer for MINUTES, JOBS at a time, and prints a row for each. Exit 1
# if one found something; what to do then is in its row.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
build=$(cd "$1" && pwd)/test/fuzz
minutes=$2
shift 2
[[ $minutes =~ ^[1-9][0-9]*$ ]] || { echo "fuzz: how many minutes? $minutes is no number of them" >&2 && exit 64; }
(($# > 0)) || mapfile -t -O 1 targets < <(find "$build" -maxdepth 1 -type f -name 'fuzz_*' -printf '%f\n' | sort)
(($# == 0)) || targets=("$@")

fuzz() { # fuzz TARGET
  local name=${1#fuzz_} log status=0 found=none
  log=$build/$name.log
  "$here/run.sh" "$build/fuzz_$name" $((minutes * 60)) >"$log" 2>&1 || status=$?
  if ((status != 0)); then
    found="**found**: $(grep -aoP 'Test unit written to \K.*' "$log" || echo "no input, but it ended with $status: see $log")"
  fi
  printf '| %s | %d min | %s | %s |\n' "$name" "$minutes" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)" "$found"
  return "$status"
}
export -f fuzz
export here build minutes

printf '| target | time | executions | findings |\n|---|---|---|---|\n'
printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "${JOBS:-2}" bash -c 'fuzz "$0" || exit 1' || exit 1
