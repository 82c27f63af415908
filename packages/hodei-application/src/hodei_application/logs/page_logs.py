"""Read one attempt's output by pages, forwards and backwards, or as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from attrs import field, frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.checks import text, whole
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, LogEntry, entries, public_sequence, split_sequence
from hodei_domain.logs.level import Level, level_of

from hodei_application.ports import Transaction, UnitOfWork

PAGE = 16
MOST_LINES = 10_000
WINDOW = 20_000
"""Lines that one step backwards looks through when not every line is wanted."""

LONGEST_SCAN = 64 * 1024 * 1024
"""Bytes that one call looks through; then it says how far it came."""

_NUMBER = whole(0, (1 << 40) - 1)


def _maybe_number(instance: object, attribute: object, value: int | None) -> None:
    if value is not None:
        _NUMBER(instance, attribute, value)


@frozen(kw_only=True)
class PageQuery:
    """Which lines of an attempt, None being the newest. Its lines are numbered from 1.

    `limit` lines after `after`, or the last ones before `before`, or with `tail` the last of all. With
    `stderr`, `level` or `search` (in any case) only those count that match.
    """

    job_id: JobId
    attempt: int | None = field(default=None, validator=_maybe_number)
    limit: int = field(default=1000, validator=whole(1, MOST_LINES))
    after: int = field(default=0, validator=_NUMBER)
    before: int | None = field(default=None, validator=_maybe_number)
    tail: bool = False
    stderr: bool | None = None
    level: Level | None = None
    search: str = field(default="", validator=text(1024))

    @property
    def takes_all(self) -> bool:
        """Whether every line matches."""
        return self.stderr is None and self.level is None and not self.search


@frozen
class NumberedLine:
    """A line, its number in its attempt and the level that it names."""

    number: int
    entry: LogEntry
    level: Level


@frozen(kw_only=True)
class AttemptPage:
    """Lines in order.

    All lines from `first` to `last` were looked at: go on after `last`, or backwards before `first`.
    `has_more` says whether more are stored in the direction of reading. `stored` is the number of the last
    line that is stored, and no more will come once the attempt has `ended`.
    """

    attempt: int
    lines: tuple[NumberedLine, ...]
    first: int
    last: int
    stored: int
    has_more: bool
    ended: bool


@frozen
class PageLogs:
    """A page of one attempt's lines. Raises JobNotFound, InvalidInput."""

    begin: UnitOfWork

    async def __call__(self, query: PageQuery) -> AttemptPage:
        async with self.begin() as tx:
            job = await tx.jobs.get(query.job_id)
            attempt = _attempt_of(job, query.attempt)
            stored = (await tx.logs.end(job.id, attempt)).next_sequence if attempt else 0
            scan = _Scan(tx, query, attempt)
            backwards = query.tail or query.before is not None
            if backwards:
                end = stored + 1 if query.before is None else min(query.before, stored + 1)
                found, first, last = await scan.backwards(end)
            else:
                found, first, last = await scan.forwards(min(query.after, stored), stored)
        return AttemptPage(
            attempt=attempt,
            lines=tuple(found),
            first=first,
            last=last,
            stored=stored,
            has_more=first > 1 if backwards else last < stored,
            ended=job.is_over or attempt < job.attempt,
        )


@frozen
class ReadOutput:
    """All stored output of one attempt, chunk by chunk. Raises JobNotFound, InvalidInput."""

    begin: UnitOfWork

    async def __call__(self, job_id: JobId, attempt: int | None = None) -> AsyncIterator[LogChunk]:
        async with self.begin() as tx:
            number = _attempt_of(await tx.jobs.get(job_id), attempt)
        since = public_sequence(max(number, 1), 0) - 1
        while True:
            async with self.begin() as tx:
                chunks = await tx.logs.read(job_id, since, PAGE, number)
            if not chunks:
                return
            for chunk in chunks:
                yield chunk
                since = public_sequence(chunk.attempt, chunk.next_sequence) - 1


def _attempt_of(job: Job, asked: int | None) -> int:
    if asked is None:
        return job.attempt
    if not 1 <= asked <= job.attempt:
        raise InvalidInput(f"job {job.id} has attempts 1 to {job.attempt}", field="attempt")
    return asked


@frozen
class _Scan:
    """Looks for lines of one attempt in one transaction."""

    tx: Transaction
    query: PageQuery
    attempt: int

    async def forwards(self, after: int, stored: int) -> tuple[list[NumberedLine], int, int]:
        found: list[NumberedLine] = []
        last, scanned = after, 0
        while last < stored and scanned < LONGEST_SCAN:
            chunks = await self._read(last)
            if not chunks:
                break
            for chunk in chunks:
                scanned += len(chunk.data)
                for line in self._lines(chunk, last):
                    if len(found) == self.query.limit:
                        return found, after + 1, last
                    last = line.number
                    if self._matches(line):
                        found.append(line)
                await asyncio.sleep(0)  # a page of a loud job must not hold up everybody else
        return found, after + 1, max(last, after)

    async def backwards(self, end: int) -> tuple[list[NumberedLine], int, int]:
        """What matches before `end`, in order."""
        step = self.query.limit if self.query.takes_all else WINDOW
        found: list[NumberedLine] = []
        first, scanned = end, 0
        while first > 1 and len(found) < self.query.limit and scanned < LONGEST_SCAN:
            start = max(first - step, 1)
            lines, read = await self._between(start, first)
            found = lines + found
            first, scanned = start, scanned + read
        if len(found) > self.query.limit:
            found = found[-self.query.limit :]
            first = found[0].number
        return found, first, end - 1

    async def _between(self, start: int, end: int) -> tuple[list[NumberedLine], int]:
        found: list[NumberedLine] = []
        last, scanned = start - 1, 0
        while last < end - 1:
            chunks = await self._read(last)
            if not chunks:
                break
            for chunk in chunks:
                scanned += len(chunk.data)
                for line in self._lines(chunk, last):
                    if line.number >= end:
                        return found, scanned
                    last = line.number
                    if self._matches(line):
                        found.append(line)
                await asyncio.sleep(0)
        return found, scanned

    async def _read(self, after: int) -> list[LogChunk]:
        since = public_sequence(max(self.attempt, 1), after) - 1
        return await self.tx.logs.read(self.query.job_id, since, PAGE, self.attempt)

    def _lines(self, chunk: LogChunk, after: int) -> list[NumberedLine]:
        return [
            NumberedLine(number, entry, level_of(entry.data))
            for entry in entries(chunk)
            if (number := split_sequence(entry.sequence)[1] + 1) > after
        ]

    def _matches(self, line: NumberedLine) -> bool:
        query = self.query
        if query.stderr is not None and line.entry.stderr is not query.stderr:
            return False
        if query.level is not None and line.level is not query.level:
            return False
        return (
            not query.search
            or query.search.casefold() in line.entry.data.decode("utf-8", "replace").casefold()
        )
