"""Memory that the agent holds so that the rest of its container's is what the job asked for.

A container has one limit for agent and job, and nobody in it may make a group of its own below that one. So
the agent takes what its share has too much: then the kernel ends the job where it should.
"""

from __future__ import annotations

import mmap

PAGE = mmap.PAGESIZE
STEP = 2 * 2**20  # less is not worth the change
MOST = 256 * 2**20  # what a container has beyond that was not meant as the agent's share


class Ballast:
    """Pages that nobody reads. Without swap the kernel cannot take them back."""

    def __init__(self) -> None:
        self._pages: mmap.mmap | None = None
        self.bytes = 0

    def hold(self, wanted: int) -> None:
        """Hold about so many bytes from now on; none if that is less than nothing or much too much."""
        wanted = wanted if 0 < wanted <= MOST else 0
        if abs(wanted - self.bytes) < STEP and wanted:
            return
        self._release()
        if wanted < STEP:
            return
        try:
            pages = mmap.mmap(-1, wanted, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError:
            return
        pages[::PAGE] = b"\1" * len(range(0, wanted, PAGE))
        self._pages, self.bytes = pages, wanted

    def _release(self) -> None:
        if self._pages is not None:
            self._pages.close()
        self._pages, self.bytes = None, 0
