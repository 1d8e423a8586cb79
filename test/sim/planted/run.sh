#!/usr/bin/env bash
# run.sh BUILD_DIR TESTS_DIR [NAME-PATTERN]: plants each bug of mutations.txt in a copy of its file, builds the
# simulator with it and runs seeds from 1 on until one convicts; and each of by_tests.txt, with which the test that
# it names must fail. Prints the tables; exits 1 if a bug survives. BUILD_DIR has the simulator, TESTS_DIR the tests.
# SEEDS, HOURS and JOBS may be set.
# run.sh --texts: only whether every bug can be planted, now that the sources have changed.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(cd "$here/../../.." && pwd)
pattern=${3:-.}
seeds=${SEEDS:-1500} hours=${HOURS:-12}
if [[ $1 == --texts ]]; then
  build='' tests='' work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
else
  build=$(cd "$1" && pwd) tests=$(cd "$2" && pwd) work=$build/planted
  rm -rf "$work"
  mkdir -p "$work"
fi

complain() {
  printf 'planted: %s\n' "$*" >&2
  exit 1
}

# plant NUMBER FILE OLD NEW: the changed copy, refused where the table is older than the source.
plant() {
  local status=0
  old=$3 new=$4 LC_ALL=C awk '
    BEGIN { RS = "\001" }
    { text = $0 }
    END {
      old = ENVIRON["old"]
      at = index(text, old)
      if (at == 0) exit 2
      rest = substr(text, at + length(old))
      if (index(rest, old) > 0) exit 3
      printf "%s%s%s", substr(text, 1, at - 1), ENVIRON["new"], rest
    }' "$root/$2" >"$work/$1.cpp" || status=$?
  case $status in
    0) ;;
    3) complain "more than once in $2: $3" ;;
    *) complain "not in $2: $3" ;;
  esac
}

# with_bug DIR PROGRAM NUMBER FILE: PROGRAM of the build in DIR with the bug, as $work/NUMBER.program. The copy is compiled with the
# flags of the original and linked in front of the libraries, whose own object is then not wanted any more.
with_bug() {
  local dir=$1 program=$2 number=$3 file=$4 object compile link
  object=$(ninja -C "$dir" -t targets all | grep -om 1 "^[^:]*/${file#test/sim/}\.o") # A model's is beside its rules.
  compile=$(ninja -C "$dir" -t commands "$object" | tail -n 1)
  compile=${compile//" $root/$file"/" $work/$number.cpp"}
  compile=${compile//"$object"/"$work/$number.o"}
  link=$(ninja -C "$dir" -t commands "$program" | tail -n 1)
  link=${link//"-o $program"/"$work/$number.o -o $work/$number.program"}
  [[ -n $compile && -n $link ]] &&
    (cd "$dir" && eval "$compile -w" && eval "$link") >"$work/$number.log" 2>&1
}

# convict NUMBER FILE NAME TEST: its row of the table, into a file and on stdout.
convict() {
  local kind=seeds
  [[ -z $4 ]] || kind=tests
  "row_of_$kind" "$@" | tee "$work/$(printf '%03d' "$1").$kind"
}

row_of_seeds() {
  local number=$1 file=$2 name=$3 status=0 seed
  if ! with_bug "$build" "$simulator" "$number" "$file"; then
    printf '| %s | **does not compile** | |\n' "$name"
    return
  fi
  local how=(--tenants 0 --hours "$hours" --jobs 1 --shrink 0)
  [[ $name != "replicas: "* ]] || how=(--replicas 3 --hours 1 --jobs 1)
  timeout 1800 "$work/$number.program" --seeds "$seeds" "${how[@]}" >"$work/$number.run" 2>&1 || status=$?
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
# The program of a test, by its room; a bug in the daemon's own files is not in the core's.
program_of() {
  case $1 in
    os.* | output.* | settings.* | state.* | postgres.* | net.* | serve.* | hooks.* | process.* | sandbox.*) echo test/shell_tests ;;
    *) echo test/core_tests ;;
  esac
}

row_of_tests() {
  local number=$1 file=$2 name=$3 test=$4 program status=0 found
  program=$(program_of "$test")
  if ! with_bug "$tests" "$program" "$number" "$file"; then
    printf '| %s | %s | **does not compile** |\n' "$name" "$test"
    return
  fi
  local how=(-w NoTests '-#' "[#${test#*.}]")
  (cd "$work" && timeout 600 "./$number.program" "${how[@]}") >"$work/$number.run" 2>&1 || status=$?
  # Catch2 names the case that failed between two lines; without one, the program came to another end.
  found=$(awk '/^-+$/ { getline; print; exit }' "$work/$number.run" | sed 's/[|]/ /g')
  if ((status == 0)); then
    printf '| %s | %s | **survives** |\n' "$name" "$test"
  elif ((status == 124)); then
    printf '| %s | %s | **comes to no end** |\n' "$name" "$test"
  elif ! (cd "$work" && timeout 600 "$tests/$program" "${how[@]}") >/dev/null 2>&1; then
    printf '| %s | %s | **not by this bug** |\n' "$name" "$test"
  else
    printf '| %s | %s | %s |\n' "$name" "$test" "${found:-aborts}"
  fi
  rm -f "$work/$number.program"
}
export -f convict with_bug program_of row_of_seeds row_of_tests
export root build tests work seeds hours

number=0 name='' file='' test='' old='' new=''
declare -a wanted=()
while IFS= read -r line || [[ -n $line ]]; do
  case $line in
    '#'* | '') ;;
    'file '*) file=${line#file } ;;
    'test '*) test=${line#test } ;;
    '- '*) old=${line#- } ;;
    '+'*)
      [[ $name =~ $pattern ]] || continue
      number=$((number + 1)) new=${line#+}
      plant "$number" "$file" "$old" "${new# }"
      wanted+=("$number" "$file" "$name" "$test")
      ;;
    *) name=$line test='' ;;
  esac
done < <(cat "$here/mutations.txt" "$here/by_tests.txt")
((number > 0)) || complain "no such bug: $pattern"
if [[ -z $build ]]; then
  printf '%d bugs can be planted\n' "$number"
  exit
fi

simulator=$(ninja -C "$build" -t targets all | sed -nE 's,^(.*/logzio-okta-sim): .*,\1,p')
[[ -n $simulator ]] || complain "there is no simulator in $build"
export simulator

printf '%s\0' "${wanted[@]}" | xargs -0 -n 4 -P "${JOBS:-2}" bash -c 'convict "$0" "$1" "$2" "$3"'
{
  printf '\n| planted | reported as | seeds it took |\n|---|---|---|\n'
  cat "$work"/*.seeds 2>/dev/null || true
  printf '\n| planted | test | that failed |\n|---|---|---|\n'
  cat "$work"/*.tests 2>/dev/null || true
} | tee "$work/table"
! grep -q '\*\*' "$work/table"
