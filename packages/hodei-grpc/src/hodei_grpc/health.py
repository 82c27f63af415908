"""`python -m hodei_grpc.health`: ask a server how it is, as container engines do every few seconds.

Needs no token. Imports as little as it can, since it runs so often.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING, NOT_SERVING = 0, 1  # all that a container's health check may answer


def main(argv: Sequence[str] | None = None) -> int:
    """Print the state of the server at the address; 0 if it serves, else 1."""
    given = _parser().parse_args(argv)
    try:
        state = ask(given.address, given.service, within=given.timeout)
    except grpc.RpcError as failed:
        print(f"{given.address}: {failed.details()}", file=sys.stderr)
        return NOT_SERVING
    print(state)
    return SERVING if state == "SERVING" else NOT_SERVING


def ask(address: str, service: str = "", *, within: float) -> str:
    """What the server at host:port says of itself, or of one service. Raise grpc.RpcError."""
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=within)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hodei_grpc.health",
        description="Say whether a server serves; the exit code is 0 if so.",
    )
    port = os.environ.get("GRPC_PORT") or "50051"
    parser.add_argument("address", nargs="?", default=f"127.0.0.1:{port}", help="host:port (%(default)s)")
    parser.add_argument(
        "--service", default="", help="one service, by its full name; else the server as a whole"
    )
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="(%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
