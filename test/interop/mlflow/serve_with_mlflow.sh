#!/usr/bin/env bash
# `mlflow server` on our data folder: answers, lists and gives back an artifact that our server stored. serve_with_mlflow.sh VENV DATADIR
set -euo pipefail
venv="$1"
data="$2"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false setsid "$venv/bin/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
  --backend-store-uri "sqlite:///$data/registry.db" --artifacts-destination "$data/artifacts" > "$data/mlflow-server.log" 2>&1 &
server=$!
trap 'kill -- "-$server" 2>/dev/null || true' EXIT
for _ in $(seq 600); do
  curl --silent --fail --output /dev/null "http://127.0.0.1:$port/health" && break
  sleep 0.2
done
MLFLOW_TRACKING_URI="http://127.0.0.1:$port" "$venv/bin/python" - <<'PY'
import mlflow
from mlflow import MlflowClient

client = MlflowClient()
experiment = client.get_experiment_by_name("artifacts")
[run] = client.search_runs([experiment.experiment_id])
assert open(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="note.txt")).read() == "text"
assert mlflow.pyfunc.load_model("models:/logreg@champion") is not None
PY
curl --silent --fail "http://127.0.0.1:$port/" | grep -qi mlflow
