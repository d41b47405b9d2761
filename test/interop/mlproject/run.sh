#!/usr/bin/env bash
# `mlflow run` of deploy/mlproject with the real MLflow, against the embedded server. Ends with `N passed, N failed`.
# The Python environment is that of test/interop/registry. Only processes started here are ended.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
work="$(mktemp -d)"
node="$root/node_modules/node/bin/node"
server=""
finish() {
  [ -n "$server" ] && kill -- "-$server" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
venv="$("$root/test/interop/registry/venv.sh" mlflow3)" || exit 1

mkdir "$work/bin"
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$node" "$root/bin/requeen.mjs" > "$work/bin/requeen"
chmod +x "$work/bin/requeen"
export PATH="$work/bin:$venv/bin:$PATH" REQUEEN_DATA_DIR="$work/data"

(cd "$work" && exec setsid "$node" --disable-warning=ExperimentalWarning "$root/test/interop/mlflow/serve.ts" --data-dir "$work/mlflow" > "$work/serve.log" 2>&1) &
server=$!
for _ in $(seq 300); do
  url="$(grep -m1 '^http://' "$work/serve.log")" && break
  sleep 0.2
done
[ -n "${url:-}" ] || { cat "$work/serve.log" >&2; echo "0 passed, 1 failed"; exit 1; }
export MLFLOW_TRACKING_URI="$url"
cp -r "$root/deploy/mlproject" "$work/mlproject"

passed=0
failed=0
step() { # expected status (0 or 1 = any failure), title, command...
  local expected="$1" title="$2"
  shift 2
  nice -n 10 "$@" > "$work/out" 2> "$work/err"
  local status=$?
  [ "$status" -ne 0 ] && status=1
  [ "$1" = grep ] || cp "$work/err" "$work/step.err"
  if [ "$status" -eq "$expected" ]; then passed=$((passed + 1)); echo "ok  $title" >&2; return; fi
  failed=$((failed + 1))
  echo "NOT OK  $title" >&2
  cat "$work/out" "$work/err" | tail -30 >&2
}
project() { step "$1" "$2" mlflow run "$work/mlproject" --env-manager local --experiment-name operators "${@:3}"; }

# MLflow's default setup, without a server: it keeps its runs in a file of its own, whose place it hands on to the command
mkdir "$work/default"
for store in "" "sqlite:///$work/default/own.db" "file://$work/default/mlruns"; do
  step 0 "generate_datasets where mlflow keeps its own runs in '${store:-its default place}'" env -C "$work/default" MLFLOW_TRACKING_URI="$store" \
    MLFLOW_ALLOW_FILE_STORE=true REQUEEN_DATA_DIR="$work/default/data" mlflow run "$work/mlproject" --env-manager local -e generate_datasets \
    -P num_samples=100 -P output_path="$work/default/set.parquet"
  step 0 "and the command says that it is not used" grep -q 'is the store of `mlflow run` itself' "$work/step.err"
done

mkdir "$work/data"
step 0 "labels of people to train on" "$node" --disable-warning=ExperimentalWarning "$here/make-labels.ts" "$work/data"
project 0 "generate_datasets by rule" -e generate_datasets -P specialist_type=technical -P num_samples=200 \
  -P output_path="$work/set.parquet" -P min_quality_score=0.5 -P strict_sample_count=true
project 1 "generate_datasets refuses an unknown provider" -e generate_datasets -P llm_provider=nobody -P output_path="$work/none"
# before main, and without promotion: what a champion was trained on cannot judge its challenger
project 0 "train_all, with a pair that it does not name" -e train_all -P promote_if_better=false -P real_data_days=540
project 0 "main with the operators' parameters" -e main -P specialist_type=business -P feedback_count=201 -P window_days=7 \
  -P min_feedback_quality=0.5 -P model_type=random_forest -P hyperparameter_tuning=false -P promote_if_better=true

if python "$here/check_runs.py" "$url" "$work/set.parquet" > "$work/out" 2> "$work/err"; then :; else tail -20 "$work/err" >&2; fi
grep -E '^(ok|NOT OK)' "$work/out" >&2
read -r more_passed more_failed < <(awk '/ passed, .* failed$/ { print $1, $3 }' "$work/out" | tail -1)
passed=$((passed + ${more_passed:-0}))
failed=$((failed + ${more_failed:-1}))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
