"""Read a page of a job's output."""

from __future__ import annotations

from attrs import field, frozen
from hodei_domain.kernel.checks import text, whole
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogEntry, entries, split_sequence
from hodei_domain.logs.level import Level, level_of

from hodei_application.ports import UnitOfWork

PAGE = 16
LARGEST_PAGE = 4 * 1024 * 1024
"""Bytes of the lines of a page, unless one line is longer. A message of 16 MiB holds so many even if each
becomes three as text."""

LONGEST_SCAN = 64 * 1024 * 1024
"""Bytes that one call looks through for a text or a level; then it says how far it came."""


_SERIOUS = tuple(Level)  # the worst first


@frozen(kw_only=True)
class LogQuery:
    """Which lines: after the public sequence `since`, of a level or one above it, with a text in it (in any
    case).
    """

    job_id: JobId
    limit: int = field(default=1000, validator=whole(1, 100_000))
    since: int = field(default=0, validator=whole(0, (1 << 63) - 1))
    level: Level | None = None
    search: str = field(default="", validator=text(1024))


@frozen
class LogLine:
    """A line, the attempt that wrote it and the level that it names."""

    attempt: int
    entry: LogEntry
    level: Level


@frozen
class LogPage:
    """Lines in order. With `has_more`, go on with `since` = `next_since`."""

    lines: tuple[LogLine, ...]
    has_more: bool
    next_since: int


@frozen
class GetLogs:
    """A page of lines. Raises JobNotFound."""

    begin: UnitOfWork

    async def __call__(self, query: LogQuery) -> LogPage:
        found: list[LogLine] = []
        since, scanned, size = query.since, 0, 0
        async with self.begin() as tx:
            await tx.jobs.get(query.job_id)
            while scanned < LONGEST_SCAN:
                chunks = await tx.logs.read(query.job_id, since, PAGE)
                if not chunks:
                    return LogPage(tuple(found), has_more=False, next_since=since)
                for chunk in chunks:
                    scanned += len(chunk.data)
                    for entry in entries(chunk):
                        if entry.sequence <= since:
                            continue
                        full = len(found) == query.limit or size + len(entry.data) > LARGEST_PAGE
                        if full and found:
                            return LogPage(tuple(found), has_more=True, next_since=since)
                        since = entry.sequence
                        line = _line(entry)
                        if _matches(line, query):
                            found.append(line)
                            size += len(entry.data)
        return LogPage(tuple(found), has_more=True, next_since=since)


def _line(entry: LogEntry) -> LogLine:
    return LogLine(split_sequence(entry.sequence)[0], entry, level_of(entry.data))


def _matches(line: LogLine, query: LogQuery) -> bool:
    if query.level is not None and _SERIOUS.index(line.level) > _SERIOUS.index(query.level):
        return False
    return query.search.casefold() in line.entry.data.decode("utf-8", "replace").casefold()
