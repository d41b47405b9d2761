#!/usr/bin/env bash
# Runs the store's conformance suite and the tests of documents in place against real servers that speak the MongoDB protocol.
# run.sh [ferretdb] [java-server]   (both without arguments). The last line is "N passed, N failed, N skipped".
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../../.."
passed=0 failed=0 skipped=0
for name in "${@:-ferretdb java-server}"; do
  for server in $name; do
    if ! command="$(bash "$here/build.sh" "$server")"; then
      echo "the server $server could not be built" >&2
      failed=$((failed + 1))
      continue
    fi
    mapfile -t command <<< "$command"
    state="$(mktemp -d)"
    [ "$server" = java-server ] && data="$state/store.mv" || data="$state"
    # the server ends when its standard input ends, so also when this script is killed
    coproc SERVER { cd "$state" && exec "${command[@]}" "$data" 2> "$state/server.log"; }
    server_pid=$SERVER_PID
    exec {server_input}>&"${SERVER[1]}"
    if ! read -r -t 60 _ uri <&"${SERVER[0]}"; then
      echo "the server $server did not start:" >&2
      tail -20 "$state/server.log" >&2
      failed=$((failed + 1))
      exec {server_input}>&-
      continue
    fi
    echo "== $server at $uri"
    output="$(REQUEEN_INTEROP_MONGO_NAME="$server" REQUEEN_INTEROP_MONGO_URI="$uri" npx vitest run --config test/interop/mongo/vitest.config.ts 2>&1 | tee /dev/stderr)"
    counts="$(grep -oE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' <<< "$output" | tail -1)"
    if [ -z "$counts" ]; then
      failed=$((failed + 1))
    else
      read -r ran _ broke _ left _ <<< "$counts"
      passed=$((passed + ran)) failed=$((failed + broke)) skipped=$((skipped + ${left:-0}))
    fi
    exec {server_input}>&-
    eval "exec ${SERVER[1]}>&-" 2> /dev/null
    wait "$server_pid" 2> /dev/null
    rm -rf "$state"
  done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
