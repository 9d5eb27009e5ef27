{{- define "ldtokens.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Room is left for the longest suffix and for what Kubernetes adds to names of pods. */}}
{{- define "ldtokens.fullname" -}}
{{- $name := include "ldtokens.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "ldtokens.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "ldtokens.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "ldtokens.selector" -}}
app.kubernetes.io/name: {{ include "ldtokens.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ldtokens.labels" -}}
{{ include "ldtokens.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with omit .Values.commonLabels "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ldtokens.image" -}}
{{- $registry := default .Values.global.imageRegistry .Values.image.registry }}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end }}
{{- .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{/* The ClusterRole that namespaces bind to opt in. */}}
{{- define "ldtokens.secretWriter" -}}
{{ include "ldtokens.fullname" . }}-secret-writer
{{- end }}

{{/* The names of the Secrets with managing keys, as far as the values tell; none if they do not. */}}
{{- define "ldtokens.credentials" -}}
{{- $names := .Values.rbac.credentialSecrets }}
{{- range .Values.clusterAccounts }}
{{- $names = append $names .spec.credentialsSecretRef.name }}
{{- end }}
{{- $names | uniq | sortAlpha | toJson }}
{{- end }}

{{/* The subject of every binding. */}}
{{- define "ldtokens.subjects" -}}
- kind: ServiceAccount
  name: {{ include "ldtokens.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* In CEL: the regular expression of a glob. Raw strings, so that backslashes are what they look like. */}}
{{- define "ldtokens.pattern" -}}
(r'^\Q' + glob.replace(r'\', r'\E\\\Q').replace('*', r'\E[^:;]*\Q') + r'\E$').replace(r'\E[^:;]*\Q\E$', r'\E[^;]*$')
{{- end }}
