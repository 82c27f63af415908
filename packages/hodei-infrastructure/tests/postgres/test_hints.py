"""Hints between replicas of one database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import psycopg
import pytest
from hodei_application.signals import WISH, WORK
from hodei_infrastructure.postgres.hints import EVERYTHING, Hints
from hodei_infrastructure.postgres.store import PostgresStore

pytestmark = pytest.mark.postgres

OFTEN = timedelta(milliseconds=200)
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


class Replica:
    """Hints with what was heard and what was sent."""

    def __init__(self, url: str, store: PostgresStore) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.sent: list[str] = []
        self.mute = False
        self._store = store
        self.hints = Hints(url, self.send, ping=OFTEN)

    async def send(self, payload: str) -> None:
        self.sent.append(payload)
        if not self.mute:
            await self._store.notify(payload)

    async def hears(self, kind: str) -> None:
        """Return when it has heard that kind."""
        while await asyncio.wait_for(self.heard.get(), 20) != kind:
            pass

    async def hears_everything(self) -> None:
        """Return when it has begun to listen."""
        for kind in EVERYTHING:
            await self.hears(kind)

    def hints_sent(self) -> list[str]:
        return [payload for payload in self.sent if payload.split(" ")[1]]


@pytest.fixture
async def replicas(database_url: str, postgres_store: PostgresStore) -> AsyncIterator[list[Replica]]:
    """Two replicas that know of each other."""
    async with AsyncExitStack() as stack:
        found = [Replica(database_url, postgres_store) for _ in range(2)]
        for replica in found:
            await stack.enter_async_context(replica.hints.listening(replica.heard.put_nowait))
            await replica.hears_everything()
        for speaker, hearer in (found, found[::-1]):
            while hearer.heard.empty():  # until it knows of the other it keeps silent
                speaker.hints.tell("hello")
                await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0))])
            await hearer.hears("hello")
        yield found


async def test_the_others_hear_a_hint(replicas: list[Replica]) -> None:
    first, second = replicas
    first.hints.tell(WORK)
    await second.hears(WORK)
    second.hints.tell(WISH)
    await first.hears(WISH)


async def test_one_does_not_hear_itself(replicas: list[Replica]) -> None:
    first, second = replicas
    first.hints.tell(WORK)
    await second.hears(WORK)
    second.hints.tell(WISH)
    assert await asyncio.wait_for(first.heard.get(), 20) != WORK


async def test_many_hints_at_once_are_few_notifications(replicas: list[Replica]) -> None:
    first, second = replicas
    first.sent.clear()
    for _ in range(1000):
        first.hints.tell(WORK)
        first.hints.tell(WISH)
    await second.hears(WISH)
    assert len(first.hints_sent()) <= 2


async def test_whoever_is_alone_sends_no_hints(database_url: str, postgres_store: PostgresStore) -> None:
    replica = Replica(database_url, postgres_store)
    async with replica.hints.listening(replica.heard.put_nowait):
        await replica.hears_everything()
        for _ in range(3):
            replica.hints.tell(WORK)
            await asyncio.sleep(0)
    assert replica.hints_sent() == []


async def test_a_listener_that_is_cut_off_comes_back_and_looks_at_everything(
    replicas: list[Replica], database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="hodei.postgres")
    first, second = replicas
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({LISTENERS}) AS l".encode())
    await first.hears_everything()
    await second.hears_everything()
    first.hints.tell(WORK)
    await second.hears(WORK)
    assert "hints of other replicas are heard again" in [record.getMessage() for record in caplog.records]


async def test_a_connection_that_has_gone_deaf_is_noticed(replicas: list[Replica]) -> None:
    first, _ = replicas
    first.mute = True  # its pings do not come back, as on a connection that is dead without a word
    await first.hears_everything()


async def test_a_database_that_is_away_stops_nobody(replicas: list[Replica], database_url: str) -> None:
    lonely = Hints("postgresql://nobody@127.0.0.1:1/nothing", replicas[0].send, ping=OFTEN)
    async with lonely.listening(lambda kind: None):
        lonely.tell(WORK)
        await asyncio.sleep(0)
