"""Two servers on two machines: each has its own providers, and sees to its own workers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from platform import node

import pytest

from faults.desk import Desk, until
from faults.replica import Replica
from faults.system import System, agents, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LONG = os.environ.get("HODEI_TEST_LONG") == "1"
IMAGE = "hodei-test/busybox:1"
SECOND = f"process-{node()}"


@pytest.fixture
async def machines(need_postgres: None) -> AsyncIterator[System]:
    """Two of them. The workers of each know only the server there; two fit on each."""
    settings = {"HODEI_PROCESS_MAX_WORKERS": "2", "HODEI_LEASE": "8s"}
    async with system(2, settings, machines=True, start=False) as found:
        for replica in found.replicas:
            replica.advertise(f"127.0.0.1:{replica.port}")
            await replica.start()
        yield found


async def where(machines: System, job: str) -> str:
    """The provider whose worker has the job, "" if none has."""
    query = "SELECT p.name FROM workers w JOIN providers p ON p.id = w.provider_id WHERE w.job_id = %s"
    found = await machines.rows(query, job)
    return str(found[0][0]) if found else ""


async def running(desk: Desk, count: int, *command: str) -> list[str]:
    """So many jobs, all of which run."""
    jobs = [await desk.queue(*command) for _ in range(count)]
    for job in jobs:
        await desk.until(job, "RUNNING")
    return jobs


async def gc(replica: Replica, machines: System) -> str:
    """`hodei gc` at one server; what it said."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HODEI_")}
    environment |= {
        "HODEI_SERVER": replica.address,
        "HODEI_TOKEN": machines.token,
        "HODEI_DATA_DIR": str(machines.place / "elsewhere"),
    }
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "hodei_cli", "gc"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    said, _ = await asyncio.wait_for(command.communicate(), 60)
    assert command.returncode == 0, said.decode()
    return said.decode()


async def test_both_machines_work_and_neither_touches_what_the_other_has(machines: System) -> None:
    first, second = machines.replicas
    async with Desk(machines, first) as here, Desk(machines, second) as there:
        # More than one machine holds: the leader, whichever it is, has both used.
        jobs = await running(here, 2, "sleep", "600") + await running(there, 2, "sleep", "600")
        assert sorted([await where(machines, job) for job in jobs]) == ["process"] * 2 + [SECOND] * 2
        before = agents(first.data), agents(second.data)
        assert [len(each) for each in before] == [2, 2]
        for replica in machines.replicas:
            assert "Nothing is left over" in await gc(replica, machines)
        for job in jobs:
            await there.cancel(job)
        for job in jobs:
            await here.until(job, "CANCELLED")
        assert (agents(first.data), agents(second.data)) == before


async def test_what_a_dead_machine_ran_runs_elsewhere_and_the_other_machine_is_left_alone(
    machines: System,
) -> None:
    first, second = machines.replicas
    async with Desk(machines, second) as there:
        jobs = await running(there, 4, "sleep", "600")
        mine = [job for job in jobs if await where(machines, job) == SECOND]
        lost = [job for job in jobs if job not in mine]
        (free,) = mine[:1]
        before = agents(second.data)
        await first.kill()  # its agents stop their jobs themselves: nobody renews their leases any more

        async def is_gone() -> bool:
            return not any([await where(machines, job) == "process" for job in lost])

        await until(is_gone)
        await there.cancel(free)
        (again,) = [await asyncio.wait_for(_first_of(there, lost), 60)]
        assert await where(machines, again) == SECOND
        assert [(await there.job(job)).attempt for job in mine[1:]] == [1]
        assert agents(second.data).keys() == before.keys()

        if not LONG:  # what follows takes half a minute; it is tested without a machine, too
            return

        async def is_told() -> bool:
            query = "SELECT status, health_message FROM providers WHERE name = 'process'"
            status, message = (await machines.rows(query))[0]
            return bool(status == "UNHEALTHY" and f"no server on {node()}" in message)

        await until(is_told)
        await first.start()

        async def works_again() -> bool:
            return await machines.rows("SELECT status FROM providers WHERE name = 'process'") == [("ACTIVE",)]

        await until(works_again)
        await until(lambda: _is_there(machines, set(lost) - {again}, "process"))


async def _first_of(desk: Desk, jobs: list[str]) -> str:
    """The first of them that runs a second time."""

    async def runs(job: str) -> str:
        await desk.until(job, "RUNNING")
        return job

    waiting = [asyncio.create_task(runs(job)) for job in jobs]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _is_there(machines: System, jobs: set[str], provider: str) -> bool:
    return all([await where(machines, job) == provider for job in jobs])


@pytest.mark.docker
async def test_both_machines_have_containers(need_postgres: None, need_images: Callable[..., None]) -> None:
    need_images(IMAGE)
    settings = {"HODEI_DOCKER_ENABLED": "1", "HODEI_DOCKER_MAX_WORKERS": "1", "HODEI_WORKER_IDLE_TTL": "1s"}
    async with system(2, settings, machines=True) as machines, Desk(machines, machines.replicas[1]) as there:
        jobs = [await there.queue("sleep", "3", image=IMAGE) for _ in range(2)]
        for job in jobs:
            await there.until(job, "RUNNING")
        names = sorted([await where(machines, job) for job in jobs])
        assert names == ["docker", f"docker-{node()}"]
        for job in jobs:
            assert (await there.until(job, "SUCCEEDED", "FAILED")).state == "SUCCEEDED"

        async def all_gone() -> bool:
            return await machines.rows("SELECT 1 FROM workers WHERE state <> 'TERMINATED'") == []

        await until(all_gone)
