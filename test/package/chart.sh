#!/usr/bin/env bash
# chart.sh TOOLS PROGRAM WORK: the Helm chart and the plain manifests, as people use them: rendered with every switch,
# validated strictly against the schemas of the oldest and of a new Kubernetes, held to the Pod Security Standard
# "restricted", and asked for what they should refuse. TOOLS has helm and venv/bin; PROGRAM says which settings exist.
. "$(dirname "$0")/lib.sh"
tools=$(readlink -f "$1") program=$(readlink -f "$2") work=$3
cd "$(dirname "$0")/../.."
rm -rf "$work" && mkdir -p "$work"
work=$(readlink -f "$work")
chart=charts/logzio-okta
kubernetes=(1.25 1.37) # The chart's oldest, and the newest whose schemas there are.

helm() { "$tools/helm" "$@"; }
# render FLAG...: renders a named release; helm's output is in render.log.
render() {
  helm template okta "${source:-$chart}" --namespace siem --kube-version "${kubernetes[0]}.0" "$@" 2>"$work/render.log" ||
    { cat "$work/render.log" >&2 && return 1; }
}
json() { "$tools/venv/bin/python" test/package/strict_yaml.py "$@"; }
asks() { jq -se "$2" "$1" >/dev/null; } # asks JSON FILTER: the filter holds for the list of its documents.

# validate NAME: a cluster accepts NAME.yaml.
validate() {
  json "$work/$1.yaml" >"$work/$1.json" || fail "$1 is YAML"
  local version known=$work/$1.known.yaml
  # What an operator adds to a cluster has no schema here; it is checked below.
  jq -c 'select(.apiVersion | startswith("monitoring.coreos.com/") | not)' "$work/$1.json" | sed 's/^/---\n/' >"$known"
  for version in "${kubernetes[@]}"; do
    that "$1 is valid for Kubernetes $version" into "$work/$1.$version.log" \
      "$tools/venv/bin/kubernetes-validate" --strict --no-warn -k "$version" "$known"
  done
  that "$1 is within the Pod Security Standard \"restricted\"" asks "$work/$1.json" "$restricted"
  settings_exist "$1"
}

