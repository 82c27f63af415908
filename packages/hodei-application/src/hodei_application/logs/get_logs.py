"""Read a page of a job's output."""

from __future__ import annotations

from attrs import field, frozen
from hodei_domain.kernel.checks import text, whole
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.level import Level

from hodei_application.logs.scanning import LARGEST_PAGE, LONGEST_SCAN, LogLine, Scan, Wanted
from hodei_application.ports import UnitOfWork


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
        async with self.begin() as tx:
            await tx.jobs.get(query.job_id)
            wanted = Wanted(level=query.level, search=query.search)
            scan = Scan(logs=tx.logs, job_id=query.job_id, wanted=wanted)
            found = await scan.between(
                query.since, limit=query.limit, longest=LONGEST_SCAN, largest=LARGEST_PAGE
            )
        return LogPage(tuple(found.lines), has_more=found.more, next_since=found.since)
