#!/usr/bin/env bash
# reload.sh PROGRAM SANDBOX: what `systemctl reload` runs (etc/reload), without systemd: as root, in name spaces of its own,
# for a daemon that has its secrets from read-only copies, as LoadCredential= makes them.
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
if [[ -z ${LOGZIO_OKTA_UNSHARED-} ]]; then
  if [[ $EUID -ne 0 ]] || ! unshare --mount --net true 2>/dev/null; then
    echo 'this needs root and name spaces'
    exit 77
  fi
  LOGZIO_OKTA_UNSHARED=1 exec unshare --mount --net "$here/reload.sh" "$(readlink -f "$1")" "$(readlink -f "$2")"
fi
. "$here/../package/lib.sh"
program=$1 sandbox=$2 work=$(mktemp -d)
mount --make-rprivate /
ip link set lo up
chmod 0755 "$work"
configuration=$work/etc credentials=$work/credentials reload=$work/reload
mkdir "$configuration" "$credentials"
# The same script, with test paths in place of those that only the package has.
sed "s|/etc/logzio-okta|$configuration|; s|/usr/bin/logzio-okta|$program|" "$here/../../etc/reload" >"$reload"
chmod +x "$reload"
that 'the script has the two paths' test "$(grep -cF -e "$configuration" -e "$program" "$reload")" -ge 2

start_sandbox "$sandbox" "$work/sandbox"
daemon=
clean_up() {
  kill ${daemon:+"$daemon"} "$sandbox_pid" 2>/dev/null || true
  wait 2>/dev/null || true
  umount "$credentials" "$work/full" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

install -m 0600 "$work/sandbox/tenants-credentials.yml" "$work/sandbox/token" "$configuration"
mount -t tmpfs -o mode=0755 tmpfs "$credentials"
install -m 0400 -o 1000 "$configuration"/* "$credentials"
mount -o remount,bind,ro "$credentials"
export LOGZIO_LISTENER_HOST=$listener LOGZIO_OKTA_STATE_DIR=$work/state LOGZIO_OKTA_POLL_INTERVAL=1s
CREDENTIALS_DIRECTORY=$credentials LOGZIO_OKTA_USER=1000:1000 LOGZIO_OKTA_TENANTS=$credentials/tenants-credentials.yml \
  LOGZIO_TOKEN_FILE=$credentials/token "$program" >"$work/log" 2>&1 &
daemon=$!
soon 'the daemon delivers' has_delivered "$work/sandbox" 200

asks_for_a_reload() { CREDENTIALS_DIRECTORY=$credentials MAINPID=$daemon "$reload" >"$work/reload.log" 2>&1; }
read_only() { ! touch "$credentials/new" 2>/dev/null; }
file=$configuration/tenants-credentials.yml

echo '# a new line' >>"$file"
that 'a reload is taken' asks_for_a_reload
soon 'and the file is read again' holds "$work/log" ': 2 entries'
that 'from its copy, which is the user'"'"'s alone' test "$(stat -c '%u %a' "$credentials/tenants-credentials.yml")" = '1000 400'
that 'which nobody can write to again' read_only

cp "$file" "$work/good.yml"
echo 'tenants: nobody' >"$file"
asks_for_a_reload && fail 'a broken file is refused'
ok 'a broken file is refused'
that 'with its place and what is wrong' holds "$work/reload.log" "$file:"
that 'and the copy stays as it was' cmp -s "$work/good.yml" "$credentials/tenants-credentials.yml"

# Faults of Okta, of Logz.io or of the disk do not keep the daemon from taking a new file.
sed 's/okta_api_key: 00./okta_api_key: 00x/' "$work/good.yml" >"$file"
that 'a key that Okta refuses is handed over, and said' asks_for_a_reload
that 'so that it can be corrected' holds "$work/reload.log" 'Okta refuses the key (401'
soon 'which the daemon says too' holds "$work/log" 'Okta refuses the API key'
cp "$work/good.yml" "$file"
that 'as it is then' asks_for_a_reload
before=$(delivered "$work/sandbox")
soon 'and delivery goes on' has_delivered "$work/sandbox" $((before + 8))

mkdir "$work/full" && mount -t tmpfs -o size=64k tmpfs "$work/full"
head -c 64k /dev/zero >"$work/full/zeros"
echo '# one more' >>"$file"
export LOGZIO_OKTA_STATE_DIR=$work/full/state
that 'a full disk is said' asks_for_a_reload
that 'with its cure' holds "$work/reload.log" 'No space left on device; free space for'
that 'and the file is handed over all the same' cmp -s "$file" "$credentials/tenants-credentials.yml"
umount "$work/full"
that 'nothing came twice unmarked' nothing_wrong "$work/sandbox"
kill "$daemon"
that 'it stops in order' wait "$daemon"
daemon=
