#!/usr/bin/env bash
# Executor, leader election and rollout against a real API server: etcd, kube-apiserver and kube-controller-manager from the Go module
# proxy (build.sh), pods played by a kubelet of the tests that starts the real `requeen train-job`. Needs Go, and nothing of the machine's
# own cluster. The last line is "N passed, N failed, N skipped".
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../../.."
if ! programs="$(bash "$here/build.sh")"; then
  echo "the API server could not be built" >&2
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
# Helm renders the chart that is applied here too
bash "$here/../manifests/build.sh" > /dev/null || echo "Helm could not be built: the test of the chart is skipped" >&2
PATH="$PATH:$programs" REQUEEN_INTEROP_KUBERNETES="$programs" node scripts/run.mjs test --config test/interop/kubernetes/vitest.config.ts "$@" < /dev/null
