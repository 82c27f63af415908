"""The domain's state machines against a real Postgres; claims and races on connections of their own."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import ClassVar

import psycopg
import pytest
from hodei_domain.jobs.job import Job
from hodei_domain.testing.machines import LedgerMachine, LogMachine
from hodei_domain.testing.machines.ledger import Move
from hodei_domain.testing.machines.on_store import StoreMachine
from hodei_domain.testing.stores import Begin
from hodei_infrastructure.postgres.store import open_store
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

pytestmark = pytest.mark.postgres

EMPTY = (
    "TRUNCATE jobs, job_specs, job_attempts, demand_classes, audit_logs, job_log_chunks, job_log_ends CASCADE"
)
BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
SETTINGS = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class OnPostgres(StoreMachine):
    url: ClassVar[str]

    async def open(self) -> Begin:
        self.stack = AsyncExitStack()
        self.watcher = await self.stack.enter_async_context(
            await psycopg.AsyncConnection.connect(self.url, autocommit=True)
        )
        await self.watcher.execute(EMPTY)
        store = await self.stack.enter_async_context(open_store(self.url, connections=4))
        return store.begin

    async def close(self) -> None:
        await self.stack.aclose()


class PostgresLedger(OnPostgres, LedgerMachine):
    races = 0

    async def _race(self, job: Job, moves: list[Move]) -> list[bool]:
        """All save at the same time; the others are seen waiting for the row that the first has.

        Which one is first changes from race to race, but is the same when the example is repeated.
        """
        self.races += 1
        first = self.races % len(moves)
        async with self.begin() as tx:
            await tx.jobs.save([moves[first](job)])
            others = [
                asyncio.ensure_future(super(PostgresLedger, self)._race(job, [move]))
                for number, move in enumerate(moves)
                if number != first
            ]
            async with asyncio.timeout(60):
                while await self._blocked() < len(others):
                    assert not any(other.done() for other in others), "P2: it did not wait for the row"
        refused = [refused for other in others for refused in await other]
        refused.insert(first, False)
        return refused

    async def _blocked(self) -> int:
        row = await (await self.watcher.execute(BLOCKED)).fetchone()
        assert row is not None
        return int(row[0])


class PostgresLogs(OnPostgres, LogMachine):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("machine", [PostgresLedger, PostgresLogs])
def test_every_order_of_messages_keeps_the_promises(
    machine: type[OnPostgres], module_database_url: str
) -> None:
    machine.url = module_database_url
    run_state_machine_as_test(machine, settings=SETTINGS)
