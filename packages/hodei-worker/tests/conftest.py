"""What the agent's tests share: a host to run attempts on, and an independent reader of its chunks."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hodei_worker.attempt import Attempt, Host
from hodei_worker.chunk import Chunk
from hodei_worker.environment import base_environment
from hodei_worker.limits import Limiter
from hodei_worker.log_pump import LogPump, Pace
from hodei_worker.order import Key, Order, Outcome, Shell
from hodei_worker.reaper import Reaper
from hodei_worker.scratch import Scratch
from hodei_worker.spool import Spool


@dataclass
class Entry:
    """One log entry as a reader of the wire format sees it."""

    sequence: int
    data: bytes
    stderr: bool = False
    partial: bool = False
    gap_bytes: int = 0


@dataclass
class Output:
    """What came out of a spool."""

    entries: list[Entry] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def stdout(self) -> bytes:
        return b"".join(e.data for e in self.entries if not e.stderr)

    @property
    def stderr(self) -> bytes:
        return b"".join(e.data for e in self.entries if e.stderr)


def read_chunks(chunks: list[Chunk]) -> Output:
    """Decode by the words of the format, and check every promise it makes on the way."""
    output = Output(chunks=chunks)
    sequence = offset = 0
    for chunk in chunks:
        assert chunk.first_sequence == sequence
        assert chunk.first_offset == offset
        if chunk.gap_bytes:
            output.entries.append(Entry(sequence, b"", gap_bytes=chunk.gap_bytes))
            sequence += 1
        at = 0
        for flags, entries, delta_us, size in struct.iter_unpack("<IIII", chunk.runs):
            assert delta_us < 3_600_000_000
            pieces = [line + b"\n" for line in chunk.data[at : at + size].split(b"\n")]
            pieces[-1] = pieces[-1][:-1]
            if not pieces[-1]:
                pieces.pop()
            assert len(pieces) == entries
            for number, piece in enumerate(pieces):
                last = number == entries - 1
                assert last or piece.endswith(b"\n")
                partial = last and bool(flags & 2)
                assert not (partial and piece.endswith(b"\n"))
                output.entries.append(Entry(sequence, piece, bool(flags & 1), partial))
                sequence += 1
            at += size
        assert at == len(chunk.data)
        assert chunk.lines == sequence - chunk.first_sequence
        offset += len(chunk.data)
    return output


def drain(spool: Spool) -> list[Chunk]:
    """Take and acknowledge everything a spool holds."""
    chunks = []
    while (chunk := spool.take_unsent()) is not None:
        chunks.append(chunk)
        spool.acknowledge(chunk.next_sequence)
    return chunks


class Bench:
    """Runs attempts and keeps what they wrote."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.attempt: Attempt | None = None

    async def run(
        self,
        command: object = "true",
        *,
        during: Callable[[Attempt], object] | None = None,
        consume: bool = True,
        **wanted: object,
    ) -> tuple[Outcome, Output]:
        """Run one order to its end; `during` is called right after the start."""
        attempt, spool, chunks = self.prepare(command, consume=consume, **wanted)
        attempt.start()
        if during is not None:
            during(attempt)
        outcome = await asyncio.wait_for(attempt.run(), 60)
        return outcome, read_chunks(chunks + drain(spool))

    def prepare(
        self, command: object = "true", *, consume: bool = True, **wanted: object
    ) -> tuple[Attempt, Spool, list[Chunk]]:
        """An attempt that has not begun, its spool and the list its chunks go to."""
        spool, chunks = Spool(), []  # type: tuple[Spool, list[Chunk]]
        if consume:
            spool.on_append = lambda: chunks.extend(drain(spool))
        shell = Shell(command) if isinstance(command, str) else command
        order = Order(key=Key("job-1", 1), name="a job", command=shell, **wanted)  # type: ignore[arg-type]  # fields as they come
        self.attempt = Attempt(order, spool, self.host)
        return self.attempt, spool, chunks


@pytest.fixture
async def reaper() -> Iterator[Reaper]:
    """A reaper that collects this test's children."""
    reaper = Reaper()
    reaper.install(asyncio.get_running_loop())
    yield reaper
    reaper.close()


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    scratch = Scratch(tmp_path / "scratch")
    yield scratch
    scratch.close()


@pytest.fixture
def host(reaper: Reaper, scratch: Scratch) -> Host:
    return Host(
        worker_id="worker-1",
        reaper=reaper,
        scratch=scratch,
        limiter=Limiter(),
        base_environment=base_environment({"PATH": os.environ["PATH"], "HOME": "/root", "USER": "root"}),
        pace=Pace(),
    )


@pytest.fixture
def bench(host: Host) -> Bench:
    return Bench(host)


class Pipes:
    """Two pipes into a pump, written to by the test."""

    def __init__(self, pace: Pace | None = None, capacity_bytes: int = 4 << 20) -> None:
        self._out, self.out = os.pipe()
        self._err, self.err = os.pipe()
        for fd in (self._out, self._err):
            os.set_blocking(fd, False)
        self.spool = Spool(capacity_bytes)
        self.pump = LogPump(self._out, self._err, self.spool, pace or Pace())
        self.pump.start()
        self._appended = asyncio.Event()
        self.spool.on_append = self._appended.set

    @staticmethod
    def write(fd: int, data: bytes) -> None:
        """Write everything, waiting as a job would."""
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def take(self) -> list[Chunk]:
        """What the spool holds, acknowledged."""
        return drain(self.spool)

    async def next_chunk(self) -> Chunk:
        """The next chunk by itself, acknowledged."""
        async with asyncio.timeout(10):
            while self.spool.all_sent:
                self._appended.clear()
                await self._appended.wait()
        chunk = self.spool.take_unsent()
        assert chunk is not None
        self.spool.acknowledge(chunk.next_sequence)
        return chunk

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop turn until something inside the pump has come about."""
        async with asyncio.timeout(10):
            while True:
                if condition():
                    return
                await asyncio.sleep(0)

    async def until_read(self) -> None:
        """Let the pump read all that was written to stdout."""
        unread = array.array("i", [1])

        def empty() -> bool:
            fcntl.ioctl(self._out, termios.FIONREAD, unread)
            return unread[0] == 0

        await self.until(empty)

    async def finish(self, chunks: list[Chunk] | None = None) -> Output:
        """Close the writers; read what was taken before and all that is left."""
        taken = list(chunks or [])
        for fd in (self.out, self.err):
            os.close(fd)
        while not self.pump._ended.done():
            taken += self.take()
            await asyncio.sleep(0)
        self.pump.close()
        return read_chunks(taken + self.take())


@pytest.fixture
def make_pipes() -> Callable[..., Pipes]:
    return Pipes
