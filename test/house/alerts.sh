#!/usr/bin/env bash
# Each alert of etc/prometheus-alerts.yml has its fault in alerts_test.yml, and promtool plays the faults: each alert
# fires on its own, and none on a good day.
. "$(dirname "$0")/lib.sh"
alerts=etc/prometheus-alerts.yml
faults=test/house/alerts_test.yml

unplayed() { # unplayed ALERTS FAULTS: alerts without a fault.
  sed -n 's/^ *- alert: //p' "$1" | while read -r name; do
    grep -q "alertname=\"$name\"" "$2" || echo "$1: no fault in $2 makes $name fire"
  done
}

planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
printf '%s\n' '      - alert: NobodyFiresThis' >"$planted/more.yml"
[[ $(unplayed "$planted/more.yml" "$faults") == *NobodyFiresThis* ]] || findings "the check does not see what was planted"
findings "$(unplayed "$alerts" "$faults")"
findings "$(sed -n 's/^ *- alert: //p' "$alerts" | while read -r name; do
  grep -qF "\`$name\`" docs/operating.md || echo "docs/operating.md: does not name the alert $name"
done)"

command -v promtool >/dev/null || PATH=$PATH:$PWD/build/promtool
if ! command -v promtool >/dev/null; then
  echo "promtool is missing, so that no fault was played; ./dev test fetches it"
  exit 77 # ctest calls it skipped.
fi
cp "$faults" "$planted/alerts_test.yml"
sed 's/logzio_okta_ready == 0/logzio_okta_ready == 2/' "$alerts" >"$planted/alerts.yml"
! promtool test rules "$planted/alerts_test.yml" >"$planted/said" 2>&1 || findings "promtool does not see what was planted"
cp "$alerts" "$planted/alerts.yml"
promtool test rules "$planted/alerts_test.yml" >"$planted/said" 2>&1 || findings "$(<"$planted/said")"
promtool check rules "$planted/alerts.yml" >"$planted/said" 2>&1 || findings "$(<"$planted/said")"
