#!/usr/bin/env bash
# pod.sh IMAGE STORAGE SANDBOX WORK TOOLS: runs the image as a cluster would run the chart's pod, with what the rendered
# manifest says: user, groups, root, capabilities, seccomp, variables, Secrets mounted as the kubelet mounts them, and a
# claim. Needs root, podman and runc; TOOLS has helm and venv/bin. In a network of its own, where every port is free.
. "$(dirname "$0")/lib.sh"
image=$1 storage=$(readlink -f "$2") sandbox=$(readlink -f "$3") work=$4 tools=$(readlink -f "$5")
source=$(readlink -f "$(dirname "$0")/../..")
rm -rf "$work" && mkdir -p "$work"
work=$(readlink -f "$work")

if [[ -z ${LOGZIO_OKTA_UNSHARED-} ]]; then
  LOGZIO_OKTA_UNSHARED=1 exec unshare --mount --net "$0" "$@"
fi
ip link set lo up

podman() {
  command podman --log-level=fatal --root "$storage" --runroot "$storage/run" --storage-driver vfs --cgroup-manager cgroupfs \
    --runtime runc "$@"
}
clean_up() {
  podman logs okta >"$work/okta.log" 2>&1 || true # For who looks into WORK.
  podman rm -f -t 1 okta >/dev/null 2>&1 || true
  kill "$sandbox_pid" 2>/dev/null || true
}

# write_secret DIR NAME=FILE...: as the kubelet does: the files in a directory of their own, and links that a rename turns
# to the next one. Owned by root, and readable by the pod's fsGroup.
write_secret() {
  local dir=$1 version each
  version=..$(date +%s%N)
  shift
  mkdir -p "$dir/$version"
  for each; do
    install -m 0440 -o 0 -g 1000 "${each#*=}" "$dir/$version/${each%%=*}"
    [[ -L $dir/${each%%=*} ]] || ln -s "..data/${each%%=*}" "$dir/${each%%=*}"
  done
  chown -R 0:1000 "$dir"
  chmod 3777 "$dir"
  chmod 0755 "$dir/$version"
  ln -s "$version" "$dir/..data_tmp"
  mv -T "$dir/..data_tmp" "$dir/..data"
}

# render FLAG...: the chart's StatefulSet, for the sandbox's listener and without a cluster's time.
render() {
  "$tools/helm" template okta "$source/charts/logzio-okta" --kube-version 1.25.0 --show-only templates/workload.yaml \
    --set existingSecret=logzio-token,existingTenantsSecret=okta-tenants,global.customLogsEndpoint="$listener" \
    --set env.LOGZIO_OKTA_POLL_INTERVAL=1s "$@" 2>/dev/null >"$work/pod.yaml"
  "$tools/venv/bin/python" "$source/test/package/strict_yaml.py" "$work/pod.yaml" >"$work/pod.json"
}
of_pod() { jq -er ".spec.template.spec | $1" "$work/pod.json"; }

