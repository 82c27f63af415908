"""The agent as process 1 of a container, in images that have nothing for it, against the tests' server."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from hodei_agent_bundle.testing import (  # noqa: F401  (fixtures)
    BUSYBOX,
    DISTROLESS,
    AgentVolume,
    agent_bundle,
    agent_volume,
    docker_engine,
)
from hodei_proto.wire import hodei as wire

MIB = 2**20
PYTHON = "hodei-test/python:3.11"
# Forks as fast as it can, tells once that it could not, and goes on: it fills every place that a kill frees.
BOMB = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
first = os.getpid()
while True:
    try:
        os.fork()
    except OSError:
        if os.getpid() == first:
            os.write(1, b"full\\n")
            first = 0
"""
# As a provider starts it: nothing but a scratch directory can be written to, nobody's user, no privilege.
HELD = (
    *("--read-only", "--user", "12345", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--tmpfs", "/scratch:mode=1777,exec", "--env", "HODEI_WORKER_DIR=/scratch"),
)


@dataclass
class Contained:
    """An agent in a container."""

    volume: AgentVolume
    name: str
    process: asyncio.subprocess.Process
    side: Any  # the server's end of its stream

    async def signal(self, number: int) -> None:
        await self.docker("kill", "--signal", str(number), self.name)

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 60)

    async def docker(self, *arguments: str) -> str:
        return await asyncio.to_thread(self.volume.engine.must, *arguments)

    async def run(self, command: wire.CommandSpec, **fields: Any) -> tuple[Any, bytes, bytes]:
        """Run a job to its end: result, stdout and stderr."""
        fields = {"job_id": "job-1", "attempt": 1, "grace_ms": 2000, **fields}
        self.side.send(run_job=wire.RunJobCommand(command=command, **fields))
        result = await self.side.finish(job_id=fields["job_id"])
        chunks, self.side.chunks = self.side.chunks, []
        return result, written(chunks, stderr=False), written(chunks, stderr=True)


Start = Callable[..., Any]


@pytest.fixture
async def start(agent_volume: AgentVolume, server: Any) -> AsyncIterator[Start]:  # noqa: F811
    async with AsyncExitStack() as stack:

        async def start(image: str = BUSYBOX, *options: str, held: Sequence[str] = HELD) -> Contained:
            name = f"hodei-test-{secrets.token_hex(6)}"
            settings = {"SERVER": f"127.0.0.1:{server.port}", "OTP_TOKEN": "token", "WORKER_IN_IMAGE": "1"}
            environment = [w for key, value in settings.items() for w in ("--env", f"HODEI_{key}={value}")]
            given = ("--rm", "--name", name, "--network", "host", *held, *environment, *options)
            process = await asyncio.create_subprocess_exec(
                agent_volume.engine.program,
                *agent_volume.command(image, *given),
                stdin=asyncio.subprocess.DEVNULL,
            )
            stack.push_async_callback(process.wait)
            stack.push_async_callback(asyncio.to_thread, agent_volume.engine.call, "rm", "--force", name)
            side = await server.connected()
            await side.welcome()
            return Contained(agent_volume, name, process, side)

        yield start


def line(text: str) -> wire.CommandSpec:
    return wire.CommandSpec(shell=wire.ShellCommand(cmd=text))


def program(*arguments: str) -> wire.CommandSpec:
    return wire.CommandSpec(shell=wire.ShellCommand(cmd=arguments[0], args=list(arguments[1:])))


def written(chunks: list[Any], *, stderr: bool) -> bytes:
    out = b""
    for chunk in chunks:
        at = 0
        runs = memoryview(chunk.runs).cast("I")
        for flags, _, _, size in zip(*[iter(runs)] * 4, strict=True):
            if bool(flags & 1) is stderr:
                out += chunk.data[at : at + size]
            at += size
    return out


async def test_a_program_runs_in_an_image_that_has_nothing_else(start: Start) -> None:
    agent = await start(DISTROLESS)
    result, out, _ = await agent.run(program("/app/hello", "you"))
    assert (result.reason, result.exit_code) == ("exit", 0)
    assert b"you" in out


async def test_an_image_without_a_shell_says_what_to_do_about_a_command_line(start: Start) -> None:
    agent = await start(DISTROLESS)
    result, _, _ = await agent.run(line("echo x"))
    assert (result.reason, result.exit_code) == ("command-not-found", 127)
    assert "there is no /bin/sh" in result.error_message
    assert "give a program that is there, and its arguments" in result.error_message


async def test_where_there_is_no_shell_a_plain_line_is_a_program_and_its_arguments(start: Start) -> None:
    agent = await start(DISTROLESS)
    result, out, _ = await agent.run(line("/app/hello you"))
    assert (result.reason, result.exit_code) == ("exit", 0)
    assert b"you" in out


async def test_a_job_gets_what_the_image_and_its_owner_gave_and_nothing_of_the_agents(start: Start) -> None:
    agent = await start(
        BUSYBOX, "--env", "JAVA_HOME=/opt/java", "--env", "GRPC_TRACE=", "--env", "PATH=/bin:/x"
    )
    _, out, _ = await agent.run(line("env"))
    variables = dict(each.split("=", 1) for each in out.decode().splitlines())
    assert variables.pop("HOSTNAME")
    home = variables.pop("HOME")
    assert home.startswith("/scratch/")
    assert variables == {
        "JAVA_HOME": "/opt/java",
        "PATH": "/bin:/x",
        "PWD": home,
        "TMPDIR": home,
        "USER": "12345",
        "LOGNAME": "12345",
        "HODEI_JOB_ID": "job-1",
        "HODEI_JOB_NAME": "",
        "HODEI_ATTEMPT": "1",
        "HODEI_WORKER_ID": "worker-1",
        "SHLVL": "1",
    }


