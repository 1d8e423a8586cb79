#!/usr/bin/env bash
# A comment that cites a page names one that is in the tree, and its section if it names one: "docs/okta.md 1.2". A link
# that leads to a heading of a page finds it there.
. "$(dirname "$0")/lib.sh"

# A file's comments as one line: where a comment's line ends does not end a citation.
comments_of() { sed -nE 's@^.*(//[/!]?<?|# )[ \t]*@@p' "$1" | tr '\n' ' '; }

page_of() { # page_of ROOT FILE PAGE: the page's path; a bare name may be in docs/, at the root, or beside the file.
  local at
  for at in "$1/docs" "$1" "$(dirname "$2")"; do
    [[ ! -f $at/$3 ]] || { echo "$at/$3" && return; }
  done
}

unresolved() { # unresolved ROOT FILE...: each citation that leads nowhere.
  local root=$1 file cited name section page
  shift
  for file in "$@"; do
    comments_of "$file" | { grep -oE '\b[A-Za-z0-9_./-]+\.md\b(,? (section |§ ?)?[0-9]+(\.[0-9]+)*)?' || true; } | while read -r cited; do
      name=${cited%%.md*}.md
      section=${cited#"$name"}
      section=${section##* }
      page=$(page_of "$root" "$file" "$name")
      if [[ -z $page ]]; then
        echo "$file: cites $name, which is not in the tree"
      elif [[ -n $section ]] && ! grep -qE "^#+ ${section//./\\.} " "$page"; then
        echo "$file: cites $name $section, but the page has no such section"
      fi
    done
  done
}

anchors_of() { # The names that a page's headings have in links.
  sed -nE 's/^#+ //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

dead_anchors() { # dead_anchors PAGE...: "page: link" for each link to a heading that is not there.
  local page link target
  for page in "$@"; do
    { grep -oE '\]\([^):]*#[^)]+' "$page" || true; } | cut -c3- | while read -r link; do
      target=${link%%#*}
      target=${target:+$(dirname "$page")/$target}
      grep -qxF -- "${link#*#}" <(anchors_of "${target:-$page}") || echo "$page: no heading for the link $link"
    done
  done
}

planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
mkdir "$planted/docs"
printf '%s\n' '# Facts' '## 1 One' '### 1.2 One two' '[a](#1-one) [b](#1-gone)' >"$planted/docs/facts.md"
printf '%s\n' '// As facts.md 1.2 and docs/facts.md section' '// 1 say, against facts.md 1.3, and docs/gone.md.' >"$planted/a.cpp"
found=$(unresolved "$planted" "$planted/a.cpp" && dead_anchors "$planted/docs/facts.md")
[[ $found == *'cites facts.md 1.3, but'*'cites docs/gone.md, which'*'for the link #1-gone' && $(wc -l <<<"$found") == 3 ]] ||
  findings "the check does not see what was planted: $found"

mapfile -t sources < <(grep -rlE '\.md\b' --include='*.[ch]pp' --include=CMakeLists.txt include src test)
mapfile -t pages < <(find . \( -path ./build -o -path ./.cache -o -path ./.git \) -prune -o -name '*.md' -print)
findings "$(
  unresolved . "${sources[@]}"
  dead_anchors "${pages[@]}"
)"
