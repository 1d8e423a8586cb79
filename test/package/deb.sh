#!/usr/bin/env bash
# deb.sh DEB NEWER_DEB BASE SANDBOX WORK: installs the package on a machine of its own that systemd really runs,
# and does to it what an administrator does. BASE is a tar file of a minimal Debian 12; nothing is left in WORK.
# Needs root and systemd-nspawn; shares this machine's network, so that the sandbox can be reached.
. "$(dirname "$0")/lib.sh"
deb=$(readlink -f "$1") newer=$(readlink -f "$2") base=$(readlink -f "$3") sandbox=$(readlink -f "$4") work=$5

# Mounts of our own, removed when we end.
if [[ -z ${LOGZIO_OKTA_UNSHARED-} ]]; then
  LOGZIO_OKTA_UNSHARED=1 exec unshare --mount "$0" "$@"
fi
mkdir -p "$work" /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
machine=$work/machine
rm -rf "$machine"
mkdir "$machine"
tar -C "$machine" -xf "$base"

# The machine

DEBIAN_FRONTEND=noninteractive chroot "$machine" apt-get install -qq -y --no-install-recommends \
  systemd systemd-sysv dbus >"$work/apt.log" 2>&1 || { cat "$work/apt.log"; fail 'the machine can be made'; }
cp "$deb" "$machine/srv/old.deb"
cp "$newer" "$machine/srv/new.deb"

