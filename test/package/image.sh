#!/usr/bin/env bash
# image.sh IMAGE STORAGE SANDBOX WORK: runs the image in the ways people do, against the sandbox, and looks at what it
# holds. Needs root, podman and runc. In a network of its own, where every port is free.
. "$(dirname "$0")/lib.sh"
image=$1 storage=$(readlink -f "$2") sandbox=$(readlink -f "$3") work=$4
rm -rf "$work" && mkdir -p "$work"
work=$(readlink -f "$work")

if [[ -z ${LOGZIO_OKTA_UNSHARED-} ]]; then
  LOGZIO_OKTA_UNSHARED=1 exec unshare --mount --net "$0" "$@"
fi
ip link set lo up

# Podman starts health checks by timers of systemd, which need not run here; the check itself is made below.
pod() {
  podman --log-level=fatal --root "$storage" --runroot "$storage/run" --storage-driver vfs --cgroup-manager cgroupfs --runtime runc "$@"
}
about() { pod image inspect --format "$1" "$image"; }

# What it holds

bytes=$(about '{{.Size}}')
((bytes < 40 * 1000 * 1000)) || fail "it has $bytes bytes, which is more than 40 MB"
ok "it has $((bytes / 1000000)) MB"
that 'its volume is the state' says /var/lib/logzio-okta about '{{.Config.Volumes}}'
that 'its state directory is set' says LOGZIO_OKTA_STATE_DIR=/var/lib/logzio-okta about '{{.Config.Env}}'
that 'it has a health check' says healthcheck about '{{.HealthCheck.Test}}'
that 'it stops by SIGTERM' says SIGTERM about '{{.Config.StopSignal}}'
for label in title description version licenses source; do
  that "it says its $label" test -n "$(about "{{index .Labels \"org.opencontainers.image.$label\"}}")"
done

root=$work/root
rm -rf "$root" && mkdir "$root"
container=$(pod create "$image")
pod export "$container" | tar -C "$root" -x
pod rm "$container" >/dev/null
that 'there are certificates to trust' test -s "$root/etc/ssl/certs/ca-certificates.crt"
[[ -z $(find "$root" \( -name sh -o -name bash -o -name apt -o -name dpkg \) -type f) ]] || fail 'no shell, no package manager'
ok 'no shell, no package manager'
[[ -z $(find "$root" -perm /6000) ]] || fail 'nothing is setuid'
ok 'nothing is setuid'
[[ $(stat -c '%u:%g %a' "$root/var/lib/logzio-okta") == '1000:0 770' ]] || fail 'the state directory is of user 1000'
ok 'the state directory is of user 1000'
sbom=$root/usr/share/doc/logzio-okta/sbom.spdx.json
that 'it lists what is in it' into "$work/sbom.log" jq -e \
  '.spdxVersion == "SPDX-2.3" and ([.packages[].name] | contains(["logzio-okta", "libcurl4", "libc6", "rapidjson-dev"]))
   and (.relationships | length) == (.packages | length)
   and (["libcxxopts-dev", "rapidjson-dev", "libxxhash-dev"] - [.packages[].name] == [])' "$sbom"
for package in libxxhash-dev rapidjson-dev libcxxopts-dev libcurl4; do
  that "the notices of $package are there" test -s "$root/usr/share/doc/$package/copyright"
done
that 'its program is hardened' "$(dirname "$0")/../house/hardened.sh" "$root/usr/bin/logzio-okta"
that 'it says what it is built on' test -n "$(about '{{index .Labels "org.opencontainers.image.base.name"}}')"
that 'and so in the words of scanners' grep -q '^Package: libssl3$' "$root/var/lib/dpkg/status.d/libssl3"
rm -rf "$root"

# Running it

start_sandbox "$sandbox" "$work/sandbox"
file=$work/tenants-credentials.yml
install -m 0600 -o 0 -g 0 "$work/sandbox/tenants-credentials.yml" "$file"
token=$(<"$work/sandbox/token")
as_documented=(--restart always --name Okta --env LOGZIO_TOKEN="$token" --env LOGZIO_LISTENER_HOST="$listener"
  -v "$file:/usr/share/logstash/tenants-credentials.yml" -t)
# What this network, and a hard limit of this machine lower than podman's defaults, require.
here=(--network host --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --env LOGZIO_OKTA_POLL_INTERVAL=1s)

clean_up() {
  pod rm -f -t 1 Okta >/dev/null 2>&1 || true
  pod volume rm -f okta-state >/dev/null 2>&1 || true
  kill "$sandbox_pid" 2>/dev/null || true
}
trap clean_up EXIT
run() { pod run -d "${here[@]}" "${as_documented[@]}" "$@" "$image" >/dev/null; }
log_says() { pod logs Okta 2>&1 | grep -qF -e "$1"; }
of_process() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(pod inspect --format '{{.State.Pid}}' Okta)/status"; }
is() { [[ $(pod inspect --format "{{.State.$1}}" Okta) == "$2" ]]; }
stop() {
  local before=$SECONDS
  pod stop -t 10 Okta >/dev/null
  ((SECONDS - before < 10)) || fail "it stops in time"
  that 'it stops in order' is ExitCode 0
}
ends_with() { # ends_with TEXT FLAG...: it ends by itself, with 78, and says this.
  pod run "${here[@]}" "${as_documented[@]:4}" "${@:2}" "$image" >"$work/refused.log" 2>&1 && return 1
  grep -qF -e "$1" "$work/refused.log"
}
next() { pod rm -f -t 1 Okta >/dev/null; }
delivers() { # It goes on: more arrives than had when it was started.
  local before
  before=$(delivered "$work/sandbox")
  soon "$1" has_delivered "$work/sandbox" $((${before:-0} + 4))
}

that 'the documented command works' run -v okta-state:/var/lib/logzio-okta
delivers 'with a tenants file that only root may read'
[[ $(of_process Uid) == $'1000\t1000\t1000\t1000' ]] || fail 'as user 1000'
ok 'as user 1000'
that 'without any capability' says 0000000000000000 of_process CapPrm
that 'which it cannot get back' says 1 of_process NoNewPrivs
that 'it is healthy' pod healthcheck run Okta
that 'status asks it' says ready pod exec Okta /usr/bin/logzio-okta status
echo '# a new line' >>"$file"
soon 'the changed file is read again, though it is still root'"'"'s alone' log_says ': 2 entries'
stop
next
that 'a new container' run -v okta-state:/var/lib/logzio-okta
delivers 'goes on with the volume'
log_says 'no state found' && fail 'where the old one stopped'
ok 'where the old one stopped'
that 'nothing came twice unmarked' nothing_wrong "$work/sandbox"
pid=$(pod inspect --format '{{.State.Pid}}' Okta)
kill -KILL "$pid"
started_again() { is Running true && [[ $(pod inspect --format '{{.State.Pid}}' Okta) != "$pid" ]]; }
soon 'after kill -9 it is started again' started_again
next
pod volume rm -f okta-state >/dev/null

run --read-only --cap-drop all --security-opt no-new-privileges
delivers 'on a read-only root without any right to begin with'
that 'as root without any capability then' says 0000000000000000 of_process CapPrm
stop
next
run --read-only --cap-drop all --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add SETGID --cap-add SETUID \
  --security-opt no-new-privileges --memory 512m
delivers 'as the compose file starts it'
[[ $(of_process Uid) == 1000* ]] || fail 'as user 1000'
ok 'as user 1000'
stop
next
mkdir -p "$work/state"
chown 0:0 "$work/state"
chmod 0700 "$work/state"
run -v "$work/state:/var/lib/logzio-okta"
delivers 'with a directory of the host for its state'
[[ $(stat -c %u "$work/state" "$work/state/state.sqlite" | sort -u) == 1000 ]] || fail 'which is its own then'
ok 'which is its own then'
stop
next

# An address of this network that is not loopback, as a published port or another container has.
ip address add 10.88.99.1/32 dev lo
from_outside() { # from_outside STATUS PORT CURL-ARGUMENT...: what is answered there.
  [[ $(curl -s -o "$work/outside.log" -w '%{http_code}' "${@:3}" "http://10.88.99.1:$2/") == "$1" ]]
}
run --env LOGZIO_OKTA_ADMIN=0.0.0.0:9810 --env LOGZIO_OKTA_HOOKS=0.0.0.0:9811 --env LOGZIO_OKTA_HOOKS_PROXIES=10.88.99.1
soon 'its page is there from outside the container' from_outside 200 9810
that 'and its health check still works' pod healthcheck run Okta
that 'a proxy that is named may speak plain HTTP to it' \
  from_outside 200 9811 --interface 10.88.99.1 -H 'X-Okta-Verification-Challenge: abc'
stop
next
run --env LOGZIO_OKTA_HOOKS=0.0.0.0:9811 --env LOGZIO_OKTA_HOOKS_PROXIES=10.88.99.2
soon 'another may not' log_says 'event hooks are taken on port'
that 'and gets no answer' from_outside 000 9811 --interface 10.88.99.1 -H 'X-Okta-Verification-Challenge: abc'
stop
next

that 'as --user 1000 it says who may not read the file' ends_with 'uid 1000' --user 1000
chmod 0644 "$file"
run --user 1000 --read-only --cap-drop all
delivers 'and runs with one that it may read'
stop
next

# Every documented way, after each of the others

declare -A way=(
  [plain]=''
  [locked]='--read-only --cap-drop all --security-opt no-new-privileges'
  [compose]='--read-only --cap-drop all --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add SETGID --cap-add SETUID
    --security-opt no-new-privileges'
  [user]='--user 1000 --read-only --cap-drop all --security-opt no-new-privileges' # As Kubernetes' restricted profile.
  [other]='--env LOGZIO_OKTA_USER=2000:2000'
)
run_in() { # run_in WAY FLAG...
  local flags
  read -r -d '' -a flags <<<"${way[$1]}" || true
  run ${flags[@]+"${flags[@]}"} "${@:2}"
}
goes_on() { # goes_on SENTENCE: it delivers, has the state, and has nothing to say about it.
  local before
  before=$(delivered "$work/sandbox")
  soon "$1" has_delivered "$work/sandbox" $((${before:-0} + 1))
  for complaint in 'no state found' 'THE STATE IS LOST' ' FATAL ' ' ERROR ' 'chown'; do
    ! log_says "$complaint" || fail "$1, without \"$complaint\""
  done
}
unmarked() { tail -n 1 "$work/sandbox/log" | sed -nE 's/.*\(([0-9]+) unmarked\) +wrong 0 .*/\1/p'; }
ways=(plain locked compose user other)
for first in "${ways[@]}"; do
  pod volume rm -f okta-state >/dev/null 2>&1 || true
  run_in "$first" -v okta-state:/var/lib/logzio-okta
  delivers "$first works on a fresh volume"
  stop
  next
done
pod volume rm -f okta-state >/dev/null
# Each pair of neighbours occurs once in either order.
chain=()
for ((i = 0; i < ${#ways[@]}; ++i)); do
  chain+=("${ways[i]}")
  for ((j = i + 1; j < ${#ways[@]}; ++j)); do chain+=("${ways[i]}" "${ways[j]}"); done
done
chain+=("${ways[0]}")
run_in "${chain[0]}" -v okta-state:/var/lib/logzio-okta
delivers "${chain[0]} begins"
delivers 'and has caught up' # What the volumes before had delivered comes again, unmarked, since nothing knows of it.
before=$(unmarked)
for ((i = 1; i < ${#chain[@]}; ++i)); do
  # Stops and crashes alternate: a crash leaves more files.
  if ((i % 2)); then stop; else pod kill -s KILL Okta >/dev/null; fi
  next
  run_in "${chain[i]}" -v okta-state:/var/lib/logzio-okta
  goes_on "${chain[i]} goes on with what ${chain[i - 1]} left"
done
stop
next
that 'and so can a look at the state' says 'nothing is set aside' pod run --rm "${here[@]}" \
  -v okta-state:/var/lib/logzio-okta "$image" set-aside list
that 'nothing came twice unmarked, however it was started' test "$(unmarked)" = "$before"
pod volume rm -f okta-state >/dev/null
rm -rf "$work/state"
install -d -o 0 -g 0 -m 0700 "$work/state"
for one in plain locked user other compose locked; do
  run_in "$one" -v "$work/state:/var/lib/logzio-okta"
  delivers "$one works with the directory of the host"
  delivers 'and goes on'
  [[ $one != plain ]] || before=$(unmarked)
  stop
  next
done

# What an older version left is readable only by its user; and the documented cure works.
chown -R 1000:1000 "$work/state"
chmod 0700 "$work/state"
chmod 0600 "$work/state"/*
read -r -d '' -a locked <<<"${way[locked]}" || true
that 'where it may not, it says what to do' ends_with 'start the container once without --user and --cap-drop' \
  "${locked[@]}" -v "$work/state:/var/lib/logzio-okta"
run_in plain -v "$work/state:/var/lib/logzio-okta"
delivers 'which is done'
stop
next
run_in locked -v "$work/state:/var/lib/logzio-okta"
goes_on 'and then it may'
stop
next
that 'nor did anything there' test "$(unmarked)" = "$before"
rm "$file"
mkdir "$file"
that 'a host file that was missing is explained' ends_with 'is a directory, not a file; Docker creates one'
