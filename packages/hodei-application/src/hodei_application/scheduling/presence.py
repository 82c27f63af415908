"""Asks engines about workers whose streams are down, and listens to what engines tell by themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import define, field
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.errors import HodeiError
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.ports import WorkerEventSource
from hodei_domain.providers.records import Presence, PresenceState
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.deeds import Deeds, break_off
from hodei_application.ports import Clock, Jitter
from hodei_application.scheduling.backoffs import Backoffs
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.last_words import LastWords
from hodei_application.scheduling.provisionings import STARTED, Provisionings
from hodei_application.scheduling.reaper import Reaper
from hodei_application.signals import Signals

log = logging.getLogger("hodei.scheduling")

GONE = frozenset({PresenceState.ABSENT, PresenceState.EXITED})
SETTLING = timedelta(seconds=2)
"""A worker that has just been made may not be listed yet."""

LISTEN_AGAIN = 5.0
"""Seconds before a broken stream of sightings is opened again, give or take a quarter."""

STAGES_KEPT = 10_000


@define(eq=False, kw_only=True)
class PresenceCheck:
    """Lets the engine's word beat silence: a worker that it says is gone is lost at once, not when its
    lease runs out.

    Only workers without a stream are asked about, and those whose replica has died before it could say that
    the stream is gone: nobody has written for longer than `silence` that they were heard. One that still
    exists is left to its lease.
    """

    now: Clock
    deeds: Deeds
    landscape: Landscape
    backoffs: Backoffs
    provisionings: Provisionings
    reaper: Reaper
    last_words: LastWords
    silence: timedelta

    def ask(self, live: Sequence[Worker]) -> bool:
        """Begin to ask about those that are suspect; whether there are any."""
        suspects = [worker for worker in live if self._is_suspect(worker)]
        for worker in suspects:
            self.deeds.start(("look", worker.id), lambda w=worker: self._look(w))  # type: ignore[misc]
        return bool(suspects)

    def _is_suspect(self, worker: Worker) -> bool:
        if worker.provider_id is None:
            return False
        if worker.state is WorkerState.CONNECTING:
            return self.now() - worker.changed_at >= SETTLING
        served = worker.state in (WorkerState.READY, WorkerState.BUSY, WorkerState.DRAINING)
        return served and self._is_unheard(worker)

    def _is_unheard(self, worker: Worker) -> bool:
        if not worker.connected:
            return True
        heard_at = max(worker.last_heartbeat or worker.changed_at, worker.changed_at)
        return self.now() - heard_at > self.silence

    async def _look(self, worker: Worker) -> None:
        plugin = self.landscape.plugin(worker.provider_id)
        if plugin is None:
            return
        try:
            presence = await plugin.lifecycle.worker_status(worker.id)
        except HodeiError as error:
            log.debug("Cannot ask about worker %s: %s", worker.id, error)
            return
        if presence.state in GONE:
            await self.gone(worker, presence)

    async def gone(self, worker: Worker, presence: Presence) -> None:
        """The engine says that it does not run any more."""
        why = _why_gone(presence)
        log.warning("Worker %s is gone: %s", worker.id, why)
        if worker.state is WorkerState.CONNECTING and worker.provider_id is not None:
            self.backoffs.failed(worker.provider_id, worker.demand.key, self.now(), why)
            await self.provisionings.failed(worker.id, why)
        await self.last_words(worker)
        at = self.now()

        def end(job: Job) -> Change[Job]:
            return _end_of(job, presence, why, at)

        # A worker that has bound again since it was suspected is alive; its last words may have freed it.
        states = {worker.state, WorkerState.READY} if worker.job_id is not None else {worker.state}
        await self.reaper.take_away(
            worker.id, why, end=end, still=lambda w: self._is_unheard(w) and w.state in states
        )


def _why_gone(presence: Presence) -> str:
    if presence.state is PresenceState.ABSENT:
        return "it does not exist any more"
    code = "" if presence.exit_code is None else f" with {presence.exit_code}"
    return f"it exited{code}{': ' if presence.reason else ''}{presence.reason}"


def _end_of(job: Job, presence: Presence, why: str, at: datetime) -> Change[Job]:
    """Lost, unless the engine knows better: it saw the memory run out."""
    if presence.reason.lower().startswith("oom") and job.started_at is not None:
        return job.finish(job.attempt, JobResult(reason=Reason.OOM, message=why), at=at)
    return job.lose(job.attempt, at=at, why=why)


@define(eq=False, kw_only=True)
class Sightings:
    """Listens to engines that tell of their workers: what stage a new one is in, and that one is gone."""

    landscape: Landscape
    provisionings: Provisionings
    signals: Signals
    jitter: Jitter
    stages: dict[WorkerId, str] = field(factory=dict, init=False)
    _listeners: dict[ProviderId, tuple[ProviderPlugin, asyncio.Task[None]]] = field(factory=dict, init=False)

    def listen(self) -> None:
        """Have one listener for each plugin that tells anything, of the providers that are seen to here."""
        present = {
            p.id: plugin
            for p in self.landscape
            if self.landscape.keeps(p.id) and (plugin := self.landscape.plugin(p.id)) is not None
        }
        for provider_id, (plugin, task) in list(self._listeners.items()):
            if present.get(provider_id) is not plugin:
                task.cancel()
                del self._listeners[provider_id]
        for provider_id, plugin in present.items():
            if provider_id not in self._listeners and plugin.events is not None:
                task = asyncio.create_task(self._listen(plugin.events), name=f"sightings {plugin.name}")
                self._listeners[provider_id] = (plugin, task)

    async def stop(self) -> None:
        """Listen no more."""
        tasks = [task for _, task in self._listeners.values()]
        self._listeners.clear()
        await break_off(tasks)

    async def _listen(self, source: WorkerEventSource) -> None:
        while True:
            try:
                async for sighting in source.events():
                    stage = self._see(sighting.worker_id, sighting.presence, sighting.message)
                    if stage:
                        await self.provisionings.stage(sighting.worker_id, stage)
            except HodeiError as error:
                log.debug("An engine stopped telling of its workers: %s", error)
            except Exception:
                log.exception("Listening to an engine failed")
            await asyncio.sleep(LISTEN_AGAIN * (0.75 + 0.5 * self.jitter()))

    def _see(self, worker_id: WorkerId, presence: Presence, message: str) -> str:
        """Keep what was seen; the stage that a worker on its way has reached, "" for others."""
        if presence.state is PresenceState.STARTING:
            stage = message or presence.reason or "starting"
            self.stages[worker_id] = stage
            if len(self.stages) > STAGES_KEPT:
                del self.stages[next(iter(self.stages))]
            return stage
        self.stages.pop(worker_id, None)
        if presence.state in GONE:
            self.signals.cleanup()
            return ""
        return STARTED
