"""The program that a bundle starts, as `agent.pyc`; nothing here is used by this package."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def launch() -> None:
    """Become the agent."""
    # The kernel keeps from process 1 what it has no handler for, and the agent has its own only when all of
    # it has been imported: a container that is stopped before would wait to be killed.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    restore_locale()
    from hodei_worker.main import main

    main()


def restore_locale() -> None:
    """Take back what Python does to the environment where the locale is C, or each job would get it."""
    os.environ.pop("LC_CTYPE", None)
    for variable in Path("/proc/self/environ").read_bytes().split(b"\0"):
        if variable.startswith(b"LC_CTYPE="):
            os.environb[b"LC_CTYPE"] = variable.removeprefix(b"LC_CTYPE=")


if __name__ == "__main__":
    launch()
