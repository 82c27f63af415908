"""The files of one attempt: its script, and a directory to work in when the job names none."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from hodei_worker.order import NotStarted, Order, Script
from hodei_worker.scratch import WORK, NoScratch, Scratch, remove
from hodei_worker.script import write_script


class Workspace:
    """A private directory, made only if the attempt needs one: a script, or no other directory to work in.

    `usual_dir` is where attempts work that name none, empty for the private directory.

    The script lies beside the directory the job works in, so that the job does not find it among its files.
    """

    def __init__(self, order: Order, scratch: Scratch, usual_dir: str = "") -> None:
        self._order = order
        self._scratch = scratch
        self._directory: Path | None = None
        self.working_dir = order.working_dir or usual_dir
        self.argv: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Make what is needed; then `argv` and `working_dir` hold. Raise NotStarted if that cannot be."""
        command = self._order.command
        if not self.working_dir:
            self.working_dir = self.private()
        if isinstance(command, Script):
            self.argv = write_script(command, self._make())
        elif command.arguments:
            self.argv = (command.command, *command.arguments)
        else:
            self.argv = ("/bin/sh", "-c", command.command)

    def private(self) -> str:
        """A directory of the attempt's own.

        The agent's own (empty) where it may write nowhere, as in a read-only image.
        """
        try:
            return str(self._make() / WORK)
        except NotStarted:
            return ""

    async def remove(self) -> None:
        """Remove everything, in a thread if it is more than the script."""
        directory, self._directory = self._directory, None
        if directory is None:
            return
        if isinstance(self._order.command, Script) and self.argv:
            with suppress(OSError):
                os.unlink(self.argv[-1])
        if not self._scratch.take_back(directory):
            await asyncio.get_running_loop().run_in_executor(None, remove, directory)

    def discard(self) -> None:
        """Remove everything at once: nothing has run."""
        if self._directory is not None:
            remove(self._directory)
            self._directory = None

    def _make(self) -> Path:
        if self._directory is None:
            try:
                self._directory = self._scratch.make()
            except NoScratch as e:
                raise NotStarted("spawn", str(e), 1) from e
        return self._directory
