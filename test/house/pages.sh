#!/usr/bin/env bash
# pages.sh BINARY PAGES: the man page renders without a warning and knows every command and flag that --help knows;
# the completion for bash offers them, run in bash as a user's shell would.
. "$(dirname "$0")/lib.sh"
binary=$1 pages=$2
tool groff

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

render() { groff -man -ww -Tutf8 -P-cbou "$1"; }
printf '.TH X 1\n.SH NAME\n.no such request\n' >"$scratch/bad.1"
[[ -n $(render "$scratch/bad.1" 2>&1 >/dev/null) ]] || findings "groff does not object to an unknown request"

page=$pages/logzio-okta.1
findings "$(render "$page" 2>&1 >/dev/null)"
render "$page" | tr '‐' '-' >"$scratch/page"

flags_in() { grep -oE '^  --[a-z-]+' | tr -d ' ' | sort -u; } # Of a --help on stdin: the flags it explains.
# The completion's own answer for these words, the last one being typed.
offered() {
  bash --norc -c 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _logzio_okta
    printf "%s\n" "${COMPREPLY[@]}"' bash "$pages/logzio-okta.bash" logzio-okta "$@" | sort -u
}

# "status", "set-aside show": the first word or words of each line, up to what is in capitals or after a gap.
mapfile -t commands < <("$binary" --help | sed -n '/^Commands/,/^$/p' | sed -nE 's/^  ([a-z-]+( [a-z-]+)?).*/\1/p' |
  sed 's/ *$//')
((${#commands[@]} >= 4)) || findings "--help shows no commands"

findings "$(
  for command in "${commands[@]}"; do
    read -ra words <<<"$command"
    grep -qE "^ +logzio-okta $command( |\$)" "$scratch/page" || echo "the man page does not know $command"
    "$binary" "${words[@]}" --help | flags_in >"$scratch/flags"
    while read -r flag; do
      grep -qE -e "$flag( |,|\.|\$)" "$scratch/page" || echo "the man page does not know $command $flag"
    done <"$scratch/flags"
    diff <(offered "${words[@]}" -- | grep -vx -e --help) "$scratch/flags" |
      sed -nE "s/^< (.*)/the completion invents $command \1/p; s/^> (.*)/the completion does not know $command \1/p"
    offered "${words[@]::${#words[@]}-1}" "" | grep -qx "${words[-1]}" || echo "the completion does not offer $command"
  done
  [[ $(offered --log-level w) == warn ]] || echo "the completion does not know the levels"
  [[ $(offered --state-dir "$scratch") == "$scratch" ]] || echo "the completion does not complete directories"
  [[ $(offered --listener x statu) == status ]] || echo "the completion takes a flag's value for a command"
)"
