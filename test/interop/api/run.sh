#!/usr/bin/env bash
# Fuzzes every endpoint of a real `requeen serve` with the data of the hive example, from its own OpenAPI document, with an admin token:
# no 5xx, and no answer whose status, media type, headers or body the document does not name. Ends with `N passed, N failed`, one an operation.
# Left out: /events, which never ends. Only processes started here are ended.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
node=("$root/node_modules/node/bin/node" --disable-warning=ExperimentalWarning "$root/src/cli/main.ts")
work="$(mktemp -d)"
server=""
finish() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT

venv="$("$root/test/interop/registry/venv.sh" schemathesis)" || exit 1
cd "$work" || exit 1
export REQUEEN_DATA_DIR="$work/data"
"${node[@]}" example hive > "$work/example.log" 2>&1 || { cat "$work/example.log" >&2; echo "0 passed, 1 failed"; exit 1; }
"${node[@]}" serve --port 0 --json > "$work/serve.json" 2> "$work/serve.log" &
server=$!
for _ in $(seq 150); do
  [ -s "$work/serve.json" ] && break
  sleep 0.2
done
read -r url token_file < <(python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["url"], d["token_file"])' "$work/serve.json")
[ -n "${url:-}" ] || { cat "$work/serve.log" >&2; echo "0 passed, 1 failed"; exit 1; }

examples="${REQUEEN_INTEROP_API_EXAMPLES:-12}"
status=0
# PASS CONFIG ARGS...: its report lands in $work/PASS.xml
fuzz() {
  local pass="$1" config="$2"
  shift 2
  echo "## $pass" >&2
  nice -n 5 "$venv/bin/st" --config-file "$config" run "$url/api/v1/openapi.json" \
    --header "Authorization: Bearer $(cat "$token_file")" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
    --exclude-path /api/v1/events --max-examples "$examples" --generation-deterministic --no-shrink --continue-on-failure \
    --suppress-health-check all --warnings off --request-timeout 30 --no-color \
    --report junit --report-junit-path "$work/$pass.xml" "$@" > "$work/st.log" 2>&1 || status=1
  grep -vE '^\s*$' "$work/st.log" | cut -c1-400 | tail -120 >&2
}
: > "$work/empty.toml"
fuzz anything "$work/empty.toml" --phases coverage,fuzzing,stateful
# paths that lead to something: names and ids of the example's data
if python3 "$here/config.py" "$url" "$token_file" > "$work/there.toml"; then
  fuzz what-is-there "$work/there.toml" --phases coverage,fuzzing --include-path-regex '\{'
else
  status=1
fi
if ! kill -0 "$server" 2>/dev/null; then
  echo "the server ended" >&2
  tail -20 "$work/serve.log" >&2
  status=1
fi
python3 - "$status" "$work"/*.xml << 'PY'
import sys, xml.etree.ElementTree as tree
status, *reports = sys.argv[1:]
cases = [case for report in reports for case in tree.parse(report).iter("testcase")]
failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
if status != "0" and failed == 0:
    failed = 1
passed = max(0, len(cases) - failed)
print(f"{passed} passed, {failed} failed")
sys.exit(0 if failed == 0 and passed > 0 else 1)
PY
