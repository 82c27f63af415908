"""Each part of a benchmark once, with counts too small for figures: it runs, measures something and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from benchmarks import f3_round_trip, f4_jobs_per_second, f6_log_lines, f11_rest, limits
from benchmarks.core import core
from benchmarks.history import fill
from benchmarks.http_load import site
from benchmarks.options import Options
from benchmarks.peers.measure import jobs_per_second, round_trips, submissions
from benchmarks.peers.peer import Peer
from benchmarks.peers.work import PEERS
from benchmarks.postgres import Postgres, postgres
from benchmarks.stack import stack_on

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncIterator[Postgres]:
    async with postgres(Options()) as server:
        yield server


async def test_every_limit_is_measured(server: Postgres) -> None:
    rows = await limits.measure(server, scale=0.01)
    assert all(row.summary.least > 0 for row in rows)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: type(peer).__name__)
async def test_a_peer_submits_and_ends_jobs(peer: Peer, server: Postgres) -> None:
    rows = [
        await submissions(peer, server, count=5, rate=500),
        await round_trips(peer, server, count=3),
        await jobs_per_second(peer, server, 20, body="nothing", batch=10),
    ]
    assert all(row.summary.least > 0 for row in rows)


async def test_history_is_copied_with_everything_that_belongs_to_a_job(server: Postgres) -> None:
    async with server.database("smoke_core") as url:
        async with core(url, batch=10) as alone:
            assert await alone.run(30) > 0
        assert await fill(url, 100) == 130
        async with await psycopg.AsyncConnection.connect(url) as connection:
            counts = await connection.execute(
                "SELECT (SELECT count(*) FROM jobs JOIN job_specs ON job_id = id "
                "JOIN job_attempts USING (job_id)), "
                "(SELECT count(DISTINCT correlation_id) FROM audit_logs), (SELECT count(*) FROM audit_logs)"
            )
            assert await counts.fetchone() == (130, 130, 4 * 130)


async def test_the_platform_runs_jobs_and_its_output_arrives_whole(server: Postgres) -> None:
    async with server.database("smoke") as url, stack_on(url, Options(workers=2)) as stack:
        tiny = Options(count=3)
        rows = [
            *await f3_round_trip.measure(stack, tiny),
            *await f4_jobs_per_second.measure(stack, tiny),
            *await f6_log_lines.measure(stack, Options(count=1000)),
        ]
    assert all(row.summary.least > 0 for row in rows)


async def test_a_bare_server_answers_so_many_requests_a_second() -> None:
    async with site("benchmarks.hello") as bare:
        load = await bare.load("/", 40, 4)
    assert len(load.times_ms) == 40
    assert load.per_second > 0


async def test_rest_is_asked_on_a_database_with_jobs(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f11_rest, "REQUESTS", 20)
    monkeypatch.setattr(f11_rest, "PAGES", 3)
    async with server.database("smoke_rest") as url:
        async with core(url, batch=10) as alone:
            await alone.run(30)
        rows = [*await f11_rest._requests(url), *await f11_rest._lists(url)]
    assert all(row.summary.least > 0 for row in rows)
