"""Jobs by id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from time import monotonic

import psycopg
from attrs import define, field, frozen
from hodei_domain.jobs.errors import JobChangedMeanwhile, JobNotFound
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import JobId

from hodei_infrastructure.postgres.documents import SpecTexts, to_json
from hodei_infrastructure.postgres.events import event_rows
from hodei_infrastructure.postgres.job_marks import INSERT_MARKS, mark_rows
from hodei_infrastructure.postgres.job_rows import JOB, JOINED, job_of, jobs_by_id, row_of
from hodei_infrastructure.postgres.job_sql import SAVE
from hodei_infrastructure.postgres.session import Session

_GET = f"SELECT {JOB} FROM {JOINED} WHERE j.id = %s"
_FIND = f"SELECT {JOB} FROM {JOINED} WHERE j.id = ANY(%s)"
# Sorted before it locks. Who waited for a lock gets the row as the other left it; specs never change.
_LOCK = f"SELECT {JOB} FROM {JOINED} WHERE j.id = ANY(%s) ORDER BY j.id FOR UPDATE OF j"
_BY_KEY = f"""
SELECT {JOB} FROM {JOINED}
WHERE (j.queued_by, j.idempotency_key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
    AND j.idempotency_key IS NOT NULL
"""

BELIEVED_S = 3600.0

_OUTDATED = {
    "job_leases_worker": "a worker holds another attempt already",
    "job_queue_job": "it changed meanwhile",
    "job_leases_job": "it changed meanwhile",
}


@define
class KnownClasses:
    """Demand classes that are in the database for certain, so that they need not be sent again. After an hour
    they are: one that is not met for a day may be deleted.
    """

    _known: set[str] = field(factory=set)
    _most: int = 10_000
    _monotonic: Callable[[], float] = monotonic
    _since: float = 0.0

    def unknown(self, demands: Collection[DemandClass]) -> dict[str, DemandClass]:
        """Those that may be new to the database, by key."""
        if self._monotonic() - self._since > BELIEVED_S:
            self._known.clear()
            self._since = self._monotonic()
        return {demand.key: demand for demand in demands if demand.key not in self._known}

    def learn(self, keys: Collection[str]) -> None:
        """These were committed."""
        if len(self._known) > self._most:
            self._known.clear()
        self._known.update(keys)


@frozen
class PostgresJobStore:
    """JobStore."""

    _session: Session
    _specs: SpecTexts
    _classes: KnownClasses
    _lease: timedelta

    async def get(self, id: JobId) -> Job:
        """See JobStore."""
        row = await self._session.row(_GET, (id,))
        if row is None:
            raise JobNotFound(f"there is no job {id}")
        return job_of(row, self._specs)

    async def find(self, ids: Collection[JobId]) -> dict[JobId, Job]:
        """See JobStore."""
        return jobs_by_id(await self._session.rows(_FIND, (list(ids),)), self._specs) if ids else {}

    async def lock(self, ids: Collection[JobId]) -> dict[JobId, Job]:
        """See JobStore."""
        return jobs_by_id(await self._session.rows(_LOCK, (list(ids),)), self._specs) if ids else {}

    async def by_idempotency(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Job]:
        """See JobStore."""
        if not keys:
            return {}
        asked = ([owner for owner, _ in keys], [key for _, key in keys])
        jobs = (job_of(row, self._specs) for row in await self._session.rows(_BY_KEY, asked))
        return {job.key: job for job in jobs if job.key is not None}

    async def save(self, changes: Sequence[Change[Job]]) -> None:
        """See JobStore."""
        # In the order of the ids, like lock(): who did not lock first must not wait in another order.
        moved = sorted((change for change in changes if not change.is_same), key=lambda c: c.after.id)
        if not moved:
            return
        if len({change.after.id for change in moved}) < len(moved):
            raise ValueError("two changes of one job in one save")
        new = self._classes.unknown([change.after.demand for change in moved if change.after.is_queued])
        if await self._write(moved, new) < len(moved):
            raise self._session.refuse(JobChangedMeanwhile(f"{_named(moved)} changed meanwhile"))
        if marks := mark_rows(moved):
            await self._session.run(INSERT_MARKS, {"marks": to_json(marks).decode()})
        if new:
            self._session.after_commit(lambda: self._classes.learn(new))

    async def _write(self, moved: Sequence[Change[Job]], new: dict[str, DemandClass]) -> int:
        parameters = {
            "jobs": to_json([row_of(change, self._specs) for change in moved]).decode(),
            "events": to_json(event_rows(event for change in moved for event in change.events)).decode(),
            "classes": to_json(
                [{"key": key, "demand": each.to_json()} for key, each in new.items()]
            ).decode(),
            "lease": self._lease,
        }
        try:
            written: int = await self._session.value(SAVE, parameters)
        except psycopg.errors.IntegrityError as error:
            # Postgres forbids what a caller with outdated knowledge would do: give a job to a worker that
            # holds another attempt, or keep things beside a job that could not be written.
            reason = _OUTDATED.get(error.diag.constraint_name or "")
            if reason is None:
                raise
            raise JobChangedMeanwhile(f"{_named(moved)} cannot be saved: {reason}") from None
        return written


def _named(changes: Sequence[Change[Job]]) -> str:
    if len(changes) == 1:
        return f"job {changes[0].after.id}"
    return f"one of {len(changes)} jobs"
