#!/usr/bin/env bash
# Builds ahead what run.sh needs: .ci/run starts it beside the other parts.
exec bash "$(dirname "$0")/build.sh" > /dev/null
