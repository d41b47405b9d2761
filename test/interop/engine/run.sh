#!/usr/bin/env bash
# The engine in Debian's Chromium: one bundle, no Node, trains and predicts. Ends with `N passed, N failed`.
# Needs chromium; as root it is installed with apt when it is missing.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"

if [ -z "${CHROMIUM:-}" ] && ! [ -x /usr/bin/chromium ]; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1
fi
if ! [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
  echo "chromium is needed: apt-get install chromium, or CHROMIUM=/path/to/it"
  echo "0 passed, 1 failed"
  exit 1
fi
exec "$root/node_modules/node/bin/node" --disable-warning=ExperimentalWarning "$here/main.ts"