start_sandbox "$sandbox" "$work/sandbox"
systemd-nspawn -q -b -D "$machine" --register=no --keep-unit --console=pipe </dev/null >"$work/boot.log" 2>&1 &
nspawn_pid=$!
leader() { pgrep -P "$nspawn_pid" systemd; }
inside() { nsenter -t "$(leader)" -m -p -u -i -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
off() {
  inside systemctl poweroff >/dev/null 2>&1 || true
  for _ in {1..50}; do kill -0 "$nspawn_pid" 2>/dev/null || break; sleep 0.2; done
  kill "$nspawn_pid" "$sandbox_pid" 2>/dev/null || true
  rm -rf "$machine"
}
trap off EXIT
soon 'the machine runs' says running inside systemctl is-system-running

unit=logzio-okta.service
property() { inside systemctl show -P "$1" "$unit"; }
is() { [[ $(property "$1") == "$2" ]]; }
journal() { inside journalctl -q -u "$unit" --no-pager -o cat --since "$since"; }
log_says() { journal | grep -qF -e "$1"; }
now() { inside date '+%F %T'; }
since=$(now)
etc=$machine/etc/logzio-okta
state=$machine/var/lib/private/logzio-okta

# Install

that 'it installs' into "$work/install.log" inside apt-get install -qq -y --no-install-recommends /srv/old.deb
that 'it is hardened' "$(dirname "$0")/../house/hardened.sh" "$machine/usr/bin/logzio-okta"
that 'the program runs' says 'logzio-okta 1' inside logzio-okta --version
that 'the unit is enabled' says enabled inside systemctl is-enabled "$unit"
that 'the unit waits for its files and has not failed' is ActiveState inactive
for file in man/man1/logzio-okta.1.gz bash-completion/completions/logzio-okta zsh/vendor-completions/_logzio-okta \
  fish/vendor_completions.d/logzio-okta.fish doc/logzio-okta/examples/tenants-credentials.example.yml; do
  that "/usr/share/$file is there" test -s "$machine/usr/share/$file"
done
that 'the unit is one that systemd finds no fault with' inside systemd-analyze verify --man=no "$unit"
that 'the sandbox of the unit is strict' into "$work/security.log" inside systemd-analyze security --threshold=15 "$unit"

# Run

install -m 0600 "$work/sandbox/tenants-credentials.yml" "$work/sandbox/token" "$etc/"
printf 'LOGZIO_LISTENER_HOST=%s\nLOGZIO_OKTA_POLL_INTERVAL=1s\n' "$listener" >"$etc/environment"
that 'it starts, and says so itself' inside systemctl start "$unit"
that 'it is active' is ActiveState active
soon 'events are delivered' has_delivered "$work/sandbox" 400
soon 'its status is a word of its own' says 'events delivered' property StatusText
pid=$(property MainPID)
of_process() { inside sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"; }
[[ $(of_process Uid) != 0* ]] || fail 'it does not run as root'
that 'it has no capability' says 0000000000000000 of_process CapPrm
that 'its secrets are copies of its own' log_says "from /run/credentials/$unit/tenants-credentials.yml"
that 'status asks it' says ready inside logzio-okta status
that 'no secret is in the journal' bash -c "! grep -qF -f '$etc/token' '$work/journal'" <<<"$(journal >"$work/journal")"

# Reload

since=$(now)
echo '# a new line' >>"$etc/tenants-credentials.yml"
that 'a reload is taken' inside systemctl reload "$unit"
soon 'the changed file is read' log_says ': 2 entries'
echo 'tenants_credentails: []' >"$etc/tenants-credentials.yml"
inside systemctl reload "$unit" 2>/dev/null && fail 'a reload with a broken file is refused'
ok 'a reload with a broken file is refused'
that 'and says where it is broken' log_says 'tenants-credentials.yml:1:1'
that 'and it goes on as before' is MainPID "$pid"
install -m 0600 "$work/sandbox/tenants-credentials.yml" "$etc/"

# Faults

inside sh -c "kill -KILL $pid"
soon 'after kill -9 it is started again' is NRestarts 1
soon 'and is active' is ActiveState active
# For this boot only, so that the test does not wait a minute and a half for the watchdog.
inside mkdir -p "/run/systemd/system/$unit.d"
inside sh -c "printf '[Service]\nWatchdogSec=20\nTimeoutStopSec=2\n' >/run/systemd/system/$unit.d/test.conf"
inside systemctl daemon-reload
inside systemctl restart "$unit"
pid=$(property MainPID)
inside sh -c "kill -STOP $pid"
replaced() { [[ $(property MainPID) != "$pid" && $(property MainPID) != 0 ]] && is ActiveState active; }
soon 'the watchdog ends one that hangs, and another takes its place' replaced
inside rm -r "/run/systemd/system/$unit.d"
inside systemctl daemon-reload

# Event hooks, with a certificate that only root may read

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -keyout "$machine/srv/hook.key" -out "$machine/srv/hook.crt" 2>"$work/openssl.log"
mkdir -p "$machine/etc/systemd/system/$unit.d"
cat >"$machine/etc/systemd/system/$unit.d/hooks.conf" <<'TEXT'
[Service]
LoadCredential=hook.crt:/srv/hook.crt
LoadCredential=hook.key:/srv/hook.key
Environment=LOGZIO_OKTA_HOOKS=127.0.0.1:0 LOGZIO_OKTA_HOOKS_CERT=%d/hook.crt LOGZIO_OKTA_HOOKS_KEY=%d/hook.key
TEXT
since=$(now)
inside systemctl daemon-reload
inside systemctl restart "$unit"
soon 'event hooks are taken with a certificate of its own' log_says 'event hooks are taken on port'
port=$(journal | grep -oE 'taken on port [0-9]+' | tail -n 1 | grep -oE '[0-9]+')
verify() {
  printf 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Okta-Verification-Challenge: abc\r\n\r\n' |
    timeout 10 openssl s_client -quiet -connect "127.0.0.1:$port" 2>/dev/null
}
that 'and Okta can verify it' says '{"verification":"abc"}' verify
rm -r "$machine/etc/systemd/system/$unit.d"
inside systemctl daemon-reload
inside systemctl restart "$unit"

# Upgrade, remove, purge

cp "$etc/environment" "$work/environment"
before=$(stat -c %i "$state/state.sqlite") pid=$(property MainPID)
since=$(now)
that 'it is upgraded without a question' into "$work/upgrade.log" inside apt-get install -qq -y /srv/new.deb
that 'to the newer version' says '99.0.0' inside dpkg-query -W -f '${Version}' logzio-okta
soon 'what ran runs again' is ActiveState active
[[ $(property MainPID) != "$pid" ]] || fail 'it was restarted'
that 'with its state' test "$(stat -c %i "$state/state.sqlite")" = "$before"
that 'which it found' bash -c "! grep -qF 'no state found'" < <(journal)
that 'and its configuration' cmp -s "$etc/environment" "$work/environment"
that 'nothing came twice unmarked' nothing_wrong "$work/sandbox"

that 'it is removed' into "$work/remove.log" inside apt-get remove -qq -y logzio-okta
that 'and does not run any more' is ActiveState inactive
that 'its state stays' test -s "$state/state.sqlite"
that 'its configuration stays' test -s "$etc/environment" -a -s "$etc/token"
since=$(now)
that 'it is installed again' into "$work/again.log" inside apt-get install -qq -y /srv/new.deb
soon 'goes on' is ActiveState active
that 'from where it was' bash -c "! grep -qF 'no state found'" < <(journal)
that 'it is purged' into "$work/purge.log" inside apt-get purge -qq -y logzio-okta
for gone in "$state" "$machine/var/lib/logzio-okta" "$etc" "$machine/usr/lib/systemd/system/$unit"; do
  [[ ! -e $gone && ! -L $gone ]] || fail "${gone#"$machine"} is gone"
done
ok 'and nothing of it is left'
[[ -z $(inside systemctl list-units --failed --no-legend) ]] || fail 'no unit has failed'
ok 'no unit has failed'
