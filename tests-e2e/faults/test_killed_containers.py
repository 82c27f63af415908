"""Containers that somebody kills by hand, while they work: `docker kill`, as an operator or a machine's
out-of-memory killer would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from faults.desk import Desk, until
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.docker]

IMAGE = "hodei-test/busybox:1"
JOBS, WORKERS, KILLS = 4, 2, 3
LINES = 15
SCRIPT = f"i=0; while [ $i -lt {LINES} ]; do i=$((i + 1)); echo $HODEI_ATTEMPT $i; sleep 0.1; done"
AT_WORK = "SELECT id::text, job_id::text, attempt FROM workers WHERE state = 'BUSY' AND connected"


@pytest.fixture
async def containers(need_postgres: None, need_images: Callable[..., None]) -> AsyncIterator[System]:
    """A server whose workers are containers."""
    need_images(IMAGE)
    settings = {
        "HODEI_PROCESS_ENABLED": "0",
        "HODEI_DOCKER_ENABLED": "1",
        "HODEI_DOCKER_MAX_WORKERS": str(WORKERS),
        "HODEI_WORKER_IDLE_TTL": "1s",
    }
    async with system(1, settings) as found:
        yield found


async def docker(*arguments: str) -> str:
    """Run it; what it printed."""
    process = await asyncio.create_subprocess_exec(
        "docker", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    return printed.decode()


async def kill_one(containers: System, killed: list[tuple[str, int]]) -> None:
    """The first worker whose job runs and was not hit yet."""
    chosen: list[tuple[str, str, int]] = []

    async def is_there() -> bool:
        running = await containers.rows(f"{AT_WORK} ORDER BY changed_at")
        chosen[:] = [(w, job, attempt) for w, job, attempt in running if (job, attempt) not in killed]
        return bool(chosen)

    await until(is_there)
    worker, job, attempt = chosen[0]
    await docker("kill", f"hodei-worker-{worker}")
    killed.append((job, attempt))


async def test_the_jobs_of_containers_that_are_killed_run_again_and_those_of_others_do_not(
    containers: System,
) -> None:
    killed: list[tuple[str, int]] = []
    async with Desk(containers, containers.replicas[0]) as desk:
        jobs = [await desk.queue("/bin/sh", "-c", SCRIPT, image=IMAGE) for _ in range(JOBS)]
        for _ in range(KILLS):
            await kill_one(containers, killed)
        for job in jobs:
            done = await desk.until(job, "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
            hit = {attempt for id, attempt in killed if id == job}
            assert done.state == "SUCCEEDED", containers.words()
            assert done.attempt <= len(hit) + 1, "only what was killed ran again"
            lines = b"".join([each async for each in desk.output(job)]).decode().splitlines()
            last = [line for line in lines if line.startswith(f"{done.attempt} ")]
            assert last == [f"{done.attempt} {n}" for n in range(1, LINES + 1)]
    assert len(set(killed)) == KILLS

    async def is_nothing_left() -> bool:
        installation = (containers.place / "data" / "installation").read_text().strip()
        return not await docker("ps", "-aq", "--filter", f"label=hodei.installation={installation}")

    await until(is_nothing_left)
