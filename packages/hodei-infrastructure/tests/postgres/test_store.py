"""The store beyond its contracts: connections that break, databases that are away, misuse."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from attrs import evolve
from hodei_domain.jobs.errors import JobChangedMeanwhile, JobNotFound
from hodei_domain.jobs.result import JobResult
from hodei_domain.jobs.spec import Resources
from hodei_domain.kernel.errors import Kind, StoreUnavailable
from hodei_domain.testing.contracts.base import Broken, break_off
from hodei_domain.testing.making import (
    MINUTE,
    T0,
    new_job_id,
    new_worker_id,
    read_job,
    ready_worker,
    running,
    save_jobs,
    save_workers,
    submission,
    submitted,
)
from hodei_infrastructure.embedded.server import EmbeddedPostgres
from hodei_infrastructure.embedded.tuning import Tuning
from hodei_infrastructure.postgres.store import PostgresStore, PostgresTransaction, open_store

pytestmark = pytest.mark.postgres

TERMINATE = (
    "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def terminate_all(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(TERMINATE).fetchone()
        assert row is not None
        return int(row[0])


def blocked(url: str) -> int:
    """How many sessions wait for a lock."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(BLOCKED).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
async def other_store(database_url: str) -> AsyncIterator[PostgresStore]:
    """Another replica on the same database."""
    async with open_store(database_url) as store:
        yield store


async def test_what_one_replica_writes_another_reads(
    postgres_store: PostgresStore, other_store: PostgresStore
) -> None:
    job = await submitted(
        postgres_store.begin, name="ñ", environment={"A": "1"}, resources=Resources(cpu_cores=2)
    )
    [job] = await save_jobs(other_store.begin, job.assign(new_worker_id(), at=T0, score=0.1, reasons=("x",)))
    assert await read_job(postgres_store.begin, job.id) == job
    assert await read_job(other_store.begin, job.id) == job


async def test_classes_of_a_transaction_that_failed_are_sent_again(postgres_store: PostgresStore) -> None:
    first, second = (submission(resources=Resources(gpu=1)) for _ in range(2))
    with pytest.raises(Broken):
        await break_off(postgres_store.begin, lambda tx: tx.jobs.save([first]))
    await save_jobs(postgres_store.begin, second)
    async with postgres_store.begin() as tx:
        assert [waiting.demand for waiting in await tx.queue.waiting(5)] == [second.after.demand]


async def test_a_worker_that_says_nul_does_not_make_an_end_unwritable(postgres_store: PostgresStore) -> None:
    job = await running(postgres_store.begin)
    result = JobResult(reason="exit", exit_code=1, message="a\0b\\u0000c")
    await save_jobs(postgres_store.begin, job.finish(1, result, at=T0))
    kept = await read_job(postgres_store.begin, job.id)
    assert kept.result is not None
    assert kept.result.message == "a\ufffdb\\u0000c"
    change = ready_worker()
    named = evolve(change, after=evolve(change.after, hostname="a\0b", labels={"k\0": "v"}))
    [worker] = await save_workers(postgres_store.begin, named)
    async with postgres_store.begin() as tx:
        assert (await tx.workers.get(worker.id)).hostname == "a\ufffdb"


async def test_a_transaction_is_over_at_its_end(postgres_store: PostgresStore) -> None:
    async with postgres_store.begin() as tx:
        await tx.queue.depth()
    with pytest.raises(RuntimeError, match="over"):
        await tx.queue.depth()


async def test_committing_after_a_refused_save_is_a_mistake_of_the_caller(
    postgres_store: PostgresStore,
) -> None:
    job = await submitted(postgres_store.begin)
    await save_jobs(postgres_store.begin, job.cancel(at=T0))
    new = submission()

    async def shrug() -> None:
        async with postgres_store.begin() as tx:
            await tx.jobs.save([new])
            with pytest.raises(JobChangedMeanwhile):
                await tx.jobs.save([job.assign(new_worker_id(), at=T0)])

    with pytest.raises(RuntimeError, match="refused"):
        await shrug()
    with pytest.raises(JobNotFound):
        await read_job(postgres_store.begin, new.after.id)


async def test_connections_that_died_idle_fail_no_request(
    postgres_store: PostgresStore, database_url: str
) -> None:
    job = await submitted(postgres_store.begin)
    for _ in range(3):
        assert terminate_all(database_url) > 0
        assert await read_job(postgres_store.begin, job.id) == job


async def test_a_connection_that_dies_in_a_transaction_is_unavailability_and_writes_nothing(
    postgres_store: PostgresStore, database_url: str
) -> None:
    new = submission()

    async def be_cut_off() -> None:
        async with postgres_store.begin() as tx:
            await tx.jobs.save([new])
            terminate_all(database_url)
            await tx.queue.depth()

    with pytest.raises(StoreUnavailable) as broken:
        await be_cut_off()
    assert broken.value.kind is Kind.UNAVAILABLE
    for secret in ("SELECT", "job_queue", "hodei_test", "/tmp"):
        assert secret not in str(broken.value)
    await save_jobs(postgres_store.begin, new)  # the same may be repeated


