"""Who among the replicas plans and judges."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from attrs import define, field

from hodei_application.outage import Outage
from hodei_application.ports import HasDied, Transaction
from hodei_application.store_clock import StoreClock

log = logging.getLogger("hodei.scheduling")

NAME = "leader"
TTL = timedelta(seconds=20)
PATIENCE = timedelta(seconds=30)
"""After a start or an outage workers need some time to come back and be heard; before that their silence
proves nothing.
"""


@define(eq=False, kw_only=True)
class Leadership:
    """This replica's part in the leader lease. Renewed in the transaction of each survey, which is also the
    one that writes what the survey leads to: so nothing is planned twice, however slow a former leader is.
    """

    holder: str
    monotonic: Callable[[], float]
    outage: Outage
    clock: StoreClock
    lease: timedelta
    has_died: HasDied
    unheard_at: Callable[[], float]
    """When signs of life could not be written last."""
    epoch: int | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)

    async def renew(self, tx: Transaction) -> bool:
        """Take or keep the lease; whether this replica leads."""
        epoch = await tx.leaders.acquire(NAME, self.holder, TTL)
        if epoch is None:
            epoch = await self._succeed(tx)
        if epoch is not None and epoch != self.epoch:
            self._since = self.monotonic()
            log.info("This replica leads now (epoch %d)", epoch)
        elif epoch is None and self.epoch is not None:
            log.warning("Another replica leads now")
        self.epoch = epoch
        return epoch is not None

    async def _succeed(self, tx: Transaction) -> int | None:
        """Take over at once from a leader that is known to have died, rather than when its lease runs out."""
        holder = await tx.leaders.holder(NAME)
        if holder is None or not self.has_died(holder):
            return None
        await tx.leaders.release(NAME, holder)
        return await tx.leaders.acquire(NAME, self.holder, TTL)

    async def resign(self, tx: Transaction) -> None:
        """Let another replica take over at once."""
        if self.epoch is not None:
            self.epoch = None
            await tx.leaders.release(NAME, self.holder)

    @property
    def may_judge(self) -> bool:
        """Whether silence means something by now: whoever lives could be heard for a while.

        Where the store's clock was set, leases seem to be over that are not: whoever holds one counts by a
        clock of his own, and gets as long as that takes.
        """
        if self.outage.present:
            return False
        since, now = max(self._since, self.outage.ended_at, self.unheard_at()), self.monotonic()
        is_patient = now - since >= PATIENCE.total_seconds()
        return is_patient and now - self.clock.set_at >= self.lease.total_seconds()
