#!/usr/bin/env bash
# run.sh FUZZER SECONDS: fuzzes one target for SECONDS, beginning with the tree's corpus and with what earlier runs
# of this build kept. A finding is written to found/NAME-*, and ends the run with 1.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
fuzzer=$(readlink -f "$1") seconds=$2
name=${fuzzer##*/fuzz_}
build=$(dirname "$fuzzer")
kept=$build/kept/$name
mkdir -p "$kept" "$build/found"
arguments=(-max_total_time="$seconds" -timeout=120 -rss_limit_mb=2048 -artifact_prefix="$build/found/$name-" -print_final_stats=1)
[[ ! -e $here/$name.dict ]] || arguments+=(-dict="$here/$name.dict")
[[ ! -e $here/$name.options ]] || mapfile -t -O "${#arguments[@]}" arguments <"$here/$name.options"
corpora=("$kept")
[[ ! -d $here/corpus/$name ]] || corpora+=("$here/corpus/$name")
exec "$fuzzer" "${arguments[@]}" "${corpora[@]}"
