#!/usr/bin/env bash
# run.sh BUILD_DIR [NAME-PATTERN]: plants each bug of mutations.txt in a copy of its file, builds the simulator
# with it and runs seeds from 1 on until one convicts. Prints the table; exits 1 if a bug survives.
# SEEDS, HOURS and JOBS may be set.
# run.sh --texts: only whether every bug can be planted, now that the sources have changed.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(cd "$here/../../.." && pwd)
pattern=${2:-.}
seeds=${SEEDS:-1500} hours=${HOURS:-12}
if [[ $1 == --texts ]]; then
  build='' work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
else
  build=$(cd "$1" && pwd) work=$build/planted
  rm -rf "$work"
  mkdir -p "$work"
fi

complain() {
  printf 'planted: %s\n' "$*" >&2
  exit 1
}

# plant NUMBER FILE OLD NEW: the changed copy, refused where the table is older than the source.
plant() {
  local source old=$3 new=$4 rest
  source=$(<"$root/$2")
  rest=${source#*"$old"}
  [[ $rest != "$source" ]] || complain "not in $2: $old"
  [[ ${rest#*"$old"} == "$rest" ]] || complain "more than once in $2: $old"
  printf '%s\n' "${source/"$old"/"$new"}" >"$work/$1.cpp"
}

# convict NUMBER FILE NAME: its row of the table, into a file and on stdout. The copy is compiled with the flags of the original and linked
# in front of the core, whose own object is then not wanted any more.
convict() {
  row "$@" | tee "$work/$(printf '%03d' "$1").row"
}

row() {
  local number=$1 file=$2 name=$3 status=0 object compile link seed
  object=$(grep -o "^[^:]*logzio_okta_core[^:]*/$file\.o" <<<"$targets")
  compile=$(ninja -C "$build" -t commands "$object" | tail -n 1)
  compile=${compile//" $root/$file"/" $work/$number.cpp"}
  compile=${compile//"$object"/"$work/$number.o"}
  link=$(ninja -C "$build" -t commands "$simulator" | tail -n 1)
  link=${link//"-o $simulator"/"$work/$number.o -o $work/$number.sim"}
  if [[ -z $compile || -z $link ]] ||
    ! (cd "$build" && eval "$compile -w" && eval "$link") >"$work/$number.log" 2>&1; then
    printf '| %s | **does not compile** | |\n' "$name"
    return
  fi
  local how=(--tenants 0 --hours "$hours" --jobs 1 --shrink 0)
  timeout 1800 "$work/$number.sim" --seeds "$seeds" "${how[@]}" >"$work/$number.run" 2>&1 || status=$?
  seed=$(sed -n 's/^seed \([0-9]*\) failed.*/\1/p' "$work/$number.run" | head -n 1)
  if ((status == 124)); then
    printf '| %s | **survives** 1800 s | |\n' "$name"
  elif [[ -z $seed ]]; then
    printf '| %s | **survives** %s | |\n' "$name" "$seeds"
  elif ! "$build/$simulator" --seed "$seed" "${how[@]}" >/dev/null 2>&1; then
    printf '| %s | **not by this bug** | %s |\n' "$name" "$seed"
  else
    printf '| %s | %s | %s |\n' "$name" \
      "$(grep -a -m 1 -o 'VIOLATION: .*\|check failed.*' "$work/$number.run" |
        sed -E 's/^VIOLATION: //; s/[:,]? ?(event )?[0-9a-f-]{36}.*//; s/, as \{.*//; s/: \{.*//; s/[|]/ /g
          s/ at [0-9-]+T[^ ]+ inside/ inside/; s/, until .*//; s/ [0-9]+ h after everything healed//
          s/: ([0-9]+ fetched|\/api|Okta answered).*//; s/, [^,]+ after it was persisted//' |
        cut -c 1-100)" "$seed"
  fi
}
export -f convict row
export root build work seeds hours

number=0 name='' file='' old='' new=''
declare -a wanted=()
while IFS= read -r line || [[ -n $line ]]; do
  case $line in
    '#'* | '') ;;
    'file '*) file=${line#file } ;;
    '- '*) old=${line#- } ;;
    '+'*)
      [[ $name =~ $pattern ]] || continue
      number=$((number + 1)) new=${line#+}
      plant "$number" "$file" "$old" "${new# }"
      wanted+=("$number" "$file" "$name")
      ;;
    *) name=$line ;;
  esac
done <"$here/mutations.txt"
((number > 0)) || complain "no such bug: $pattern"
if [[ -z $build ]]; then
  printf '%d bugs can be planted\n' "$number"
  exit
fi

targets=$(ninja -C "$build" -t targets all)
simulator=$(sed -nE 's,^(.*/logzio-okta-sim): .*,\1,p' <<<"$targets")
[[ -n $simulator ]] || complain "there is no simulator in $build"
export targets simulator

printf '%s\0' "${wanted[@]}" | xargs -0 -n 3 -P "${JOBS:-2}" bash -c 'convict "$0" "$1" "$2"'
{
  printf '\n| planted | convicted as | seeds it took |\n|---|---|---|\n'
  cat "$work"/*.row
} | tee "$work/table"
! grep -q '\*\*' "$work/table"
