#!/usr/bin/env bash
# Builds (once) the servers of this suite and prints the command of one: build.sh ferretdb | java-server
# They live outside the clone, so that a second run and a second clone find them: ${REQUEEN_INTEROP_CACHE:-~/.cache/requeen-interop}.
set -euo pipefail
name="${1:?ferretdb or java-server}"
here="$(cd "$(dirname "$0")" && pwd)"
cache="${REQUEEN_INTEROP_CACHE:-$HOME/.cache/requeen-interop}/mongo-$name"
mkdir -p "$cache"
(
  flock 9
  sources="$(cat "$here/$name"/* | sha256sum | cut -d' ' -f1)"
  # the mark holds what it was built from: a changed source builds anew
  if [ "$(cat "$cache/.complete" 2>/dev/null)" != "$sources" ]; then
    case "$name" in
      ferretdb)
        (cd "$here/ferretdb" && nice -n 10 go build -buildvcs=false -tags ferretdb_no_postgresql,ferretdb_no_mysql -o "$cache/ferretdb" .) >&2
        ;;
      java-server)
        nice -n 10 mvn -q -B -f "$here/java-server/pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache/lib" >&2
        javac -cp "$cache/lib/*" -d "$cache/classes" "$here/java-server/Server.java" >&2
        ;;
      *) echo "build.sh: no server '$name'; ferretdb or java-server" >&2; exit 2 ;;
    esac
    echo "$sources" > "$cache/.complete"
  fi
) 9>"$cache.lock"
case "$name" in
  ferretdb) printf '%s\n' "$cache/ferretdb" ;;
  java-server) printf '%s\n' java -cp "$cache/classes:$cache/lib/*" Server ;;
esac
