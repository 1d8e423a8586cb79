{{- define "logzio-okta.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "logzio-okta.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "logzio-okta.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "logzio-okta.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "logzio-okta.region" -}}
{{- .Values.global.logzioRegion | default "us" | lower -}}
{{- end -}}

{{- define "logzio-okta.tokenSecret" -}}
{{- .Values.existingSecret | default (printf "%s-token" (include "logzio-okta.fullname" .)) -}}
{{- end -}}

{{- define "logzio-okta.tenantsSecret" -}}
{{- .Values.existingTenantsSecret | default (printf "%s-tenants" (include "logzio-okta.fullname" .)) -}}
{{- end -}}

{{- define "logzio-okta.validate" -}}
{{- if and (not .Values.existingTenantsSecret) (not .Values.tenants) -}}
{{- fail "There are no tenants: set tenants, or existingTenantsSecret to a Secret with the key tenants-credentials.yml." -}}
{{- end -}}
{{- if and .Values.existingTenantsSecret .Values.tenants -}}
{{- fail "tenants and existingTenantsSecret are both set; remove one of the two." -}}
{{- end -}}
{{- if and .Values.existingSecret .Values.global.logzioLogsToken -}}
{{- fail "global.logzioLogsToken and existingSecret are both set; remove one of the two." -}}
{{- end -}}
{{- $shared := or .Values.existingSecret .Values.global.logzioLogsToken .Values.tenantsDefaults.logzio_token .Values.tenantsDefaults.logzio_token_file -}}
{{- if not $shared -}}
{{- range .Values.tenants -}}
{{- if not (or .logzio_token .logzio_token_file) -}}
{{- fail (printf "There is no shipping token for %s: set existingSecret or global.logzioLogsToken." .okta_domain) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (or .Values.metrics.podMonitor.enabled .Values.metrics.networkPolicy.enabled) (not .Values.metrics.enabled) -}}
{{- fail "metrics.podMonitor and metrics.networkPolicy need metrics.enabled: without it the port is on loopback." -}}
{{- end -}}
{{- if and .Values.store.url .Values.persistence.existingClaim -}}
{{- fail "store.url and persistence.existingClaim are both set; remove one of the two: the state is in PostgreSQL or on a disk." -}}
{{- end -}}
{{- if and .Values.store.passwordSecret (not .Values.store.url) -}}
{{- fail "store.passwordSecret needs store.url: the password is the database's." -}}
{{- end -}}
{{- if regexMatch "^[a-z]+://[^/?@]*:[^/?@]*@|[?&]password=" .Values.store.url -}}
{{- fail "store.url holds a password; put it into a Secret and name that in store.passwordSecret." -}}
{{- end -}}
{{- $elsewhere := dict "LOGZIO_OKTA_TENANTS" "tenants or existingTenantsSecret" "LOGZIO_OKTA_TENANTS_YAML" "tenants or existingTenantsSecret" "LOGZIO_TOKEN" "existingSecret" "LOGZIO_TOKEN_FILE" "existingSecret" "LOGZIO_REGION" "global.logzioRegion" "LOGZIO_LISTENER_HOST" "global.customLogsEndpoint" "ENV_ID" "global.env_id" "LOGZIO_OKTA_ADMIN" "metrics" "LOGZIO_OKTA_STATE_DIR" "persistence" "LOGZIO_OKTA_STORE" "store.url" "LOGZIO_OKTA_STORE_PASSWORD_FILE" "store.passwordSecret" "LOGZIO_OKTA_LEASE" "store.lease" -}}
{{- range $name, $value := .Values.env -}}
{{- if hasKey $elsewhere $name -}}
{{- fail (printf "env.%s: the chart sets this variable; use %s." $name (get $elsewhere $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
