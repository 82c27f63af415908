"""What the jobs room needs from a store.

All belong to one transaction: visible to others together, or never.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from hodei_domain.jobs.job import Attempt, Job, JobState
from hodei_domain.jobs.reference import JobReference
from hodei_domain.jobs.spec import Priority
from hodei_domain.jobs.views import JobFilter, JobPage, LostAttempt, Overdue, WaitingClass
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import JobId, WorkerId


class JobStore(Protocol):
    """Jobs by id. Raises StoreUnavailable where the store cannot be reached."""

    async def get(self, id: JobId) -> Job:
        """Read a job, without a lock. Raises JobNotFound."""
        ...

    async def find(self, ids: Collection[JobId]) -> dict[JobId, Job]:
        """Read many, without locks; absent ones are absent."""
        ...

    async def lock(self, ids: Collection[JobId]) -> dict[JobId, Job]:
        """Read many and keep others from saving them until this transaction ends; absent ones are absent.

        Waits for those that others hold. Locks are taken in the order of the ids, so that two callers never
        wait for each other.
        """
        ...

    async def by_idempotency(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Job]:
        """The jobs that were submitted under these keys, finished ones too; absent keys are absent."""
        ...

    async def save(self, changes: Sequence[Change[Job]]) -> None:
        """Write jobs and their events, all or none.

        Each change applies only over version `base`; otherwise raises JobChangedMeanwhile and nothing of this
        transaction may be committed. A new job whose id or idempotency key is taken raises
        JobChangedMeanwhile too: read again, it is there. So does an attempt for a worker that holds another:
        its end must be saved by an earlier save. Changes with `is_same` write nothing. At most one change per
        job, and a change must not span two attempts: only the newest would be kept.

        Keeps beside the job: the queue row (there while `job.is_queued`, with demand class, priority, turn,
        not_before), the row of the attempt `current`, its lease (the store's own duration from now by the
        store's clock when the attempt is new; none once it ended), and `next_deadline(job)`.
        """
        ...


class JobQueue(Protocol):
    """The jobs that wait. What is due is judged by the store's clock."""

    async def claim(self, classes: Collection[str], limit: int) -> list[Job]:
        """The first `limit` due jobs of these demand classes (keys), locked until this transaction ends.

        Order: priority from high to low, turn, id. Jobs that another transaction has locked are passed over,
        so two claims never return the same job. They leave the queue when their assigned state is saved, not
        before.
        """
        ...

    async def foremost(self, classes: Collection[str], limit: int) -> list[JobId]:
        """The due jobs of these classes in the order of claims, without a lock: for looking only."""
        ...

    async def waiting(self, limit_per_class: int) -> list[WaitingClass]:
        """The classes with due jobs, the one whose job waits longest first.

        Counts stop at `limit_per_class`.
        """
        ...

    async def depth(self) -> int:
        """How many jobs are in the queue, due or not."""
        ...

    async def lowest_turns(self) -> dict[Priority, int]:
        """The lowest turn that waits in each priority; priorities without jobs are absent."""
        ...

    async def last_turns(self, owners: Collection[str]) -> dict[tuple[str, Priority], int]:
        """The highest waiting turn of each owner (`queued_by`) and priority; absent where nothing waits."""
        ...

    async def promote(self, older_than: timedelta, now: datetime) -> int:
        """Raise the queue's priority of jobs that waited longer since they were queued or raised last.

        By one level, up to CRITICAL; returns how many. Only the place in the queue changes, the job keeps its
        own priority. Without this a steady stream of urgent jobs would starve the others.
        """
        ...


class JobViews(Protocol):
    """Lists and counts."""

    async def list_jobs(self, filter: JobFilter) -> JobPage:
        """A page, newest first (created_at, then id). Raises InvalidInput for a cursor that is not one.

        A job that is submitted while someone pages by cursor moves nothing: no job comes twice or is left
        out. A page that is not counted may end before it is full, where what it looks for is rare.
        """
        ...

    async def referred(self, reference: JobReference, limit: int) -> list[Job]:
        """At most so many jobs whose id is, begins or ends with the reference, or whose name is exactly it,
        newest first (created_at, then id); if more ids begin so, those with the highest. A whole id means
        its own job alone. However many jobs there are, it takes no longer.
        """
        ...

    async def counts(self) -> Mapping[JobState, int]:
        """How many jobs are in each state; every state is there."""
        ...

    async def live_counts(self) -> Mapping[JobState, int]:
        """How many jobs are in each state that is no end. Takes no longer where a million have ended."""
        ...

    async def attempts(self, id: JobId) -> list[Attempt]:
        """All attempts of a job by number, the newest included; none for an unknown job."""
        ...


class LeaseStore(Protocol):
    """Leases of attempts, by the store's clock alone. That of a new attempt begins when its job is saved, not
    when the transaction began.
    """

    async def renew(self, workers: Collection[WorkerId], duration: timedelta) -> int:
        """Let the leases of what these workers hold run out `duration` from now; returns how many.

        Ended attempts are not revived. A duration of nothing makes a lease run out at once.
        """
        ...

    async def clock(self) -> datetime:
        """The store's clock, as it is at this moment rather than when the transaction began."""
        ...

    async def expired(self, limit: int) -> list[LostAttempt]:
        """Attempts under way whose lease has run out, the longest ago first.

        Raises StoreBusy where there are any and nobody could renew leases just now.
        """
        ...


class ClockViews(Protocol):
    """Which clocks have run out, by `next_deadline` as it was when the job was saved."""

    async def overdue(self, now: datetime, limit: int = 1000) -> list[Overdue]:
        """Jobs that are not over and whose deadline is at or before `now`, the longest overdue first."""
        ...

    async def next_overdue(self, after: datetime) -> datetime | None:
        """The earliest deadline after `after` of any job that is not over."""
        ...
