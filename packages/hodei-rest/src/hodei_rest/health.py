"""`python -m hodei_rest.health`: ask the service how it is, as container engines do every few seconds.

Needs no token. Imports as little as it can, since it runs so often.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException

SERVING, NOT_SERVING = 0, 1  # all that a container's health check may answer


def main(argv: Sequence[str] | None = None) -> int:
    """Print how the service at the address is; 0 if it serves, else 1."""
    given = _parser().parse_args(argv)
    try:
        status, said = ask(given.address, within=given.timeout)
    except (OSError, HTTPException) as failed:
        print(f"{given.address}: {failed}", file=sys.stderr)
        return NOT_SERVING
    print(said)
    return SERVING if status == 200 else NOT_SERVING


def ask(address: str, *, within: float) -> tuple[int, str]:
    """What the service at host:port says of itself. Raise OSError, HTTPException."""
    connection = HTTPConnection(address, timeout=within)
    try:
        connection.request("GET", "/health/ready", headers={"Host": "localhost"})
        answer = connection.getresponse()
        return answer.status, answer.read(4096).decode("utf-8", "replace")
    finally:
        connection.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hodei_rest.health",
        description="Say whether the REST service serves; the exit code is 0 if so.",
    )
    port = os.environ.get("HODEI_REST_PORT") or "3000"
    parser.add_argument("address", nargs="?", default=f"127.0.0.1:{port}", help="host:port (%(default)s)")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="(%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
