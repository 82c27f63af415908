"""Fakes of every port: they keep the contracts, in memory, and catch misuse."""

from hodei_domain.testing.fakes.provider import ScriptedProvider
from hodei_domain.testing.fakes.sources import FixedClock, SeqIds, SeqSecrets
from hodei_domain.testing.fakes.store import MemoryStore, MemoryTransaction, MemoryUnitOfWork

__all__ = [
    "FixedClock",
    "MemoryStore",
    "MemoryTransaction",
    "MemoryUnitOfWork",
    "ScriptedProvider",
    "SeqIds",
    "SeqSecrets",
]
