#!/usr/bin/env bash
# Fails when what is generated and committed is not what the .proto files give.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

"$root/scripts/generate-proto.sh" "$fresh" >/dev/null
for part in proto/src/hodei_proto/{wire,hodei.fds} packages/hodei-grpc/src/hodei_grpc/{methods,servicers}.py; do
    if ! diff -r --exclude=__pycache__ "$root/$part" "$fresh/$part"; then
        echo "$part is not what the .proto files give: run scripts/generate-proto.sh" >&2
        exit 1
    fi
done
