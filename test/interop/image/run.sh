#!/usr/bin/env bash
# Builds deploy/docker/Dockerfile with buildah (chroot isolation, no engine) and runs what came out: as the image's user, on a read-only
# root. No registry of images is reached here, so node:24-slim is put together first: a debootstrapped Debian, the Node 24 of the npm
# package `node`, and npm. Needs root, for mounts and chroot; buildah and debootstrap are installed with apt when they are missing.
# The base is kept in the cache. The last line is "N passed, N failed".
set -uo pipefail
cd "$(cd "$(dirname "$0")" && pwd)/../../.."
passed=0 failed=0
done_with() { echo "$passed passed, $failed failed"; [ "$failed" -eq 0 ]; exit $?; }
give_up() { echo "$1" >&2; failed=$((failed + 1)); done_with; }
# check TITLE COMMAND...: one thing that must hold
check() {
  local title=$1 output
  shift
  if output="$("$@" 2>&1)"; then
    passed=$((passed + 1)); echo "ok: $title"
  else
    failed=$((failed + 1)); echo "FAILED: $title"; tail -20 <<< "$output"
  fi
}

[ "$(id -u)" -eq 0 ] || give_up "this suite needs root: it mounts a read-only root file system and changes into it"
unshare --mount true 2> /dev/null || give_up "this machine lets nobody make a mount namespace"
missing=()
for tool in buildah debootstrap; do command -v "$tool" > /dev/null || missing+=("$tool"); done
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq > /dev/null && apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null \
    || give_up "apt-get could not install ${missing[*]}"
fi

cache="${REQUEEN_INTEROP_CACHE:-$HOME/.cache/requeen-interop}/image"
work="$(mktemp -d)"
root="$work/root"
# the process that a chain of parents ends in
last_of() { local pid=$1 child; while child="$(pgrep -P "$pid" | head -1)" && [ -n "$child" ]; do pid=$child; done; echo "$pid"; }
cleanup() {
  [ -n "${server:-}" ] && kill -KILL "$(last_of "$server")" 2> /dev/null
  [ -n "${container:-}" ] && "${buildah[@]}" umount "$container" > /dev/null 2>&1
  "${buildah[@]}" rm --all > /dev/null 2>&1
  rm -rf "$work"
}
buildah=(buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs)
trap cleanup EXIT
mkdir -p "$cache"

