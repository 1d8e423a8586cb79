#!/usr/bin/env bash
# make.sh PROGRAM SANDBOX [MINUTES]: makes the pictures in this directory from the running thing: fifty orgs of the
# sandbox, one of them rate limited and one with a revoked key, watched for some minutes (10) so that the plots have
# something to show. Needs chromium and pngquant; ./dev pictures
# installs them.
set -euo pipefail

program=$(readlink -f "$1") sandbox=$(readlink -f "$2") minutes=${3:-10}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
started=()
end() {
  ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
  wait
  rm -rf "$scratch"
}
trap end EXIT

until_said() { # until_said FILE PATTERN: waits for up to a minute.
  local tries=300
  until grep -qs -e "$2" "$1"; do
    ((--tries > 0)) || { cat "$1" >&2; exit 1; }
    sleep 0.2
  done
}

"$sandbox" --named --orgs 50 --rate 2 --events 400 --fault 429,401 --dir "$scratch/box" >"$scratch/sandbox.log" 2>&1 &
started+=($!)
until_said "$scratch/sandbox.log" HTTPS_PROXY
HTTPS_PROXY=$(sed -n 's/.*HTTPS_PROXY=//p' "$scratch/sandbox.log")
settings=(--tenants "$scratch/box/tenants-credentials.yml" --token-file "$scratch/box/token" --listener listener.logz.io
  --ca-file "$scratch/box/ca.pem" --state-dir "$scratch/box/state")
admin=127.0.0.1:9810
HTTPS_PROXY=$HTTPS_PROXY "$program" --admin $admin "${settings[@]}" --poll-interval 2s >"$scratch/daemon.log" 2>&1 &
started+=($!)
until_said "$scratch/daemon.log" 'tenant entries'
for ((minute = minutes; minute > 0; --minute)); do
  echo "pictures: $minute min left" >&2
  sleep 60
done

shoot() { # shoot NAME WIDTH HEIGHT ADDRESS [FLAG...]
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=6000 --window-size="$2,$3" \
    --screenshot="$here/$1.png" "${@:5}" "$4" >"$scratch/chromium.log" 2>&1 || { cat "$scratch/chromium.log" >&2; exit 1; }
  pngquant --force --ext .png 64 "$here/$1.png"
}

terminal() { # terminal NAME HEIGHT COMMAND...: what the command prints, as a terminal shows it.
  {
    echo '<!doctype html><meta charset="utf-8"><style>body{margin:0;background:#12161d;color:#e6e9ef}'
    echo 'pre{margin:16px;font:13px/1.4 monospace}b{color:#4cc38a}</style><pre>'
    printf '<b>$ %s</b>\n' "logzio-okta ${*:3:1}"
    "$program" "${@:3}" 2>&1 |
      sed -E "s#$scratch/(box/state|once)#/var/lib/logzio-okta#g; s#$scratch/box#/etc/logzio-okta#g" |
      head -40 | sed 's/&/\&amp;/g; s/</\&lt;/g' || true
    echo '</pre>'
  } >"$scratch/$1.html"
  shoot "$1" 1240 "$2" "file://$scratch/$1.html"
}

shoot status-page 1400 900 "http://$admin/"
shoot status-page-phone 500 900 "http://$admin/"
shoot status-page-tenant 1100 520 "http://$admin/#globex.okta.com"
terminal status 560 status --admin $admin
export HTTPS_PROXY
awk '/^  - / && ++entries > 3 { exit } { print }' "$scratch/box/tenants-credentials.yml" >"$scratch/box/tenants.yml"
chmod 600 "$scratch/box/tenants.yml"
settings[1]=$scratch/box/tenants.yml
terminal check 320 check --admin off "${settings[@]}"
# Without the two in trouble.
awk '/^  - / { ++entries } !entries || entries > 2 { if (entries > 5) exit; print }' \
  "$scratch/box/tenants-credentials.yml" >"$scratch/box/tenants.yml"
settings[9]=$scratch/once
terminal once 330 --once --admin off "${settings[@]}"
ls -l "$here"/*.png
