"""What becomes of a worker whose attempt is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from attrs import frozen
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.jobs.ledger import Leaving
from hodei_application.scheduling.fates import is_worn_out, worn_out
from hodei_application.scheduling.pool_terms import PoolTerms


@frozen
class Release:
    """Free workers for the next job; one that is draining, worn out or not to be trusted goes instead."""

    terms: PoolTerms

    def __call__(
        self, leaving: Iterable[Leaving], workers: Mapping[WorkerId, Worker], *, at: datetime
    ) -> list[Change[Worker]]:
        """One change for each worker that still held the attempt; the others are passed over."""
        changes: dict[WorkerId, Change[Worker]] = {}
        for left in leaving:
            worker = workers.get(left.worker_id)
            if worker is None or left.worker_id in changes:
                continue
            if worker.job_id == left.job_id and worker.attempt == left.attempt:
                changes[left.worker_id] = self._release(worker, left, at)
        return list(changes.values())

    def _release(self, worker: Worker, left: Leaving, at: datetime) -> Change[Worker]:
        freed = worker.free(at=at)
        why = self._why_go(freed.after, left)
        return freed if why is None else freed.then(lambda w: w.terminate(at=at, why=why))

    def _why_go(self, worker: Worker, left: Leaving) -> str | None:
        if worker.state is WorkerState.DRAINING:
            return "drained"
        if left.must_go:
            return "its job's processes may still run"
        return worn_out(worker) if is_worn_out(worker, self.terms.of(worker)) else None
