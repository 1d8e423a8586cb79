# shellcheck shell=bash
# What the tests of what we ship share: they run as root, on files and in name spaces of their own.
set -euo pipefail
export LC_ALL=C.UTF-8

ok() { printf 'ok: %s\n' "$*"; }
fail() {
  printf 'NOT ok: %s\n' "$*" >&2
  exit 1
}

# that SENTENCE COMMAND...: the command must succeed, or the sentence is reported as untrue.
that() {
  local sentence=$1
  shift
  if "$@"; then ok "$sentence"; else fail "$sentence ($*)"; fi
}

# soon SENTENCE COMMAND...: likewise, within a minute and a half.
soon() {
  local sentence=$1 end=$((SECONDS + 90))
  shift
  until "$@"; do
    ((SECONDS < end)) || fail "$sentence ($*)"
    sleep 0.2
  done
  ok "$sentence"
}

into() { "${@:2}" >"$1" 2>&1 </dev/null; } # into FILE COMMAND...: what it prints is for who looks into WORK.
holds() { grep -qsF -e "$2" "$1"; }   # holds FILE TEXT
says() { [[ $("${@:2}" 2>&1) == *"$1"* ]]; } # says TEXT COMMAND...

# start_sandbox BINARY DIR: two orgs and a listener until the script ends; exports $listener.
start_sandbox() {
  mkdir -p "$2"
  "$1" --orgs 2 --events 200 --rate 2 --dir "$2" >"$2/log" 2>&1 &
  sandbox_pid=$!
  trap 'kill "$sandbox_pid" 2>/dev/null || true' EXIT
  soon 'the sandbox is up' holds "$2/log" 'Ctrl-C ends it'
  export listener
  listener=$(grep -m 1 -oE -- '--listener [^ ]+' "$2/log" | cut -d' ' -f2)
}

# delivered DIR: how many events the sandbox's listener has got; repeats_unmarked and wrong ones are faults.
delivered() { tail -n 1 "$1/log" | sed -nE 's/.*delivered +([0-9]+).*/\1/p'; }
has_delivered() { # The log's last line may be half written.
  local count
  count=$(delivered "$1")
  ((${count:-0} >= $2))
}
nothing_wrong() { tail -n 1 "$1/log" | grep -qE '\(0 unmarked\) +wrong 0 '; }
