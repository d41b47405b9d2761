#!/usr/bin/env bash
# Fetches and builds (once) what this suite holds the manifests to, and prints the folder: the schemas of three releases of Kubernetes, Helm,
# and kustomize where there is no kubectl that has it. All come through the Go module proxy; they live outside the clone, in
# ${REQUEEN_INTEROP_CACHE:-~/.cache/requeen-interop}.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cache="${REQUEEN_INTEROP_CACHE:-$HOME/.cache/requeen-interop}/manifests"
mkdir -p "$cache"
command -v go > /dev/null || { echo "Go is needed" >&2; exit 1; }
export GOFLAGS=-buildvcs=false
(
  flock 9
  # shellcheck source=versions.sh
  . "$here/versions.sh"
  for version in "${schema_versions[@]}"; do
    schema="$cache/swagger-$version.json"
    [ -s "$schema" ] && continue
    echo "fetching the schemas of Kubernetes $version" >&2
    modules="$(mktemp -d)"
    folder="$(GOMODCACHE="$modules" GOFLAGS=-modcacherw go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')"
    cp "$folder/api/openapi-spec/swagger.json" "$schema.part"
    mv "$schema.part" "$schema"
    rm -rf "$modules"
  done
  if [ "$("$cache/helm" version --template '{{.Version}}' 2> /dev/null)" != "$helm_version" ]; then
    echo "building Helm $helm_version" >&2
    GOBIN="$cache" go install -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=$helm_version" "helm.sh/helm/v3/cmd/helm@$helm_version" >&2
  fi
  if ! command -v kubectl > /dev/null && [ ! -x "$cache/kustomize" ]; then
    echo "building kustomize" >&2
    GOBIN="$cache" go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize_version" >&2
  fi
) 9> "$cache.lock"
printf '%s\n' "$cache"
