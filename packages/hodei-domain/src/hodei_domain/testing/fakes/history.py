"""What is kept of jobs that are over, in memory."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from attrs import frozen

from hodei_domain.jobs.history import Held, KeptOutput, Place
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk
from hodei_domain.testing.fakes.holder import OfTransaction
from hodei_domain.testing.fakes.tables import Table


@frozen
class MemoryHistory(OfTransaction):
    """HistoryStore."""

    async def weigh(self, after: Place | None, limit: int) -> Place | None:
        """See HistoryStore."""
        following = [job for job in self._ended(None) if after is None or _place(job) > after][:limit]
        for job in following:
            chunks = [c for _, c in self._chunks(job.id) if not c.removed]
            if chunks and job.id not in self.tables.outputs.rows:
                self.tables.outputs.put(job.id, sum(len(chunk.data) for chunk in chunks))
        return _place(following[-1]) if following else None

    async def outputs(self, before: datetime | None, limit: int) -> list[KeptOutput]:
        """See HistoryStore."""
        noted = self.tables.outputs.rows
        return [KeptOutput(job.id, noted[job.id]) for job in self._ended(before) if job.id in noted][:limit]

    async def output_bytes(self) -> int:
        """See HistoryStore."""
        return sum(self.tables.outputs.rows.values())

    async def drop_output(self, jobs: Collection[JobId], limit: int) -> int:
        """See HistoryStore."""
        over = [id for id in sorted(jobs) if self._is_over(id)]
        old = [(key, c) for id in over for key, c in self._chunks(id) if not c.removed][:limit]
        for key, chunk in old:
            self.tables.chunks.drop(key)
            for other, mark in self._chunks(chunk.job_id):
                if mark.removed and mark.attempt == chunk.attempt:
                    self.tables.chunks.drop(other)
            mark = LogChunk.mark_of(chunk)
            self.tables.chunks.put((mark.job_id, mark.attempt, mark.first_sequence), mark)
        if len(old) < limit:
            for id in jobs:
                self.tables.outputs.drop(id)
        return len(old)

    async def held(self, before: datetime | None = None) -> Held:
        """See HistoryStore."""
        jobs = self._ended(before)
        noted = self.tables.outputs.rows
        gone = [w for w in self.tables.workers.rows.values() if w.ended_at is not None]
        return Held(
            jobs=len(jobs),
            workers=sum(before is None or w.ended_at < before for w in gone if w.ended_at is not None),
            output_bytes=sum(noted.get(job.id, 0) for job in jobs),
        )

    async def ended(self, before: datetime | None, limit: int) -> list[JobId]:
        """See HistoryStore."""
        return [job.id for job in self._ended(before)][:limit]

    async def forget(self, jobs: Collection[JobId]) -> int:
        """See HistoryStore."""
        tables = self.tables
        over = [id for id in jobs if self._is_over(id)]
        for id in over:
            job = tables.jobs.rows[id]
            if job.key is not None:
                tables.keys.drop(job.key)
            keyed: tuple[Table[Any, Any], ...] = (tables.chunks, tables.ends, tables.attempts)
            for table in keyed:
                for key in [key for key in table.rows if key[0] == id]:
                    table.drop(key)
            for key in [key for key, sample in tables.usage.rows.items() if sample.job_id == id]:
                tables.usage.drop(key)
            tables.outputs.drop(id)
            tables.jobs.drop(id)
        return len(over)

    async def forget_workers(self, before: datetime, limit: int) -> int:
        """See HistoryStore."""
        rows = self.tables.workers.rows
        old = [id for id, worker in rows.items() if worker.ended_at is not None and worker.ended_at < before]
        for id in old[:limit]:
            self.tables.workers.drop(id)
            self.tables.otps.drop(id)
            self.tables.sessions.drop(id)
        return len(old[:limit])

    async def forget_passwords(self, before: datetime, limit: int) -> int:
        """See HistoryStore."""
        known = self.tables.workers.rows
        old = [id for id, otp in self.tables.otps.rows.items() if otp.expires_at < before and id not in known]
        for id in old[:limit]:
            self.tables.otps.drop(id)
        return len(old[:limit])

    async def forget_classes(self, before: datetime, limit: int) -> int:
        """See HistoryStore."""
        used = {row.demand.key for row in self.tables.queue.rows.values()}
        met = self.tables.met.rows
        old = [key for key in self.tables.classes.rows if key not in used and met[key] < before]
        for key in old[:limit]:
            self.tables.classes.drop(key)
        return len(old[:limit])

    def _is_over(self, id: JobId) -> bool:
        job = self.tables.jobs.rows.get(id)
        return job is not None and job.is_over

    def _ended(self, before: datetime | None) -> list[Job]:
        over = [job for job in self.tables.jobs.rows.values() if job.is_over]
        return sorted((j for j in over if before is None or _place(j)[0] < before), key=_place)

    def _chunks(self, id: JobId) -> Iterator[tuple[tuple[JobId, int, int], LogChunk]]:
        rows = self.tables.chunks.rows
        return iter([(key, rows[key]) for key in sorted(rows) if key[0] == id])


def _place(job: Job) -> Place:
    assert job.completed_at is not None
    return (job.completed_at, job.id)
