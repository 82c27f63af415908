"""Where workers are."""

from __future__ import annotations

from collections.abc import Collection

from attrs import define, field
from hodei_domain.kernel.ids import ProviderId, WorkerId

from hodei_application.ports import UnitOfWork
from hodei_application.scheduling.landscape import Landscape

KEPT = 10_000
"""Workers whose provider is remembered; it never changes, so that a list of jobs costs no second query."""


@define(eq=False)
class FindPlaces:
    """The names of the providers of workers; "" for one started by hand, or whose provider is gone."""

    begin: UnitOfWork
    landscape: Landscape
    _known: dict[WorkerId, ProviderId | None] = field(factory=dict, init=False)

    async def __call__(self, workers: Collection[WorkerId]) -> dict[WorkerId, str]:
        unknown = [each for each in workers if each not in self._known]
        if unknown:
            await self._learn(unknown)
        return {each: self.landscape.name(self._known.get(each)) for each in workers}

    async def _learn(self, unknown: Collection[WorkerId]) -> None:
        async with self.begin() as tx:
            found = await tx.workers.find(unknown)
            self.landscape.learn(await tx.providers.list_all())
        if len(self._known) + len(unknown) > KEPT:
            self._known.clear()
        for id in unknown:  # those that are no more are remembered, too
            self._known[id] = found[id].provider_id if id in found else None
