"""With a long history the statements on the hot paths still touch a handful of rows, all found by an index.

The statements are planned on an empty database first, as on a fresh server whose tables then grow: the plans
that were made then must not turn into scans.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from attrs import define, evolve, field
from hodei_domain.audit.record import AuditFilter
from hodei_domain.jobs.job import Job, JobState
from hodei_domain.jobs.reference import JobReference
from hodei_domain.jobs.views import JobFilter
from hodei_domain.kernel.demand import ANY
from hodei_domain.kernel.ids import JobId, ProviderId, WorkerId
from hodei_domain.logs.chunk import LogChunk, Run, pack_runs
from hodei_domain.testing.making import (
    MINUTE,
    SUCCESS,
    new_job_id,
    new_worker_id,
    ready_worker,
    save_jobs,
    submission,
)
from hodei_domain.testing.stores import Begin
from hodei_domain.workers.ports import WorkerFilter
from hodei_infrastructure.postgres import connections, job_views
from hodei_infrastructure.postgres.connection import Connection
from hodei_infrastructure.postgres.documents import to_json
from hodei_infrastructure.postgres.store import open_store

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

NOW = datetime.now(UTC)
FILLING = (
    (Path(__file__).with_name("filling.sql"))
    .read_text()
    .replace("DEMAND_KEY", ANY.key)
    .replace("DEMAND_DOCUMENT", to_json(ANY.to_json()).decode())
)
PAGES = (
    JobFilter(),
    JobFilter(states=frozenset({JobState.FAILED})),
    JobFilter(states=frozenset({JobState.PENDING})),
    JobFilter(states=frozenset({JobState.RUNNING, JobState.SUCCEEDED})),
    JobFilter(queued_by="owner-7"),
    JobFilter(labels={"team": "red"}),
    JobFilter(tags=("nightly",), since=NOW - timedelta(days=365), counted=False),
    JobFilter(tags=("nightly",), labels={"team": "red"}),
)
EXPLAIN = (
    "LOAD 'auto_explain'",
    "SET auto_explain.log_min_duration = 0",
    "SET auto_explain.log_analyze = on",
    "SET auto_explain.log_timing = off",
    "SET auto_explain.log_format = json",
    "SET client_min_messages = log",
)
SMALL = {"job_leases"}  # no more rows than there are busy workers
HANDFUL = 1200  # a claim looks at up to 256 rows more than it takes, a page holds up to 50


@define
class Plans:
    """What Postgres said of the statements that it ran."""

    said: list[dict[str, Any]] = field(factory=list)

    def note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        found = re.search(r"\{.*\}", diagnostic.message_primary or "", re.DOTALL)
        if found:
            self.said.append(json.loads(found[0]))

    def judge(self, most: int = HANDFUL) -> None:
        """Every row came by an index, and there were few."""
        assert self.said
        for plan in self.said:
            for node in nodes(plan["Plan"]):
                touched = (node["Actual Rows"] + removed(node)) * node["Actual Loops"]
                what = f"{node['Node Type']} on {node.get('Relation Name')} in {plan['Query Text'][:300]}"
                assert touched <= most, f"{touched:.0f} rows by {what}"
                assert node["Node Type"] != "Seq Scan" or node["Relation Name"] in SMALL, what


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def removed(node: dict[str, Any]) -> float:
    return sum(float(value) for name, value in node.items() if name.startswith("Rows Removed by"))


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    noted = Plans()
    set_up = connections.set_up

    async def explain_too(connection: Connection, answers_within_s: float) -> None:
        await set_up(connection, answers_within_s)
        for statement in EXPLAIN:
            await connection.execute(statement)
        connection.add_notice_handler(noted.note)

    monkeypatch.setattr(connections, "set_up", explain_too)
    return noted


async def life_of_jobs(begin: Begin) -> list[Job]:
    """Everything that happens to a few jobs and their workers, in the statements of the use cases."""
    workers = [ready_worker(NOW) for _ in range(3)]
    async with begin() as tx:
        await tx.workers.save(workers)
    await save_jobs(begin, *(submission(NOW, idempotency_key=str(new_job_id())) for _ in range(3)))
    async with begin() as tx:
        found = await tx.queue.claim([ANY.key, "another"], 3)
        jobs = [job.assign(w.after.id, at=NOW) for job, w in zip(found, workers, strict=True)]
        await tx.jobs.save(jobs)
        await tx.workers.save(
            [w.after.take(j.after.id, 1, at=NOW) for w, j in zip(workers, jobs, strict=True)]
        )
    async with begin() as tx:
        held = list((await tx.jobs.lock([job.after.id for job in jobs])).values())
        await tx.logs.append([chunk_of(job.id) for job in held])
        await tx.jobs.save([job.start(1, at=NOW) for job in held])
    async with begin() as tx:
        held = list((await tx.jobs.lock([job.after.id for job in jobs])).values())
        await tx.logs.append([chunk_of(job.id) for job in held])
        await tx.jobs.save([job.finish(1, SUCCESS, at=NOW) for job in held])
        busy = (await tx.workers.lock([w.after.id for w in workers])).values()
        await tx.workers.save([worker.free(at=NOW) for worker in busy])
    return held


async def upkeep(begin: Begin, workers: list[WorkerId]) -> None:
    """What the loops ask again and again."""
    async with begin() as tx:
        await tx.queue.waiting(10)
        await tx.queue.lowest_turns()
        await tx.queue.last_turns(["owner-1", "nobody"])
        await tx.leases.renew(workers, MINUTE)
        await tx.leases.expired(100)
        await tx.clocks.overdue(NOW)
        await tx.clocks.next_overdue(NOW)
        await tx.workers.record_heartbeats(workers)
        await tx.workers.live()
        await tx.workers.list_workers(WorkerFilter(limit=20))
        await tx.audit.prune(NOW - timedelta(days=365), 1000)
        place = await tx.history.weigh(None, 100)
        await tx.history.weigh(place, 100)
        old = await tx.history.outputs(NOW + timedelta(days=365), 10)
        await tx.history.outputs(None, 10)
        await tx.history.drop_output([each.job_id for each in old], 5)
        await tx.history.ended(NOW - timedelta(days=365), 10)
        await tx.history.forget(await tx.history.ended(None, 5))
        await tx.history.forget_workers(NOW - timedelta(days=365), 10)
        await tx.history.forget_passwords(NOW - timedelta(days=365), 10)
        await tx.leaders.acquire("reaper", "me", MINUTE)


def chunk_of(job_id: JobId) -> LogChunk:
    runs = pack_runs([Run(0, 1, 0, 2)])
    return LogChunk(
        job_id=job_id,
        attempt=1,
        first_sequence=0,
        lines=1,
        first_offset=0,
        base_time_us=0,
        runs=runs,
        data=b"a\n",
    )


async def reading(begin: Begin, job: Job) -> None:
    """What people ask for, without the totals of a page."""
    async with begin() as tx:
        await tx.jobs.get(job.id)
        await tx.jobs.by_idempotency([job.key or ("", "")])
        await tx.job_views.attempts(job.id)
        await tx.audit.by_correlation(str(job.id))
        await tx.logs.read(job.id, 1, 100)
        await tx.logs.tail_start(job.id, 10)
        next = int((await tx.audit.news(None, 0)).mark.split(":")[1])
        await tx.audit.news(f"{next}:{next}:", 100)
        await tx.audit.news(f"{next - 1}:{next}:{next - 1}", 100)  # when one transaction was still open


def fill(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SET synchronous_commit = on"
        )  # else the rows are not known as committed for a while
        connection.execute(FILLING.encode())


async def test_a_long_history_and_a_long_queue_slow_no_hot_statement_down(
    database_url: str, plans: Plans
) -> None:
    async with open_store(database_url, connections=1) as store:
        workers = [new_worker_id()]
        for job in await life_of_jobs(store.begin):
            await reading(store.begin, job)
        await upkeep(store.begin, workers)
        fill(database_url)
        plans.said.clear()
        ended = await life_of_jobs(store.begin)
        await upkeep(store.begin, workers)
        await reading(store.begin, ended[0])
        plans.judge()


async def test_pages_are_read_from_their_cursor_on(database_url: str, plans: Plans) -> None:
    fill(database_url)
    async with open_store(database_url, connections=1) as store:
        for asked in PAGES:
            async with store.begin() as tx:
                first = await tx.job_views.list_jobs(asked)
                assert first.next_cursor is not None
                await tx.job_views.list_jobs(evolve(asked, cursor=first.next_cursor))
        async with store.begin() as tx:
            assert len((await tx.audit.list(AuditFilter(limit=20))).records) == 20
            assert (await tx.audit.list(AuditFilter(event_types=("ProviderRemoved",)))).records == []
        # How many match in all is another question, see below.
        plans.said = [plan for plan in plans.said if "count(*)" not in plan["Query Text"]]
        plans.judge()


@pytest.mark.parametrize(
    "asked",
    [
        JobFilter(search="no such name", counted=False),
        JobFilter(provider_id=ProviderId(UUID(int=1)), counted=False),
        JobFilter(search="no such name", queued_by="owner-7", counted=False),
        JobFilter(search="no such name", labels={"team": "red"}, counted=False),
        JobFilter(tags=("nightly", "no such tag"), counted=False),
    ],
)
async def test_pages_of_jobs_that_no_index_finds_look_at_so_many_at_a_time(
    database_url: str, plans: Plans, monkeypatch: pytest.MonkeyPatch, asked: JobFilter
) -> None:
    monkeypatch.setattr(job_views, "LOOKS", 400)
    fill(database_url)
    async with open_store(database_url, connections=1) as store, store.begin() as tx:
        first = await tx.job_views.list_jobs(asked)
        assert first.next_cursor is not None
        await tx.job_views.list_jobs(evolve(asked, cursor=first.next_cursor))
        plans.judge()


async def test_a_job_that_is_referred_to_is_found_by_index(database_url: str, plans: Plans) -> None:
    fill(database_url)
    async with open_store(database_url, connections=1) as store, store.begin() as tx:
        for text in ("job 4711", "0192f3c4", "dead", "facade00", str(new_job_id())):
            await tx.job_views.referred(JobReference(text), 20)
        assert len(await tx.job_views.referred(JobReference("job 4711"), 20)) == 1
        plans.judge()


async def test_jobs_are_counted_by_index_alone(database_url: str, plans: Plans) -> None:
    fill(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) jobs")  # as autovacuum does in time
    async with open_store(database_url, connections=1) as store, store.begin() as tx:
        counts = await tx.job_views.counts()
        assert (counts[JobState.PENDING], counts[JobState.FAILED]) == (25000, 3000)
        assert (await tx.job_views.list_jobs(JobFilter())).total == 85000
    for plan in plans.said:
        scans = [node for node in nodes(plan["Plan"]) if node.get("Relation Name") == "jobs"]
        for node in scans:
            assert node["Node Type"] == "Index Only Scan" or node["Actual Rows"] <= HANDFUL, node
