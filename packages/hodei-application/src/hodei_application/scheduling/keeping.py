"""Which providers this replica sees to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from attrs import define, field
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.provider import Provider

from hodei_application.ports import HasDied, Transaction
from hodei_application.scheduling.landscape import Landscape

log = logging.getLogger("hodei.scheduling")

TTL = timedelta(seconds=20)
"""As the leader's; rounds, which renew it, come no later than every 12.5 s."""

RENEW_EVERY, LOOK_EVERY = 2.0, 15.0
"""Seconds between renewals, so that rounds while jobs wait do not renew each time; and between looks at who
has the others.
"""


def lease_name(provider_id: ProviderId) -> str:
    """Of the lease of whoever sees to this provider."""
    return f"provider:{provider_id}"


@define(eq=False, kw_only=True)
class Keeping:
    """This replica's part in the leases of providers: one for each, held by a replica that reaches it.

    Who holds it is its *keeper*: has its workers made and destroyed, asks and listens to its engine, cleans
    up there. Nobody else does, for from another machine all its workers would seem to be gone. What is found
    is kept in the landscape. Like the leader's, the leases are renewed in the transaction of a round.
    """

    holder: str
    monotonic: Callable[[], float]
    has_died: HasDied
    landscape: Landscape
    _renewed_at: float = field(default=float("-inf"), init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _generation: int = field(default=-1, init=False)

    async def renew(self, tx: Transaction) -> bool:
        """Take or keep the leases that are due; whether this replica sees to a provider that it did not see
        to before.
        """
        now, changed = self.monotonic(), self._generation != self.landscape.generation
        if now - self._renewed_at < RENEW_EVERY and not changed:
            return False
        within_reach = {lease_name(p.id): p.id for p in self.landscape if self._reaches(p)}
        kept = await self._keep(tx, within_reach)
        missing = len(kept) < len(within_reach)  # whoever has it may have died
        if changed or missing or now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            kept |= await self._look(tx, within_reach)
        fresh = kept - self.landscape.kept
        for provider_id in fresh:
            log.info("This replica sees to provider %s now", self.landscape.name(provider_id))
        self.landscape.kept = frozenset(kept)
        self.landscape.unkept -= kept
        self._renewed_at, self._generation = now, self.landscape.generation
        return bool(fresh)

    async def _keep(self, tx: Transaction, within_reach: Mapping[str, ProviderId]) -> set[ProviderId]:
        if not within_reach:
            return set()
        epochs = await tx.leaders.acquire_all(list(within_reach), self.holder, TTL)
        return {within_reach[name] for name in epochs}

    async def _look(self, tx: Transaction, within_reach: Mapping[str, ProviderId]) -> set[ProviderId]:
        """See who has the others, and take over from those that are known to have died."""
        holders = await tx.leaders.holders(TTL)
        dead = {name: holder for name, holder in holders.items() if self.has_died(holder)}
        for name in sorted(dead.keys() & within_reach.keys()):
            await tx.leaders.release(name, dead[name])
        taken = await self._keep(tx, {name: within_reach[name] for name in dead.keys() & within_reach.keys()})
        kept = holders.keys() - dead.keys()
        self.landscape.unkept = frozenset(p.id for p in self.landscape if lease_name(p.id) not in kept)
        return taken

    def _reaches(self, provider: Provider) -> bool:
        plugin = self.landscape.plugin(provider.id)
        return plugin is not None and plugin.reachable

    async def resign(self, tx: Transaction) -> None:
        """Let others see to them at once."""
        for provider_id in sorted(self.landscape.kept):
            await tx.leaders.release(lease_name(provider_id), self.holder)
        self.landscape.kept = frozenset()
