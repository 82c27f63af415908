"""Which database this is: workers carry its id, so that no other one takes them for its own."""

from __future__ import annotations

from attrs import define, field

from hodei_application.ports import NewId, Transaction

NAME = "database"


@define(eq=False)
class Identity:
    """The id that a database was given at the first start on it, and keeps, wherever it is moved to.

    A copy has the same one: whoever restores a backup gets the database that it is of.
    """

    _new_id: NewId
    id: str = field(default="", init=False)

    async def learn(self, tx: Transaction) -> None:
        """Read it, or give it."""
        kept = await tx.settings.put_if_absent(NAME, {"id": self._new_id().hex})
        self.id = str(kept["id"])
