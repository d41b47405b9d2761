#!/usr/bin/env bash
# Builds (once) a real API server from the Go module proxy and prints the folder that holds etcd, kube-apiserver,
# kube-controller-manager and kubectl.
# They live outside the clone, so that a second run and a second clone find them: ${REQUEEN_INTEROP_CACHE:-~/.cache/requeen-interop}.
# On two cores the first build takes about ten minutes and 2.5 GB of module and build caches; the programs are 280 MB.
set -euo pipefail
kubernetes=1.34.4
here="$(cd "$(dirname "$0")" && pwd)"
cache="${REQUEEN_INTEROP_CACHE:-$HOME/.cache/requeen-interop}/kubernetes"
mkdir -p "$cache/bin" "$cache/src"
(
  flock 9
  sources="$(sha256sum < "$here/build.sh" | cut -d' ' -f1)"
  # the mark holds what it was built from: a changed script builds anew
  if [ "$(cat "$cache/.complete" 2>/dev/null)" != "$sources" ]; then
    cd "$cache/src"
    export GOFLAGS="-mod=mod -buildvcs=false -trimpath" GOTOOLCHAIN=local CGO_ENABLED=0
    printf 'module requeen.invalid/kubernetes\n\ngo 1.24.0\n' > go.mod
    # Kubernetes' own go.mod points to folders beside it; the same code is published as modules of the version 0.34.4
    published="$(go mod download -json "k8s.io/kubernetes@v$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')"
    for module in $(sed -n 's#^\s*\(k8s.io/[a-z-]*\) => ./staging.*#\1#p' "$published"); do
      go mod edit -replace "$module=$module@v0${kubernetes#1}"
    done
    go mod edit -require "k8s.io/kubernetes@v$kubernetes"
    {
      printf 'package tools\n\nimport (\n'
      printf '\t_ "%s"\n' go.etcd.io/etcd/server/v3/etcdmain k8s.io/kubernetes/cmd/kube-apiserver/app k8s.io/kubernetes/cmd/kube-controller-manager/app
      printf ')\n'
    } > tools.go
    go mod tidy -e > tidy.log 2>&1 || true
    for program in k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kubectl; do
      nice -n 10 go build -p 2 -ldflags="-s -w" -o "$cache/bin/${program##*/}" "$program" >&2
    done
    nice -n 10 go build -p 2 -ldflags="-s -w" -o "$cache/bin/etcd" go.etcd.io/etcd/server/v3 >&2
    echo "$sources" > "$cache/.complete"
  fi
) 9>"$cache.lock"
printf '%s\n' "$cache/bin"
