"""The domain's state machines against a real Postgres; claims and races on connections of their own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import ClassVar

import psycopg
import pytest
from hodei_domain.testing.machines import LedgerMachine, LogMachine
from hodei_domain.testing.machines.on_store import StoreMachine
from hodei_domain.testing.stores import Begin
from hodei_infrastructure.postgres.store import open_store
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

pytestmark = pytest.mark.postgres

EMPTY = (
    "TRUNCATE jobs, job_specs, job_attempts, demand_classes, audit_logs, job_log_chunks, job_log_ends CASCADE"
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
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            await connection.execute(EMPTY)
        self.stack = AsyncExitStack()
        store = await self.stack.enter_async_context(open_store(self.url, connections=4))
        return store.begin

    async def close(self) -> None:
        await self.stack.aclose()


class PostgresLedger(OnPostgres, LedgerMachine):
    pass


class PostgresLogs(OnPostgres, LogMachine):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("machine", [PostgresLedger, PostgresLogs])
def test_every_order_of_messages_keeps_the_promises(
    machine: type[OnPostgres], module_database_url: str
) -> None:
    machine.url = module_database_url
    run_state_machine_as_test(machine, settings=SETTINGS)