# Kubernetes' documentation, "Pod Security Standards", of 2026: what a pod must say, and what it must not.
# shellcheck disable=SC2016
restricted='
  def safe_volume: del(.name) | keys - ["configMap","csi","downwardAPI","emptyDir","ephemeral","persistentVolumeClaim","projected","secret"] == [];
  [.[] | select(.kind == "StatefulSet" or .kind == "Deployment") | .spec.template.spec] | length == 1 and (.[0] |
    (.hostNetwork or .hostPID or .hostIPC | not)
    and .automountServiceAccountToken == false and .enableServiceLinks == false
    and .securityContext.runAsNonRoot == true and .securityContext.seccompProfile.type == "RuntimeDefault"
    and (.initContainers // [] | length) == 0 and all(.volumes[]; safe_volume)
    and all(.containers[]; (.securityContext |
          .allowPrivilegeEscalation == false and .readOnlyRootFilesystem == true and .capabilities == {"drop":["ALL"]}
          and (.privileged // false) == false)
        and all(.ports[]?; .hostPort == null)
        and all(.volumeMounts[]; .subPath == null) and .resources.limits.memory != null))'

# settings_exist NAME: every variable and command is one the program knows.
"$program" --help >"$work/help"
settings_exist() {
  local unknown
  # Those of a caller's own extraEnv begin otherwise.
  unknown=$(jq -r '.. | .env? // empty | .[].name' "$work/$1.json" | grep -E '^(LOG|OKTA|ENV_)' | sort -u |
    while read -r name; do grep -qw -e "$name" "$work/help" || echo "$name"; done)
  [[ -z $unknown ]] || fail "$1 sets what the program does not know: $unknown"
  that "$1 asks the program whether it is alive" asks "$work/$1.json" \
    '[.[] | .spec.template.spec.containers[0]? | .livenessProbe, .startupProbe | select(.) | .exec.command | join(" ")] ==
     ["/usr/bin/logzio-okta healthcheck", "/usr/bin/logzio-okta healthcheck"]'
}

# refuses TEXT FLAG...: it is not rendered, and the error says this.
refuses() {
  render "${@:2}" >"$work/refused.yaml" 2>/dev/null && return 1
  holds "$work/render.log" "$1"
}

secrets=(--set existingSecret=logzio-token --set existingTenantsSecret=okta-tenants)
container='.[] | select(.kind == "StatefulSet") | .spec.template.spec.containers[0]'
env="$container | .env | map({(.name): .value}) | add"

# The least
that 'helm lint has nothing to say' into "$work/lint.log" helm lint --strict $chart "${secrets[@]}"
render "${secrets[@]}" >"$work/least.yaml"
validate least
that 'Secrets of others are taken, and none is made' asks "$work/least.json" 'all(.[]; .kind != "Secret")'
that 'they are directories that only the pod may read' asks "$work/least.json" '[.[] | .spec.template.spec.volumes[]? | .secret] == [
  {"secretName":"okta-tenants","defaultMode":288},{"secretName":"logzio-token","defaultMode":288}]'
that 'there is one replica with a disk of its own' asks "$work/least.json" '.[] | select(.kind == "StatefulSet") | .spec |
  .replicas == 1 and (.volumeClaimTemplates | length) == 1 and .volumeClaimTemplates[0].spec.accessModes == ["ReadWriteOnce"]'
that 'the region is us, and nothing listens beyond loopback' asks "$work/least.json" \
  "$env | .LOGZIO_REGION == \"us\" and .LOGZIO_OKTA_ADMIN == null and .LOGZIO_LISTENER_HOST == null"

# Values as Logz.io's charts have them, and the Secrets made of them
cat >"$work/own.values" <<'VALUES'
global: { logzioLogsToken: abcdefghijklmnopqrstuvwxyzABCDEF, logzioRegion: EU, env_id: production }
tenants:
  - { okta_domain: acme.okta.com, okta_api_key: "00:a#key{with}odd-letters", fields: { tier: 2 } }
  - { okta_domain: globex.okta.com, okta_api_key: other, logzio_listener_host: listener-au.logz.io }
tenantsDefaults: { since: 24h }
env: { LOGZIO_OKTA_POLL_INTERVAL: 5s, LOGZIO_OKTA_RATE_SHARE: 0.3 }
extraEnv: [{ name: HTTPS_PROXY, valueFrom: { secretKeyRef: { name: proxy, key: url } } }]
extraVolumes: [{ name: ca, configMap: { name: ca } }]
extraVolumeMounts: [{ name: ca, mountPath: /etc/ca, readOnly: true }]
imagePullSecrets: [{ name: registry }]
image: { repository: registry.example.com/okta, tag: "2" }
podLabels: { team: siem }
podAnnotations: { note: "yes" }
nodeSelector: { disk: ssd }
tolerations: [{ key: siem, operator: Exists }]
affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: a, operator: Exists }] }] } } }
priorityClassName: high
persistence: { storageClass: fast, size: 5Gi }
resources: { limits: { memory: 256Mi } }
VALUES
render -f "$work/own.values" >"$work/own.yaml"
validate own
that 'region, env_id and further settings arrive' asks "$work/own.json" \
  "$env | .LOGZIO_REGION == \"eu\" and .ENV_ID == \"production\" and .LOGZIO_OKTA_RATE_SHARE == \"0.3\""
jq -rs '.[] | select(.kind == "Secret") | .stringData["tenants-credentials.yml"] // empty' "$work/own.json" >"$work/tenants.yml"
chmod 600 "$work/tenants.yml"
that 'the tenants file that is made of the values is one' asks <(json "$work/tenants.yml") '.[0] |
  .tenants_credentials[0].okta_api_key == "00:a#key{with}odd-letters" and .defaults.since == "24h" and (.tenants_credentials | length) == 2'
