"""Changes to providers, and what has to hear of them."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from hodei_domain.kernel.change import Change
from hodei_domain.providers.provider import Provider

from hodei_application.ports import Transaction, UnitOfWork
from hodei_application.providers.find_provider import Ref, find_provider
from hodei_application.repeat import repeat
from hodei_application.scheduling.landscape import Landscape
from hodei_application.signals import DEMAND, PROVIDERS, Signals


@frozen
class ProviderChange:
    """Makes a move on a provider and lets the scheduler see it: a limit may be free now, or gone."""

    begin: UnitOfWork
    landscape: Landscape
    signals: Signals

    async def on(self, ref: Ref, move: Callable[[Provider], Change[Provider]]) -> Provider:
        """Save the move; the provider after it. Raises ProviderNotFound and what the move raises."""
        return await repeat(lambda: self._on(ref, move))

    async def quietly(self, ref: Ref, move: Callable[[Provider], Change[Provider]]) -> Provider:
        """Save a move that changes nothing for the scheduler."""

        async def save() -> Provider:
            async with self.begin() as tx:
                change = move(await find_provider(tx, ref))
                await tx.providers.save([change])
            return change.after

        return await repeat(save)

    async def _on(self, ref: Ref, move: Callable[[Provider], Change[Provider]]) -> Provider:
        async with self.begin() as tx:
            change = move(await find_provider(tx, ref))
            await tx.providers.save([change])
            await self.seen(tx)
        self.tell()
        return change.after

    async def seen(self, tx: Transaction) -> None:
        """Take over the rows as this transaction sees them. If it fails after all, the next survey corrects
        it.
        """
        self.landscape.learn(await tx.providers.list_all())

    def tell(self) -> None:
        """Wake whoever makes workers, here and elsewhere, and those that might serve again."""
        self.signals.room()
        self.signals.cleanup()  # workers may be too many now
        self.signals.work()
        self.signals.tell_others(PROVIDERS)
        self.signals.tell_others(DEMAND)  # replicas of older releases know no other
