#!/usr/bin/env bash
# readme.sh BINARY: README's table of flags and the one of commands in docs/configuration.md say what --help says: the
# same commands with the same meaning, the same flags in the same order, each with the same variables, default and meaning.
. "$(dirname "$0")/lib.sh"
binary=$1

# differences HELP PAGE: a line for each. Both are read without their layout: line breaks, backticks, padding.
differences() {
  awk -F ' *[|] *' '
    function plain(text) { gsub(/`/, "", text); gsub(/[ \t\r]+/, " ", text); sub(/^ /, "", text); sub(/ $/, "", text); return text }
    function flag_of(text) { return match(text, /^--[a-z-]+/) ? substr(text, 1, RLENGTH) : "" }
    function says(block, text,   at, before, after) { # As whole words: "10s" is not in "10sec".
      block = tolower(block); text = tolower(text)
      while ((at = index(block, text)) > 0) {
        before = at == 1 ? " " : substr(block, at - 1, 1)
        after = substr(block, at + length(text), 1)
        if (before !~ /[A-Za-z0-9_.]/ && after !~ /[A-Za-z0-9_]/) return 1
        block = substr(block, at + 1)
      }
      return 0
    }
    FNR == NR {
      line = plain($0)
      if ($0 ~ /^  ?(-[a-z], )?--/) { # A flag of its own; a line that is only wrapped is indented deeper.
        block = flag_of(line)
        if (block ~ /^(--help|--version|)$/) block = ""
        else shown[++flags] = block
      } else if (line == "") block = ""
      if (block != "") text[block] = plain(text[block] " " line)
      next
    }
    /^\| `--/ {
      name = flag_of(plain($2))
      if (shown[++rows] != name) print "row " rows " of README is " name ", of --help " shown[rows]
      for (column = 2; column <= 5; ++column) {
        cell = plain($column)
        if (column == 4 && cell != "" && cell != "required") cell = "Default: " cell
        if (cell != "" && !says(text[name], cell)) print name ": README says \"" cell "\", --help does not"
      }
      if (plain($4) == "" && says(text[name], "Default")) print name ": README does not say the default"
    }
    END { if (rows != flags) print "README has " rows + 0 " options, --help " flags + 0 }
  ' "$1" "$2"
}

# commands HELP and rows PAGE: "NAME WORDS | MEANING", a line a command.
commands() {
  awk '/^Commands/ { on = 1; next } /^$/ { on = 0 }
    on && /^  [a-z]/ { if (row) print row; sub(/^  /, ""); sub(/  +/, " | "); row = $0; next }
    on { sub(/^ +/, " "); row = row $0 }
    END { print row }' "$1"
}
rows() { sed -n '/^## Commands/,/^## [^C]/{s/`//g;s/^| \([a-z].*\) |$/\1/p}' "$1" | grep -v '^command |'; }

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

printf '%s\n' '  --a N' '      What it' '      --means 10. Variable: A_VARIABLE. Default: 10s.' '  --b' '      Default: x.' >"$scratch/help"
printf '%s\n' '| `--a N` | `A_VARIABLE` | `10s` | What it --means 10. |' '| `--b` | | `x` | |' >"$scratch/good"
printf '%s\n' '| `--a N` | `A_VARIABLE` | `10` | What it --means 10. |' '| `--c` | | | |' >"$scratch/bad"
[[ -z $(differences "$scratch/help" "$scratch/good") ]] || findings "the check objects to a table that is right"
[[ $(differences "$scratch/help" "$scratch/bad" | wc -l) == 3 ]] || findings "the check does not see what is wrong"

"$binary" --help >"$scratch/help"
findings "$(differences "$scratch/help" README.md)"
[[ $(commands "$scratch/help" | wc -l) -gt 3 ]] || findings "the check finds no commands in --help"
findings "$(diff <(commands "$scratch/help") <(rows docs/configuration.md) | sed -n 's/^</--help:/p; s/^>/docs\/configuration.md:/p')"
