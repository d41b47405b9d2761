#!/usr/bin/env bash
# Makes (once) the Python environments of the interop suites and prints the folder of one: venv.sh mlflow3 | mlflow311 | mlflow2 | mlflow29 | schemathesis
# They live outside the clone, so that a second run and a second clone find them: ${REQUEEN_INTEROP_CACHE:-~/.cache/requeen-interop}.
set -euo pipefail
name="${1:?mlflow3, mlflow311, mlflow2, mlflow29 or schemathesis}"
cache="${REQUEEN_INTEROP_CACHE:-$HOME/.cache/requeen-interop}"
case "$name" in
  mlflow3) packages=("mlflow==3.17.2" "onnx==1.23.2" "onnxruntime==1.32.0" "boto3" "moto[server]" "flask-wtf") ;;
  # the release that our server names at /version: what it is compared with, answer by answer
  mlflow311) packages=("mlflow==3.11.1") ;;
  mlflow2) packages=("mlflow==2.22.5" "fastapi==0.115.14" "onnx==1.23.2" "onnxruntime==1.32.0" "sqlalchemy<2.1" "setuptools<81") ;;
  mlflow29) packages=("mlflow==2.9.2" "numpy<2" "sqlalchemy<2.1" "setuptools<81") ;;
  schemathesis) packages=("schemathesis==4.32.5") ;;
  *) echo "venv.sh: no environment '$name'; mlflow3, mlflow311, mlflow2, mlflow29 or schemathesis" >&2; exit 2 ;;
esac
# the older releases have no wheels for the newest Pythons
for python in "${PYTHON:-}" python3.11 python3.12 python3; do
  if [ -n "$python" ] && "$python" -c 'import venv' 2>/dev/null; then break; fi
done
mkdir -p "$cache"
(
  flock 9
  # the mark holds what was asked for: a changed list installs what is missing
  if [ "$(cat "$cache/$name/.complete" 2>/dev/null)" != "${packages[*]}" ]; then
    [ -x "$cache/$name/bin/pip" ] || "$python" -m venv "$cache/$name" >&2
    nice -n 10 "$cache/$name/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" >&2
    echo "${packages[*]}" > "$cache/$name/.complete"
  fi
) 9>"$cache/$name.lock"
echo "$cache/$name"
