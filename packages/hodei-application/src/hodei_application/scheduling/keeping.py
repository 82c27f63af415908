"""Which providers this replica sees to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from attrs import define, field
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.provider import Provider

from hodei_application.ports import HasDied, Transaction
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.leadership import take_lease

log = logging.getLogger("hodei.scheduling")

TTL = timedelta(seconds=30)
RENEW_EVERY = 11.0
"""Seconds. Rounds come no later than every 12.5 s, so nothing is lost while this replica is well; and one
that was frozen renews before it acts.
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
    _generation: int = field(default=-1, init=False)

    async def renew(self, tx: Transaction) -> bool:
        """Take or keep the leases that are due; whether this replica sees to a provider that it did not see
        to before.
        """
        now = self.monotonic()
        if now - self._renewed_at < RENEW_EVERY and self._generation == self.landscape.generation:
            return False
        holders = await tx.leaders.holders()  # to try for what another has would wait for its round
        kept: set[ProviderId] = set()
        unkept: set[ProviderId] = set()
        for provider in sorted(self.landscape, key=lambda p: p.id):  # one order: rows are locked
            holder = holders.get(lease_name(provider.id))
            others = holder is not None and holder != self.holder and not self.has_died(holder)
            if not others and await self._take(tx, provider):
                kept.add(provider.id)
            elif not others:
                unkept.add(provider.id)
        fresh = kept - self.landscape.kept
        for provider_id in fresh:
            log.info("This replica sees to provider %s now", self.landscape.name(provider_id))
        self.landscape.kept, self.landscape.unkept = frozenset(kept), frozenset(unkept)
        self._renewed_at, self._generation = now, self.landscape.generation
        return bool(fresh)

    async def _take(self, tx: Transaction, provider: Provider) -> bool:
        plugin = self.landscape.plugin(provider.id)
        if plugin is None or not plugin.reachable:
            return False
        return await take_lease(tx, lease_name(provider.id), self.holder, TTL, self.has_died) is not None

    async def resign(self, tx: Transaction) -> None:
        """Let others see to them at once."""
        for provider_id in sorted(self.landscape.kept):
            await tx.leaders.release(lease_name(provider_id), self.holder)
        self.landscape.kept = frozenset()
