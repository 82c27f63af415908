"""Which database this is: workers carry its id, so that no other one takes them for its own."""

from __future__ import annotations

import asyncio
import logging

from attrs import define, field
from hodei_domain.kernel.errors import StoreReplaced

from hodei_application.ports import NewId, Transaction, UnitOfWork

log = logging.getLogger("hodei.control-plane")

NAME = "database"


@define(eq=False)
class Identity:
    """The id that a database was given at the first start on it, and keeps, wherever it is moved to.

    A copy has the same one: whoever restores a backup gets the database that it is of.
    """

    _new_id: NewId
    id: str = field(default="", init=False)
    replaced: asyncio.Event = field(factory=asyncio.Event, init=False)
    """Set when another database has taken its place. What this process remembers is of the former one."""

    async def learn(self, tx: Transaction) -> None:
        """Read it, or give it."""
        kept = await tx.settings.put_if_absent(NAME, {"id": self._new_id().hex})
        self.id = str(kept["id"])

    async def check(self, begin: UnitOfWork) -> None:
        """See whether it is still the same. Raises StoreUnavailable."""
        try:
            async with begin() as tx:
                kept = await tx.settings.get(NAME)
        except StoreReplaced:
            kept = None
        if (kept or {}).get("id") != self.id and not self.replaced.is_set():
            log.error("The database was made anew, or another one took its place, while this server ran")
            self.replaced.set()
