"""Providers that no server reaches: their machine is gone, or the server on it does not run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import define, field
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.provider import Provider
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.ports import Clock
from hodei_application.providers.provider_change import ProviderChange
from hodei_application.scheduling.destroyer import Destroyer
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.reaper import Reaper

log = logging.getLogger("hodei.scheduling")

PATIENCE = 20.0
"""Seconds for a server that is just being restarted."""

WRITTEN_OFF_AFTER = timedelta(minutes=5)
"""A worker that was to be destroyed where nobody could for so long counts as gone, and gives back its place.
If its machine returns, its keeper finds it as one whose row is over, and destroys it then.
"""


@define(eq=False, kw_only=True)
class Forsaken:
    """The leader's care for providers that nobody sees to. Jobs there need none: their leases end."""

    now: Clock
    monotonic: Callable[[], float]
    landscape: Landscape
    change: ProviderChange
    reaper: Reaper
    destroyer: Destroyer
    _since: dict[ProviderId, float] = field(factory=dict, init=False)

    async def see_to(self, live: Sequence[Worker]) -> None:
        """Tell of them, take back what was to be made there, and write off what was to be destroyed."""
        now = self.monotonic()
        self._since = {id: self._since.get(id, now) for id in self.landscape.unkept}
        given_up = {id for id, since in self._since.items() if now - since >= PATIENCE}
        for provider_id in given_up:
            await self._tell(self.landscape.provider(provider_id))
        for worker in live:
            if worker.provider_id in given_up:
                await self._see_to(worker)

    async def _tell(self, provider: Provider | None) -> None:
        if provider is None or provider.health_message == _why(provider):
            return
        log.warning("Provider %s is out of reach: %s", provider.name, _why(provider))
        await self.change.on(provider.id, lambda p: p.report_forsaken(_why(p), at=self.now()))

    async def _see_to(self, worker: Worker) -> None:
        if worker.state is WorkerState.CREATING:
            why = "no server reaches its provider"
            await self.reaper.take_away(worker.id, why, still=lambda w: w.state is WorkerState.CREATING)
        elif worker.state is WorkerState.TERMINATING and self._is_long_ago(worker.changed_at):
            await self.destroyer.write_off(worker)

    def _is_long_ago(self, at: datetime) -> bool:
        return self.now() - at >= WRITTEN_OFF_AFTER


def _why(provider: Provider) -> str:
    host = provider.config.get("host")
    where = f"on {host}, which has it," if host else "that has it"
    return f"no server {where} runs, or it is switched off there"
