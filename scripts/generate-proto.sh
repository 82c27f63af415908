#!/usr/bin/env bash
# Generate everything that follows from the .proto files.
#
#   scripts/generate-proto.sh [ROOT]
#
# ROOT is the tree to write into (default: this one). It gets
#   proto/src/hodei_proto/wire/        messages, one module for each protobuf package
#   proto/src/hodei_proto/hodei.fds    descriptors of all files with their imports
#   packages/hodei-grpc/src/hodei_grpc/{methods,servicers}.py
# PYTHON names an interpreter that has grpcio-tools and betterproto2-compiler (default: the one in .venv).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(cd "${1:-$here}" && pwd)
python=${PYTHON:-$here/.venv/bin/python}
out=$root/proto/src/hodei_proto
grpc=$root/packages/hodei-grpc/src/hodei_grpc

# protoc looks its plugin up on PATH, and both the plugin and generate_methods.py do the same with ruff.
PATH="$(dirname "$python"):$PATH"
export PATH

rm -rf "$out/wire"
mkdir -p "$out/wire" "$grpc"
cd "$here/proto/src/hodei_proto/protos"
# No client code: betterproto2 makes none for grpc.aio, and with it the messages would import grpc.
"$python" -m grpc_tools.protoc -I. \
    --python_betterproto2_out="$out/wire" \
    --python_betterproto2_opt=client_generation=none \
    --include_imports \
    --descriptor_set_out="$out/hodei.fds" \
    hodei/*.proto
"$python" "$here/scripts/generate_methods.py" "$out/hodei.fds" "$grpc"
