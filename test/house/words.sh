#!/usr/bin/env bash
# What must not be in any file: secrets, one machine's paths, promises instead of work, luck instead of order, and turns that
# no native writer of English would use: write "needs" for [wants], "after" for [behind], "is" for [stands].
. "$(dirname "$0")/lib.sh"

# Each pattern is written so that it does not match itself.
key='BEGIN [A-Z ]*PRIVATE[ ]KEY'
okta_token='(SSWS|okta_api_key:|OKTA_API_KEY=)[ "'\'']*00[A-Za-z0-9_-]{40}([^A-Za-z0-9_-]|$)'
paths='/(work|home|Users)[/][a-z]|/tmp[/]work|/root[/][a-z.]'
promises='\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b'
turns='\bwant[s] [a-z]|\bbehin[d] (it|them)\b|\bstand[s]? (in|there|here|twice|elsewhere|alone|below|above|beside|before|behind)\b'
sleeps='sleep_f[o]r|sleep_unti[l]|\bu?sleep[(]|nanoslee[p]'

house_grep() { house_files | xargs -0 grep -nIE "$1" || true; }
text_grep() { find "${2:-.}"/{include,src,test,docs} "${2:-.}"/*.md \( -name '*.[ch]pp' -o -name '*.md' -o -name '*.txt' \) -print0 | xargs -0 grep -nIE "$1" || true; }
code_grep() { find "${2:-.}"/{include,src,test} -name '*.[ch]pp' -print0 | xargs -0 grep -nE "$1" || true; }

planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
mkdir -p "$planted"/{include,src,test,docs}
echo 'The key stan''ds in the file.' >"$planted/a.md"
printf '%s\n' "std::this_thread::sleep_""for(1s);" "// TO""DO: later" >"$planted/src/a.cpp"
[[ $(code_grep "$sleeps|$promises" "$planted" | wc -l) == 2 && $(text_grep "$turns" "$planted" | wc -l) == 1 ]] || findings "the check does not see what was planted"

findings "$(
  house_grep "$key" | sed 's/:[^:]*$/: a private key/'
  house_grep "$okta_token" | sed 's/:[^:]*:.*/: what looks like an Okta API token/'
  house_grep "$paths"
  house_grep "$promises"
  code_grep "$sleeps"
  text_grep "$turns"
)"
