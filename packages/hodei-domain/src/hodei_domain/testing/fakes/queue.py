"""The queue in memory."""

from collections.abc import Collection
from datetime import datetime, timedelta

from attrs import evolve, frozen

from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import Priority
from hodei_domain.jobs.views import WaitingClass
from hodei_domain.kernel.ids import JobId
from hodei_domain.testing.fakes.holder import OfTransaction
from hodei_domain.testing.fakes.tables import QueueRow


@frozen
class MemoryQueue(OfTransaction):
    """JobQueue."""

    async def claim(self, classes: Collection[str], limit: int) -> list[Job]:
        """See JobQueue."""
        rows = sorted((row for row in self._due() if row.demand.key in classes), key=lambda row: row.place)
        return [self.tables.jobs.rows[row.job_id] for row in rows[: max(limit, 0)]]

    async def foremost(self, classes: Collection[str], limit: int) -> list[JobId]:
        """See JobQueue."""
        return [job.id for job in await self.claim(classes, limit)]

    async def waiting(self, limit_per_class: int) -> list[WaitingClass]:
        """See JobQueue."""
        found: dict[str, WaitingClass] = {}
        for row in sorted(self._due(), key=lambda row: row.queued_at):
            seen = found.get(row.demand.key)
            if seen is None:
                found[row.demand.key] = WaitingClass(demand=row.demand, count=1, oldest=row.queued_at)
            else:
                found[row.demand.key] = evolve(seen, count=min(seen.count + 1, limit_per_class))
        return list(found.values())

    async def depth(self) -> int:
        """See JobQueue."""
        return len(self.tables.queue.rows)

    async def lowest_turns(self) -> dict[Priority, int]:
        """See JobQueue."""
        lowest: dict[Priority, int] = {}
        for row in self.tables.queue.rows.values():
            priority = Priority(row.priority)
            lowest[priority] = min(row.turn, lowest.get(priority, row.turn))
        return lowest

    async def last_turns(self, owners: Collection[str]) -> dict[tuple[str, Priority], int]:
        """See JobQueue."""
        last: dict[tuple[str, Priority], int] = {}
        for row in self.tables.queue.rows.values():
            if row.owner in owners:
                key = (row.owner, Priority(row.priority))
                last[key] = max(row.turn, last.get(key, row.turn))
        return last

    async def promote(self, older_than: timedelta, now: datetime) -> int:
        """See JobQueue."""
        raised = 0
        for row in list(self.tables.queue.rows.values()):
            if row.priority < Priority.CRITICAL and row.raised_at + older_than < now:
                self.tables.queue.put(row.job_id, evolve(row, priority=row.priority + 1, raised_at=now))
                raised += 1
        return raised

    def _due(self) -> list[QueueRow]:
        now = self.tables.now()
        rows = self.tables.queue.rows.values()
        return [row for row in rows if row.not_before is None or row.not_before <= now]
