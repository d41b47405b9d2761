#!/usr/bin/env bash
# Holds the manifests to what others make of them: the schemas that Kubernetes publishes (three releases), kustomize, Helm.
# Needs Go, which brings schemas and tools (build.sh), and kubectl, whose kustomize is used, or builds kustomize.
# The last line is "N passed, N failed".
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../../.."
if ! cache="$(bash "$here/build.sh")"; then
  echo "schemas or tools cannot be had"
  echo "0 passed, 1 failed"
  exit 1
fi
. "$here/versions.sh"
kustomize="kubectl kustomize"
command -v kubectl > /dev/null || kustomize="$cache/kustomize build"
REQUEEN_INTEROP_SCHEMAS="$(printf "$cache/swagger-%s.json " "${schema_versions[@]}")" REQUEEN_INTEROP_HELM="$cache/helm" REQUEEN_INTEROP_KUSTOMIZE="$kustomize" \
  npx vitest run --config test/interop/manifests/vitest.config.ts
