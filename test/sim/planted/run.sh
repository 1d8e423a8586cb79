#!/usr/bin/env bash
# run.sh BUILD_DIR [NAME-PATTERN]: plants each bug of mutations.txt in a copy of its file, builds the simulator
# with it and runs seeds until one convicts. Prints the table; exits 1 if a bug survives.
# SEEDS, HOURS and JOBS may be set.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(cd "$here/../../.." && pwd)
build=$(cd "$1" && pwd)
pattern=${2:-.}
export seeds=${SEEDS:-400} hours=${HOURS:-12}
work=$build/planted
rm -rf "$work"
mkdir -p "$work"

complain() {
  printf 'planted: %s\n' "$*" >&2
  exit 1
}

# The command that ninja would run for that output, the last of its kind.
command_for() { ninja -C "$build" -t commands "$1" | tail -n 1; }

# plant NUMBER FILE OLD NEW: the changed copy, refused where the table is older than the source.
plant() {
  local source old=$3 new=$4 rest
  source=$(<"$root/$2")
  rest=${source#*"$old"}
  [[ $rest != "$source" ]] || complain "not in $2: $old"
  [[ ${rest#*"$old"} == "$rest" ]] || complain "more than once in $2: $old"
  printf '%s\n' "${source/"$old"/"$new"}" >"$work/$1.cpp"
}

# Compiles the copy with the flags of the original and links it in front of the core, whose own object is then
# not wanted any more.
build_mutant() {
  local number=$1 file=$2 object compile link
  object=$(grep -o "^[^:]*logzio_okta_core[^:]*/$file\.o" <<<"$targets")
  compile=$(command_for "$object")
  compile=${compile//" $root/$file"/" $work/$number.cpp"}
  compile=${compile//"$object"/"$work/$number.o"}
  (cd "$build" && eval "$compile -I$root/$(dirname "$file") -w") >"$work/$number.log" 2>&1 || return 1
  link=$(command_for "$simulator")
  link=${link//"-o $simulator"/"$work/$number.o -o $work/$number.sim"}
  (cd "$build" && eval "$link") >>"$work/$number.log" 2>&1
}

# convict NUMBER NAME: one line of the table.
convict() {
  local number=$1 name=$2 status=0 seed
  timeout 900 "$work/$number.sim" --seeds "$seeds" --hours "$hours" --jobs 1 >"$work/$number.run" 2>&1 || status=$?
  seed=$(sed -n 's/^seed \([0-9]*\) failed.*/\1/p' "$work/$number.run" | head -n 1)
  if ((status == 124)); then
    printf '| %s | | it hangs |\n' "$name"
  elif [[ -z $seed ]]; then
    printf '| %s | **survived** %s | |\n' "$name" "$seeds"
  else
    printf '| %s | %s | %s |\n' "$name" "$seed" "$(grep -a -m 1 -o 'VIOLATION: .*\|[^ ]*: check failed.*\|.*CHECK.*' "$work/$number.run" |
      sed 's/^VIOLATION: //; s/: event .*//; s/ [0-9a-f-]\{36\}.*//; s/|/ /g' | cut -c 1-90)"
  fi
}
export -f convict
export work

targets=$(ninja -C "$build" -t targets all)
simulator=$(sed -nE 's,^((.*/)?logzio-okta-sim): .*,\1,p' <<<"$targets")
[[ -n $simulator ]] || complain "there is no simulator in $build"

number=0 name='' file='' old=''
declare -a wanted=()
while IFS= read -r line || [[ -n $line ]]; do
  case $line in
    '#'* | '') ;;
    'file '*) file=${line#file } ;;
    '- '*) old=${line#- } ;;
    '+'*)
      number=$((number + 1))
      if [[ $name =~ $pattern ]]; then
        new=${line#+}
        plant "$number" "$file" "$old" "${new# }"
        build_mutant "$number" "$file" || complain "\"$name\" does not compile: $work/$number.log"
        wanted+=("$number" "$name")
      fi
      ;;
    *) name=$line ;;
  esac
done <"$here/mutations.txt"

printf '| planted | caught by seed | as |\n|---|---|---|\n'
printf '%s\0' "${wanted[@]}" | xargs -0 -n 2 -P "${JOBS:-2}" bash -c 'convict "$0" "$1"' | tee "$work/table"
! grep -q survived "$work/table"
