"""Private directories for jobs: gone when the job ends, and swept when an agent died with them."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

LOCK = "lock"
WORK = "work"
SPOOL = "spool"

log = logging.getLogger("hodei.worker.scratch")


class NoScratch(OSError):
    """There is no directory on this machine that the agent may write to."""


class Scratch:
    """Hands out 0700 directories below one of the agent's own, made when the first is asked for.

    The agent's directory holds a locked file for as long as the agent lives. The lock, unlike a pid in a
    name, dies with its holder and is never inherited by a stranger, so `sweep` can tell a dead agent's
    leftovers from a live agent's work. In a `base` that all users share the agent makes one of its own first.
    """

    def __init__(self, base: Path) -> None:
        self.base = base / _name() if _shared(base) else base
        self._own: Path | None = None
        self._lock: int | None = None
        self._spool: int | None = None
        self._spare: Path | None = None
        self._numbers = itertools.count(1)

    def make(self) -> Path:
        """A directory, 0700, with nothing in it but an empty one called "work".

        Raise NoScratch if there can be none.
        """
        spare, self._spare = self._spare, None
        if spare is not None and _as_new(spare):
            return spare
        try:
            directory = self._directory() / f"job-{next(self._numbers)}"
            directory.mkdir(mode=0o700)
            (directory / WORK).mkdir(mode=0o700)
        except OSError as e:
            raise NoScratch(e.errno, f"no private directory can be made below {self.base}: {e}") from e
        return directory

    def take_back(self, directory: Path) -> bool:
        """Keep a directory for the next attempt if it is as new; False if it must be removed.

        Most jobs leave nothing, and two directories made and removed for each would cost them 0.4 ms.
        """
        if self._spare is not None or not _as_new(directory):
            return False
        self._spare = directory
        return True

    def trouble(self) -> str:
        """Why the agent cannot keep files below its base; empty if it can."""
        try:
            found = self.base.lstat()
        except FileNotFoundError:
            parent = next(each for each in self.base.absolute().parents if each.exists())
            return "" if _writable(parent) else f"{self.base} cannot be made: {parent} cannot be written to"
        except OSError as e:
            return f"{self.base} cannot be looked at: {e.strerror}"
        owner, me = _account(found.st_uid), _account(os.getuid())
        if not stat.S_ISDIR(found.st_mode):
            return f"{self.base} is not a directory"
        if owner != me:
            return f"{self.base} belongs to {owner}, and this agent runs as {me}"
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"{self.base} can be written to by others (mode {stat.S_IMODE(found.st_mode):04o})"
        return "" if _writable(self.base) else f"{self.base} cannot be written to"

    def sweep(self) -> int:
        """Remove what agents that no longer live left here; return how many directories that were."""
        if self.trouble():
            return 0
        abandoned = [entry for entry in self.base.glob("agent-*") if entry != self._own and _abandoned(entry)]
        for entry in abandoned:
            _tell_of_spool(entry)
            remove(entry)
        return len(abandoned)

    def spool_directory(self) -> int:
        """A descriptor of the 0700 directory for output that waits. Raise OSError if there can be none."""
        self._directory()
        assert self._spool is not None
        return self._spool

    def close(self, *, keep_spool: bool = False) -> None:
        """Remove the agent's own directory, all but the output that waits if that is to be kept."""
        if self._own is not None and keep_spool:
            for entry in self._own.iterdir():
                if entry.name not in (LOCK, SPOOL):
                    remove(entry)
        elif self._own is not None:
            remove(self._own)
        for descriptor in (self._lock, self._spool):
            if descriptor is not None:
                os.close(descriptor)
        self._own = self._lock = self._spool = None

    def _directory(self) -> Path:
        if self._own is None or not self._own.is_dir():  # a cleaner of /tmp may have taken it away
            self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
            if trouble := self.trouble():
                raise PermissionError(trouble)
            self._own, self._lock, self._spool = self._claim()
        return self._own

    def _claim(self) -> tuple[Path, int, int]:
        """Make our directory under a name that `sweep` does not see, lock it, and only then show it.

        The place for output is made, and opened, before any job has had a chance to put something there.
        """
        hidden = Path(tempfile.mkdtemp(prefix=".new-", dir=self.base))
        lock = os.open(hidden / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (hidden / SPOOL).mkdir(mode=0o700)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        spool = os.open(hidden / SPOOL, flags)
        own = self.base / f"agent-{hidden.name.removeprefix('.new-')}"
        hidden.rename(own)
        return own, lock, spool


def default_base() -> Path:
    """Where jobs' files go unless the settings say otherwise.

    A directory of our user's below the temporary one.
    """
    return Path(tempfile.gettempdir()) / _name()


def remove(directory: Path) -> None:
    """Remove a directory and all below it, also what a job has protected against us.

    May take as long as there are files: call it in a thread if the loop must go on.
    """
    try:
        shutil.rmtree(directory)
    except OSError:
        # The module caches of Go and the like are full of read-only directories, which only root can empty.
        for path, _, _ in os.walk(directory):
            with contextlib.suppress(OSError):
                os.chmod(path, 0o700)
        shutil.rmtree(directory, ignore_errors=True)


def _tell_of_spool(directory: Path) -> None:
    """What a dead agent could not deliver goes with its directory, but not without a word."""
    try:
        left = [entry.stat(follow_symlinks=False).st_size for entry in os.scandir(directory / SPOOL)]
    except OSError:
        return
    if left:
        log.warning(
            "%s: an agent that died left %d KiB of output or ends that the server has not acknowledged. They "
            "are removed; the server counts its attempt as lost",
            directory,
            -(-sum(left) // 1024),
        )


def _as_new(directory: Path) -> bool:
    """True if nothing is left in a job's directory, and its owner alone may still enter both parts of it."""
    try:
        private = all(stat.S_IMODE(os.lstat(each).st_mode) == 0o700 for each in (directory, directory / WORK))
        return private and os.listdir(directory) == [WORK] and not os.listdir(directory / WORK)
    except OSError:
        return False


def _writable(directory: Path) -> bool:
    return os.access(directory, os.W_OK | os.X_OK)


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _shared(directory: Path) -> bool:
    """True for a directory where everyone may make his own, as /tmp is and an engine's tmpfs."""
    try:
        mode = directory.stat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX) and bool(mode & stat.S_IWOTH)


def _name() -> str:
    return f"hodei-worker-{os.getuid()}"


def _abandoned(directory: Path) -> bool:
    try:
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # its owner locks before it shows the name, so a missing lock is a half-done removal
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
