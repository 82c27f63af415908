"""What a peer has to offer to be measured, and the jobs it is measured with."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from attrs import frozen

# Process jobs that run at a time: the same number of slots for every peer.
SLOTS = 8
_NUMBER = struct.Struct("<Q")

Submit = Callable[[Sequence[int]], Awaitable[None]]
Body = Callable[[int], Awaitable[None]]


class Peer(Protocol):
    """A queue that runs numbered jobs."""

    name: str  # with its version and its driver

    async def install(self, url: str) -> None:
        """Make its tables in an empty database, durable."""

    def submitter(self, url: str) -> AbstractAsyncContextManager[Submit]:
        """Something that submits jobs by their numbers, and returns when they are committed."""

    async def work(self, chosen: WorkerOptions) -> None:
        """Be a worker until SIGTERM."""


@frozen(kw_only=True)
class WorkerOptions:
    """What a worker process of a peer is told."""

    url: str
    body: str  # "process" runs /bin/true, "nothing" returns at once
    batch: int  # jobs fetched at a time, where the peer has such a setting
    done_fd: int  # the number of each job that ended is written there

    def arguments(self) -> tuple[str, ...]:
        """What `from_arguments` reads."""
        return (self.url, self.body, str(self.batch), str(self.done_fd))

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> WorkerOptions:
        url, body, batch, done_fd = arguments
        return cls(url=url, body=body, batch=int(batch), done_fd=int(done_fd))


def body_of(chosen: WorkerOptions) -> Body:
    """The job: what it does, then its number to the one who measures."""
    slots = asyncio.Semaphore(SLOTS)

    async def process(number: int) -> None:
        async with slots:
            child = await asyncio.create_subprocess_exec("/bin/true")
            if await child.wait() != 0:
                raise RuntimeError("/bin/true failed")
        os.write(chosen.done_fd, _NUMBER.pack(number))

    async def nothing(number: int) -> None:
        os.write(chosen.done_fd, _NUMBER.pack(number))

    return process if chosen.body == "process" else nothing


ENDS_ONE_WITHIN = 60.0  # seconds; a worker that lost a job would be waited for without end
LEAVES_WITHIN = 15.0


async def end(process: asyncio.subprocess.Process) -> None:
    """Have a helper process leave, hard if it must be: one that waits for its jobs may never go."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), LEAVES_WITHIN)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.wait_for(process.wait(), LEAVES_WITHIN)


class Done:
    """The other end of a worker's `done_fd`: which jobs have ended."""

    def __init__(self) -> None:
        reader, self.fd = os.pipe()
        self._file = os.fdopen(reader, "rb", buffering=0)
        self._stream = asyncio.StreamReader(limit=1 << 20)
        self._transport: asyncio.ReadTransport | None = None

    async def __aenter__(self) -> Done:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._stream), self._file
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is not None:
            self._transport.close()
        if self.fd >= 0:
            os.close(self.fd)

    def given_away(self) -> None:
        """Close this side's copy of the writing end, so that the worker's end means the end."""
        os.close(self.fd)
        self.fd = -1

    async def next(self) -> int:
        """The number of the next job that ended. Raise IncompleteReadError if the worker is gone, and
        TimeoutError if it ends none.
        """
        async with asyncio.timeout(ENDS_ONE_WITHIN):
            told = await self._stream.readexactly(_NUMBER.size)
        return int(_NUMBER.unpack(told)[0])