async def test_home_can_be_written_to_and_is_gone_with_the_job(start: Start) -> None:
    agent = await start()
    result, out, err = await agent.run(line('echo x > "$HOME/f" && echo y > "$TMPDIR/g" && ls "$HOME"; pwd'))
    assert (result.exit_code, err) == (0, b"")
    *files, place = out.decode().split()
    assert files == ["f", "g"]
    result, out, _ = await agent.run(line(f"ls {place}; echo $?"), job_id="job-2")
    assert b"f" not in out.splitlines()


async def test_a_job_starts_where_the_image_says_unless_it_names_a_directory(start: Start) -> None:
    agent = await start(BUSYBOX, "--workdir", "/bin")
    _, out, _ = await agent.run(line("pwd"))
    assert out == b"/bin\n"
    _, out, _ = await agent.run(line("pwd"), job_id="job-2", working_dir="/etc")
    assert out == b"/etc\n"


async def test_a_server_is_found_by_its_name_without_anything_for_names_in_the_image(
    start: Start, server: Any
) -> None:
    named = (
        "--add-host",
        "control.test:127.0.0.1",
        "--env",
        f"HODEI_SERVER=http://control.test:{server.port}",
    )
    agent = await start(DISTROLESS, *named)
    result, _, _ = await agent.run(program("/app/hello", "you"))
    assert result.success


async def test_a_kernel_that_kills_for_memory_is_reason_oom(start: Start) -> None:
    agent = await start(BUSYBOX, "--memory", "128m", "--memory-swap", "128m")
    result, _, _ = await agent.run(line("tail /dev/zero"), memory_bytes=96 * MIB)
    assert (result.reason, result.success) == ("oom", False)
    assert result.error_message == "used more than its 96 MiB of memory"
    result, out, _ = await agent.run(line("echo well"), job_id="job-2")
    assert (result.reason, out) == ("exit", b"well\n")


async def test_a_job_that_asked_for_nothing_is_told_the_containers_limit(start: Start) -> None:
    agent = await start(BUSYBOX, "--memory", "128m", "--memory-swap", "128m")
    result, _, _ = await agent.run(line("tail /dev/zero"))
    assert result.reason == "oom"
    assert result.error_message == "used more than its 128 MiB of memory"


async def test_the_kernel_takes_the_job_and_not_the_agent(start: Start) -> None:
    agent = await start()
    _, out, _ = await agent.run(
        line("cat /proc/self/oom_score_adj; (cat /proc/self/oom_score_adj) & wait; cat /proc/1/oom_score_adj")
    )
    assert out == b"1000\n1000\n0\n"


async def test_orphans_are_adopted_collected_and_ended_with_the_job(start: Start) -> None:
    agent = await start()
    result, _, _ = await agent.run(line("(setsid sleep 600 &); (true &); exit 3"))
    assert result.exit_code == 3
    assert (await agent.docker("top", agent.name, "-eo", "pid,stat,comm")).count(
        "\n"
    ) == 2  # a head and the agent


async def test_the_first_sigterm_lets_the_job_finish(start: Start) -> None:
    agent = await start()
    await agent.docker("exec", agent.name, "/bin/mkfifo", "-m", "666", "/scratch/go")
    agent.side.send(
        run_job=wire.RunJobCommand(job_id="job-1", attempt=1, command=line("read x < /scratch/go; echo $x"))
    )
    await agent.side.next("started")
    await agent.signal(signal.SIGTERM)
    await agent.side.next("status")
    await agent.docker("exec", agent.name, "/bin/sh", "-c", "echo done > /scratch/go")
    result = await agent.side.finish()
    assert (result.reason, written(agent.side.chunks, stderr=False)) == ("exit", b"done\n")
    assert await agent.exit_code() == 0


@pytest.mark.parametrize("held", [HELD, (*HELD, "--user", "0")], ids=["user", "root"])
async def test_a_fork_bomb_is_ended_although_no_process_can_be_made_any_more(
    start: Start, held: Sequence[str]
) -> None:
    agent = await start(PYTHON, "--pids-limit", "64", held=held)
    bomb = program("python", "-c", BOMB)
    result, out, _ = await agent.run(bomb, timeout_ms=1500, grace_ms=200)
    assert (result.reason, out) == ("timeout:execution", b"full\n")
    result, out, _ = await agent.run(line("echo well"), job_id="job-2")
    assert (result.reason, out) == ("exit", b"well\n")


async def test_a_server_that_goes_away_during_a_fork_bomb_finds_the_agent_again(
    start: Start, server: Any
) -> None:
    agent = await start(PYTHON, "--pids-limit", "64")
    command = wire.RunJobCommand(
        job_id="job-1", attempt=1, command=program("python", "-c", BOMB), grace_ms=200
    )
    agent.side.send(run_job=command)
    await agent.side.next("log_chunk")  # it says that no process can be made any more
    await server.stop()
    await server.start()
    again = await server.connected()
    hello = await again.welcome()
    assert [each.job_id for each in hello.running] == ["job-1"]
    again.send(cancel=wire.CancelJobCommand(job_id="job-1", attempt=1, reason="cancelled", grace_ms=200))
    result = await again.finish()
    assert result.reason == "cancelled"
