"""Workers that cannot be reached: the job's policy decides, wishes are kept, and nothing is told twice."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hodei_proto.wire import hodei

from faults.by_hand import SETTINGS, HandAgent
from faults.desk import Desk, until
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LONG = os.environ.get("HODEI_TEST_LONG") == "1"
LEASE = {"HODEI_LEASE": "6s"}
LOST_WITHIN = 70.0  # the lease, and the 30 s after a start in which silence proves nothing
SAYS = "echo attempt $HODEI_ATTEMPT begins; sleep {seconds}; echo attempt $HODEI_ATTEMPT ends"

Make = Callable[..., HandAgent]


@pytest.fixture
async def bare(need_postgres: None) -> AsyncIterator[System]:
    """A server without workers; tests bring theirs."""
    async with system(1, {**SETTINGS, **LEASE}) as found:
        yield found


@pytest.fixture
async def provided(need_postgres: None) -> AsyncIterator[System]:
    """A server that makes its workers."""
    async with system(1) as found:
        yield found


@pytest.fixture
def agent(bare: System) -> Iterator[Make]:
    """Starts agents by hand."""
    with ExitStack() as stack:

        def make(name: str, **options: Any) -> HandAgent:
            made = HandAgent(bare, name, **options)
            stack.callback(made.close)
            return made

        yield make


async def count(found: System, query: str) -> int:
    return int((await found.rows(query))[0][0])


async def ready(found: System, workers: int) -> None:
    async def there() -> bool:
        query = "SELECT count(*) FROM workers WHERE connected AND ended_at IS NULL"
        return await count(found, query) == workers

    await until(there)


async def attempts(found: System, job: str) -> list[tuple[int, str]]:
    """The attempts of a job that ended, each with the reason."""
    rows = await found.rows(
        "SELECT attempt, reason FROM job_attempts WHERE job_id::text = %s ORDER BY attempt", job
    )
    return [(int(number), str(reason)) for number, reason in rows]


@pytest.mark.skipif(not LONG, reason="HODEI_TEST_LONG=1 has it run; test_leases.py has a quicker one")
async def test_a_worker_that_is_frozen_for_longer_than_its_lease_is_superseded(
    bare: System, agent: Make
) -> None:
    slow = agent("slow")
    await ready(bare, 1)
    async with Desk(bare, bare.replicas[0]) as desk:
        job = await desk.queue("/bin/sh", "-c", SAYS.format(seconds=2))
        await desk.until(job, "RUNNING")

        async def has_begun() -> bool:
            return await count(bare, "SELECT count(*) FROM job_log_chunks") > 0

        await until(has_begun)
        slow.freeze()
        agent("fast")
        since = time.monotonic()

        async def is_over() -> bool:
            return (await desk.job(job)).state == "SUCCEEDED"

        await until(is_over, LOST_WITHIN)
        print(f"given to another worker and over after {time.monotonic() - since:.1f} s")
        slow.thaw()  # its job has long ended; it wants to tell

        async def knows() -> bool:
            # It is told, or knows by its own clock that its lease is over.
            return any(
                word in slow.log.read_text() for word in ("superseded", "refused", "Giving up", "lease")
            )

        await until(knows, 30)
        assert await attempts(bare, job) == [(1, "worker-lost"), (2, "exit")]
        assert (await desk.job(job)).attempt == 2
        text = b"".join([each async for each in desk.output(job)]).decode()
        assert text == "attempt 1 begins\nattempt 2 begins\nattempt 2 ends\n"


async def test_a_cancel_is_carried_out_when_the_worker_comes_back(bare: System, agent: Make) -> None:
    agent("away")
    await ready(bare, 1)
    async with Desk(bare, bare.replicas[0]) as desk:
        job = await desk.queue("sleep", "600")
        await desk.until(job, "RUNNING")
        bare.replicas[0].proxy.hold()
        await desk.cancel(job)
        assert (await desk.job(job)).cancel_requested
        bare.replicas[0].proxy.cut()
        bare.replicas[0].proxy.release()
        asked = time.monotonic()
        done = await desk.until(job, "CANCELLED")
        assert done.reason == "cancelled"
        assert time.monotonic() - asked < 10
        assert await attempts(bare, job) == [(1, "cancelled")]


async def test_a_cancel_ends_the_job_within_grace_and_bound_when_the_worker_does_not_come_back(
    provided: System,
) -> None:
    async with Desk(provided, provided.replicas[0]) as desk:
        grace = hodei.TimeoutConfig(cleanup_timeout=timedelta(seconds=1))
        job = await desk.queue("sleep", "600", timeout=grace)
        await desk.until(job, "RUNNING")
        provided.replicas[0].proxy.hold()
        asked = time.monotonic()
        await desk.cancel(job)
        assert (await desk.until(job, "CANCELLED")).state == "CANCELLED"
        took = time.monotonic() - asked
        print(f"cancelled {took:.1f} s after it was asked, with 1 s of grace and a bound of 5 s")
        assert took < 1 + 5 + 10, "grace, bound, and until somebody looks"
        worker = (await desk.job(job)).worker_id

        async def is_gone() -> bool:
            return worker not in provided.agents()

        await until(is_gone, 30)


@pytest.fixture
def small_disk(bare: System) -> Iterator[Path]:
    """A disk of 2 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount the small disk")
    place = bare.place / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", "size=2m", "hodei-test", place), capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(("umount", "--lazy", place), check=True)


async def test_a_full_disk_of_the_agent_costs_no_job_and_no_output_without_a_mark(
    bare: System, small_disk: Path, agent: Make
) -> None:
    lines = 3_000_000  # 23 MB, ten times the disk
    worker = agent("small", directory=small_disk)
    await ready(bare, 1)
    async with Desk(bare, bare.replicas[0]) as desk:
        job = await desk.queue("/bin/sh", "-c", f"sleep 1; seq 1 {lines}")
        await desk.until(job, "RUNNING")
    await bare.replicas[0].kill()

    async def is_full() -> bool:
        space = os.statvfs(small_disk)
        return space.f_bavail * space.f_frsize < 200_000

    filled = True
    try:
        await until(is_full, 15)
    except TimeoutError:  # it noticed in time
        filled = False
    print(f"the disk was {'' if filled else 'not '}filled")
    await bare.replicas[0].start()
    async with Desk(bare, bare.replicas[0]) as desk:
        done = await desk.until(job, "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
        assert (done.state, done.attempt) == ("SUCCEEDED", 1), worker.log.read_text()
        text = b"".join([each async for each in desk.output(job)])
    lost = await count(bare, "SELECT sum(gap_bytes) FROM job_log_chunks")
    whole = b"".join(b"%d\n" % n for n in range(1, lines + 1))
    assert len(text) + lost == len(whole)
    if not lost:
        assert text == whole
