"""Lists and counts of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

from attrs import frozen
from hodei_domain.jobs.job import ACTIVE, OVER, Attempt, Job, JobState
from hodei_domain.jobs.reference import JobReference
from hodei_domain.jobs.views import JobFilter, JobPage
from hodei_domain.kernel.cursors import cursor_of, read_place
from hodei_domain.kernel.ids import JobId

from hodei_infrastructure.postgres.documents import SpecTexts, read_attempt
from hodei_infrastructure.postgres.job_marks import marks_of
from hodei_infrastructure.postgres.job_rows import JOB, job_of
from hodei_infrastructure.postgres.session import Session

_LIVE: LiteralString = "jobs.completed_at IS NULL"
_OF_STATES: LiteralString = " AND jobs.state = ANY(%(states)s)"
_ALL_MARKS: LiteralString = """ AND NOT EXISTS (
    SELECT FROM unnest(%(marks)s::uuid[]) AS wanted (mark)
    WHERE NOT EXISTS (SELECT FROM job_marks m WHERE m.mark = wanted.mark
        AND m.created_at = jobs.created_at AND m.job_id = jobs.id))"""
# A value, not EXISTS: of that the planner may make a join that begins with all workers.
_AT_PROVIDER: LiteralString = """ AND (
    SELECT w.provider_id FROM workers w WHERE w.id = (jobs.current_attempt->>'worker_id')::uuid
) = %(provider)s"""
_ENDED: dict[JobState, LiteralString] = {
    JobState.SUCCEEDED: "jobs.ended_as = 'SUCCEEDED'",
    JobState.FAILED: "jobs.ended_as = 'FAILED'",
    JobState.CANCELLED: "jobs.ended_as = 'CANCELLED'",
    JobState.TIMEOUT: "jobs.ended_as = 'TIMEOUT'",
}

# Every job that is scheduled or running has a lease, every other live one is pending. So the live states are
# counted without looking at the queued jobs themselves, of which there may be a hundred thousand.
_LIVE_COUNTS: LiteralString = """
SELECT 'LIVE', count(*) FROM jobs WHERE completed_at IS NULL
UNION ALL
SELECT j.state, count(*) FROM job_leases l JOIN jobs j ON j.id = l.job_id GROUP BY j.state
"""
_COUNTS = f"""
{_LIVE_COUNTS}
UNION ALL
SELECT ended_as, count(*) FROM jobs WHERE ended_as IS NOT NULL GROUP BY ended_as
"""
# The newest attempt is in the job itself, those before are in the history.
_ATTEMPTS = """
SELECT attempt, document FROM job_attempts WHERE job_id = %(id)s
UNION ALL
SELECT attempt, current_attempt FROM jobs WHERE id = %(id)s AND attempt > 0
    AND NOT EXISTS (SELECT 1 FROM job_attempts a WHERE a.job_id = jobs.id AND a.attempt = jobs.attempt)
ORDER BY attempt
"""

_BY_NAME: LiteralString = """
SELECT jobs.* FROM jobs WHERE jobs.name = %(name)s AND jobs.name <> ''
"""
_BY_START: LiteralString = """
SELECT jobs.* FROM jobs WHERE jobs.id BETWEEN %(lowest)s AND %(highest)s
"""
# The index has the last group of the id, backwards; `end` are the last digits of it, backwards too.
_BY_END: LiteralString = """
SELECT jobs.* FROM jobs JOIN job_specs ON job_specs.job_id = jobs.id
WHERE reverse(right(job_specs.job_id::text, 12)) COLLATE "C" BETWEEN %(end)s AND %(end)s || 'g'
    AND right(replace(job_specs.job_id::text, '-', ''), length(%(digits)s)) = %(digits)s
