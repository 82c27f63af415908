"""The SQL that the documentation gives people, as it is written there, gives right answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId
from hodei_domain.testing.making import (
    FAILURE,
    SECOND,
    SUCCESS,
    new_job_id,
    new_worker_id,
    save_jobs,
    spec,
)
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.worker import Worker
from hodei_infrastructure.postgres.store import PostgresStore

pytestmark = pytest.mark.postgres

NOW = datetime.now(UTC)

LATEST_EVENTS = """
SELECT occurred_at, event_type, actor, payload
FROM audit_logs
ORDER BY occurred_at DESC
LIMIT 10;
"""
LIFE_OF_A_JOB = """
SELECT occurred_at, event_type, payload
FROM audit_logs
WHERE correlation_id = 'JOB_ID_AQUI'
ORDER BY occurred_at ASC;
"""
STATISTICS = """
SELECT event_type, COUNT(*) as total
FROM audit_logs
GROUP BY event_type
ORDER BY total DESC;
"""
ORPHANS = """
-- Buscar jobs huérfanos (creados hace más de 5 min sin asignar)
SELECT * FROM audit_logs
WHERE event_type = 'JobCreated'
AND occurred_at < NOW() - INTERVAL '5 minutes'
AND correlation_id NOT IN (
    SELECT correlation_id FROM audit_logs WHERE event_type = 'JobAssigned'
);
"""
NEWEST_WORKERS = """
SELECT id, state, created_at FROM workers
ORDER BY created_at DESC LIMIT 5;
"""
NEWEST_JOBS = """
SELECT id, state, started_at, completed_at
FROM jobs ORDER BY created_at DESC LIMIT 2;
"""
STATES = "SELECT id, state FROM jobs ORDER BY created_at DESC LIMIT 3;"
PHANTOMS = "DELETE FROM workers WHERE last_heartbeat < NOW() - INTERVAL '1 minute';"


class Psql:
    """Sends text as psql does, without parameters."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, text: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]


@pytest.fixture
def psql(database_url: str) -> Psql:
    return Psql(database_url)


async def submitted(store: PostgresStore, at: datetime) -> Job:
    [job] = await save_jobs(store.begin, Job.submit(new_job_id(), spec(), at=at, queued_by="ana"))
    return job


async def ended(store: PostgresStore, at: datetime, *, well: bool = True) -> Job:
    job = await submitted(store, at)
    for move in (
        job.assign(new_worker_id(), at=at + SECOND)
        .then(lambda j: j.start(1, at=at + 2 * SECOND))
        .then(lambda j: j.finish(1, SUCCESS if well else FAILURE, at=at + 3 * SECOND)),
    ):
        [job] = await save_jobs(store.begin, move)
    return job


async def ready_worker(store: PostgresStore, at: datetime) -> Worker:
    change = (
        Worker.provision(new_worker_id(), at=at)
        .then(lambda w: w.register(WorkerInfo(hostname="here"), at=at))
        .then(lambda w: w.bind(at=at))
    )
    async with store.begin() as tx:
        await tx.workers.save([change])
    return change.after


async def test_the_latest_events_come_first_with_their_payload(
    postgres_store: PostgresStore, psql: Psql
) -> None:
    await ended(postgres_store, NOW)
    found = psql(LATEST_EVENTS)
    assert [row[1] for row in found] == ["JobStatusChanged", "JobStatusChanged", "JobAssigned", "JobCreated"]
    assert found[-1][2] == "ana"
    payload = found[0][3]
    assert isinstance(payload, dict)
    assert payload["new_state"] == "SUCCEEDED"


async def test_the_life_of_a_job_is_told_in_order(postgres_store: PostgresStore, psql: Psql) -> None:
    job = await ended(postgres_store, NOW)
    await ended(postgres_store, NOW)
    found = psql(LIFE_OF_A_JOB.replace("JOB_ID_AQUI", str(job.id)))
    assert [row[1] for row in found] == ["JobCreated", "JobAssigned", "JobStatusChanged", "JobStatusChanged"]
    moves = [(row[2]["old_state"], row[2]["new_state"]) for row in found[2:] if isinstance(row[2], dict)]
    assert moves == [("SCHEDULED", "RUNNING"), ("RUNNING", "SUCCEEDED")]


