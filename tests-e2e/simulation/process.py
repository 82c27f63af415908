"""A job's process on a simulated machine, and the real agent's Attempt around it."""

from __future__ import annotations

import asyncio
import json
import signal
import struct
from collections.abc import Callable
from random import Random
from typing import Any

from attrs import asdict, define, frozen
from hodei_worker.attempt import Attempt, Host
from hodei_worker.chunk import PARTIAL, Chunk
from hodei_worker.confinement import Launch, Used
from hodei_worker.order import NotStarted, Order, Shell
from hodei_worker.reaper import Exit
from hodei_worker.spool import Spool

from simulation.history import History, Ran
from simulation.loop import Node

MIB = 1 << 20
FLUSH = 0.1


@frozen(kw_only=True)
class Script:
    """What a job does: lines of output, each after a pause, then its exit code.

    `deaf` ignores SIGTERM, `slow_to_go` needs so many seconds for it, `unstartable` has no process. The order
    of an `unreadable` one breaks the stream of each agent that it is sent to.
    """

    lines: int = 3
    pause: float = 0.5
    width: int = 20
    exit_code: int = 0
    deaf: bool = False
    slow_to_go: float = 0.0
    unstartable: bool = False
    unreadable: bool = False

    def to_command(self) -> str:
        """As the text of a command."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def read(cls, command: str) -> Script:
        """Back from it."""
        return cls(**json.loads(command))


class SimProcess:
    """What hodei_worker.process.Process is to an attempt. It runs in a node of its own."""

    def __init__(
        self, ran: Ran, script: Script, node: Node, agent: Node, history: History, random: Random
    ) -> None:
        self.pid = ran.pid
        self.stdin = self.stdout = self.stderr = -1
        self.started_at = 1.7e9 + history.now
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.orphan_cpu_seconds = 0.0
        self.ran = ran
        self.agent = agent
        self.written = bytearray()  # and not read yet
        self.on_write: Callable[[], None] = lambda: None
        self._script = script
        self._node = node
        self._history = history
        self._random = random
        self._going = False
        node.start(self._live(), f"pid {ran.pid}")

    async def _live(self) -> None:
        script, ran = self._script, self.ran
        for number in range(script.lines):
            await asyncio.sleep(script.pause * (0.5 + self._random.random()))
            self._write(f"{ran.job}#{ran.attempt} {number:05d} ".encode().ljust(script.width, b".") + b"\n")
        await asyncio.sleep(script.pause)
        if script.lines % 3 == 1:
            self._write(b"no line feed at the end")
        self.end(script.exit_code << 8, script.exit_code)

    def _write(self, data: bytes) -> None:
        self.ran.wrote += data
        self.written += data
        self.on_write()

    def end(self, status: int, exit_code: int | None = None) -> None:
        """It is no more."""
        if self.ran.ended is not None:
            return
        self.ran.ended, self.ran.exit_code = self._history.now, exit_code
        self._history.note(f"pid {self.pid} ended {status}")
        self._node.kill()
        if not self.exited.done():
            self.exited.set_result(Exit(status, 0.25, 0))

    def signal(self, number: int) -> None:
        """Deliver a signal; what it does about it is its own business."""
        if number == signal.SIGKILL:
            self.end(int(signal.SIGKILL))
        elif number == signal.SIGTERM and not self._script.deaf and not self._going:
            self._going = True
            self._node.context().run(
                self._node.loop.call_later, self._script.slow_to_go, self.end, int(signal.SIGTERM)
            )

    def members(self) -> list[Any]:
        """Nobody looks into it."""
        return []

    @property
    def gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.ran.ended is not None

    async def wait_gone(self, seconds: float) -> bool:
        """See Process."""
        return self.gone

    async def kill(self) -> bool:
        """See Process."""
        self.signal(signal.SIGKILL)
        return True


class SimPump:
    """What hodei_worker.log_pump.LogPump is to an attempt: it fills the spool while that has room."""

    def __init__(self, process: SimProcess, spool: Spool, base_us: int) -> None:
        self._process = process
        self._spool = spool
        self._loop = asyncio.get_running_loop()
        self._base_us = base_us
        self._timer: asyncio.TimerHandle | None = None
        self.next_sequence = self.next_offset = self.dropped_lines = 0
        self._heard_at = self._loop.time()
        process.on_write = self._written
        spool.on_room = self.read_now

    @property
    def silent_for(self) -> float:
        """See LogPump."""
        if self._spool.full:
            self._heard_at = self._loop.time()
        return self._loop.time() - self._heard_at

    def _written(self) -> None:  # called by the process: the pipe has become readable
        self._heard_at = self._loop.time()
        if self._timer is None:
            self._timer = self._process.agent.context().run(self._loop.call_later, FLUSH, self._flush)

    def _flush(self) -> None:
        self._timer = None
        self.read_now()

    def read_now(self) -> None:
        """See LogPump."""
        if not self._spool.full:
            self._take()

    def _take(self) -> None:
        data = bytes(self._process.written)
        self._process.written.clear()
        if not data:
            return
        entries = data.count(b"\n") + (not data.endswith(b"\n"))
        flags = 0 if data.endswith(b"\n") else PARTIAL
        chunk = Chunk(
            first_sequence=self.next_sequence,
            lines=entries,
            first_offset=self.next_offset,
            base_time_us=self._base_us,
            runs=struct.pack("<IIII", flags, entries, 0, len(data)),
            data=data,
        )
        self.next_sequence += entries
        self.next_offset += len(data)
        self._spool.append(chunk)

    async def drain(self, seconds: float) -> bool:
        """See LogPump."""
        self.read_now()
        return True

    def close(self) -> None:
        """See LogPump."""
        self._take()
        self._process.on_write = lambda: None
        self._spool.on_room = lambda: None
        if self._timer is not None:
            self._timer.cancel()


@define
class Counted:
    """A confinement that limits nothing; its peak of memory names the process."""

    pid: int = 0
    text: str = "none"
    watched_bytes: int = 0
    counts: bool = True

    def wrap(self, launch: Launch) -> tuple[str, ...]:
        return launch.argv

    def entered(self, pid: int) -> None:
        self.pid = pid

    def used(self) -> Used:
        return Used(cpu_seconds=0.25, memory_bytes=MIB, peak_memory_bytes=self.pid * MIB)

    def oom_killed(self) -> bool:
        return False

    def kill(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class SimAttempt(Attempt):
    """The real attempt around a process of the simulation."""

    def __init__(
        self, order: Order, spool: Spool, host: Host, begin: Callable[[Order, Script], SimProcess]
    ) -> None:
        super().__init__(order, spool, host)
        self._begin = begin

    def _start_process(self) -> Any:
        assert isinstance(self.order.command, Shell)
        script = Script.read(self.order.command.command)
        if script.unstartable:
            raise NotStarted("command-not-found", "there is no such program", 127)
        self._confinement = Counted()  # type: ignore[assignment]
        self._process = self._begin(self.order, script)  # type: ignore[assignment]
        return self._process

    def _start_pump(self, process: Any) -> Any:
        pump = SimPump(process, self.spool, int(1.7e15))
        self._pump = pump  # type: ignore[assignment]
        return pump