that 'and the program reads it' into "$work/set.log" "$program" cursor set acme.okta.com 24h --tenants "$work/tenants.yml" --state-dir "$work/state"
that 'the token has the key that Logz.io'"'"'s charts use' asks "$work/own.json" \
  'any(.[]; .stringData["logzio-log-shipping-token"] == "abcdefghijklmnopqrstuvwxyzABCDEF")'

# Monitoring
render "${secrets[@]}" --set metrics.enabled=true,metrics.podMonitor.enabled=true,metrics.prometheusRule.enabled=true \
  --set metrics.dashboard.enabled=true,metrics.networkPolicy.enabled=true,metrics.podMonitor.labels.release=prometheus >"$work/metrics.yaml"
validate metrics
that 'Prometheus reaches the port' asks "$work/metrics.json" "$env | .LOGZIO_OKTA_ADMIN == \"0.0.0.0:9810\""
that 'the PodMonitor asks the pod'"'"'s own port' asks "$work/metrics.json" '(.[] | select(.kind == "PodMonitor")) as $monitor |
  (.[] | select(.kind == "StatefulSet") | .spec.template) as $pod |
  $monitor.spec.podMetricsEndpoints == [{"port":$pod.spec.containers[0].ports[0].name,"path":"/metrics","interval":"30s"}]
  and ($monitor.spec.selector.matchLabels | to_entries) - ($pod.metadata.labels | to_entries) == []
  and $monitor.metadata.labels.release == "prometheus"'
that 'the PrometheusRule is etc/prometheus-alerts.yml' cmp -s \
  <(jq -S 'select(.kind == "PrometheusRule") | .spec' "$work/metrics.json") <(json etc/prometheus-alerts.yml | jq -S .)
that 'the dashboard is etc/grafana-dashboard.json' cmp -s \
  <(jq -r 'select(.kind == "ConfigMap") | .data["logzio-okta.json"]' "$work/metrics.json" | jq -S .) <(jq -S . etc/grafana-dashboard.json)

# What is refused, with what to do
that 'no tenants' refuses 'There are no tenants' --set existingSecret=a
that 'no token' refuses 'There is no shipping token for acme.okta.com' --set 'tenants[0].okta_domain=acme.okta.com'
that 'two tokens' refuses 'remove one of the two' "${secrets[@]}" --set global.logzioLogsToken=a
that 'two sets of tenants' refuses 'remove one of the two' "${secrets[@]}" --set 'tenants[0].okta_domain=acme.okta.com'
that 'a misspelt value' refuses 'persistance' "${secrets[@]}" --set persistance.enabled=false
that 'a region that is none' refuses logzioRegion "${secrets[@]}" --set global.logzioRegion=de
that 'a volume that many may write' refuses accessModes "${secrets[@]}" --set 'persistence.accessModes[0]=ReadWriteMany'
that 'a PodMonitor of a port on loopback' refuses metrics.enabled "${secrets[@]}" --set metrics.podMonitor.enabled=true
that 'a variable that has a value of its own' refuses 'use global.env_id' "${secrets[@]}" --set env.ENV_ID=a

that 'a password in the URL of the store' refuses store.passwordSecret "${secrets[@]}" --set store.url=postgresql://okta:hush@db/okta
that 'a store and a claim' refuses 'remove one of the two' "${secrets[@]}" --set store.url=postgresql://okta@db/okta,persistence.existingClaim=mine
that 'a password of no store' refuses store.url "${secrets[@]}" --set store.passwordSecret=okta-db
that 'a store that is no PostgreSQL' refuses store.url "${secrets[@]}" --set store.url=mysql://db/okta

# The state in PostgreSQL
render "${secrets[@]}" --set store.url=postgresql://okta@db.example.com/okta,store.passwordSecret=okta-db,store.lease=30s >"$work/store.yaml"
validate store
that 'there are two pods without a disk, and never none' asks "$work/store.json" '(.[] | select(.kind == "Deployment") | .spec) as $spec |
  $spec.replicas == 2 and $spec.strategy.rollingUpdate.maxUnavailable == 0 and all(.[]; .kind != "StatefulSet")
  and all($spec.template.spec.volumes[]; has("secret"))
  and (.[] | select(.kind == "PodDisruptionBudget") | .spec.selector.matchLabels == $spec.selector.matchLabels)'
