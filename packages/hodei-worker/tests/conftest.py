"""What the agent's tests share: a host to run attempts on, and an independent reader of its chunks."""

from __future__ import annotations

import os

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # as the agent itself does, before gRPC is imported

import array
import asyncio
import contextlib
import fcntl
import struct
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import betterproto2
import grpc
import grpc.aio
import pytest
from hodei_proto.wire import hodei as wire
from hodei_worker.attempt import Attempt, Host
from hodei_worker.chunk import Chunk
from hodei_worker.environment import base_environment
from hodei_worker.journal import Shelf
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
async def reaper() -> AsyncIterator[Reaper]:
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
        shelf=Shelf(scratch),
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
def read() -> Callable[[list[Chunk]], Output]:
    return read_chunks


@pytest.fixture
def make_pipes() -> Callable[..., Pipes]:
    return Pipes


# -- a server that speaks the wire ------------------------------------------------------------------


def kind_of(message: betterproto2.Message) -> str:
    """Which of its payloads a message carries."""
    return betterproto2.which_one_of(message, "payload")[0]


class ServerSide:
    """The server's end of one stream."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.outgoing: asyncio.Queue[wire.ServerMessage | None] = asyncio.Queue()
        self.incoming: asyncio.Queue[wire.WorkerMessage] = asyncio.Queue()
        self.seen: list[wire.WorkerMessage] = []
        self.half_closed = asyncio.Event()
        self.chunks: list[Chunk] = []
        self.over = asyncio.Event()

    def send(self, **payload: Any) -> None:
        """Send one message, named by its payload."""
        self.outgoing.put_nowait(wire.ServerMessage(**payload))

    def end(self) -> None:
        """End the stream."""
        self.outgoing.put_nowait(None)

    async def next(self, kind: str) -> Any:
        """The next message of a kind; what comes before it is kept in `seen`."""
        async with asyncio.timeout(20):
            while True:
                message = await self.incoming.get()
                self.seen.append(message)
                if message.log_chunk is not None:
                    self.chunks.append(to_chunk(message.log_chunk))
                if kind_of(message) == kind:
                    return getattr(message, kind)

    async def welcome(self, **told: Any) -> Any:
        """Read the hello and answer it: by default everything goes on from where the agent says."""
        hello = await self.next("hello")
        answers = [
            wire.AttemptAnswer(job_id=a.job_id, attempt=a.attempt, next_sequence=a.next_sequence)
            for a in (*hello.running, *hello.finished)
        ]
        self.send(
            welcome=wire.Welcome(
                **{"heartbeat_interval_ms": 60_000, "lease_ms": 45_000, "answers": answers, **told}
            )
        )
        return hello

    async def finish(self, *, job_id: str = "job-1", attempt: int = 1) -> Any:
        """Read up to the result and acknowledge it."""
        result = await self.next("result")
        self.send(result_ack=wire.ResultAck(job_id=job_id, attempt=attempt, accepted=True))
        return result


def to_chunk(chunk: wire.LogChunk) -> Chunk:
    """The wire's chunk as the agent's own."""
    return Chunk(
        first_sequence=chunk.first_sequence,
        lines=chunk.lines,
        first_offset=chunk.first_offset,
        base_time_us=chunk.base_time_us,
        runs=chunk.runs,
        data=chunk.data,
        gap_bytes=chunk.gap_bytes,
    )


def run_command(line: str = "true", *, attempt: int = 1, **fields: Any) -> wire.RunJobCommand:
    """An order; a command line for the shell unless the fields say otherwise."""
    spec = wire.CommandSpec(shell=wire.ShellCommand(cmd=line))
    return wire.RunJobCommand(
        **{"job_id": "job-1", "attempt": attempt, "command": spec, "grace_ms": 5000, **fields}
    )


class WireServer:
    """A gRPC server whose every answer the test decides."""

    def __init__(self) -> None:
        self.registrations: list[wire.RegisterWorkerRequest] = []
        self.farewells: list[wire.UnregisterWorkerRequest] = []
        self.refuse: grpc.StatusCode | None = None
        self.server_id = ""
        self.streams: asyncio.Queue[ServerSide] = asyncio.Queue()
        self.port = 0
        self._tried = asyncio.Event()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Serve; on the same port again after a stop."""
        self._server = grpc.aio.server()
        handlers = {
            "Register": unary(self._register, wire.RegisterWorkerRequest),
            "UnregisterWorker": unary(self._unregister, wire.UnregisterWorkerRequest),
            "WorkerStream": grpc.stream_stream_rpc_method_handler(
                self._stream, wire.WorkerMessage.parse, bytes
            ),
        }
        generic = grpc.method_handlers_generic_handler("hodei.WorkerAgentService", handlers)
        self._server.add_generic_rpc_handlers((generic,))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        """Cut every stream."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def connected(self) -> ServerSide:
        """The next stream that an agent opens."""
        return await asyncio.wait_for(self.streams.get(), 20)

    async def registered(self, times: int) -> None:
        """Wait until agents have tried to register so many times."""
        async with asyncio.timeout(20):
            while len(self.registrations) < times:
                self._tried.clear()
                await self._tried.wait()

    async def _register(self, request: wire.RegisterWorkerRequest, context: Any) -> Any:
        self.registrations.append(request)
        self._tried.set()
        if self.refuse is not None:
            await context.abort(self.refuse, "the one-time password was used already")
        return wire.RegisterWorkerResponse(
            worker_id=wire.WorkerId(value="worker-1"),
            success=True,
            session_id="session-1",
            server_id=self.server_id,
        )

    async def _unregister(self, request: wire.UnregisterWorkerRequest, context: Any) -> Any:
        self.farewells.append(request)
        return wire.UnregisterWorkerResponse(success=True)

    async def _stream(self, requests: Any, context: Any) -> AsyncIterator[wire.ServerMessage]:
        await context.send_initial_metadata(())
        side = ServerSide(dict(context.invocation_metadata()).get("x-hodei-session", ""))
        reading = asyncio.create_task(self._read(requests, side))
        self.streams.put_nowait(side)
        try:
            while (message := await side.outgoing.get()) is not None:
                yield message
        finally:
            reading.cancel()
            side.over.set()

    async def _read(self, requests: Any, side: ServerSide) -> None:
        with contextlib.suppress(asyncio.CancelledError, grpc.RpcError):
            async for message in requests:
                side.incoming.put_nowait(message)
            side.half_closed.set()
        side.over.set()


def unary(handler: Any, request: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(handler, request.parse, bytes)


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    server = WireServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def order() -> Callable[..., wire.RunJobCommand]:
    return run_command
