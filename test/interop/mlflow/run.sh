#!/usr/bin/env bash
# The embedded server against MLflow's own Python client, 3 and 2, and its file in both directions. Ends with `N passed, N failed`.
# The Python environments are those of test/interop/registry. Only processes started here are ended.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
node=("$root/node_modules/node/bin/node" --disable-warning=ExperimentalWarning)
work="$(mktemp -d)"
log="$work/results"
: > "$log"
server=""
stop_server() {
  [ -z "$server" ] && return
  kill -- "-$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=""
}
finish() {
  stop_server
  rm -rf "$work"
}
trap finish EXIT

# Runs a step; its "N passed, N failed" line is added to the sum, and a step that ends without one counts as one by its status.
step() {
  echo "## $1" >&2
  shift
  nice -n 10 "$@" > "$work/step" 2> "$work/step.err"
  local status=$?
  grep -E '^(ok|NOT OK)' "$work/step" >&2
  if ! grep -E '^[0-9]+ passed, [0-9]+ failed$' "$work/step" | tail -1 | tee -a "$log" | grep -q .; then
    if [ "$status" -eq 0 ]; then echo "1 passed, 0 failed" >> "$log"; else echo "0 passed, 1 failed" >> "$log"; fi
  fi
  if [ "$status" -ne 0 ]; then tail -25 "$work/step.err" >&2; fi
  return "$status"
}

start_ours() { # FOLDER ARGS...: sets $url
  : > "$work/serve.log"
  (cd "$work" && exec setsid "${node[@]}" "$here/serve.ts" --data-dir "$@" > "$work/serve.log" 2>&1) &
  server=$!
  for _ in $(seq 150); do
    url="$(grep -m1 '^http://' "$work/serve.log")" && return
    sleep 0.2
  done
  echo "NOT OK our server did not start" >&2
  cat "$work/serve.log" >&2
  return 1
}

mlflow3="$("$root/test/interop/registry/venv.sh" mlflow3)" || exit 1
mlflow2="$("$root/test/interop/registry/venv.sh" mlflow2)" || exit 1
mlflow311="$("$root/test/interop/registry/venv.sh" mlflow311)" || exit 1
cd "$work" || exit 1

step "the same requests to mlflow server and to ours" bash "$here/differential.sh" "$mlflow311" "$work/differential" || cat "$work/step" >&2

start_ours "$work/two" && step "the client of MLflow 2" "$mlflow2/bin/python" "$here/check_client.py" "$url"
stop_server
start_ours "$work/ours" && step "the client of MLflow 3" "$mlflow3/bin/python" "$here/check_client.py" "$url"
for release in 3 311; do
  venv="mlflow$release"
  step "tracing, MLflow $release" "${!venv}/bin/python" "$here/check_traces.py" "$url"
done
step "what our server says" bash -c "'$mlflow3/bin/python' '$here/dump.py' '$url' > '$work/before.json'"
stop_server

# Requeen's models in our registry, served by MLflow: what a team runs that has no pods of its own.
step "models are trained and written as directories" "${node[@]}" "$here/../registry/make-models.ts" "$work/models"
if start_ours "$work/served" && step "models are published to our server" "${node[@]}" "$here/../registry/publish-models.ts" "$url" "$work/models"; then
  for release in 3 2; do
    venv="mlflow$release"
    step "MLflow $release serves models of our registry" "${!venv}/bin/python" "$here/check_serving.py" "$url" "$work/models"
  done
fi
stop_server

start_ours "$work/local" --default-artifact-root "file://$work/roots" --allow-local-artifact-roots && step "artifacts in local folders" \
  "$mlflow3/bin/python" "$here/check_local_roots.py" "$url" "file://$work/roots" "$work"
stop_server

# Behind its doors: API keys of a reader, a writer and a promoter, made on the command line.
requeen=("${node[@]}" "$root/src/cli/main.ts")
export REQUEEN_DATA_DIR="$work/guarded"
key_of() { "${requeen[@]}" token create --name "$1" --role "registry_$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])'; }
reader="$(key_of reader)" writer="$(key_of writer)" promoter="$(key_of promoter)"
(exec setsid "${requeen[@]}" mlflow --port 0 --json > "$work/guarded.log" 2>&1) &
server=$!
for _ in $(seq 150); do
  url="$(grep -m1 -o 'http://[^"]*' "$work/guarded.log")" && break
  sleep 0.2
done
for release in 3 2; do
  venv="mlflow$release"
  step "keys of three roles, MLflow $release" "${!venv}/bin/python" "$here/check_roles.py" "$url" "$reader" "$writer" "$promoter" "model-of-$release"
done
stop_server
unset REQUEEN_DATA_DIR

# Graduating: MLflow upgrades our file, has the tables that it would make itself, and says the same of it.
step "mlflow db upgrade of our file" "$mlflow3/bin/mlflow" db upgrade "sqlite:///$work/ours/registry.db"
"$mlflow3/bin/python" "$here/write_file.py" "$work/fresh.db" 2>"$work/step.err" || tail -5 "$work/step.err" >&2
step "the same tables as a new file of MLflow" python3 "$here/compare_schema.py" "$work/ours/registry.db" "$work/fresh.db"
step "MLflow reads our file" bash -c "'$mlflow3/bin/python' '$here/dump.py' 'sqlite:///$work/ours/registry.db' > '$work/after.json' && diff '$work/before.json' '$work/after.json' >&2"
step "mlflow server serves our file" bash "$here/serve_with_mlflow.sh" "$mlflow3" "$work/ours"
start_ours "$work/ours" && step "the upgraded file still opens here, and says the same" \
  bash -c "'$mlflow3/bin/python' '$here/dump.py' '$url' > '$work/again.json' && diff '$work/before.json' '$work/again.json' >&2"
stop_server

# Theirs here: files of both releases; the older is converted, with a copy kept.
for release in 3 2; do
  venv="mlflow$release"
  mkdir -p "$work/theirs$release"
  step "MLflow $release writes a file" "${!venv}/bin/python" "$here/write_file.py" "$work/theirs$release/registry.db"
  "${!venv}/bin/python" "$here/dump.py" "sqlite:///$work/theirs$release/registry.db" > "$work/theirs$release.json" 2>/dev/null
  start_ours "$work/theirs$release" && step "and it opens here" \
    bash -c "'${!venv}/bin/python' '$here/dump.py' '$url' > '$work/theirs$release.ours.json' && diff '$work/theirs$release.json' '$work/theirs$release.ours.json' >&2"
  stop_server
done
step "the converted file's copy is whole" bash -c "ls '$work/theirs2/'registry.db.*.bak && '$mlflow2/bin/python' '$here/dump.py' sqlite:///\$(ls '$work/theirs2/'registry.db.*.bak) | diff '$work/theirs2.json' - >&2"
step "MLflow 3 reads the converted file" bash -c "'$mlflow3/bin/mlflow' db upgrade 'sqlite:///$work/theirs2/registry.db' && '$mlflow3/bin/python' '$here/dump.py' 'sqlite:///$work/theirs2/registry.db' > /dev/null"

awk '{ passed += $1; failed += $3 } END { print passed " passed, " failed " failed"; exit failed > 0 }' "$log"
