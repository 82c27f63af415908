"""Releases beside each other: an older agent at this server, this agent at an older server, and a database
that a newer release upgrades while an older server goes on.

The older release is the first that had an agent of our own. What existing workers and clients speak is played
in the tests of hodei-grpc.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hodei_infrastructure
import pytest
from hodei_infrastructure.migrations.files import head

from faults.by_hand import SETTINGS, HandAgent
from faults.desk import Desk, until
from faults.history_of_git import sources_of
from faults.system import System, system

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FIRST_RELEASE = "e624faa"
COUNT = "i=0; while [ $i -lt {lines} ]; do i=$((i + 1)); echo $i; sleep 0.02; done; exit {code}"
OLD_SETTINGS = {name: SETTINGS[name] for name in ("HODEI_DEV_MODE", "HODEI_PROVISIONING_ENABLED")}


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Where the packages of the older release lie."""
    return sources_of(FIRST_RELEASE, tmp_path_factory.mktemp("older"))


def path_of(sources: tuple[Path, ...]) -> str:
    return os.pathsep.join(map(str, sources))


def test_the_older_packages_come_before_the_installed_ones(older: tuple[Path, ...]) -> None:
    code = "import hodei_worker, hodei_grpc, hodei_proto; print(*(m.__path__[0] for m in "
    code += "(hodei_worker, hodei_grpc, hodei_proto)))"
    environment = {**os.environ, "PYTHONPATH": path_of(older)}
    told = subprocess.run(
        (sys.executable, "-P", "-c", code), capture_output=True, check=True, env=environment
    )
    assert all(each.startswith(str(older[0].parents[1])) for each in told.stdout.decode().split())


@pytest.fixture
async def present(need_postgres: None) -> AsyncIterator[System]:
    """A server of this release that brings no workers along."""
    async with system(1, SETTINGS) as found:
        yield found


@pytest.fixture
async def past(need_postgres: None, older: tuple[Path, ...]) -> AsyncIterator[System]:
    """A server of the older release."""
    async with system(1, OLD_SETTINGS, sources=older) as found:
        yield found


@pytest.fixture
def older_agent(present: System, older: tuple[Path, ...]) -> Iterator[HandAgent]:
    made = HandAgent(present, "older", sources=older)
    yield made
    made.close()


@pytest.fixture
def newer_agent(past: System) -> Iterator[HandAgent]:
    made = HandAgent(past, "newer")
    yield made
    made.close()


async def served(found: System) -> None:
    """A job through a restart of the server, an exit code, and a cancel."""
    async with Desk(found, found.replicas[0]) as desk:
        job = await desk.queue("/bin/sh", "-c", COUNT.format(lines=150, code=7))
        await desk.until(job, "RUNNING")
    await found.replicas[0].kill()
    await found.replicas[0].start()
    async with Desk(found, found.replicas[0]) as desk:
        done = await desk.until(job, "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")
        assert (done.state, done.exit_code, done.attempt) == ("FAILED", 7, 1)
        text = b"".join([each async for each in desk.output(job)]).decode()
        assert text.split() == [str(n) for n in range(1, 151)]
        other = await desk.queue("sleep", "600")
        await desk.until(other, "RUNNING")
        await desk.cancel(other)
        assert (await desk.until(other, "CANCELLED")).reason == "cancelled"


async def test_an_older_agent_serves_this_server(present: System, older_agent: HandAgent) -> None:
    await served(present)


async def test_this_agent_serves_an_older_server(past: System, newer_agent: HandAgent) -> None:
    await served(past)


async def test_an_older_server_goes_on_while_this_one_upgrades_its_database(
    need_postgres: None, older: tuple[Path, ...]
) -> None:
    async with system(2, OLD_SETTINGS, sources=older, start=False) as found:
        first, second = found.replicas
        await first.start()
        agent = HandAgent(found, "between")
        try:
            async with Desk(found, first) as desk:
                job = await desk.queue("/bin/sh", "-c", COUNT.format(lines=100, code=0))
                await desk.until(job, "RUNNING")
                second.use()
                await second.start()  # the newer one
                assert await found.rows("SELECT version_num FROM alembic_version") == [(head(),)]
                assert (await desk.until(job, "SUCCEEDED")).attempt == 1
                assert (await desk.until(await desk.queue("true"), "SUCCEEDED")).attempt == 1
            async with Desk(found, second) as desk:
                assert len(b"".join([each async for each in desk.output(job)]).split()) == 100
                await first.leave()
                assert (await desk.until(await desk.queue("true"), "SUCCEEDED")).attempt == 1
        finally:
            agent.close()


async def test_this_server_goes_on_while_the_next_release_upgrades_its_database(
    need_postgres: None, tmp_path: Path
) -> None:
    """The next release is this one with one more revision, of the kind that releases may bring."""
    shutil.copytree(Path(hodei_infrastructure.__file__).parent, tmp_path / "hodei_infrastructure")
    number = f"{int(head()) + 1:04d}"
    versions = tmp_path / "hodei_infrastructure" / "migrations" / "versions"
    (versions / f"{number}_artificial.sql").write_text(
        "ALTER TABLE jobs ADD COLUMN artificial text NOT NULL DEFAULT '';\n"
        "CREATE TABLE artificial (id uuid PRIMARY KEY);\n"
    )
    async with system(2, start=False) as found:
        first, second = found.replicas
        await first.start()
        second.use(tmp_path)
        async with Desk(found, first) as desk:
            job = await desk.queue("/bin/sh", "-c", COUNT.format(lines=100, code=0))
            await desk.until(job, "RUNNING")
            await second.start()
            assert await found.rows("SELECT version_num FROM alembic_version") == [(number,)]
            assert (await desk.until(job, "SUCCEEDED")).attempt == 1
            assert (await desk.until(await desk.queue("true"), "SUCCEEDED")).attempt == 1
            await first.kill()
            await first.start()  # a schema that is one ahead is no reason not to start

            async def again() -> bool:
                async with Desk(found, first) as desk:
                    return (await desk.until(await desk.queue("true"), "SUCCEEDED")).attempt == 1

            await until(again)
