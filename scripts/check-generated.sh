#!/usr/bin/env bash
# Fails when the committed messages or descriptors are not what the .proto files give.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

"$root/scripts/generate-proto.sh" "$fresh" >/dev/null
for part in wire hodei.fds; do
    if ! diff -r --exclude=__pycache__ "$root/proto/src/hodei_proto/$part" "$fresh/$part"; then
        echo "proto/src/hodei_proto/$part is not what the .proto files give: run scripts/generate-proto.sh" >&2
        exit 1
    fi
done
