"""What agents print: a file each, bounded, kept for a while after the agent is gone."""

from __future__ import annotations

import os
from pathlib import Path

LARGEST = 1024 * 1024  # bytes; an agent prints a few lines an hour
KEPT = 256 * 1024  # bytes that stay of a file that grew larger
RETIRED = 50  # files of agents that are gone


def trim(path: Path) -> None:
    """Cut a file that grew too large down to its end.

    Its writer appends, so it goes on after what is left.
    """
    try:
        if path.stat().st_size <= LARGEST:
            return
        with path.open("r+b") as file:
            file.seek(-KEPT, os.SEEK_END)
            rest = file.read()
            file.seek(0)
            file.truncate()
            file.write(rest[rest.find(b"\n") + 1 :])
    except OSError:
        return


def tail(path: Path, lines: int) -> list[str]:
    """The last lines, oldest first; none if there is no such file."""
    if lines <= 0:
        return []
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LARGEST))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []


def retire(path: Path) -> None:
    """The agent is gone: an empty file goes too, a full one stays until enough newer ones are there."""
    try:
        if path.stat().st_size == 0:
            path.unlink()
            return
    except OSError:
        return
    old = [each for each in path.parent.glob("*.log") if not each.with_suffix(".json").exists()]
    old.sort(key=lambda each: each.stat().st_mtime)
    for each in old[:-RETIRED]:
        each.unlink(missing_ok=True)
