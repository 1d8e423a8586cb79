#!/usr/bin/env bash
# The pages agree with the tree: links have targets, ./dev commands exist, versions match, decisions are whole.
. "$(dirname "$0")/lib.sh"

links_in() { sed '/^```/,/^```/d' "$1" | grep -oE '\]\([^) ]+' | cut -c3- || true; } # links_in PAGE

dead_links() { # dead_links ROOT: "page: link" for each relative link that leads nowhere.
  local page link
  find "$1" \( -name build -o -name .cache -o -name .git \) -prune -o -name '*.md' -print | while read -r page; do
    links_in "$page" | while read -r link; do
      [[ $link == *://* || $link == '#'* || -e $(dirname "$page")/${link%%#*} ]] || echo "$page: the link to $link leads nowhere"
    done
  done
}

# Every page is reached from README, and those of docs/ end with where to go next.
lost_pages() {
  local page
  local -A seen=()
  local -a left=(README.md)
  while ((${#left[@]})); do
    page=${left[-1]}
    unset 'left[-1]'
    [[ -z ${seen[$page]-} ]] || continue
    seen[$page]=1
    while read -r link; do
      [[ $link == *://* ]] || left+=("$(realpath -m --relative-to=. "$(dirname "$page")/${link%%#*}")")
    done < <(links_in "$page" | grep -E '\.md(#|$)')
  done
  for page in *.md docs/*.md; do
    [[ -n ${seen[$page]-} ]] || echo "$page: no way of links leads from README to it"
    [[ $page != docs/* ]] || tail -3 "$page" | grep -q '^Next: ' || echo "$page: it does not end with a line \"Next: ...\""
  done
}

# Text is wrapped at 128 columns, except tables, examples and what cannot be broken.
long_lines() { # long_lines PAGE...
  awk '/^```/ { code = !code } FNR == 1 { code = 0 }
    !code && length($0) > 128 && !/^[|]/ && !/^    / && !/^!?\[[^ ]*$/ { print FILENAME ":" FNR ": a line of " length($0) " columns; wrap it at 128" }' "$@"
}

unknown_words() { # unknown_words FILE...: "./dev WORD" where dev has no such word.
  local word
  { grep -hoE '\./dev [a-z]+' "$@" || true; } | sort -u | cut -d' ' -f2 | while read -r word; do
    grep -q "^word_$word()" dev || echo "./dev $word is named in a page, but dev has no such word"
  done
}

decision_faults() {
  local page
  for page in docs/decisions/*.md; do
    [[ ${page##*/} =~ ^20[0-9]{2}-[01][0-9]-[0-3][0-9]-[a-z0-9-]+\.md$ ]] || echo "$page: the name is not DATE-subject.md"
    sed -n 3p "$page" | grep -qE '^20[0-9]{2}-[01][0-9]-[0-3][0-9]\. Status: ' || echo "$page: line 3 is not its date and status"
    [[ $(grep -E '^## ' "$page" | paste -sd,) == '## Context,## Decision,## Consequences' ]] ||
      echo "$page: it needs the sections Context, Decision, Consequences"
  done
}

# Each heading of docs/operating.md quotes a line of the program; "..." replaces the parts that vary.
stale_headings() {
  local code heading part
  code=$(find src -name '*.cpp' -print0 | xargs -0 cat | tr -s ' \n' ' ' | sed 's/" "//g')
  sed -n 's/^### `\(.*\)`$/\1/p' "$1" | while read -r heading; do
    while read -r part; do
      [[ -z $part || $code == *"$part"* ]] || echo "$1: no line of the program says \"$part\""
    done <<<"${heading//.../$'\n'}"
  done
}

metrics_of() { grep -ohE '\b(logzio_okta|process)_[a-z_]*[a-z]\b' "$@" | sort -u; }

# The metrics the program serves and those of docs/operating.md are the same.
metric_differences() {
  diff <(metrics_of src/shell/serve/metrics.cpp) <(grep '^| `' "$1" | metrics_of) |
    sed -n "s|^<|$1 does not explain the metric|p; s|^>|$1 explains a metric that is not served:|p"
}

# Alerts and dashboard use only metrics that are served.
unserved_metrics() { # unserved_metrics FILE...
  comm -23 <(metrics_of "$@") <(metrics_of src/shell/serve/metrics.cpp) | sed 's/^/no such metric is served: /'
}

planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
printf '%s\n' '[a](gone.md) [b](page.md) ./dev dance' "$(printf 'long %.0s' {1..40})" '### `never ... said by any line`' logzio_okta_never_served >"$planted/page.md"
[[ $(dead_links "$planted"; long_lines "$planted/page.md"; unknown_words "$planted/page.md"; stale_headings "$planted/page.md"; metric_differences "$planted/page.md"
  unserved_metrics "$planted/page.md") == \
  *gone.md*'wrap it at 128'*'./dev dance'*'said by any line'*'does not explain the metric logzio_okta_ready'*logzio_okta_never_served* ]] ||
  findings "the check does not see what was planted"

version=$(sed -nE 's/^project\(logzio-okta VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
mapfile -t pages < <(find . -path ./build -prune -o -path ./.cache -prune -o -name '*.md' -print)
findings "$(
  dead_links .
  lost_pages
  long_lines "${pages[@]}"
  unserved_metrics etc/prometheus-alerts.yml etc/grafana-dashboard.json
  unknown_words "${pages[@]}"
  decision_faults
  stale_headings docs/operating.md
  metric_differences docs/operating.md
  grep -qF "ARG VERSION=$version" docker/Dockerfile || echo "docker/Dockerfile does not label the image with version $version"
  [[ $(grep -cE "^(appVersion|version): $version\$" charts/logzio-okta/Chart.yaml) == 2 ]] ||
    echo "charts/logzio-okta/Chart.yaml does not have version and appVersion $version"
  grep -qF "image: logzio/logzio-okta:$version" etc/kubernetes/statefulset.yaml ||
    echo "etc/kubernetes/statefulset.yaml does not run version $version"
  grep -qF "## $version" CHANGELOG.md || echo "CHANGELOG.md does not know version $version"
  cmp -s LICENSE /usr/share/common-licenses/Apache-2.0 || [[ ! -e /usr/share/common-licenses/Apache-2.0 ]] ||
    echo "LICENSE is not the Apache License 2.0, word for word"
)"
