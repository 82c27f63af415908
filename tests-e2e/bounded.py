"""Waiting for what other processes say, never for ever."""

from __future__ import annotations

import os
import select
import time
from typing import IO

PATIENCE_SECONDS = 60.0


def next_line(pipe: IO[bytes] | None, seconds: float = PATIENCE_SECONDS) -> bytes:
    """The next line of a pipe that nobody has read from in another way, b"" at its end.

    Raises AssertionError when there is none in time: a readline() would then hang, and nothing says where.
    """
    assert pipe is not None
    deadline = time.monotonic() + seconds
    line = b""
    while not line.endswith(b"\n"):
        left = max(0.0, deadline - time.monotonic())
        assert select.select([pipe], [], [], left)[0], f"no whole line within {seconds:g} s, only {line!r}"
        byte = os.read(pipe.fileno(), 1)  # no more, for what follows is another reader's
        if not byte:
            break
        line += byte
    return line
