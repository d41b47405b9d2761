#!/usr/bin/env bash
# Makes ahead the Python environments of this and other suites: .ci/run starts it beside the other parts.
for name in mlflow3 schemathesis mlflow2 mlflow29; do bash "$(dirname "$0")/venv.sh" "$name" > /dev/null; done
