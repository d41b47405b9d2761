#!/usr/bin/env bash
# The registry client and our model directories against the real MLflow from PyPI: 3, 2 and 2.9. Ends with a line `N passed, N failed`.
# Servers run on free ports of 127.0.0.1 in a folder that goes at the end; only processes started here are ended.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
node=("$root/node_modules/node/bin/node" --disable-warning=ExperimentalWarning)
work="$(mktemp -d)"
log="$work/results"
started=()
finish() {
  for pid in "${started[@]}"; do kill -- "-$pid" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
: > "$log"
# the job runner of MLflow 3 takes ten seconds and a gigabyte at each start, and nothing here runs jobs
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

wait_for() { # ADDRESS LOGFILE
  for _ in $(seq 450); do
    if curl --silent --fail --output /dev/null "$1"; then return 0; fi
    sleep 0.2
  done
  echo "NOT OK - nothing answered at $1:" >&2
  tail -20 "$2" >&2
  return 1
}

# Runs a step; its "N passed, N failed" line is added to the sum, and a step that ends without one counts as one failure.
step() {
  echo "## $1" >&2
  shift
  nice -n 10 "$@" > "$work/step" 2> "$work/step.err"
  local status=$?
  grep -E '^(ok|NOT OK|#)' "$work/step" >&2
  if grep -qE '^[0-9]+ passed, [0-9]+ failed$' "$work/step"; then
    grep -E '^[0-9]+ passed, [0-9]+ failed$' "$work/step" | tail -1 >> "$log"
  else
    tail -20 "$work/step.err" >&2
    if [ "$status" -eq 0 ]; then echo "1 passed, 0 failed" >> "$log"; else echo "0 passed, 1 failed" >> "$log"; fi
  fi
}

start_server() { # VENV NAME ARGS...: sets $url
  local venv="$1" name="$2" port
  shift 2
  port="$(free_port)"
  url="http://127.0.0.1:$port"
  mkdir -p "$work/$name"
  # a session of its own: MLflow 2 leaves its workers behind when only the first process is ended
  (cd "$work/$name" && exec setsid nice -n 10 "$venv/bin/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
    --backend-store-uri "sqlite:///$work/$name/mlflow.db" "$@" > "$work/$name/log" 2>&1) &
  server=$!
  started+=("$server")
  wait_for "$url/health" "$work/$name/log" || { echo "0 passed, 1 failed" >> "$log"; return 1; }
}

stop_server() { kill -- "-$server" 2>/dev/null; wait "$server" 2>/dev/null; }

step "models are trained and written as directories" "${node[@]}" "$here/make-models.ts" "$work/models"
for version in 3 2; do
  venv="$("$here/venv.sh" "mlflow$version")" || { echo "0 passed, 1 failed" >> "$log"; continue; }
  step "mlflow $version loads our model directories" "$venv/bin/python" "$here/check_models.py" "$work/models"

  if start_server "$venv" "proxied$version" --artifacts-destination "$work/proxied$version/artifacts"; then
    step "the client against mlflow $version, artifacts through the server" "${node[@]}" "$here/client-suite.ts" "$url"
    rm -rf "$work/published" && cp -r "$work/models" "$work/published"
    step "models are published to mlflow $version" "${node[@]}" "$here/publish-models.ts" "$url" "$work/published"
    step "mlflow $version's own client reads them back" env MLFLOW_TRACKING_URI="$url" "$venv/bin/python" "$here/check_published.py" "$work/published"
    step "the whole loop against mlflow $version" env MLFLOW_TRACKING_URI="$url" REQUEEN_DATA_DIR="$work/loop$version" \
      "${node[@]}" "$root/src/cli/main.ts" example spambase --batches 4 --json
    cp "$work/step" "$work/example.json"
    step "mlflow $version's own client reads the loop back" env MLFLOW_TRACKING_URI="$url" \
      "$venv/bin/python" "$here/check_loop.py" "$work/example.json" "$root/examples/spambase/spambase.csv"
    stop_server
  fi

  if start_server "$venv" "folder$version" --no-serve-artifacts --default-artifact-root "file://$work/folder$version/artifacts"; then
    step "the client against mlflow $version, artifacts in a shared folder" "${node[@]}" "$here/client-suite.ts" "$url"
    stop_server
  fi
done

# the oldest server that is supported
if ! venv="$("$here/venv.sh" mlflow29)"; then
  echo "0 passed, 1 failed" >> "$log"
elif start_server "$venv" oldest --artifacts-destination "$work/oldest/artifacts"; then
  step "the client against mlflow 2.9" "${node[@]}" "$here/client-suite.ts" "$url"
  stop_server
fi

# MLflow's own user accounts
venv="$("$here/venv.sh" mlflow3)"
export MLFLOW_FLASK_SERVER_SECRET_KEY=interop
cat > "$work/auth.ini" <<INI
[mlflow]
default_permission = READ
database_uri = sqlite:///$work/auth.db
admin_username = keeper
admin_password = long-enough-for-mlflow
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
INI
if MLFLOW_AUTH_CONFIG_PATH="$work/auth.ini" start_server "$venv" auth --app-name basic-auth --artifacts-destination "$work/auth/artifacts"; then
  export MLFLOW_TRACKING_USERNAME=keeper
  for password in long-enough-for-mlflow wrong; do
    export MLFLOW_TRACKING_PASSWORD="$password"
    step "credentials of mlflow 3: $password" "${node[@]}" "$here/credentials.ts" "$url" "$([ "$password" = wrong ] && echo refused || echo taken)"
  done
  unset MLFLOW_TRACKING_USERNAME MLFLOW_TRACKING_PASSWORD
  stop_server
fi

# S3: moto plays it, for the client and for MLflow's own
export AWS_ACCESS_KEY_ID=interop AWS_SECRET_ACCESS_KEY=interop AWS_DEFAULT_REGION=us-east-1
s3_port="$(free_port)"
export MLFLOW_S3_ENDPOINT_URL="http://127.0.0.1:$s3_port"
setsid nice -n 10 "$venv/bin/moto_server" --host 127.0.0.1 --port "$s3_port" > "$work/moto.log" 2>&1 &
started+=($!)
if wait_for "$MLFLOW_S3_ENDPOINT_URL/moto-api/" "$work/moto.log" && curl --silent --output /dev/null -X PUT "$MLFLOW_S3_ENDPOINT_URL/bucket" \
  && start_server "$venv" s3 --no-serve-artifacts --default-artifact-root s3://bucket/mlflow; then
  step "the client against mlflow 3, artifacts on S3" "${node[@]}" "$here/client-suite.ts" "$url"
  rm -rf "$work/published" && cp -r "$work/models" "$work/published"
  step "models are published to mlflow 3 on S3" "${node[@]}" "$here/publish-models.ts" "$url" "$work/published"
  step "mlflow 3's own client reads them from S3" env MLFLOW_TRACKING_URI="$url" "$venv/bin/python" "$here/check_published.py" "$work/published"
  stop_server
else
  echo "0 passed, 1 failed" >> "$log"
fi

awk '{ passed += $1; failed += $3 } END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$log"
