#!/usr/bin/env bash
# Generate messages and descriptor set from the .proto files.
#
#   scripts/generate-proto.sh [OUT]
#
# OUT is the package directory to write (default: proto/src/hodei_proto). It gets wire/, one module per protobuf
# package, and hodei.fds, the descriptors of all files with their imports. PYTHON chooses an interpreter that has grpcio-tools
# and betterproto2-compiler (default: the workspace's .venv).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
protos=$root/proto/src/hodei_proto/protos
out=${1:-$root/proto/src/hodei_proto}

# protoc looks its plugin up on PATH, and the plugin does the same with ruff.
export PATH="$(dirname "$python"):$PATH"

rm -rf "$out/wire"
mkdir -p "$out/wire"
cd "$protos"
# No client code: betterproto2 makes none for grpc.aio, and with it the messages would import grpc.
"$python" -m grpc_tools.protoc -I. \
    --python_betterproto2_out="$out/wire" \
    --python_betterproto2_opt=client_generation=none \
    --include_imports \
    --descriptor_set_out="$out/hodei.fds" \
    hodei/*.proto
