"""Room on disk for output that nobody can take at the moment."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

CAPACITY_BYTES = 256 * 1024 * 1024


class Overflow:
    """A file without a name: it is gone with its last descriptor, however the agent ends.

    Stored bytes are given back by place; when all of them have been released the file is emptied. Everything
    raises OSError where the disk does.
    """

    def __init__(self, directory: Path, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._directory = directory
        self._capacity = capacity_bytes
        self._fd: int | None = None
        self._end = 0  # where the next bytes go
        self._held_bytes = 0
        self._broken = False

    @property
    def full(self) -> bool:
        """True when nothing more should be stored: the allowance is used up, or the disk refused."""
        return self._broken or self._end >= self._capacity

    def store(self, data: bytes) -> int:
        """Write, and return the place. After an OSError it is full until it has been emptied."""
        try:
            if self._fd is None:
                self._fd = self._open()
            place, left = self._end, memoryview(data)
            while left:
                written = os.pwrite(self._fd, left, self._end + len(data) - len(left))
                left = left[written:]
        except OSError:
            self._broken = True
            raise
        self._end += len(data)
        self._held_bytes += len(data)
        return place

    def load(self, place: int, size: int) -> bytes:
        """Read what was stored there."""
        assert self._fd is not None, "nothing was stored"
        parts, left = [], size
        while left:
            part = os.pread(self._fd, left, place + size - left)
            if not part:
                raise OSError(f"the spool ends {left} bytes too early")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def release(self, size: int) -> None:
        """So many of the stored bytes are needed no more."""
        self._held_bytes -= size
        if self._held_bytes == 0:
            self.close()

    def close(self) -> None:
        """Give the room back."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None
        self._end = self._held_bytes = 0
        self._broken = False

    def _open(self) -> int:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return os.open(self._directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:  # overlayfs of older kernels knows no files without a name
            fd, path = tempfile.mkstemp(prefix="spool-", dir=self._directory)
            os.unlink(path)
            return fd