base="$cache/bookworm.tar"
if [ ! -s "$base" ]; then
  echo "making a Debian"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$work/debian" > "$work/debootstrap.log" 2>&1 \
    || { tail -20 "$work/debootstrap.log"; give_up "debootstrap failed"; }
  rm -rf "$work/debian"/var/cache/apt/* "$work/debian"/var/lib/apt/lists/*
  tar -C "$work/debian" --exclude=./dev/* --exclude=./proc/* --exclude=./sys/* -cf "$base.part" . && mv "$base.part" "$base"
  rm -rf "$work/debian"
fi

echo "putting the base image together"
mkdir -p "$root/usr/local/lib/node_modules"
tar -C "$root" -xf "$base"
install -m 755 node_modules/node/bin/node "$root/usr/local/bin/node" || give_up "the npm package node has no binary: run npm ci"
cp -r "$(npm root -g 2> /dev/null)/npm" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
# what this machine trusts, where its registry stands behind a proxy
[ -f "${NODE_EXTRA_CA_CERTS:-}" ] && cp "$NODE_EXTRA_CA_CERTS" "$root/etc/ssl/certs/ca-certificates.crt"
scratch="$("${buildah[@]}" from scratch)"
"${buildah[@]}" add -q "$scratch" "$root" / > /dev/null
"${buildah[@]}" config --env PATH=/usr/local/bin:/usr/bin:/bin --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$scratch"
"${buildah[@]}" commit -q --rm "$scratch" localhost/node:24-slim > /dev/null || give_up "the base image cannot be made"
rm -rf "$root"

echo "building the image"
started=$SECONDS
"${buildah[@]}" build --isolation chroot --network host --format docker --layers=false --build-arg NODE_IMAGE=localhost/node:24-slim \
  -f deploy/docker/Dockerfile -t localhost/requeen:test . > "$work/build.log" 2>&1 || { tail -40 "$work/build.log"; give_up "the image cannot be built"; }
echo "built in $((SECONDS - started)) s"
container="$("${buildah[@]}" from localhost/requeen:test)"
image="$("${buildah[@]}" mount "$container")"
config() { "${buildah[@]}" inspect --type image --format "$1" localhost/requeen:test; }
mapfile -t environment < <("${buildah[@]}" inspect --type image localhost/requeen:test | python3 -c 'import json,sys; print("\n".join(json.load(sys.stdin)["Docker"]["config"]["Env"]))')
data="$work/data"
install -d -o 10001 -g 10001 -m 755 "$data"

# inside WORD...: in the image, as its user, on a read-only root, with a /tmp and a data folder of its own
inside() {
  unshare --mount --pid --fork --kill-child sh -euc '
    image=$1 data=$2; shift 2
    mount --bind "$image" "$image"
    mount -t proc proc "$image/proc"
    mount --rbind /dev "$image/dev"
    mount -t tmpfs tmpfs "$image/tmp" -o mode=1777
    mount --bind "$data" "$image/var/lib/requeen"
    mount -o remount,ro,bind "$image"
    exec chroot --userspec=10001:10001 "$image" "$@"' sh "$image" "$data" env -i "${environment[@]}" "$@"
}

version="$(node -p 'require("./package.json").version')"
check "the user is 10001, not root" test "$(config '{{.Docker.Config.User}}')" = 10001:10001
check "the entry is requeen, which serves by default" test "$(config '{{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}')" = "[requeen] [serve]"
check "the image has a health check" test "$(config '{{.Docker.Config.Healthcheck}}')" != "<nil>"
check "requeen --version says $version" sh -c "[ \"\$1\" = '$version' ]" sh "$(inside requeen --version)"
check "it runs as 10001 and cannot write its root" inside sh -c '[ "$(id -u)" = 10001 ] && ! touch /opt/requeen/x 2> /dev/null && ! touch /x 2> /dev/null'
check "no development dependency, no source and no second Node is in it" sh -c "cd '$image/opt/requeen' && ! ls -d node_modules/typescript node_modules/vitest node_modules/vite node_modules/node src test 2> /dev/null"
# so the stage that is built once, on the building machine, serves every platform
check "no file of it is made for one processor" python3 -c 'import pathlib, sys
made = [str(path) for path in pathlib.Path(sys.argv[1]).rglob("*") if path.is_file() and path.open("rb").read(4) in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"MZ\x90\0")]
print("\n".join(made)); sys.exit(len(made) > 0)' "$image/opt/requeen"
check "a production dependency is in it" test -d "$image/opt/requeen/node_modules/fastify"
check "the five specialists are trained, judged and promoted inside" inside requeen example hive
check "what the training left is there for the next container" sh -c '[ "$(echo "$1" | node -p "JSON.parse(require(\"fs\").readFileSync(0)).totals.champions")" = 5 ]' sh "$(inside requeen status --json)"

port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
inside requeen serve --port "$port" > "$work/serve.log" 2>&1 &
server=$!
healthy() {
  for _ in $(seq 100); do
    curl -fsS http://127.0.0.1:$port/health > /dev/null 2>&1 && return 0
    sleep 0.2
  done
  cat "$work/serve.log"
  return 1
}
check "requeen serve answers /health" healthy
check "it is ready: store and registry answer" curl -fsS http://127.0.0.1:$port/ready
mapfile -t probe < <("${buildah[@]}" inspect --type image localhost/requeen:test | python3 -c 'import json,sys; print("\n".join(json.load(sys.stdin)["Docker"]["config"]["Healthcheck"]["Test"][1:]))')
environment+=(REQUEEN_SERVER_PORT=$port)
check "the image's own health check passes" inside "${probe[@]}"
kill -TERM "$(last_of "$server")"
wait "$server"
status=$?
server=""
check "SIGTERM ends it, exit code 0" sh -c "echo exit code $status; cat '$work/serve.log'; [ $status -eq 0 ]"
size="$(du -sm "$image" | cut -f1)"
echo "the root file system has $size MiB, $(du -sm "$image/opt/requeen" | cut -f1) MiB of them Requeen"
done_with
