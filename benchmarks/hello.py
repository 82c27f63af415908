"""The least that Litestar on uvicorn can answer: what REST is measured beside.

python -m benchmarks.hello READY_FD
"""

from __future__ import annotations

import os
import socket
import sys

import uvicorn
import uvloop
from litestar import Litestar, get


@get("/", sync_to_thread=False)
def hello() -> dict[str, str]:
    """A word."""
    return {"hello": "world"}


async def serve(ready: int) -> None:
    """Serve on a free port, and say which."""
    bound = socket.create_server(("127.0.0.1", 0))
    os.write(ready, f"127.0.0.1:{bound.getsockname()[1]}\n".encode())
    os.close(ready)
    app = Litestar([hello], openapi_config=None, logging_config=None)
    plain = {"loop": "none", "http": "httptools", "lifespan": "off", "log_config": None, "access_log": False}
    config = uvicorn.Config(app, **plain)  # type: ignore[arg-type]
    await uvicorn.Server(config).serve(sockets=[bound])


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
