"""Lists and counts of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

from attrs import frozen
from hodei_domain.jobs.job import ACTIVE, OVER, Attempt, JobState
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
_AT_PROVIDER: LiteralString = """ AND EXISTS (
    SELECT FROM workers w WHERE w.id = (jobs.current_attempt->>'worker_id')::uuid
    AND w.provider_id = %(provider)s)"""
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


@frozen
class PostgresJobViews:
    """JobViews."""

    _session: Session
    _specs: SpecTexts

    async def list_jobs(self, filter: JobFilter) -> JobPage:
        """See JobViews."""
        asked = _parameters(filter)
        conditions = _conditions(filter)
        total = await self._session.value(_total(filter, conditions), asked) if filter.counted else None
        rows = await self._session.rows(_page(filter, conditions), asked)
        jobs = [job_of(row, self._specs) for row in rows[: filter.limit]]
        more = len(rows) > filter.limit
        return JobPage(
            jobs=jobs, total=total, next_cursor=cursor_of(jobs[-1].created_at, jobs[-1].id) if more else None
        )

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
# page is read by index from its cursor on. Only a search and a provider look at rows that they do not give.
#
# A label or a tag has a run of its own: its marks, which are in the order of the jobs.


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


def _conditions(filter: JobFilter) -> LiteralString:
    """What every run is asked for beside its own."""
    at: LiteralString = "job_marks.created_at" if filter.labels or filter.tags else "jobs.created_at"
    asked: LiteralString = ""
    if filter.search:
        asked += " AND (strpos(lower(jobs.name), %(search)s) > 0 OR starts_with(jobs.id::text, %(search)s))"
    if filter.since is not None:
        asked += f" AND {at} >= %(since)s"
    if filter.until is not None:
        asked += f" AND {at} < %(until)s"
    if len(filter.labels) + len(filter.tags) > 1:
        asked += _ALL_MARKS
    if filter.provider_id is not None:
        asked += _AT_PROVIDER
    return asked


def _total(filter: JobFilter, conditions: LiteralString) -> LiteralString:
    source, _ = _source(filter)
    counts: Iterable[LiteralString] = (
        f"(SELECT count(*) FROM {source} WHERE {run}{conditions})" for run in _runs(filter)
    )
    return "SELECT " + " + ".join(counts)


def _page(filter: JobFilter, conditions: LiteralString) -> LiteralString:
    source, order = _source(filter)
    after: LiteralString = f" AND ({order}) < (%(at)s, %(id)s)" if filter.cursor else ""
    newest_first: LiteralString = order.replace(",", " DESC,") + " DESC"
    runs: Iterable[LiteralString] = (
        f"(SELECT jobs.* FROM {source} WHERE {run}{conditions}{after} "
        f"ORDER BY {newest_first} LIMIT %(reach)s)"
        for run in _runs(filter)
    )
    return (
        f"SELECT {JOB} FROM (SELECT * FROM ("
        + " UNION ALL ".join(runs)
        + ") AS run ORDER BY created_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s) AS j "
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
        "offset": filter.offset,
    }
