"""The program as a whole, as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from hodei_proto.wire import hodei as wire
from hodei_worker.version import VERSION

PROGRAM = (sys.executable, "-P", "-m", "hodei_worker")


class Program:
    """A running agent."""

    def __init__(self, process: asyncio.subprocess.Process, journal: Path) -> None:
        self.process = process
        self.journal = journal

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 30)

    @property
    def said(self) -> str:
        return self.journal.read_text()


Launch = Callable[..., Any]


@pytest.fixture
async def launch(server: Any, tmp_path: Path) -> AsyncIterator[Launch]:
    programs: list[Program] = []

    async def launch(**environment: str) -> Program:
        journal = tmp_path / f"journal-{len(programs)}"
        settings = {
            "HODEI_SERVER": f"http://127.0.0.1:{server.port}",
            "HODEI_OTP_TOKEN": "token",
            "HODEI_WORKER_DIR": str(tmp_path / "agent"),
            "PATH": os.environ["PATH"],
        }
        output = os.open(journal, os.O_CREAT | os.O_WRONLY)
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, env={**settings, **environment}, stdout=output, stderr=output
        )
        os.close(output)
        programs.append(Program(process, journal))
        return programs[-1]

    yield launch
    for program in programs:
        if program.process.returncode is None:
            program.process.kill()
            await program.process.wait()


async def ready(server: Any, launch: Launch, **environment: str) -> tuple[Program, Any]:
    program = await launch(**environment)
    side = await server.connected()
    await side.welcome()
    return program, side


async def test_it_says_what_people_look_for(server: Any, launch: Launch) -> None:
    program = await launch()
    side = await server.connected()
    await side.welcome(heartbeat_interval_ms=100)
    await side.next("heartbeat")
    program.signal()
    assert await program.exit_code() == 0
    for words in ("Registered", "Connected to server", "Waiting for jobs"):
        assert words in program.said
    assert "token" not in program.said


async def test_an_idle_agent_leaves_on_sigterm_and_says_goodbye(server: Any, launch: Launch) -> None:
    program, _ = await ready(server, launch)
    program.signal()
    assert await program.exit_code() == 0
    assert [f.worker_id.value for f in server.farewells] == ["worker-1"]


async def test_sigint_means_the_same(server: Any, launch: Launch) -> None:
    program, _ = await ready(server, launch)
    program.signal(signal.SIGINT)
    assert await program.exit_code() == 0


async def test_sigterm_lets_the_job_finish(server: Any, launch: Launch, order: Any, tmp_path: Path) -> None:
    program, side = await ready(server, launch)
    gate = tmp_path / "gate"
    side.send(run_job=order(f"until [ -e {gate} ]; do sleep 0.02; done; echo finished"))
    await side.next("started")
    program.signal()
    await side.next("status")
    gate.touch()
    result = await side.finish()
    assert result.success
    assert await program.exit_code() == 0
    assert len(server.farewells) == 1


async def test_a_job_over_the_drain_time_is_handed_back(server: Any, launch: Launch, order: Any) -> None:
    program, side = await ready(server, launch, HODEI_DRAIN_TIMEOUT="0.1")
    side.send(run_job=order("sleep 60"))
    await side.next("started")
    program.signal()
    result = await side.finish()
    assert result.reason == "worker-lost"
    assert await program.exit_code() == 0


async def test_a_second_sigterm_ends_the_job_and_a_third_kills_it(
    server: Any, launch: Launch, order: Any
) -> None:
    program, side = await ready(server, launch)
    side.send(run_job=order("trap 'echo told' TERM; echo up; while :; do sleep 0.02; done", grace_ms=60_000))
    await side.next("log_chunk")
    program.signal()
    await side.next("status")
    program.signal()
    told = await side.next("log_chunk")
    assert told.data.endswith(b"told\n")  # after the shell said what became of its sleep
    program.signal()
    result = await side.finish()
    assert (result.reason, result.signal) == ("worker-lost", signal.SIGKILL)
    assert await program.exit_code() == 0


async def test_who_is_in_a_hurry_need_not_wait_for_the_servers_last_word(
    server: Any, launch: Launch, order: Any
) -> None:
    program, side = await ready(server, launch)
    side.send(run_job=order("echo done"))
    await side.next("result")  # and it is never acknowledged
    begun = time.monotonic()
    program.signal()
    await side.next("status")
    program.signal()
    assert await program.exit_code() == 0
    assert time.monotonic() - begun < 8  # it would wait for 10 s otherwise


async def test_a_refusal_is_exit_code_77_and_one_clear_line(server: Any, launch: Launch) -> None:
    server.refuse = grpc.StatusCode.UNAUTHENTICATED
    program = await launch()
    assert await program.exit_code() == 77
    assert "refused this worker: the one-time password was used already" in program.said
    assert "Traceback" not in program.said
    assert len(server.registrations) == 1


async def test_out_of_reach_for_longer_than_its_lease_it_kills_its_job_and_stays_to_tell_of_it(
    server: Any, launch: Launch, order: Any, tmp_path: Path
) -> None:
    program = await launch()
    side = await server.connected()
    await side.welcome(lease_ms=200)
    side.send(run_job=order("trap '' TERM; echo $$; while :; do sleep 1; done"))
    pid = int((await side.next("log_chunk")).data)
    await server.stop()
    async with asyncio.timeout(30):
        while Path(f"/proc/{pid}").exists():  # noqa: ASYNC110  (another process's child)
            await asyncio.sleep(0.02)
    assert program.process.returncode is None
    program.signal()
    program.signal()
    assert await program.exit_code() == 0


async def test_every_problem_of_the_environment_is_told_at_once(launch: Launch) -> None:
    program = await launch(HODEI_OTP_TOKEN="", HODEI_SERVER="ftp://x", HODEI_LOG_BATCH_SIZE="many")
    assert await program.exit_code() == 64
    for name in ("HODEI_OTP_TOKEN", "HODEI_SERVER", "HODEI_LOG_BATCH_SIZE"):
        assert name in program.said
    assert "Traceback" not in program.said


async def test_the_job_sees_nothing_of_the_agents_environment(
    server: Any, launch: Launch, order: Any
) -> None:
    _, side = await ready(server, launch, OTHER_SECRET="shell")
    side.send(run_job=order("env; ls -l /proc/self/fd | wc -l"))
    text = (await side.next("log_chunk")).data.decode()
    assert "HODEI_JOB_ID=job-1" in text
    for hidden in ("OTP", "HODEI_SERVER", "OTHER_SECRET", "GRPC_", "session-1"):
        assert hidden not in text


async def test_a_new_agent_sweeps_what_a_killed_one_left(
    server: Any, launch: Launch, order: Any, tmp_path: Path
) -> None:
    program, side = await ready(server, launch)
    script = wire.CommandSpec(script=wire.ScriptCommand(interpreter="sh", content="echo $$; sleep 60"))
    side.send(run_job=order(command=script))
    job = int((await side.next("log_chunk")).data)
    program.signal(signal.SIGKILL)
    await program.exit_code()
    os.kill(job, signal.SIGKILL)
    left = list((tmp_path / "agent").rglob("script*"))
    assert len(left) == 1
    again, _ = await ready(server, launch)
    assert not left[0].exists()
    again.signal()
    await again.exit_code()


async def test_a_directory_of_another_account_is_warned_of(
    server: Any, launch: Launch, tmp_path: Path
) -> None:
    place = tmp_path / "shared"
    place.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(place, 65534, 65534)
    else:
        place.chmod(0o777)
    agent, _ = await ready(server, launch, HODEI_WORKER_DIR=str(place))
    assert f"{place} " in agent.said
    assert "does not wait on disk. Set HODEI_WORKER_DIR to a directory of this account's own" in agent.said


async def test_it_is_ready_soon(server: Any, launch: Launch) -> None:
    """300 ms is the figure on an idle machine with compiled modules; here only the order of magnitude."""
    begun = time.monotonic()
    await ready(server, launch)
    assert time.monotonic() - begun < 10


async def test_it_imports_nothing_it_does_not_need() -> None:
    program = "import json, sys, hodei_worker.main; print(json.dumps(sorted(sys.modules)))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    loaded = {name.split(".")[0] for name in json.loads(output)}
    heavy = {"sqlalchemy", "psycopg", "google", "attrs", "structlog", "rich", "click", "uvloop"}
    assert loaded & heavy == set()
    assert not {name for name in loaded if name.startswith("hodei_")} - {"hodei_worker", "hodei_proto"}


async def test_help_and_version_need_no_settings() -> None:
    for option in ("--help", "--version"):
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, option, env={}, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        assert b"hodei-worker" in output


def test_the_version_is_the_distributions() -> None:
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    assert tomllib.loads(pyproject.read_text())["project"]["version"] == VERSION
