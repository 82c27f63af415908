"""Read one attempt's output by pages, forwards and backwards, or as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

from attrs import field, frozen
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.checks import text, whole
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, public_sequence
from hodei_domain.logs.level import Level
from hodei_domain.logs.ports import LogStore

from hodei_application.logs.scanning import LARGEST_PAGE, LONGEST_SCAN, PAGE, Found, LogLine, Scan, Wanted
from hodei_application.ports import UnitOfWork

MOST_LINES = 10_000
STEP, WINDOW = 1000, 20_000
"""Lines that one step backwards takes at most, and looks through when not every line is wanted."""

_NUMBER = whole(0, (1 << 40) - 1)


def _maybe_number(instance: object, attribute: object, value: int | None) -> None:
    if value is not None:
        _NUMBER(instance, attribute, value)


@frozen(kw_only=True)
class PageQuery:
    """Which lines of an attempt, None being the newest. Its lines are numbered from 1.

    `limit` lines after `after`, or the last ones before `before`, or with `tail` the last of all; fewer where
    they are long. With `stderr`, `level` (or one above) or `search` (in any case) only those count that
    match.
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
    def wanted(self) -> Wanted:
        """Which lines match."""
        return Wanted(stderr=self.stderr, level=self.level, search=self.search)


@frozen(kw_only=True)
class AttemptPage:
    """Lines in order.

    All lines from `first` to `last` were looked at: go on after `last`, or backwards before `first`.
    `has_more` says whether more are stored in the direction of reading. `stored` is the number of the last
    line that is stored, and no more will come once the attempt has `ended`.
    """

    attempt: int
    lines: tuple[LogLine, ...]
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
            pages = _Pages(tx.logs, query, attempt)
            backwards = query.tail or query.before is not None
            if backwards:
                end = stored + 1 if query.before is None else min(query.before, stored + 1)
                found, first, last = await pages.backwards(end)
            else:
                found, first, last = await pages.forwards(min(query.after, stored), stored)
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
class _Pages:
    """Finds lines of one attempt by their numbers, in one transaction: with them it gives the number of the
    first and of the last line that it looked at.
    """

    logs: LogStore
    query: PageQuery
    attempt: int

    async def forwards(self, after: int, stored: int) -> tuple[list[LogLine], int, int]:
        """What matches after `after`, in order."""
        found = await self._between(
            after, stored, limit=self.query.limit, longest=LONGEST_SCAN, largest=LARGEST_PAGE
        )
        return found.lines, after + 1, found.since - self._sequence(0)

    async def backwards(self, end: int) -> tuple[list[LogLine], int, int]:
        """What matches before `end`, in order."""
        step = min(self.query.limit, STEP) if self.query.wanted == Wanted() else WINDOW
        lines: list[LogLine] = []
        first, scanned = end, 0
        while first > 1 and scanned < LONGEST_SCAN and len(lines) < self.query.limit:
            start = max(first - step, 1)
            found = await self._between(start - 1, first - 1)
            all_lines = found.lines + lines
            lines = self._last(all_lines)
            if len(lines) < len(all_lines):
                return lines, lines[0].number, end - 1
            first, scanned = 1 if found.removed else start, scanned + found.scanned
        return lines, first, end - 1

    def _last(self, lines: list[LogLine]) -> list[LogLine]:
        """As many of the last ones as a page may have."""
        kept, size = 0, 0
        for line in reversed(lines[-self.query.limit :]):
            size += len(line.entry.data)
            if kept and size > LARGEST_PAGE:
                break
            kept += 1
        return lines[len(lines) - kept :]

    async def _between(self, after: int, until: int, **bounds: int) -> Found:
        scan = Scan(logs=self.logs, job_id=self.query.job_id, wanted=self.query.wanted, attempt=self.attempt)
        return await scan.between(self._sequence(after), self._sequence(until), **bounds)

    def _sequence(self, number: int) -> int:
        """The public one of a line."""
        return public_sequence(max(self.attempt, 1), number) - 1