async def test_a_connection_that_dies_before_the_commit_is_unavailability(
    postgres_store: PostgresStore, database_url: str
) -> None:
    new = submission()

    async def be_cut_off() -> None:
        async with postgres_store.begin() as tx:
            await tx.jobs.save([new])
            terminate_all(database_url)

    with pytest.raises(StoreUnavailable):
        await be_cut_off()
    await save_jobs(postgres_store.begin, new)


async def test_a_cancelled_request_gives_its_connection_back_and_writes_nothing(database_url: str) -> None:
    async with open_store(database_url, connections=2) as store:
        job = await submitted(store.begin)
        new = submission()

        async def wait_for_a_lock() -> None:
            async with store.begin() as tx:
                await tx.jobs.save([new])
                await tx.jobs.lock([job.id])

        for _ in range(3):  # more often than there are connections
            async with store.begin() as tx:
                await tx.jobs.lock([job.id])
                waiting = asyncio.create_task(wait_for_a_lock())
                while not blocked(database_url):
                    await asyncio.wait([waiting], timeout=0.01)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
        with pytest.raises(JobNotFound):
            await read_job(store.begin, new.after.id)


async def test_requests_beyond_the_connections_wait_for_one(database_url: str) -> None:
    async with open_store(database_url, connections=2) as store:
        job = await submitted(store.begin)
        assert await asyncio.gather(*(read_job(store.begin, job.id) for _ in range(50))) == [job] * 50


async def test_a_request_that_waits_too_long_for_a_connection_is_refused(database_url: str) -> None:
    async with open_store(database_url, connections=1, timeout=timedelta(seconds=1)) as store:
        job = await submitted(store.begin)
        async with store.begin():
            with pytest.raises(StoreUnavailable):
                await read_job(store.begin, job.id)
        assert await read_job(store.begin, job.id) == job


async def test_a_deadlock_is_unavailability_for_one_and_nothing_for_the_other(
    postgres_store: PostgresStore,
) -> None:
    first, second = await running(postgres_store.begin), await running(postgres_store.begin)
    both = asyncio.Barrier(2)

    async def lock(*ids: object) -> None:
        async with postgres_store.begin() as tx:
            await tx.jobs.lock([ids[0]])  # type: ignore[list-item]  # against the rules, one by one
            await both.wait()
            await tx.jobs.lock([ids[1]])  # type: ignore[list-item]

    found = await asyncio.gather(lock(first.id, second.id), lock(second.id, first.id), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in found) == ["NoneType", "StoreClash"]


async def test_leases_and_leaders_go_by_the_databases_clock(postgres_store: PostgresStore) -> None:
    worker = new_worker_id()
    async with postgres_store.begin() as tx:
        await tx.jobs.save([submission(at=T0 - 1000 * MINUTE).then(lambda j: j.assign(worker, at=T0))])
    async with postgres_store.begin() as tx:
        assert await tx.leases.expired(1) == []
        assert await tx.leases.renew([worker], -MINUTE) == 1
    async with postgres_store.begin() as tx:
        assert len(await tx.leases.expired(1)) == 1


async def test_an_unknown_job_is_not_found_by_its_id(postgres_store: PostgresStore) -> None:
    id = new_job_id()
    with pytest.raises(JobNotFound, match=str(id)):
        await read_job(postgres_store.begin, id)


async def test_a_start_waits_for_a_database_that_is_down_and_says_so_once(
    tmp_path: Path, postgres_store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    server = EmbeddedPostgres(tmp_path, Tuning(fast=True))
    url = await asyncio.to_thread(server.start)
    socket_dir = Path(url.split("host=")[1].split("&")[0])
    away = socket_dir.with_name(socket_dir.name + "-away")
    socket_dir.rename(away)  # nobody answers where the URL points
    caplog.set_level(logging.INFO, logger="hodei.postgres")
    opened = asyncio.Event()

    async def start() -> PostgresTransaction:
        async with open_store(url) as store, store.begin() as tx:
            assert await tx.queue.depth() == 0
            opened.set()
            return tx

    try:
        starting = asyncio.create_task(start())
        while not caplog.records:
            await asyncio.wait([starting], timeout=0.01)
        assert not opened.is_set()
        away.rename(socket_dir)
        await starting
    finally:
        await asyncio.to_thread(server.stop)
    said = [record.getMessage() for record in caplog.records if record.name == "hodei.postgres"]
    assert said == ["waiting for the database", "the database is there"]


async def test_a_store_lives_through_a_restart_of_its_database(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, Tuning())
    url = await asyncio.to_thread(server.start)
    try:
        async with open_store(url) as store:
            job = await submitted(store.begin)
            assert server.pid is not None
            before = server.pid
            os.kill(before, signal.SIGKILL)
            while True:  # while it is away requests wait, or are refused as unavailable and nothing else
                try:
                    if await read_job(store.begin, job.id) == job and server.pid not in (None, before):
                        break
                except StoreUnavailable:
                    continue
    finally:
        await asyncio.to_thread(server.stop)
