"""Look through stored output for lines."""

from __future__ import annotations

import asyncio
import math

from attrs import frozen
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogEntry, entries, split_sequence
from hodei_domain.logs.level import Level, level_of
from hodei_domain.logs.ports import LogStore

PAGE = 16
"""Chunks read at once: some MiB at most, however long the history is."""

LONGEST_SCAN = 64 * 1024 * 1024
"""Bytes that one call looks through; then it says how far it came."""

LARGEST_PAGE = 4 * 1024 * 1024
"""Bytes of the lines of a page, unless one line is longer. A message of 16 MiB holds so many even if each
becomes three as text."""

_SERIOUS = tuple(Level)  # the worst first


@frozen
class LogLine:
    """A line and the level that it names."""

    entry: LogEntry
    level: Level

    @property
    def number(self) -> int:
        """In its attempt, from 1."""
        return split_sequence(self.entry.sequence)[1] + 1


@frozen(kw_only=True)
class Wanted:
    """Which lines: of a stream, of a level or above, with a text in it (in any case); by default all."""

    stderr: bool | None = None
    level: Level | None = None
    search: str = ""

    def __call__(self, line: LogLine) -> bool:
        """Whether the line is."""
        if self.stderr is not None and line.entry.stderr is not self.stderr:
            return False
        if self.level is not None and _SERIOUS.index(line.level) > _SERIOUS.index(self.level):
            return False
        return (
            not self.search or self.search.casefold() in line.entry.data.decode("utf-8", "replace").casefold()
        )


@frozen
class Found:
    """Lines in order, the public sequence up to which was looked, the bytes of that, and whether it stopped
    before the end of what is stored. `removed`: nothing is kept before some place that it came by.
    """

    lines: list[LogLine]
    since: int
    scanned: int
    more: bool
    removed: bool = False


@frozen(kw_only=True)
class Scan:
    """Looks for lines of a job, of all its attempts or of one, in the transaction of `logs`."""

    logs: LogStore
    job_id: JobId
    wanted: Wanted
    attempt: int | None = None

    async def between(
        self,
        since: int,
        until: float = math.inf,
        *,
        limit: float = math.inf,
        longest: float = math.inf,
        largest: float = math.inf,
    ) -> Found:
        """What is wanted after the public sequence `since`, up to and with `until`.

        At most `limit` lines, of `largest` bytes unless the first is longer; and what is read when `longest`
        bytes are through is the last.
        """
        lines: list[LogLine] = []
        scanned = size = 0
        removed = False
        while since < until and scanned < longest:
            chunks = await self.logs.read(self.job_id, since, PAGE, self.attempt)
            if not chunks:
                return Found(lines, since, scanned, more=False, removed=removed)
            for chunk in chunks:
                scanned += len(chunk.data)
                removed = removed or chunk.removed
                for entry in entries(chunk):
                    if entry.sequence <= since:
                        continue
                    full = len(lines) == limit or (lines and size + len(entry.data) > largest)
                    if full or entry.sequence > until:
                        return Found(lines, since, scanned, more=True, removed=removed)
                    since = entry.sequence
                    line = LogLine(entry, level_of(entry.data))
                    if self.wanted(line):
                        lines.append(line)
                        size += len(entry.data)
                await asyncio.sleep(0)  # a page of a loud job must not hold up everybody else
        return Found(lines, since, scanned, more=True, removed=removed)
