"""What a fake store needs of its transaction."""

from typing import Protocol

from attrs import frozen

from hodei_domain.testing.fakes.tables import Tables


class Transaction(Protocol):
    """Gives the tables while it is open."""

    @property
    def tables(self) -> Tables:
        """What the store keeps. Raises RuntimeError after the transaction's end."""

    def spoil(self) -> None:
        """A write was refused: the transaction must not be committed."""


@frozen
class OfTransaction:
    """A store that belongs to one transaction."""

    _transaction: Transaction

    @property
    def tables(self) -> Tables:
        """What the store keeps."""
        return self._transaction.tables

    def refuse(self, error: Exception) -> Exception:
        """Spoil the transaction by the error, which the caller raises."""
        self._transaction.spoil()
        return error
