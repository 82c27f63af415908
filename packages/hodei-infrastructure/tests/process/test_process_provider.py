"""The process provider on real processes. Agents are stand-ins: what counts is how they live and die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.errors import WorkerNotCreated
from hodei_domain.providers.records import PresenceState
from hodei_domain.workers.spec import WorkerSpec
from hodei_infrastructure.machine import look_at_machine
from hodei_infrastructure.process import proc
from hodei_infrastructure.process.markers import MarkerFiles
from hodei_infrastructure.process.provider import ProcessProvider

NO_GRACE = timedelta(0)
GRACE = timedelta(seconds=10)

# Says that it is there, then waits for TERM. `say` is put before every program.
SAY = """
import sys
def say():
    with open(sys.argv[1], "w") as bell:  # closed in so many words: a signal that comes meanwhile may raise
        bell.write("ready")
"""
PATIENT = "import signal; say(); signal.pause()"
# Starts a job in a session of its own, and a grandchild that has left both parent and session, then waits.
PARENT = """
import os, subprocess, signal
deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
job = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", deaf])
    os._exit(0)
os.wait()
say()
signal.pause()
"""


def now() -> datetime:
    return datetime.now(UTC)


def spec(worker_id: WorkerId | None = None) -> WorkerSpec:
    return WorkerSpec(
        worker_id=worker_id or WorkerId(uuid4()),
        provider_id=ProviderId(uuid4()),
        demand=DemandClass(),
        server_address="127.0.0.1:1",
        otp_ttl=timedelta(seconds=300),
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )


class House:
    """One data directory, and servers that follow each other in it."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "workers"
        self.files = MarkerFiles(self.directory)
        self._bell = root / "bell"  # a fifo, on which agents say that they are there
        os.mkfifo(self._bell)
        self._ear = os.open(self._bell, os.O_RDWR | os.O_NONBLOCK)
        self._providers: list[ProcessProvider] = []

    def serve(self, program: str = PATIENT) -> ProcessProvider:
        command = (sys.executable, "-c", SAY + program, str(self._bell))
        provider = ProcessProvider(self.directory, look_at_machine(self.directory), now, command)
        self._providers.append(provider)
        return provider

    async def start(self, provider: ProcessProvider, worker: WorkerSpec, otp: str = "secret") -> int:
        """Create a worker, wait until its program runs, and return its pid."""
        heard = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._ear, heard.set)
        try:
            await provider.create_worker(worker, otp)
            await asyncio.wait_for(heard.wait(), 20)
        finally:
            asyncio.get_running_loop().remove_reader(self._ear)
        os.read(self._ear, 4096)
        return self.pid(worker)

    def pid(self, worker: WorkerSpec) -> int:
        marker = self.files.read(worker.worker_id)
        assert marker is not None
        assert marker.pid is not None
        return marker.pid

    async def close(self) -> None:
        last = self.serve()
        for found in await last.list_workers():
            await last.destroy_worker(found.worker_id, NO_GRACE)
        for provider in self._providers:
            await provider.close()
        os.close(self._ear)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    yield house
    await house.close()


def carriers(worker: WorkerSpec) -> list[int]:
    mark = f"HODEI_WORKER_ID={worker.worker_id}".encode()
    return [pid for pid in proc.running() if proc.carries(pid, mark)]


async def until_all_show(worker: WorkerSpec) -> None:
    """Until PARENT and both its children show their mark: one that is just in its execve shows nothing."""
    async with asyncio.timeout(20):
        while len(carriers(worker)) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_worker_is_a_process_in_a_session_of_its_own(house: House) -> None:
    provider, worker = house.serve(), spec()
    pid = await house.start(provider, worker)
    entry = proc.look_at(pid)
    assert entry is not None
    assert entry.session == pid
    assert (await provider.worker_status(worker.worker_id)).state is PresenceState.RUNNING
    (found,) = await provider.list_workers()
    assert (found.worker_id, found.expires_at) == (worker.worker_id, worker.expires_at)


async def test_the_one_time_password_is_in_a_private_file_and_nowhere_else(house: House) -> None:
    provider, worker = house.serve(), spec()
    pid = await house.start(provider, worker, otp="hodw_very-secret")
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"very-secret" not in environment + Path(f"/proc/{pid}/cmdline").read_bytes()
    told = dict(pair.split(b"=", 1) for pair in environment.split(b"\0") if pair)
    secret = Path(os.fsdecode(told[b"HODEI_OTP_FILE"]))
    assert secret.read_text() == "hodw_very-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(house.directory.stat().st_mode) == 0o700
    assert "very-secret" not in house.files.path(worker.worker_id).read_text()


