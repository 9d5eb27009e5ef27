{{/* What the schema cannot say, or cannot say clearly. */}}
{{- define "ldtokens.checks" -}}
{{- if and (eq .Values.rbac.secretAccess "PerNamespace") (not .Values.watchNamespaces) }}
{{- fail "rbac.secretAccess PerNamespace needs watchNamespaces: name the namespaces to look after, or use OptIn or Cluster" }}
{{- end }}
{{- range .Values.extraEnv }}
{{- if or (has .name (list "POD_NAME" "POD_NAMESPACE")) (hasPrefix "LDTOKENS_" .name) }}
{{- fail (printf "extraEnv must not set %s: the chart does; use flags" .name) }}
{{- end }}
{{- end }}
{{- if and .Values.monitoring.serviceMonitor.enabled (not .Values.monitoring.service.enabled) }}
{{- fail "monitoring.serviceMonitor needs monitoring.service.enabled; without a Service use monitoring.podMonitor" }}
{{- end }}
{{- if regexMatch "\\bapi-[0-9a-f]{8}-[0-9a-f]{4}-" (toJson (omit .Values "global")) }}
{{- fail "the values hold what looks like a LaunchDarkly key: put it into a Secret, and its name here" }}
{{- end }}
{{- end }}
