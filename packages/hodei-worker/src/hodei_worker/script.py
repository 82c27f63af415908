"""Turn a script into a file and the arguments that run it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from hodei_worker.order import NotStarted, Script

# Endings for the interpreters that look at them: PowerShell refuses a script that is not called .ps1.
ENDINGS = {"bash": ".sh", "sh": ".sh", "python": ".py", "python3": ".py", "node": ".js", "pwsh": ".ps1"}
# `set -euo pipefail`, said as options: a line in the file would shift every line number the shell reports.
IMAGE_ENTRYPOINT = "image"
STRICT = ("-e", "-u", "-o", "pipefail")


def write_script(script: Script, directory: Path) -> tuple[str, ...]:
    """Write a script into a private directory; return the arguments that run it, its path the last of them.

    Raise NotStarted when that cannot be done.
    """
    interpreter = _interpreter(script)
    path = directory / f"script{ENDINGS.get(_base_name(interpreter), '')}"
    try:
        _write(path, script.content)
    except (OSError, UnicodeEncodeError) as e:
        raise NotStarted("spawn", f"the script could not be written to {path}: {e}", 1) from e
    strict = STRICT if script.strict and _base_name(interpreter) == "bash" else ()
    return (*interpreter, *strict, str(path))


def entrypoint_of(asked: str, of_image: tuple[str, ...]) -> tuple[str, ...]:
    """What goes before a job's command: nothing, the image's own (`image`), or a program and its arguments.

    Raise NotStarted where that cannot be read as words.
    """
    if asked == IMAGE_ENTRYPOINT:
        return of_image
    try:
        return tuple(shlex.split(asked))
    except ValueError as e:
        raise NotStarted("command-not-found", f"entrypoint {asked!r}: {e}", 127) from e


def _interpreter(script: Script) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(script.interpreter))
    except ValueError as e:
        raise NotStarted("command-not-found", f"interpreter {script.interpreter!r}: {e}", 127) from e
    if words:
        return words
    return () if script.content.startswith("#!") else ("/bin/sh",)


def _base_name(interpreter: tuple[str, ...]) -> str:
    return os.path.basename(interpreter[0]) if interpreter else ""


def _write(path: Path, content: str) -> None:
    """Executable, because a script without an interpreter is run through its own first line."""
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o700)
    with open(fd, "w", encoding="utf-8", newline="") as file:
        file.write(content)
