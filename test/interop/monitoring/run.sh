#!/usr/bin/env bash
# deploy/prometheus/rules.yaml, its alerts on made-up series, and /metrics of a real server, by Prometheus's own promtool.
# promtool comes out of Debian's package prometheus, unpacked into the cache; nothing is installed. The last line is "N passed, N failed".
set -uo pipefail
cd "$(cd "$(dirname "$0")" && pwd)/../../.."
passed=0 failed=0
check() {
  local title=$1 output
  shift
  if output="$("$@" 2>&1)"; then passed=$((passed + 1)); echo "ok: $title"
  else failed=$((failed + 1)); echo "FAILED: $title"; tail -20 <<< "$output"; fi
}
cache="${REQUEEN_INTEROP_CACHE:-$HOME/.cache/requeen-interop}/monitoring"
promtool="$cache/promtool"
if [ ! -x "$promtool" ]; then
  mkdir -p "$cache"
  unpacked="$(mktemp -d)"
  { apt-get update -qq; cd "$unpacked" && apt-get download -qq prometheus && dpkg -x prometheus_*.deb .; cp usr/bin/promtool "$promtool"; cd - ; } > /dev/null 2>&1
  rm -rf "$unpacked"
fi
[ -x "$promtool" ] || { echo "Debian's package prometheus cannot be had, so there is no promtool"; echo "0 passed, 1 failed"; exit 1; }

node=(node_modules/node/bin/node --disable-warning=ExperimentalWarning)
work="$(mktemp -d)"
server=""
trap '[ -n "$server" ] && kill "$server" 2> /dev/null; rm -rf "$work"' EXIT

check "promtool accepts the rules" "$promtool" check rules deploy/prometheus/rules.yaml
cp deploy/prometheus/rules.yaml test/interop/monitoring/alerts.test.yaml "$work/"
check "alerts fire and stay silent on made-up series" "$promtool" test rules "$work/alerts.test.yaml"

REQUEEN_DATA_DIR="$work/data" REQUEEN_METRICS_OPEN=true "${node[@]}" src/cli/main.ts serve --port 0 --json > "$work/serving.json" 2> "$work/log" &
server=$!
for _ in $(seq 150); do [ -s "$work/serving.json" ] && break; sleep 0.2; done
url="$("${node[@]}" -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).url' "$work/serving.json" 2> /dev/null)"
check "a server answers /metrics without a token where it is open" curl -fsS -o "$work/metrics" "$url/metrics"
lint() { "$promtool" check metrics < "$work/metrics" | grep requeen_ && return 1; return 0; }
check "promtool finds nothing to say about our names" lint
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
