{{- /* The names and rules are those of src/cluster; a test compares what comes out. */ -}}

{{- define "requeen.metadata" -}}
name: {{ .name }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  app.kubernetes.io/name: requeen
  app.kubernetes.io/part-of: requeen
  app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "requeen.selector" -}}
app.kubernetes.io/name: requeen
app.kubernetes.io/component: {{ . }}
{{- end }}

{{- define "requeen.image" -}}
{{ .Values.image | default (printf "requeen:%s" .Chart.AppVersion) }}
{{- end }}

{{- define "requeen.needsApi" -}}
{{- if or (eq .Values.executor "kubernetes") .Values.rolloutNamespace }}true{{ end }}
{{- end }}

{{- define "requeen.openToAll" -}}
{{- if or .Values.nodePort (has "*" .Values.callers) }}true{{ end }}
{{- end }}

{{- define "requeen.threads" -}}
{{- if hasSuffix "m" . }}{{ max 1 (div (trimSuffix "m" . | int) 1000) }}{{ else }}{{ max 1 (floor (float64 .) | int) }}{{ end }}
{{- end }}

{{- /* root, component, args, resources; besides: command, api, account, backup, env, pod, container */ -}}
{{- define "requeen.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "requeen.selector" .component | nindent 4 }}
    app.kubernetes.io/part-of: requeen
spec:
  serviceAccountName: {{ .account }}
  automountServiceAccountToken: {{ .api | default false }}
  enableServiceLinks: false
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- if and (not $values.mongodb) (ne .component "serve") }}
  affinity:
    podAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - labelSelector:
            matchLabels:
              {{- include "requeen.selector" "serve" | nindent 14 }}
          topologyKey: kubernetes.io/hostname
  {{- end }}
  {{- with .pod }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  containers:
    - name: requeen
      image: {{ include "requeen.image" .root }}
      imagePullPolicy: {{ $values.imagePullPolicy }}
      {{- with .command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      args:
        {{- toYaml .args | nindent 8 }}
      env:
        - { name: ENVIRONMENT, value: {{ $values.environment | quote }} }
        - { name: HOME, value: /tmp }
        - { name: REQUEEN_ACTOR, value: requeen-{{ .component }} }
        - { name: REQUEEN_DATA_DIR, value: /var/lib/requeen }
        - { name: REQUEEN_TRAIN_THREADS, value: {{ include "requeen.threads" (toString .resources.cpuLimit) | quote }} }
        {{- if $values.config }}
        - { name: REQUEEN_CONFIG, value: /etc/requeen/requeen.config.yaml }
        {{- end }}
        {{- with $values.mongodb }}
        - name: MONGODB_URI
          valueFrom:
            secretKeyRef: { name: {{ .secret }}, key: {{ .key }} }
        {{- with .database }}
        - { name: MONGODB_DATABASE, value: {{ . | quote }} }
        {{- end }}
        {{- end }}
        {{- with $values.mlflow }}
        - { name: MLFLOW_TRACKING_URI, value: {{ .uri | quote }} }
        {{- with .token }}
        - name: MLFLOW_TRACKING_TOKEN
          valueFrom:
            secretKeyRef: { name: {{ .secret }}, key: {{ .key }} }
        {{- end }}
        {{- end }}
        {{- if .api }}
        - { name: REQUEEN_CLUSTER_NAMESPACE, value: {{ .root.Release.Namespace }} }
        {{- if eq $values.executor "kubernetes" }}
        {{- $train := $values.resources.train }}
        - { name: REQUEEN_EXECUTOR, value: kubernetes }
        - { name: REQUEEN_CLUSTER_IMAGE, value: {{ include "requeen.image" .root | quote }} }
        - { name: REQUEEN_CLUSTER_IMAGE_PULL_POLICY, value: {{ $values.imagePullPolicy }} }
        - { name: REQUEEN_CLUSTER_SERVICE_ACCOUNT, value: requeen-worker }
        - { name: REQUEEN_CLUSTER_CPU, value: {{ $train.cpu | quote }} }
        - { name: REQUEEN_CLUSTER_CPU_LIMIT, value: {{ $train.cpuLimit | quote }} }
        - { name: REQUEEN_CLUSTER_MEMORY, value: {{ $train.memory | quote }} }
        - { name: REQUEEN_CLUSTER_MEMORY_LIMIT, value: {{ $train.memoryLimit | quote }} }
        {{- with $values.mlflow }}
        {{- with .token }}
        - { name: REQUEEN_CLUSTER_MLFLOW_TOKEN, value: "{{ .secret }}/{{ .key }}" }
        {{- end }}
        {{- end }}
        {{- end }}
        {{- with $values.rolloutNamespace }}
        - { name: REQUEEN_ROLLOUT_STRATEGY, value: restart }
        - { name: REQUEEN_ROLLOUT_NAMESPACE, value: {{ . }} }
        {{- end }}
        {{- end }}
        {{- range $values.secretEnvironment }}
        - name: {{ .name }}
          valueFrom:
            secretKeyRef: { name: {{ .secret }}, key: {{ .key }} }
        {{- end }}
        {{- with .env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      resources:
        requests: { cpu: {{ .resources.cpu | quote }}, memory: {{ .resources.memory }} }
        limits: { cpu: {{ .resources.cpuLimit | quote }}, memory: {{ .resources.memoryLimit }} }
      securityContext:
        allowPrivilegeEscalation: false
        capabilities:
          drop: [ALL]
        readOnlyRootFilesystem: true
      {{- with .container }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      volumeMounts:
        - { name: data, mountPath: /var/lib/requeen }
        - { name: tmp, mountPath: /tmp }
        {{- if $values.config }}
        - { name: config, mountPath: /etc/requeen, readOnly: true }
        {{- end }}
        {{- if .backup }}
        - { name: backup, mountPath: /var/lib/requeen-backup }
        {{- end }}
  volumes:
    - name: data
      persistentVolumeClaim: { claimName: requeen-data }
    - name: tmp
      emptyDir: { sizeLimit: 1Gi }
    {{- if $values.config }}
    - name: config
      configMap: { name: requeen-config }
    {{- end }}
    {{- if .backup }}
    - name: backup
      persistentVolumeClaim: { claimName: requeen-backup }
    {{- end }}
{{- end }}

{{- /* The spec of a Job: root, component, args, resources, backoff, deadline; besides: keep, api, backup, command, each */ -}}
{{- define "requeen.job" -}}
{{- if not .each }}
backoffLimit: {{ .backoff }}
{{- end }}
activeDeadlineSeconds: {{ .deadline }}
{{- with .keep }}
ttlSecondsAfterFinished: {{ . }}
{{- end }}
podFailurePolicy:
  rules:
    - action: Ignore
      onPodConditions:
        - { type: DisruptionTarget, status: "True" }
    - action: {{ .each | ternary "FailIndex" "FailJob" }}
      onExitCodes: { containerName: requeen, operator: In, values: [2, 3, 4, 6, 9] }
{{- if .each }}
completionMode: Indexed
completions: {{ len .root.Values.specialists }}
parallelism: {{ if .root.Values.mongodb }}{{ len .root.Values.specialists }}{{ else }}1{{ end }}
backoffLimitPerIndex: {{ .backoff }}
{{- end }}
template:
  {{- $account := .api | ternary "requeen-controller" "requeen-worker" }}
  {{- include "requeen.pod" (merge (dict "restartPolicy" "Never" "account" $account) .) | nindent 2 }}
{{- end }}
