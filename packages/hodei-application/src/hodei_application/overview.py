"""The installation at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from attrs import evolve, frozen
from hodei_domain.jobs.job import JobState
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.providers.provider import Provider
from hodei_domain.workers.state import WorkerState

from hodei_application.engine import Engine
from hodei_application.scheduling.leadership import NAME


@frozen(kw_only=True)
class Overview:
    """What there is. Where the store did not answer `trouble` says so, and the rest is empty."""

    trouble: str = ""
    answered_in: timedelta | None = None
    store_version: str = ""
    leader: str = ""
    replicas: int = 1
    uptime: timedelta = timedelta(0)
    providers: Sequence[Provider] = ()
    workers_of: Mapping[str, int] = {}
    workers: Mapping[WorkerState, int] = {}
    jobs: Mapping[JobState, int] = {}
    oldest_pending: datetime | None = None


@frozen
class LookAround:
    """See Overview. An outage of the store is an answer."""

    engine: Engine

    async def __call__(self) -> Overview:
        outside = self.engine.outside
        known = Overview(replicas=outside.replicas(), uptime=self._uptime())
        began = outside.monotonic()
        try:
            async with outside.begin() as tx:
                leader = await tx.leaders.holder(NAME)
                answered = timedelta(seconds=outside.monotonic() - began)
                providers = await tx.providers.list_all()
                live = await tx.workers.live()
                jobs = await tx.job_views.counts()
                waiting = await tx.queue.waiting(1)
            version = await outside.store_version()
        except StoreUnavailable as error:
            return evolve(known, trouble=error.message)
        names = {provider.id: provider.name for provider in providers}
        return evolve(
            known,
            answered_in=answered,
            store_version=version,
            leader=leader or "",
            providers=providers,
            workers_of=Counter(names.get(w.provider_id, "") if w.provider_id else "" for w in live),
            workers=Counter(worker.state for worker in live),
            jobs=jobs,
            oldest_pending=min((each.oldest for each in waiting), default=None),
        )

    def _uptime(self) -> timedelta:
        started = self.engine.started_at
        return timedelta(0) if started is None else self.engine.outside.now() - started
