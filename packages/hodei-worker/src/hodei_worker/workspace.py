"""The files of one attempt: its script, and a directory to work in when the job names none."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from hodei_worker.order import NotStarted, Order, Script
from hodei_worker.scratch import NoScratch, Scratch, remove
from hodei_worker.script import write_script

WORK = "work"


class Workspace:
    """A private directory, made only if the attempt needs one: a script, or no working directory of its own.

    The script lies beside the directory the job works in, so that the job does not find it among its files.
    """

    def __init__(self, order: Order, scratch: Scratch) -> None:
        self._order = order
        self._scratch = scratch
        self._directory: Path | None = None
        self.working_dir = order.working_dir
        self.argv: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Make what is needed; then `argv` and `working_dir` hold. Raise NotStarted if that cannot be."""
        command = self._order.command
        if not self.working_dir:
            self.working_dir = self._make_work()
        if isinstance(command, Script):
            self.argv = write_script(command, self._make())
        elif command.arguments:
            self.argv = (command.command, *command.arguments)
        else:
            self.argv = ("/bin/sh", "-c", command.command)

    async def remove(self) -> None:
        """Remove everything, in a thread if it is more than the script."""
        if self._directory is not None and not self._remove_quickly(self._directory):
            await asyncio.get_running_loop().run_in_executor(None, remove, self._directory)
        self._directory = None

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

    def _make_work(self) -> str:
        """A directory to work in.

        The agent's own (empty) where it may write nowhere, as in a read-only image.
        """
        try:
            work = self._make() / WORK
            work.mkdir(mode=0o700)
        except (NotStarted, OSError):
            return ""
        return str(work)

    def _remove_quickly(self, directory: Path) -> bool:
        """Most jobs leave nothing: three system calls instead of a search. False if there is more."""
        try:
            with suppress(FileNotFoundError):
                os.rmdir(directory / WORK)
            if isinstance(self._order.command, Script):
                os.unlink(self.argv[-1])
            os.rmdir(directory)
        except OSError:
            return False
        return True
