#!/usr/bin/env bash
# The pages in Debian's Chromium, against real `requeen serve` processes. Ends with `N passed, N failed`.
# Needs chromium; as root it is installed with apt when it is missing. Pictures of each view go to PAGES_SHOTS.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
node=("$root/node_modules/node/bin/node" --disable-warning=ExperimentalWarning)

if [ -z "${CHROMIUM:-}" ] && ! [ -x /usr/bin/chromium ]; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1
fi
if ! [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
  echo "chromium is needed: apt-get install chromium, or CHROMIUM=/path/to/it"
  echo "0 passed, 1 failed"
  exit 1
fi
# the environment of a test runner, which most often builds the pages first, must not reach them
NODE_ENV=test "${node[@]}" "$root/scripts/build-web.ts" --if-stale || { echo "0 passed, 1 failed"; exit 1; }
exec "${node[@]}" "$here/main.ts" "$@"