async def test_events_are_counted_by_type(postgres_store: PostgresStore, psql: Psql) -> None:
    await ended(postgres_store, NOW)
    await submitted(postgres_store, NOW)
    assert dict(psql(STATISTICS)) == {"JobCreated": 2, "JobAssigned": 1, "JobStatusChanged": 2}


async def test_orphans_are_the_old_jobs_that_nobody_took(postgres_store: PostgresStore, psql: Psql) -> None:
    long_ago = NOW - timedelta(minutes=10)
    orphan = await submitted(postgres_store, long_ago)
    await ended(postgres_store, long_ago)
    await submitted(postgres_store, datetime.now(UTC))  # NOW may be long ago when all tests run
    [found] = psql(ORPHANS)
    assert str(orphan.id) in found
    assert "JobCreated" in found


async def test_the_newest_jobs_show_their_state_and_times(postgres_store: PostgresStore, psql: Psql) -> None:
    await submitted(postgres_store, NOW - timedelta(minutes=1))
    failed = await ended(postgres_store, NOW, well=False)
    waiting = await submitted(postgres_store, NOW + SECOND)
    assert psql(NEWEST_JOBS) == [
        (waiting.id, "PENDING", None, None),
        (failed.id, "FAILED", failed.started_at, failed.completed_at),
    ]
    assert [row[1] for row in psql(STATES)] == ["PENDING", "FAILED", "PENDING"]


async def test_the_newest_workers_show_their_state(postgres_store: PostgresStore, psql: Psql) -> None:
    old = await ready_worker(postgres_store, NOW)
    new = Worker.provision(new_worker_id(), at=NOW + SECOND)
    async with postgres_store.begin() as tx:
        await tx.workers.save([new])
    assert psql(NEWEST_WORKERS) == [
        (new.after.id, "CREATING", new.after.created_at),
        (old.id, "READY", old.created_at),
    ]


async def test_phantoms_can_be_deleted_and_our_books_stand_it(
    postgres_store: PostgresStore, psql: Psql
) -> None:
    phantom, other = await ready_worker(postgres_store, NOW), await ready_worker(postgres_store, NOW)
    job = await submitted(postgres_store, NOW)
    [held] = await save_jobs(postgres_store.begin, job.assign(phantom.id, at=NOW))
    async with postgres_store.begin() as tx:
        await tx.workers.save([phantom.take(JobId(job.id), 1, at=NOW)])
        await tx.workers.record_heartbeats([phantom.id, other.id])
    assert psql(PHANTOMS) == [(0,)]
    psql(f"UPDATE workers SET last_heartbeat = now() - interval '2 minutes' WHERE id = '{phantom.id}'")
    assert psql(PHANTOMS) == [(1,)]
    async with postgres_store.begin() as tx:
        assert [worker.id for worker in await tx.workers.live()] == [other.id]
        assert await tx.workers.lock([phantom.id]) == {}
        assert await tx.leases.renew([phantom.id], timedelta(0)) == 1
    async with postgres_store.begin() as tx:
        [lost] = await tx.leases.expired(10)
        await tx.jobs.save([held.lose(lost.attempt, at=NOW, why="its worker is gone")])
        assert [j.id for j in await tx.queue.claim([job.demand.key], 1)] == [job.id]


async def test_a_deleted_workers_secrets_go_with_it(postgres_store: PostgresStore, psql: Psql) -> None:
    worker = await ready_worker(postgres_store, NOW)
    psql(f"INSERT INTO worker_sessions VALUES ('{worker.id}', decode(repeat('00', 32), 'hex'), now())")
    psql(f"UPDATE workers SET last_heartbeat = now() - interval '2 minutes' WHERE id = '{worker.id}'")
    psql(PHANTOMS)
    async with postgres_store.begin() as tx:
        assert await tx.sessions.get(worker.id) is None
