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

{{- define "logzio-okta.listener" -}}
{{- $region := .Values.global.logzioRegion | default "us" | lower -}}
{{- if .Values.global.customLogsEndpoint -}}
{{- .Values.global.customLogsEndpoint -}}
{{- else if eq $region "us" -}}
listener.logz.io
{{- else -}}
{{- printf "listener-%s.logz.io" $region -}}
{{- end -}}
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
{{- $tenants := .Values.tenants -}}
{{- if and $tenants (not .Values.existingSecret) (not .Values.global.logzioLogsToken) (not (hasKey .Values.tenantsDefaults "logzio_token")) -}}
{{- range $tenants -}}
{{- if not (or .logzio_token .logzio_token_file) -}}
{{- fail (printf "There is no shipping token for %s: set existingSecret or global.logzioLogsToken." .okta_domain) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (or .Values.metrics.podMonitor.enabled .Values.metrics.networkPolicy.enabled) (not .Values.metrics.enabled) -}}
{{- fail "metrics.podMonitor and metrics.networkPolicy need metrics.enabled: otherwise the port is on loopback." -}}
{{- end -}}
{{- end -}}
