#!/usr/bin/env bash
# Option 3 of the operators: a laptop trains against the cluster's MongoDB and MLflow through forwarded ports. Here both are real servers on
# ports of this machine: FerretDB (MongoDB's protocol) and MLflow 3. Two empty data folders play the laptop and a pod of the cluster.
# The last line is "N passed, N failed".
set -uo pipefail
root="$(cd "$(dirname "$0")/../../.." && pwd)"
cd "$root"
passed=0 failed=0
give_up() { echo "$1" >&2; failed=$((failed + 1)); echo "$passed passed, $failed failed"; exit 1; }
check() {
  local title=$1 output
  shift
  if output="$("$@" 2>&1)"; then passed=$((passed + 1)); echo "ok: $title"
  else failed=$((failed + 1)); echo "FAILED: $title"; tail -20 <<< "$output"; fi
}
work="$(mktemp -d)"
mlflow=""
cleanup() {
  [ -n "$mlflow" ] && kill -- "-$mlflow" 2> /dev/null
  [ -n "${mongo_input:-}" ] && exec {mongo_input}>&-
  rm -rf "$work"
}
trap cleanup EXIT
node=("$root/node_modules/node/bin/node" --disable-warning=ExperimentalWarning)
venv="$(test/interop/registry/venv.sh mlflow3)" || give_up "the environment of MLflow 3 cannot be made"
mongo="$(bash test/interop/mongo/build.sh ferretdb)" || give_up "FerretDB cannot be built"

mkdir "$work/mongo"
# it ends when its standard input ends, so also when this script is killed
coproc MONGO { cd "$work/mongo" && exec "$mongo" "$work/mongo" 2> "$work/mongo.log"; }
exec {mongo_input}>&"${MONGO[1]}"
read -r -t 60 _ mongo_uri <&"${MONGO[0]}" || give_up "FerretDB did not start"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
(cd "$work" && exec setsid nice -n 10 "$venv/bin/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
  --backend-store-uri "sqlite:///$work/mlflow.db" --artifacts-destination "$work/artifacts" > "$work/mlflow.log" 2>&1) &
mlflow=$!
for _ in $(seq 120); do curl -fs -o /dev/null "http://127.0.0.1:$port/health" && break; sleep 0.5; done

# what the team's database holds already
mkdir "$work/seed"
"${node[@]}" test/interop/mlproject/make-labels.ts "$work/seed" > "$work/seed.log" 2>&1 || { tail "$work/seed.log"; give_up "no labels"; }
database="${mongo_uri%/}/neural_hive"
"${node[@]}" src/cli/main.ts migrate --from "sqlite:$work/seed/requeen.db" --to "$database" --json > /dev/null || give_up "no labels in MongoDB"

requeen() { # FOLDER WORD...
  local folder="$work/$1"
  shift
  mkdir -p "$folder"
  (cd "$folder" && MONGODB_URI="$database" MLFLOW_TRACKING_URI="http://127.0.0.1:$port" REQUEEN_DATA_DIR="$folder/data" "${node[@]}" "$root/src/cli/main.ts" "$@")
}
field() { "${node[@]}" -p "const value = JSON.parse(require('fs').readFileSync('$1')); $2"; }
check "doctor finds both servers from the laptop" requeen laptop doctor
requeen laptop train --specialist-type business --feedback-count 201 --window-days 7 --min-feedback-quality 0.5 --model-type random_forest \
  --hyperparameter-tuning false --promote-if-better true --json > "$work/run.json" 2> "$work/run.log"
check "the operators' command trains on the laptop and promotes" test "$(field "$work/run.json" 'value.runs[0].promoted')" = true
run="$(field "$work/run.json" 'value.runs[0].run_id')"
requeen pod status --json > "$work/status.json" 2> /dev/null
check "a pod, with an empty folder, sees the version in production" test "$(field "$work/status.json" 'value.specialists.find(({ specialist }) => specialist === "business").champion.version')" = 1
check "and recomputes the laptop's verdict byte for byte" requeen pod verdict recompute "$run"
check "MLflow's own client finds the champion and loads it" env MLFLOW_TRACKING_URI="http://127.0.0.1:$port" "$venv/bin/python" -c \
  'import mlflow; print(mlflow.pyfunc.load_model("models:/business-evaluator@champion").metadata.run_id)'
check "the pod goes on: it knows what the laptop's model saw" requeen pod plan business
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