async def test_nothing_of_the_servers_environment_reaches_an_agent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HODEI_DATABASE_URL", "postgres://me:secret@db/hodei")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    pid = await house.start(house.serve(), spec())
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"HODEI_DATABASE_URL" not in environment
    assert b"PYTHONDONTWRITEBYTECODE" not in environment


async def test_creating_a_worker_twice_starts_one_process(house: House) -> None:
    provider, worker = house.serve(), spec()
    await asyncio.gather(*(provider.create_worker(worker, "secret") for _ in range(5)))
    await house.start(provider, worker)
    assert len(carriers(worker)) == 1


async def test_a_worker_that_has_exited_is_not_started_again(house: House) -> None:
    provider, worker = house.serve("raise SystemExit(7)"), spec()
    async with aclosing(provider.events()) as events:
        await provider.create_worker(worker, "secret")
        sighting = await asyncio.wait_for(anext(events), 20)
        await provider.create_worker(worker, "secret")
    assert (sighting.worker_id, sighting.presence.exit_code) == (worker.worker_id, 7)
    presence = await provider.worker_status(worker.worker_id)
    assert (presence.state, presence.exit_code) == (PresenceState.EXITED, 7)
    assert not carriers(worker)


async def test_an_agent_that_ends_leaves_no_zombie(house: House) -> None:
    provider, worker = house.serve("pass"), spec()
    async with aclosing(provider.events()) as events:
        await provider.create_worker(worker, "secret")
        await asyncio.wait_for(anext(events), 20)
    marker = house.files.read(worker.worker_id)
    assert marker is not None
    assert marker.find() is None


async def test_destroying_is_gentle_first(house: House) -> None:
    program = """
import signal
def leave(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is told again, maybe before it has left
    print("leaving", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
say()
signal.pause()
"""
    provider, worker = house.serve(program), spec()
    await house.start(provider, worker)
    await provider.destroy_worker(worker.worker_id, GRACE)
    assert await provider.worker_logs(worker.worker_id, 5) == ["leaving"]
    assert (await provider.worker_status(worker.worker_id)).state is PresenceState.ABSENT


async def test_an_agent_that_first_wants_to_finish_its_job_is_told_again(house: House) -> None:
    program = """
import signal
told = []
def leave(*_):
    told.append(1)
    if len(told) == 2:
        print("ended the job", flush=True)
        sys.exit(0)
signal.signal(signal.SIGTERM, leave)
say()
while True:
    signal.pause()
"""
    provider, worker = house.serve(program), spec()
    await house.start(provider, worker)
    await provider.destroy_worker(worker.worker_id, GRACE)
    assert await provider.worker_logs(worker.worker_id, 5) == ["ended the job"]


async def test_after_the_grace_everything_the_agent_started_is_killed(house: House) -> None:
    provider, worker = house.serve(PARENT), spec()
    await house.start(provider, worker)
    await until_all_show(worker)
    await provider.destroy_worker(worker.worker_id, NO_GRACE)
    assert not carriers(worker)
    assert not await provider.list_workers()


async def test_jobs_of_an_agent_that_was_killed_are_found_and_killed(house: House) -> None:
    provider, worker = house.serve(PARENT), spec()
    pid = await house.start(provider, worker)
    await until_all_show(worker)
    async with aclosing(provider.events()) as events:
        os.kill(pid, signal.SIGKILL)
        await asyncio.wait_for(anext(events), 20)
    assert len(carriers(worker)) == 2
    await provider.destroy_worker(worker.worker_id, GRACE)
    assert not carriers(worker)


async def test_destroying_leaves_other_workers_alone(house: House) -> None:
    provider, one, other = house.serve(), spec(), spec()
    await house.start(provider, one)
    await house.start(provider, other)
    await provider.destroy_worker(one.worker_id, NO_GRACE)
    assert (await provider.worker_status(other.worker_id)).state is PresenceState.RUNNING


async def test_destroying_what_is_not_there_is_no_error(house: House) -> None:
    provider, worker = house.serve(), spec()
    await provider.destroy_worker(worker.worker_id, GRACE)
    await house.start(provider, worker)
    await asyncio.gather(*(provider.destroy_worker(worker.worker_id, NO_GRACE) for _ in range(3)))
    assert not carriers(worker)