that 'they know the store and where its password is' asks "$work/store.json" '.[] | select(.kind == "Deployment") | .spec.template.spec |
  (.containers[0].env | map({(.name): .value}) | add) as $env |
  $env.LOGZIO_OKTA_STORE == "postgresql://okta@db.example.com/okta" and $env.LOGZIO_OKTA_LEASE == "30s"
  and $env.LOGZIO_OKTA_STORE_PASSWORD_FILE == "/etc/logzio-okta/store/password"
  and any(.volumes[]; .name == "store" and .secret == {"secretName":"okta-db","defaultMode":288})
  and any(.containers[0].volumeMounts[]; .name == "store" and .mountPath == "/etc/logzio-okta/store")'

# Other ways
render "${secrets[@]}" --set persistence.enabled=false >"$work/volatile.yaml"
validate volatile
render "${secrets[@]}" --set persistence.existingClaim=mine >"$work/claim.yaml"
validate claim
render "${secrets[@]}" --set global.customLogsEndpoint=relay.example.com >"$work/relay.yaml"
validate relay
that 'a listener of one'"'"'s own takes the region'"'"'s place' asks "$work/relay.json" \
  "$env | .LOGZIO_LISTENER_HOST == \"relay.example.com\" and .LOGZIO_REGION == null"
render "${secrets[@]}" --set podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null,podSecurityContext.fsGroup=null >"$work/openshift.yaml"
validate openshift
that 'where the cluster chooses the user, none is asked for' asks "$work/openshift.json" \
  '.[] | select(.kind == "StatefulSet") | .spec.template.spec.securityContext | has("runAsUser") or has("fsGroup") | not'
that 'it is packed' into "$work/package.log" helm package $chart --destination "$work"
source=$(echo "$work"/logzio-okta-*.tgz) render "${secrets[@]}" --set metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true >"$work/packed.yaml"
validate packed
that 'with alerts and dashboard in the package' asks "$work/packed.json" \
  'any(.[]; .kind == "PrometheusRule" and (.spec.groups | length) > 0) and any(.[]; .kind == "ConfigMap" and (.data["logzio-okta.json"] | length) > 1000)'

# What is printed after an installation, which only a cluster shows: rendered as a file of a copy.
cp -rL $chart "$work/noted"
mv "$work/noted/templates/NOTES.txt" "$work/noted/notes"
printf 'text: |\n  {{- tpl (.Files.Get "notes") . | nindent 2 }}\n' >"$work/noted/templates/notes.yaml"
source=$work/noted render "${secrets[@]}" --set global.logzioRegion=eu --set persistence.enabled=false --show-only templates/notes.yaml >"$work/notes.yaml"
json "$work/notes.yaml" | jq -r .text >"$work/notes"
for text in 'region eu' 'WARNING: persistence is off' 'kubectl --namespace siem exec okta-logzio-okta-0 -- /usr/bin/logzio-okta check' \
  'kubectl --namespace siem exec -it okta-logzio-okta-0 -- /usr/bin/logzio-okta status --watch'; do
  that "the notes say: $text" holds "$work/notes" "$text"
done

# Without Helm
kubectl kustomize etc/kubernetes >"$work/kustomize.yaml"
validate kustomize
kubectl kustomize etc/kubernetes/replicas >"$work/replicas.yaml"
validate replicas
# confined NAME: what the pod of NAME.json may do.
confined() {
  jq -S 'select(.kind == "StatefulSet" or .kind == "Deployment") | .spec.template.spec | {securityContext, automountServiceAccountToken,
    enableServiceLinks, terminationGracePeriodSeconds, container: (.containers[0] | {securityContext, livenessProbe, startupProbe, resources})}' "$work/$1.json"
}
for manifest in kustomize replicas store; do
  that "the pods of $manifest and of the chart are confined alike" cmp -s <(confined "$manifest") <(confined least)
done
