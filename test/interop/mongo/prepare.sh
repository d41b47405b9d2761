#!/usr/bin/env bash
# Builds ahead what run.sh needs: .ci/run starts it beside the other parts.
for server in java-server ferretdb; do bash "$(dirname "$0")/build.sh" "$server" > /dev/null; done