async def test_a_server_that_was_restarted_knows_its_agents(house: House) -> None:
    before, worker = house.serve(), spec()
    await house.start(before, worker)
    await before.close()
    after = house.serve()
    assert [found.worker_id for found in await after.list_workers()] == [worker.worker_id]
    await after.create_worker(worker, "secret")
    assert len(carriers(worker)) == 1
    await after.destroy_worker(worker.worker_id, NO_GRACE)
    assert not carriers(worker)


async def test_an_end_that_no_server_saw_is_told_to_the_next(house: House) -> None:
    before, worker = house.serve(), spec()
    pid = await house.start(before, worker)
    await before.close()
    os.kill(pid, signal.SIGKILL)
    async with aclosing(house.serve().events()) as events:
        sighting = await asyncio.wait_for(anext(events), 20)
    assert (sighting.worker_id, sighting.presence.state) == (worker.worker_id, PresenceState.EXITED)


async def test_a_process_that_got_the_agents_number_is_not_the_agent(house: House) -> None:
    provider, worker = house.serve(), spec()
    pid = await house.start(provider, worker)
    path = house.files.path(worker.worker_id)
    marker = json.loads(path.read_text())
    path.write_text(json.dumps(marker | {"pid": os.getpid()}))  # a number with another start
    assert (await house.serve().worker_status(worker.worker_id)).state is PresenceState.EXITED
    path.write_text(json.dumps(marker | {"boot": "another"}))
    assert (await house.serve().worker_status(worker.worker_id)).state is PresenceState.EXITED
    path.write_text(json.dumps(marker))
    assert proc.look_at(pid) is not None


async def test_an_agent_whose_server_died_before_it_noted_the_pid_is_found(house: House) -> None:
    provider, worker = house.serve(), spec()
    await house.start(provider, worker)
    path = house.files.path(worker.worker_id)
    marker = json.loads(path.read_text())
    path.write_text(json.dumps(marker | {"pid": None, "start": None}))
    after = house.serve()
    assert (await after.worker_status(worker.worker_id)).state is PresenceState.RUNNING
    await after.create_worker(worker, "secret")
    assert len(carriers(worker)) == 1


async def test_an_intent_without_a_process_is_carried_out(house: House) -> None:
    provider, worker = house.serve(), spec()
    await house.start(provider, worker)
    await provider.destroy_worker(worker.worker_id, NO_GRACE)
    files = house.files
    files.path(worker.worker_id).write_text(
        json.dumps(
            {
                "worker_id": str(worker.worker_id),
                "created_at": now().isoformat(),
                "expires_at": None,
                "boot": proc.boot_id(),
                "pid": None,
                "start": None,
                "exit_code": None,
            }
        )
    )
    assert (await provider.worker_status(worker.worker_id)).state is PresenceState.STARTING
    await house.start(provider, worker)
    assert len(carriers(worker)) == 1


async def test_a_program_that_cannot_be_started_leaves_nothing_behind(tmp_path: Path) -> None:
    directory = tmp_path / "workers"
    provider = ProcessProvider(directory, look_at_machine(tmp_path), now, ("/no/such/python",))
    with pytest.raises(WorkerNotCreated, match="No such file"):
        await provider.create_worker(spec(), "secret")
    assert list(directory.iterdir()) == []


async def test_what_an_agent_uses_is_measured_with_its_jobs(house: House) -> None:
    provider, worker = house.serve(PARENT), spec()
    await house.start(provider, worker)
    usage = await provider.usage(worker.worker_id)
    assert usage is not None
    assert usage.memory_bytes > 2**20
    assert await provider.usage(spec().worker_id) is None


async def test_health_says_whether_agents_could_be_started(house: House) -> None:
    provider = house.serve()
    assert (await provider.check_health()).healthy
    house.directory.rmdir()
    health = await provider.check_health()
    assert not health.healthy
    assert "No such file" in health.message


async def test_images_and_gpus_are_refused_with_a_reason(house: House) -> None:
    provider = house.serve()
    assert provider.why_not(DemandClass()) is None
    image = provider.why_not(DemandClass(image="alpine:3.20"))
    assert image is not None
    assert image.startswith("the process provider runs no images: alpine:3.20")
    assert provider.why_not(DemandClass(resources=Resources(gpu=1))) is not None
