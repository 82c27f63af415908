"""State machines for Hypothesis.

Their oracles are written by hand and know nothing of the code's transition tables.

`LedgerMachine` and `LogMachine` run on a MemoryStore; subclass them and define `open()` and `close()` to run
them on a real store.
"""

from hodei_domain.testing.machines.job import JobMachine
from hodei_domain.testing.machines.ledger import LedgerMachine
from hodei_domain.testing.machines.logs import LogMachine
from hodei_domain.testing.machines.worker import WorkerMachine

__all__ = ["JobMachine", "LedgerMachine", "LogMachine", "WorkerMachine"]