"""
LAST_GROUP = 12

LOOKS = 20_000
"""Rows of a run that a page looks at: 25 ms for a search, a few times that for the others."""


@frozen
class PostgresJobViews:
    """JobViews."""

    _session: Session
    _specs: SpecTexts

    async def list_jobs(self, filter: JobFilter) -> JobPage:
        """See JobViews."""
        asked = _parameters(filter)
        total = await self._session.value(_total(filter), asked) if filter.counted else None
        floor = await self._session.row(_floor(filter), asked) if _is_sieved(filter) else None
        if floor is not None:
            asked |= {"floor_at": floor[0], "floor_id": floor[1]}
        rows = await self._session.rows(_page(filter, floored=floor is not None), asked)
        jobs = [job_of(row, self._specs) for row in rows[: filter.limit]]
        last = (jobs[-1].created_at, jobs[-1].id) if len(rows) > filter.limit else floor
        return JobPage(jobs=jobs, total=total, next_cursor=cursor_of(*last) if last else None)

    async def referred(self, reference: JobReference, limit: int) -> list[Job]:
        """See JobViews."""
        lowest, highest = reference.span
        digits = reference.digits
        asked = {
            "name": reference.text,
            "lowest": lowest,
            "highest": highest,
            "digits": digits,
            "end": digits[-LAST_GROUP:][::-1],
            "limit": limit,
        }
        rows = await self._session.rows(_referred(reference), asked)
        return [job_of(row, self._specs) for row in rows]

    async def counts(self) -> Mapping[JobState, int]:
        """See JobViews."""
        found = await self._counted(_COUNTS)
        return {state: found.get(state, 0) for state in JobState}

    async def live_counts(self) -> Mapping[JobState, int]:
        """See JobViews."""
        found = await self._counted(_LIVE_COUNTS)
        return {state: found.get(state, 0) for state in JobState if state not in OVER}

    async def _counted(self, query: LiteralString) -> dict[str, int]:
        found: dict[str, int] = dict(await self._session.rows(query))
        active = found.get(JobState.SCHEDULED, 0) + found.get(JobState.RUNNING, 0)
        found[JobState.PENDING] = found.pop("LIVE") - active
        return found

    async def attempts(self, id: JobId) -> list[Attempt]:
        """See JobViews."""
        rows = await self._session.rows(_ATTEMPTS, {"id": id})
        return [attempt for _, text in rows if (attempt := read_attempt(text)) is not None]


# A list is put together from one sorted run for each part of the table that can have matches, so that every
# page is read by index from its cursor on. A label or a tag has a run of its own: its marks, which are in the
# order of the jobs.
#
# Only a search, a provider and a second mark look at rows that they do not give. An index for them would cost
# every job: a mark for its provider alone 12 µs of the database's processor time and 700 bytes of WAL, 3 % of
# what the queue can do. So a page that is not to be counted ends where the first of its runs has been read so
# far (its floor), and the next one begins there, even if nothing was found.


def _runs(filter: JobFilter) -> list[LiteralString]:
    of_states: LiteralString = _OF_STATES if filter.states else ""
    if filter.labels or filter.tags:
        owned: LiteralString = " AND jobs.queued_by = %(owner)s" if filter.queued_by else ""
        return ["job_marks.mark = %(mark)s" + owned + of_states]
    if filter.queued_by:
        return ["jobs.queued_by = %(owner)s AND jobs.queued_by <> ''" + of_states]
    if not filter.states:
        return [_LIVE, *(_ENDED[state] for state in _ENDED)]
    runs: list[LiteralString] = [_ENDED[state] for state in _ENDED if state in filter.states]
    if JobState.PENDING in filter.states:
        runs.append(_LIVE + " AND jobs.state = 'PENDING'")  # of those that live nearly all
    if filter.states & ACTIVE:
        runs.append(
            "jobs.id = ANY(ARRAY(SELECT job_id FROM job_leases))"
            + _OF_STATES
            + " AND jobs.state <> 'PENDING'"
        )
    return runs


def _source(filter: JobFilter) -> tuple[LiteralString, LiteralString]:
    """What a run reads, and the columns that it is ordered by."""
    if filter.labels or filter.tags:
        return "job_marks JOIN jobs ON jobs.id = job_marks.job_id", "job_marks.created_at, job_marks.job_id"
    return "jobs", "jobs.created_at, jobs.id"


def _span(filter: JobFilter) -> LiteralString:
    """What every run is asked for beside its own and finds by its index."""
    _, order = _source(filter)
    at: LiteralString = order.partition(",")[0]
    asked: LiteralString = ""
    if filter.since is not None:
        asked += f" AND {at} >= %(since)s"
    if filter.until is not None:
        asked += f" AND {at} < %(until)s"
    return asked


def _sieve(filter: JobFilter) -> LiteralString:
    """What every row of a run is looked at for."""
    asked: LiteralString = ""
    if filter.search:
        asked += " AND (strpos(lower(jobs.name), %(search)s) > 0 OR starts_with(jobs.id::text, %(search)s)"
        asked += " OR right(jobs.id::text, length(%(search)s)) = %(search)s)"
    if len(filter.labels) + len(filter.tags) > 1:
        asked += _ALL_MARKS
    if filter.provider_id is not None:
        asked += _AT_PROVIDER
    return asked


def _is_sieved(filter: JobFilter) -> bool:
    """Whether a page ends at its floor. An offset counts all that match, and so does a count."""
    return bool(_sieve(filter)) and not filter.counted and not filter.offset


def _total(filter: JobFilter) -> LiteralString:
    source, _ = _source(filter)
    conditions = _span(filter) + _sieve(filter)
    counts: Iterable[LiteralString] = (
        f"(SELECT count(*) FROM {source} WHERE {run}{conditions})" for run in _runs(filter)
    )
    return "SELECT " + " + ".join(counts)


def _following(filter: JobFilter) -> tuple[LiteralString, LiteralString]:
    """What is asked of rows after the cursor, and their order."""
    _, order = _source(filter)
    after: LiteralString = f" AND ({order}) < (%(at)s, %(id)s)" if filter.cursor else ""
    return _span(filter) + after, order.replace(",", " DESC,") + " DESC"


def _floor(filter: JobFilter) -> LiteralString:
    """Down to where a page looks: the newest of the rows at which one of its runs has been read so far."""
    source, order = _source(filter)
    following, newest_first = _following(filter)
    ends: Iterable[LiteralString] = (
        f"(SELECT {order} FROM {source} WHERE {run}{following} ORDER BY {newest_first} "
        "OFFSET %(looks)s LIMIT 1)"
        for run in _runs(filter)
    )
    return (
        "SELECT * FROM (" + " UNION ALL ".join(ends) + ") AS ends (at, id) ORDER BY at DESC, id DESC LIMIT 1"
    )


def _page(filter: JobFilter, *, floored: bool) -> LiteralString:
    source, order = _source(filter)
    following, newest_first = _following(filter)
    conditions = following + _sieve(filter)
    if floored:
        conditions += f" AND ({order}) >= (%(floor_at)s, %(floor_id)s)"
    runs: Iterable[LiteralString] = (
        f"(SELECT jobs.* FROM {source} WHERE {run}{conditions} ORDER BY {newest_first} LIMIT %(reach)s)"
        for run in _runs(filter)
    )
    return (
        f"SELECT {JOB} FROM (SELECT * FROM ("
        + " UNION ALL ".join(runs)
        + ") AS run ORDER BY created_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s) AS j "
        "JOIN job_specs s ON s.job_id = j.id ORDER BY j.created_at DESC, j.id DESC"
    )


def _referred(reference: JobReference) -> LiteralString:
    """Look each way by its own index, no further than asked. One job may be found in several ways."""
    newest: LiteralString = "created_at DESC, id DESC LIMIT %(limit)s"
    ways: list[LiteralString] = []
    if not reference.is_whole:
        ways.append(_BY_NAME + "ORDER BY " + newest)
    if reference.digits:
        ways.append(_BY_START + "ORDER BY id DESC LIMIT %(limit)s")  # many ids may begin alike
    if reference.digits and not reference.is_whole:
        ways.append(_BY_END + "ORDER BY " + newest)
    return (
        f"SELECT {JOB} FROM (SELECT DISTINCT ON (created_at, id) * FROM ("
        + " UNION ALL ".join(f"({way})" for way in ways)
        + f") AS run ORDER BY {newest}) AS j "
        "JOIN job_specs s ON s.job_id = j.id ORDER BY j.created_at DESC, j.id DESC"
    )


def _parameters(filter: JobFilter) -> dict[str, Any]:
    at, id = read_place(filter.cursor) if filter.cursor else (None, None)
    marks = marks_of(filter.labels, filter.tags)
    return {
        "owner": filter.queued_by,
        "states": [state.value for state in filter.states],
        "search": filter.search.lower(),
        "mark": marks[0] if marks else None,
        "marks": marks,
        "since": filter.since,
        "until": filter.until,
        "provider": filter.provider_id,
        "at": at,
        "id": id,
        "limit": filter.limit + 1,  # one more tells whether there is a further page
        "reach": filter.limit + 1 + filter.offset,
        "looks": LOOKS - 1,
        "offset": filter.offset,
    }
