"""What is kept of jobs that are over, and how it is taken away."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import frozen

from hodei_domain.kernel.ids import JobId

Place = tuple[datetime, UUID]
"""A job that is over, in the order of the ends: when it ended, and its id."""


@frozen
class KeptOutput:
    """A job that is over, and the bytes of its output that are kept."""

    job_id: JobId
    nbytes: int


@frozen(kw_only=True)
class Held:
    """How much of the past there is."""

    jobs: int = 0
    workers: int = 0
    output_bytes: int = 0


class HistoryStore(Protocol):
    """Jobs that are over with everything of theirs, oldest end first, and workers that are gone.

    Each call takes away a bounded number of rows, so that nobody waits for a long transaction. What another
    transaction holds is passed over. The audit trail and the metrics are not touched: they have retentions of
    their own.
    """

    async def weigh(self, after: Place | None, limit: int) -> Place | None:
        """Note how much output is kept of the next `limit` jobs that are over; the last place looked at, None
        after the last. Noting one twice changes nothing. Before `outputs` knows of a job, it must be weighed.

        None for `after` begins where there is certainly nothing noted.
        """
        ...

    async def outputs(self, before: datetime | None, limit: int) -> list[KeptOutput]:
        """The first `limit` jobs, by their ends, whose output is noted; that ended before an instant."""
        ...

    async def output_bytes(self) -> int:
        """All output that is noted."""
        ...

    async def drop_output(self, jobs: Collection[JobId], limit: int) -> int:
        """Delete at most `limit` chunks of jobs that are over, each attempt from its beginning; returns how
        many. With fewer than `limit` all is gone and nothing is noted any more.

        In place of what is deleted a mark is read: a chunk that is `removed`, whose one entry is the last one
        that is gone. What LogStore.end() says stays.
        """
        ...

    async def held(self, before: datetime | None = None) -> Held:
        """How many jobs ended, and workers went, before an instant, and the output noted of such jobs."""
        ...

    async def ended(self, before: datetime | None, limit: int) -> list[JobId]:
        """The first `limit` jobs, by their ends, that ended before an instant."""
        ...

    async def forget(self, jobs: Collection[JobId]) -> int:
        """Delete those that are over, with specs, attempts, output, marks and usage; returns how many."""
        ...

    async def forget_workers(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` workers that went before an instant; returns how many."""
        ...

    async def forget_passwords(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` one-time passwords that ran out before an instant and whose worker there is
        not; returns how many.
        """
        ...

    async def forget_classes(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` demand classes that were met last before an instant and that no job in the
        queue has; returns how many.
        """
        ...