# start: the pod of the manifest.
start() {
  [[ $(of_pod '.securityContext | "\(.runAsNonRoot) \(.seccompProfile.type)"') == 'true RuntimeDefault' ]] || fail 'it is not root'
  [[ $(of_pod '.containers[0].securityContext | tojson') == \
    '{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true}' ]] || fail 'it is locked down'
  local flags=(--read-only --read-only-tmpfs=false --cap-drop all --security-opt no-new-privileges # Seccomp: podman's own, as RuntimeDefault.
    --user "$(of_pod '.securityContext | "\(.runAsUser):\(.runAsGroup)"')" --group-add "$(of_pod .securityContext.fsGroup)"
    --stop-timeout "$(of_pod .terminationGracePeriodSeconds)")
  local variable mount
  while read -r variable; do flags+=(--env "$variable"); done < <(of_pod '.containers[0].env[] | "\(.name)=\(.value)"')
  while read -r mount; do flags+=(-v "$work/$mount"); done < <(of_pod '.containers[0].volumeMounts[] |
    "\(.name):\(.mountPath)\(if .readOnly then ":ro" else "" end)"')
  # What this network, and a hard limit of this machine lower than podman's defaults, require.
  podman run -d --name okta --network host --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 "${flags[@]}" "$image" >/dev/null
}
log_says() { [[ $(podman logs okta 2>&1) == *"$1"* ]]; }
of_process() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(podman inspect --format '{{.State.Pid}}' okta)/status"; }
is() { [[ $(podman inspect --format "{{.State.$1}}" okta) == "$2" ]]; }
probe() { # probe NAME: the command of the manifest's probe, in the container.
  local command
  mapfile -t command < <(of_pod ".containers[0].$1.exec.command[]")
  podman exec okta "${command[@]}" >/dev/null
}
replaced() {
  podman stop okta >/dev/null
  that 'it stops in order' is ExitCode 0
  podman rm okta >/dev/null
  start
}
delivers() { # More arrives than had when this was asked.
  local before
  before=$(delivered "$work/sandbox")
  soon "$1" has_delivered "$work/sandbox" $((${before:-0} + 4))
}
exits_with() { # exits_with CODE TEXT: it ends by itself, and says this.
  soon "it ends by itself" is Status exited
  that "with exit code $1" is ExitCode "$1"
  that "and says: $2" log_says "$2"
  podman rm okta >/dev/null
}

start_sandbox "$sandbox" "$work/sandbox"
trap clean_up EXIT
write_secret "$work/tenants" tenants-credentials.yml="$work/sandbox/tenants-credentials.yml"
write_secret "$work/token" logzio-log-shipping-token="$work/sandbox/token"
install -d -o 0 -g 1000 -m 2775 "$work/state" # A fresh disk's root, after fsGroup.
install -d -o 0 -g 1000 -m 2770 "$work/state/lost+found"

# The pod
render
start
soon 'its startup probe succeeds' probe startupProbe
that 'and so does its liveness probe' probe livenessProbe
delivers 'it delivers'
[[ $(of_process Uid) == $'1000\t1000\t1000\t1000' ]] || fail 'as user 1000'
ok 'as user 1000'
for set in CapPrm CapEff CapBnd; do that "without any capability ($set)" says 0000000000000000 of_process "$set"; done
that 'which it cannot get back' says 1 of_process NoNewPrivs
that 'with system calls filtered' says 2 of_process Seccomp
for word in ' ERROR ' 'every user' 'others can change'; do ! log_says "$word" || fail "it has nothing to say with \"$word\""; done
ok 'it has nothing to complain of'
that 'check is content, as the notes have it asked' into "$work/check.log" podman exec okta /usr/bin/logzio-okta check
that 'status too' says delivered podman exec okta /usr/bin/logzio-okta status

# A Secret that changes
cp "$work/sandbox/tenants-credentials.yml" "$work/changed.yml"
echo '# changed' >>"$work/changed.yml"
write_secret "$work/tenants" tenants-credentials.yml="$work/changed.yml"
soon 'changed tenants are read by themselves' log_says 'tenants-credentials.yml: 2 entries'
write_secret "$work/token" logzio-log-shipping-token="$work/sandbox/token"
soon 'and so is a changed token' log_says 'read the token in /etc/logzio-okta/token/logzio-log-shipping-token again'
delivers 'it still delivers'

# The next pod, with the same claim
replaced
delivers 'the next pod delivers'
! log_says 'no state found' || fail 'where the last one stopped'
ok 'where the last one stopped'
podman kill -s KILL okta >/dev/null
podman rm -f okta >/dev/null
render --set metrics.enabled=true --set metrics.port=9899
start
delivers 'and so does one after a crash'
that 'with /metrics for Prometheus, its probe finds it' probe livenessProbe
nothing_wrong "$work/sandbox" || fail 'nothing came twice unmarked'
ok 'nothing came twice unmarked'
podman rm -f -t 5 okta >/dev/null

# What is missing
write_secret "$work/empty"
rm -rf "$work/tenants.there" && mv "$work/tenants" "$work/tenants.there" && mv "$work/empty" "$work/tenants"
render
start
exits_with 78 'tenants-credentials.yml'
rm -rf "$work/tenants" && mv "$work/tenants.there" "$work/tenants"
chmod 0700 "$work/state" && chown -R 0:0 "$work/state"
start
exits_with 74 /var/lib/logzio-okta

# Only variables, and no file but the state
install -d -o 0 -g 1000 -m 2775 "$work/disk"
podman run -d --name okta --network host --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --read-only --cap-drop all \
  --user 1000:1000 -v "$work/disk:/var/lib/logzio-okta" --env LOGZIO_OKTA_POLL_INTERVAL=1s \
  --env LOGZIO_LISTENER_HOST="$listener" --env LOGZIO_TOKEN="$(<"$work/sandbox/token")" \
  --env LOGZIO_OKTA_TENANTS_YAML="$(<"$work/sandbox/tenants-credentials.yml")" "$image" >/dev/null
delivers 'with nothing but variables it delivers'
that 'for two tenants' log_says '2 tenant entries from LOGZIO_OKTA_TENANTS_YAML'
