{{- define "countersign.labels" -}}
app.kubernetes.io/name: countersign
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "countersign.selector" -}}
app.kubernetes.io/name: countersign
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "countersign.name" -}}
{{- if eq .Release.Name "countersign" }}countersign{{ else }}{{ printf "countersign-%s" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "countersign.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "countersign.serverName" -}}
{{ include "countersign.name" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{/* Empty where no history is kept: then nothing is written to a disk. */}}
{{- define "countersign.keepsHistory" -}}
{{- if not (and (hasKey .Values.history "enabled") (not .Values.history.enabled)) -}}true{{- end -}}
{{- end }}

{{- define "countersign.excludedNamespaces" -}}
{{ append .Values.excludedNamespaces .Release.Namespace | uniq | toJson }}
{{- end }}

{{/* Exact names of a label that only the API server writes: no tenant can put itself among them, and no prefix matches. */}}
{{- define "countersign.namespaceSelector" -}}
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: {{ include "countersign.excludedNamespaces" . }}
{{- end }}

{{/* (list $ "/path"): caBundle is written by the program, and so is left out here. */}}
{{- define "countersign.clientConfig" -}}
{{- $root := index . 0 -}}
{{- $path := index . 1 -}}
clientConfig:
  service:
    name: {{ include "countersign.name" $root }}
    namespace: {{ $root.Release.Namespace }}
    path: {{ $path }}
    port: 443
{{- end }}

{{/*
True where an UPDATE adds, removes, moves or changes an image: names and references of the four lists, compared as they are. What is
equal here was admitted before, so a webhook that is down blocks no label, finalizer or scaling. No tenant can make it false with an
image that is new. The argument is the path of the PodSpec: ".?spec.?template.?spec".
*/}}
{{- define "countersign.imagesChanged" -}}
{{- $tests := list -}}
{{- range $list := list "initContainers" "containers" "ephemeralContainers" -}}
{{- $sides := list -}}
{{- range $side := list "object" "oldObject" -}}
{{- $sides = append $sides (printf "%s%s.?%s.orValue([]).map(c, [c.?name.orValue(''), c.?image.orValue('')])" $side $ $list) -}}
{{- end -}}
{{- $tests = append $tests (join " != " $sides) -}}
{{- end -}}
{{- $sides := list -}}
{{- range $side := list "object" "oldObject" -}}
{{- $sides = append $sides (printf "%s%s.?volumes.orValue([]).filter(v, has(v.image)).map(v, [v.?name.orValue(''), v.image.?reference.orValue('')])" $side $) -}}
{{- end -}}
{{- $tests = append $tests (join " != " $sides) -}}
{{- join " ||\n" $tests -}}
{{- end }}
