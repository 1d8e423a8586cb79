#!/usr/bin/env bash
# manifests.sh BINARY: what people copy names only what exists: each variable, flag and command in manifests, examples and
# install pages is one that --help explains, each file an install page names is there, and the chart's alerts and
# dashboard are those of etc/. (./dev chart test renders the chart, which needs helm.)
. "$(dirname "$0")/lib.sh"
binary=$1

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
"$binary" --help >"$scratch/help"
# Variables that are not for the program but for what runs it, so that --help does not explain them.
known_elsewhere='^(LOGZIO_OKTA_USER)$'

unknown_variables() { # unknown_variables FILE...: our variables that the program does not read.
  { grep -hoE '\b(LOGZIO_[A-Z_]*[A-Z]|OKTA_(API_KEY|DOMAIN|TENANT)|LOG_[A-Z]+|ENV_ID)\b' "$@" || true; } | sort -u |
    while read -r name; do
      grep -qw -e "$name" "$scratch/help" || [[ $name =~ $known_elsewhere ]] || echo "$name is set or named, and --help does not know it"
    done
}

unknown_commands() { # unknown_commands FILE...: "/usr/bin/logzio-okta WORD" and the probes' form of it.
  { grep -hoE '/usr/bin/logzio-okta("?, "?| )[a-z-]+' "$@" || true; } | grep -oE '[a-z-]+$' | sort -u | while read -r word; do
    grep -qE "^  $word " "$scratch/help" || echo "the command $word is named, and --help does not know it"
  done
}

missing_files() { # missing_files PAGE...: "etc/kubernetes" and the like, which an installation begins with.
  local page path
  for page; do
    { grep -oE '(^|[ "`(=])(etc|docker|charts|docs|test|src)/[A-Za-z0-9_./-]*[A-Za-z0-9_]' "$page" || true; } | sed 's/^[ "`(=]//' | sort -u |
      while read -r path; do
        [[ -e $path || -e $(dirname "$page")/$path ]] || echo "$page names $path, which does not exist"
      done
  done
}

version=$(sed -nE 's/^project\(logzio-okta VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
other_versions() { # other_versions FILE...: an image that is named with another version than ours.
  { grep -oE 'logzio/logzio-okta:[0-9][0-9.]*[0-9]' "$@" || true; } | grep -v ":$version\$" || true
}

printf '%s\n' 'LOGZIO_NOBODY_READS: 1' 'image: logzio/logzio-okta:0.0.1' '[/usr/bin/logzio-okta, dance]' 'kubectl apply -k etc/nowhere' >"$scratch/planted"
[[ $(unknown_variables "$scratch/planted"; unknown_commands "$scratch/planted"; missing_files "$scratch/planted"
  other_versions "$scratch/planted") == *LOGZIO_NOBODY_READS*dance*etc/nowhere*0.0.1* ]] || findings "the check does not see what was planted"

mapfile -t copied < <(find etc/kubernetes etc/examples charts docker -type f; echo etc/environment.example)
pages=(README.md CONTRIBUTING.md docs/*.md)
findings "$(
  unknown_variables "${copied[@]}" docs/ecs.md docs/kubernetes.md docs/monitoring.md
  unknown_commands "${copied[@]}" "${pages[@]}"
  missing_files "${pages[@]}" "${copied[@]}"
  other_versions "${copied[@]}" "${pages[@]}"
  for file in prometheus-alerts.yml grafana-dashboard.json; do
    cmp -s "etc/$file" "charts/logzio-okta/files/$file" || echo "charts/logzio-okta/files/$file is not etc/$file; make it a link to it"
  done
)"

# Prometheus and the reverse proxies accept the examples as they are.
command -v promtool >/dev/null || PATH=$PATH:$PWD/build/promtool
if command -v promtool >/dev/null; then
  cp etc/examples/prometheus.yml etc/prometheus-alerts.yml "$scratch"
  promtool check config "$scratch/prometheus.yml" >"$scratch/said" 2>&1 || findings "$(<"$scratch/said")"
fi
findings "$(sed -nE 's/.*severity: ([a-z]+) .*/\1/p' etc/prometheus-alerts.yml | sort -u | while read -r severity; do
  grep -qF "severity=\"$severity\"" etc/examples/alertmanager.yml || echo "etc/examples/alertmanager.yml routes no $severity"
done)"
