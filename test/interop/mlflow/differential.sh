#!/usr/bin/env bash
# The same requests to the real `mlflow server` and to `requeen mlflow`, answer by answer: differential.sh VENV FOLDER
# Ends with `N passed, N failed`. Both servers run in folders of their own, on free ports, and end with this script.
set -uo pipefail
venv="$1"
folder="$2"
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
mkdir -p "$folder/theirs" "$folder/ours"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
theirs="$(free_port)"
ours="$(free_port)"
(cd "$folder/theirs" && MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false exec setsid "$venv/bin/mlflow" server --host 127.0.0.1 --port "$theirs" \
  --workers 1 --backend-store-uri sqlite:///mlflow.db --artifacts-destination ./artifacts > "$folder/theirs.log" 2>&1) &
pids=($!)
(cd "$folder/ours" && exec setsid "$root/node_modules/node/bin/node" "$root/bin/requeen.mjs" mlflow --no-auth --port "$ours" \
  --data-dir data --artifacts-destination ./artifacts --allow-local-artifact-roots > "$folder/ours.log" 2>&1) &
pids+=($!)
trap 'for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null; done' EXIT
for port in "$theirs" "$ours"; do
  for _ in $(seq 240); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/health" && continue 2
    sleep 0.5
  done
  tail -20 "$folder/theirs.log" "$folder/ours.log" >&2
  exit 1
done
"$venv/bin/python" "$here/differential/main.py" "http://127.0.0.1:$theirs,$folder/theirs" "http://127.0.0.1:$ours,$folder/ours"
