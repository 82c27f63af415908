"""Turn a script into a file and the arguments that run it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from hodei_worker.order import NotStarted, Script
from hodei_worker.scratch import NoScratch, Scratch, remove

# Endings for the interpreters that look at them: PowerShell refuses a script that is not called .ps1.
ENDINGS = {"bash": ".sh", "sh": ".sh", "python": ".py", "python3": ".py", "node": ".js", "pwsh": ".ps1"}
# `set -euo pipefail`, said as options: a line put into the file would shift every line number the shell
# reports.
STRICT = ("-e", "-u", "-o", "pipefail")


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A script on disk, alone in a private directory."""

    directory: Path
    argv: tuple[str, ...]

    def remove(self) -> None:
        """Remove the script and whatever the job put beside it."""
        remove(self.directory)


def write_script(script: Script, scratch: Scratch) -> ScriptFile:
    """Write a script where only we can read it. Raise NotStarted when that cannot be done."""
    interpreter = _interpreter(script)
    try:
        directory = scratch.make()
    except NoScratch as e:
        raise NotStarted("spawn", str(e), 1) from e
    path = directory / f"script{ENDINGS.get(_base_name(interpreter), '')}"
    try:
        _write(path, script.content)
    except (OSError, UnicodeEncodeError) as e:
        remove(directory)
        raise NotStarted("spawn", f"the script could not be written to {path}: {e}", 1) from e
    return ScriptFile(directory, _argv(script, interpreter, str(path)))


def _interpreter(script: Script) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(script.interpreter))
    except ValueError as e:
        raise NotStarted("command-not-found", f"interpreter {script.interpreter!r}: {e}", 127) from e
    if words:
        return words
    return () if script.content.startswith("#!") else ("/bin/sh",)


def _argv(script: Script, interpreter: tuple[str, ...], path: str) -> tuple[str, ...]:
    strict = STRICT if script.strict and _base_name(interpreter) == "bash" else ()
    return (*interpreter, *strict, path)


def _base_name(interpreter: tuple[str, ...]) -> str:
    return os.path.basename(interpreter[0]) if interpreter else ""


def _write(path: Path, content: str) -> None:
    """Executable, because a script without an interpreter is run through its own first line."""
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o700)
    with open(fd, "w", encoding="utf-8", newline="") as file:
        file.write(content)
