"""What must never happen is refused by the database itself, whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from hodei_domain.jobs.errors import JobChangedMeanwhile
from hodei_domain.testing.making import (
    SUCCESS,
    T0,
    new_worker,
    new_worker_id,
    running,
    save_jobs,
    submitted,
)
from hodei_infrastructure.postgres.store import PostgresStore

pytestmark = pytest.mark.postgres

Sql = Callable[[str], int]


@pytest.fixture
def sql(database_url: str) -> Sql:
    def run(text: str) -> int:
        with psycopg.connect(database_url, autocommit=True) as connection:
            return connection.execute(text.encode()).rowcount

    return run


@pytest.mark.parametrize(
    "change",
    [
        "state = 'QUEUED'",
        "state = 'RUNNING'",  # without a start
        "state = 'SUCCEEDED'",  # without completed_at
        "completed_at = now()",  # without an end
        "state = 'FAILED', completed_at = now()",  # without a result
        "state = 'SCHEDULED', attempt = 0",
        "attempt = 1",  # of which nothing is known
        "priority = 4",
        "version = 0",
        "deadline_at = now()",  # of no clock
    ],
)
async def test_a_job_cannot_contradict_itself(postgres_store: PostgresStore, sql: Sql, change: str) -> None:
    await submitted(postgres_store.begin)
    with pytest.raises(psycopg.errors.CheckViolation):
        sql(f"UPDATE jobs SET {change}")


async def test_a_running_job_cannot_be_held(postgres_store: PostgresStore, sql: Sql) -> None:
    await running(postgres_store.begin)
    with pytest.raises(psycopg.errors.CheckViolation):
        sql("UPDATE jobs SET held = true")


async def test_an_end_absorbs_whatever_is_tried(postgres_store: PostgresStore, sql: Sql) -> None:
    job = await running(postgres_store.begin)
    await save_jobs(postgres_store.begin, job.finish(1, SUCCESS, at=T0))
    for move in (
        "state = 'RUNNING', completed_at = NULL, result = NULL",
        "state = 'FAILED'",
        "state = 'PENDING', completed_at = NULL, result = NULL, attempt = 0, current_attempt = NULL",
    ):
        with pytest.raises(psycopg.errors.CheckViolation, match="has ended SUCCEEDED"):
            sql(f"UPDATE jobs SET {move}")
    assert sql("UPDATE jobs SET name = 'renamed'") == 1


async def test_only_jobs_are_queued(sql: Sql) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        sql(
            "INSERT INTO job_queue VALUES (gen_random_uuid(), 'x', 1, 0, '', now(), now(), NULL)",
        )


async def test_a_job_has_one_live_attempt(postgres_store: PostgresStore, sql: Sql) -> None:
    job = await running(postgres_store.begin)
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql(f"INSERT INTO job_leases VALUES ('{job.id}', 2, gen_random_uuid(), now())")


async def test_a_worker_has_one_live_attempt_and_the_second_is_refused_as_outdated(
    postgres_store: PostgresStore,
) -> None:
    worker = new_worker_id()
    first = await running(postgres_store.begin, worker)
    second = await submitted(postgres_store.begin)
    with pytest.raises(JobChangedMeanwhile, match="holds another attempt"):
        await save_jobs(postgres_store.begin, second.assign(worker, at=T0))
    await save_jobs(postgres_store.begin, first.finish(1, SUCCESS, at=T0))
    await save_jobs(postgres_store.begin, second.assign(worker, at=T0))


async def test_a_job_and_its_successor_can_change_workers_in_one_transaction(
    postgres_store: PostgresStore,
) -> None:
    worker = new_worker_id()
    first = await running(postgres_store.begin, worker)
    second = await submitted(postgres_store.begin)
    async with postgres_store.begin() as tx:
        await tx.jobs.save([first.finish(1, SUCCESS, at=T0)])
        await tx.jobs.save([second.assign(worker, at=T0)])


async def test_an_attempts_end_is_written_once(postgres_store: PostgresStore, sql: Sql) -> None:
    job = await running(postgres_store.begin)
    await save_jobs(postgres_store.begin, job.finish(1, SUCCESS, at=T0))
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql(
            "INSERT INTO job_attempts SELECT job_id, attempt, worker_id, assigned_at, started_at, ended_at, "
            "1, 'signal', document FROM job_attempts"
        )


async def test_an_entry_of_output_is_stored_once(sql: Sql) -> None:
    chunk = "INSERT INTO job_log_chunks VALUES ('{}', 1, 0, 1, 0, {}, 0, 0, '', 'a')"
    job = "00000000-0000-7000-8000-000000000000"
    sql(chunk.format(job, 1))
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql(chunk.format(job, 1))
    with pytest.raises(psycopg.errors.CheckViolation):
        sql(chunk.format(job.replace("7", "8", 1), 2))  # more bytes than there are


@pytest.mark.parametrize(
    "change",
    [
        "state = 'GONE'",
        "state = 'BUSY'",  # with nothing
        "state = 'TERMINATED'",  # without an end
        "ended_at = now()",
        "job_id = gen_random_uuid()",  # without an attempt
        "connected = true",  # without having registered
    ],
)
async def test_a_worker_cannot_contradict_itself(
    postgres_store: PostgresStore, sql: Sql, change: str
) -> None:
    async with postgres_store.begin() as tx:
        await tx.workers.save([new_worker()])
    with pytest.raises(psycopg.errors.CheckViolation):
        sql(f"UPDATE workers SET {change}")
